/**
 * Writes documents. What is there keeps its row, which the accounts point at, and gets a new content in one PUT;
 * what is new gets its name when its content is whole, so that nobody ever sees half of it under that.
 */
import type { z } from 'zod';
import { FsError } from '../../errors.js';
import { patientAfterAbort } from '../commit.js';
import { nameOf } from '../paths.js';
import type { Content, Entry, Location, WriteOptions } from '../provider.js';
import type { Api } from './api.js';
import { entryOf } from './entries.js';
import { fresh, type Lists } from './lists.js';
import { Locks } from './locks.js';
import { nodeFound } from './looking.js';
import { fileRowSchema, folderOf, folderRowSchema, readAs, type FileRow, type FolderRow, type Row } from './rows.js';
import type { Temporaries } from './temporaries.js';
import type { Found, Node } from './tree.js';
import { largestDocument, type Uploader } from './uploading.js';
import type { Versions } from './versions.js';

/** What a PATCH may change of a row. */
export interface RowChange {
  readonly name?: string;
  /** Null: to the root. */
  readonly folder?: string | null;
  readonly reference?: string | null;
  /** ISO 8601. */
  readonly date?: string | null;
}

export class DocumentWriter {
  /** One at a time makes something of a name in a folder: Arrhes would take both. */
  readonly locks = new Locks();

  constructor(
    private readonly api: Api, private readonly lists: Lists, private readonly uploader: Uploader,
    private readonly temporaries: Temporaries, private readonly versions: Versions,
  ) {}

  /** The contract's `write`. */
  async write({ path }: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    const what = `write: ${path}`;
    if (content.size > largestDocument) throw new FsError('EFBIG', `${what}: the platform takes no document of more than ${largestDocument} bytes`);
    const { onProgress } = options;
    const found = await this.findTarget(path, signal);
    if (found.kind === 'node') return this.replace(nodeOfFile(path, found), { content, what, onProgress }, signal);
    return this.locks.during(path, signal, async () => {
      // Whoever had the lock before may have made it.
      const now = this.lists.known?.find(path) ?? found;
      if (now.kind === 'node') return this.replace(nodeOfFile(path, now), { content, what, onProgress }, signal);
      return this.make(nameOf(path), found.folder, { content, what, onProgress }, signal);
    });
  }

  /** Makes a folder's row. ENOENT where its parent is gone. */
  async makeFolder(name: string, parent: string | undefined, what: string, signal: AbortSignal): Promise<Node> {
    const before = new Set([...this.lists.known?.rows() ?? []].map(({ id }) => id));
    const row = await this.api.send(
      { method: 'POST', route: '/folders', body: { name, idFolderParent: parent ?? null }, what, idempotent: false },
      ({ value }) => readAs(folderRowSchema, value, what),
      async (why, until) => {
        const tree = await this.mustBeThere(parent, what, why, until);
        const made = [...tree.rows()].find((one): one is FolderRow => one.kind === 'folder' && one.name === name && folderOf(one) === parent && !before.has(one.id));
        return made === undefined ? 'not done' : { done: made };
      }, signal,
    );
    return this.enter(row);
  }

  /** Changes a row, and sees to it that the server did: one that could not read the change says 200, too. ENOENT where row or folder is gone. */
  async change(row: Row, change: RowChange, what: string, signal: AbortSignal): Promise<Node> {
    const { folder, ...others } = change;
    const place = folder === undefined ? {} : row.kind === 'file' ? { idFolder: folder } : { idFolderParent: folder };
    const schema: z.ZodType<Row> = row.kind === 'file' ? fileRowSchema : folderRowSchema;
    const changed = await this.api.send(
      { method: 'PATCH', route: row.kind === 'file' ? '/files/:id' : '/folders/:id', id: row.id, body: { ...others, ...place }, what, idempotent: true },
      ({ value }) => readAs(schema, value, what),
      async (why, until) => {
        const tree = await this.mustBeThere(folder ?? undefined, what, why, until);
        const now = tree.node(row.id)?.row;
        if (now === undefined) throw new FsError('ENOENT', `${what}: it is not there any more`, { cause: why });
        return isChanged(now, change) ? { done: now } : 'not done';
      }, signal,
    );
    if (changed.id !== row.id || !isChanged(changed, change)) throw new FsError('EIO', `${what}: the platform answered, and did not make the change`);
    if (row.kind === 'file' && changed.kind === 'file') this.versions.sameContent(row.id, this.versions.shown(row).version, this.versions.shown(changed).version);
    return this.enter(changed);
  }

  /** The entry of a node as it is now. */
  entry(node: Node): Entry {
    return entryOf(node, this.versions, this.api.http.clock.now());
  }

  private async findTarget(path: string, signal: AbortSignal): Promise<Extract<Found, { kind: 'node' | 'nothing' }>> {
    const found = await this.lists.find(path, (one) => one.kind === 'nothing' || (one.kind === 'node' && one.node.row.kind === 'file'), signal);
    if (found.kind === 'root') throw new FsError('EISDIR', '/ is a folder');
    return found.kind === 'nothing' ? found : { kind: 'node', node: nodeFound(path, found) };
  }

  /** A new content for a row that is there. It is left as it was where that fails before the store has all of it. */
  private async replace(node: Node & { readonly row: FileRow }, upload: Omit<Parameters<Uploader['upload']>[0], 'row' | 'name'>, signal: AbortSignal): Promise<Entry> {
    const { file } = await this.uploader.upload({ ...upload, row: node.row, name: node.name }, signal);
    return this.entry(this.enter(file));
  }

  /** A new document: under a hidden name until its content is there. */
  private async make(name: string, folder: string | undefined, upload: Omit<Parameters<Uploader['upload']>[0], 'row' | 'name'>, signal: AbortSignal): Promise<Entry> {
    const { what } = upload;
    const hidden = this.temporaries.name();
    const row = await this.create(hidden, folder, what, signal).catch((error: unknown) => {
      this.temporaries.release(hidden);
      this.lists.distrust();
      throw error;
    });
    const commit = patientAfterAbort(signal);
    try {
      const { file, ocrFile } = await this.uploader.upload({ ...upload, row, name }, signal);
      this.enter(file);
      const node = await this.change(file, { name, folder: folder ?? null }, what, commit.signal);
      this.temporaries.release(hidden);
      // The text that was recognized at once was named for the hidden name.
      if (ocrFile?.name.includes(hidden) === true) await this.change(ocrFile, { name: ocrFile.name.replace(hidden, name) }, what, commit.signal);
      return this.entry(node);
    } catch (error) {
      this.lists.distrust();
      this.temporaries.discard(row, true);
      throw error;
    } finally {
      commit.end();
    }
  }

  /** The row of a new document. One whose making was not heard of is looked for by its name, which nobody else uses. */
  private async create(name: string, folder: string | undefined, what: string, signal: AbortSignal): Promise<FileRow> {
    const row = await this.api.send(
      { method: 'POST', route: '/files', body: { name, reference: null, hash: null, idFolder: folder ?? null }, what, idempotent: false },
      ({ value }) => readAs(fileRowSchema, value, what),
      async (why, until) => {
        const tree = await this.mustBeThere(folder, what, why, until);
        const made = [...tree.rows()].find((one): one is FileRow => one.kind === 'file' && one.name === name);
        return made === undefined ? 'not done' : { done: made };
      }, signal,
    );
    if (row.name !== name) throw new FsError('EIO', `${what}: the platform made a document of another name`);
    this.enter(row);
    return row;
  }

  /** A fresh picture in which a folder is; ENOENT where it is not. */
  private async mustBeThere(folder: string | undefined, what: string, why: FsError, signal: AbortSignal) {
    const tree = await this.lists.tree(fresh, signal);
    if (folder !== undefined && tree.node(folder)?.row.kind !== 'folder') throw new FsError('ENOENT', `${what}: its folder is not there any more`, { cause: why });
    return tree;
  }

  private enter(row: Row): Node {
    return this.lists.note(row) ?? { row, name: row.name, folder: folderOf(row) };
  }
}

function nodeOfFile(path: string, { node }: { readonly node: Node }): Node & { readonly row: FileRow } {
  const { row } = node;
  if (row.kind === 'folder') throw new FsError('EISDIR', `${path} is a folder`);
  return { ...node, row };
}

/** Whether a row is as a change was to make it. */
function isChanged(row: Row, { name, folder, reference, date }: RowChange): boolean {
  if (name !== undefined && row.name !== name) return false;
  if (folder !== undefined && (folderOf(row) ?? null) !== folder) return false;
  if (row.kind === 'folder') return true;
  if (reference !== undefined && (row.reference ?? null) !== reference) return false;
  if (date === undefined) return true;
  // PostgreSQL rounds to the second.
  return date === null ? row.date === undefined : row.date !== undefined && Math.abs(row.date - Date.parse(date)) <= 1000;
}
