/**
 * Makes folders, removes, renames, and puts one document in another's place: there the target keeps its row,
 * since the accounts point at its id, and gets the source's content. None of that is one step on Arrhes; the
 * order is such that nothing is lost wherever it is cut off, and that the same again completes it.
 */
import { FsError } from '../../errors.js';
import { patientAfterAbort } from '../commit.js';
import { isHiddenName } from '../hidden-names.js';
import { isBelow, nameOf } from '../paths.js';
import type { Content, Entry, Location } from '../provider.js';
import type { DownloadUrls } from './download-urls.js';
import { fresh, type Lists } from './lists.js';
import { nodeFound, type Looker } from './looking.js';
import { mayBePlain, nameWithId } from './names.js';
import type { DocumentReader } from './reading.js';
import type { Remover } from './removing.js';
import type { FileRow, FolderRow } from './rows.js';
import type { Temporaries } from './temporaries.js';
import type { Found, Node } from './tree.js';
import type { Uploader } from './uploading.js';
import type { Versions } from './versions.js';
import type { DocumentWriter } from './writing.js';

/** A node of one kind. */
type FileNode = Node & { readonly row: FileRow };
type FolderNode = Node & { readonly row: FolderRow };

export class Mover {
  constructor(
    private readonly lists: Lists, private readonly looker: Looker, private readonly reader: DocumentReader, private readonly urls: DownloadUrls,
    private readonly uploader: Uploader, private readonly writer: DocumentWriter, private readonly remover: Remover,
    private readonly temporaries: Temporaries, private readonly versions: Versions,
  ) {}

  /** The contract's `createFolder`. */
  createFolder({ path }: Location, signal: AbortSignal): Promise<Entry> {
    const what = `make folder: ${path}`;
    return this.writer.locks.during(path, signal, async () => {
      // Programs take a folder's making for a lock: not by memory.
      const found = (await this.lists.tree(fresh, signal)).find(path);
      if (found.kind === 'nothing') return this.writer.entry(await this.writer.makeFolder(nameOf(path), found.folder, what, signal));
      if (found.kind === 'root') throw new FsError('EEXIST', '/ exists');
      nodeFound(path, found);
      throw new FsError('EEXIST', `${path} exists`);
    });
  }

  async removeFile(file: Location, signal: AbortSignal): Promise<void> {
    const { row } = await this.looker.existing(file, signal);
    if (row.kind === 'folder') throw new FsError('EISDIR', `${file.path} is a folder`);
    await this.distrustAfterFailure(this.remover.remove(row, `delete: ${file.path}`, signal));
    this.temporaries.release(row.name);
  }

  /**
   * Removes an empty folder. The lists of this moment judge: the platform would take the folders in it away, too,
   * and hang its documents under the root. What others put there in the moment between ends up there.
   */
  async removeFolder(folder: Location, signal: AbortSignal): Promise<void> {
    const { row } = await this.looker.existing(folder, signal);
    if (row.kind === 'file') throw new FsError('ENOTDIR', `${folder.path} is a file`);
    await this.removeEmpty(row, folder.path, signal);
  }

  /** The contract's `move`. */
  async move(from: Location, to: Location, replace: boolean, signal: AbortSignal): Promise<Entry> {
    if (isBelow(to.path, from.path)) throw new FsError('EINVAL', `${from.path} cannot be moved into itself`);
    const source = await this.looker.existing(from, signal);
    const wanted = (found: Found): boolean => found.kind === 'nothing' || (found.kind === 'node' && replace);
    const target = await this.lists.find(to.path, wanted, signal);
    if (target.kind === 'nothing') {
      return this.writer.locks.during(to.path, signal, () => this.rename(source, target.folder, to.path, replace, signal));
    }
    return this.over(source, nodeFound(to.path, target), from, to, replace, signal);
  }

  /** Out of everybody's sight, in the root: there it does not keep its folder from being removed. */
  async park(file: Location, signal: AbortSignal): Promise<Location> {
    const node = await this.looker.existing(file, signal);
    if (node.row.kind === 'folder') throw new FsError('EISDIR', `${file.path} is a folder`);
    const hidden = await this.hide(node.row, `put away: ${file.path}`, signal);
    return { path: `/${hidden.name}`, id: hidden.id };
  }

  private async rename(source: Node, folder: string | undefined, path: string, replace: boolean, signal: AbortSignal): Promise<Entry> {
    const what = `move: ${path}`;
    // Whoever had the lock before may have put something there.
    const there = this.lists.known?.find(path);
    if (there?.kind === 'node' && there.node.row.id !== source.row.id) {
      if (replace) return this.over(source, there.node, { path: this.pathOf(source) }, { path }, replace, signal);
      throw new FsError('EEXIST', `${path} exists`);
    }
    if (source.row.kind === 'folder' && this.lists.known?.isWithin(folder, source.row.id) === true) throw new FsError('EINVAL', `${what}: a folder cannot be moved into itself`);
    return this.writer.entry(await this.distrustAfterFailure(this.place(source, nameOf(path), folder, what, signal)));
  }

  /** Gives a row its name and folder: only what is another, so that a name made for the drive stays out of the platform. */
  private async place(source: Node, name: string, folder: string | undefined, what: string, signal: AbortSignal): Promise<Node> {
    const { row } = source;
    // What no folder can hold is shown with its id, in whichever folder.
    const keepsName = row.name === name || (nameWithId(row.name, row.id) === name && !mayBePlain(row, () => undefined));
    const change = { ...(!keepsName && { name }), ...(source.folder !== folder && { folder: folder ?? null }) };
    if (Object.keys(change).length === 0) return this.lists.rename(row);
    const commit = patientAfterAbort(signal);
    try {
      const node = await this.writer.change(row, change, what, commit.signal);
      return node.name === name ? node : this.lists.rename(node.row);
    } finally {
      commit.end();
    }
  }

  /** Over something that is there. */
  private async over(source: Node, target: Node, from: Location, to: Location, replace: boolean, signal: AbortSignal): Promise<Entry> {
    if (!replace) throw new FsError('EEXIST', `${to.path} exists`);
    if (source.row.id === target.row.id) return this.writer.entry(source);
    const what = `move: ${from.path} to ${to.path}`;
    if (isFile(source)) {
      if (isFile(target)) return this.distrustAfterFailure(this.replaceFile(source, target, from.path, what, signal));
      throw new FsError('EISDIR', `${to.path} is a folder`);
    }
    if (!isFolder(target)) throw new FsError('ENOTDIR', `${to.path} is a file`);
    if (this.lists.known?.isWithin(target.row.id, source.row.id) === true) throw new FsError('EINVAL', `${what}: a folder cannot be moved into itself`);
    await this.removeEmpty(target.row, to.path, signal);
    const { folder } = target;
    return this.distrustAfterFailure(this.place(source, nameOf(to.path), folder, what, signal).then((node) => this.writer.entry(node), async (error: unknown) => {
      await this.writer.makeFolder(nameOf(to.path), folder, what, signal).catch(() => undefined);
      throw error;
    }));
  }

  /**
   * The source's content goes to the target's row, and the source goes: first out of sight, in one step, then from
   * the platform. Until that step both have the content; after it the source is nothing but a leftover.
   */
  private async replaceFile(source: FileNode, target: FileNode, path: string, what: string, signal: AbortSignal): Promise<Entry> {
    const row = source.row;
    const { version, size } = this.versions.shown(row);
    // Ready before the upload's address is asked for, which lives a minute.
    if (size > 0) await this.urls.of(row.id, what, signal);
    const lifetime = new AbortController();
    const content: Content = { size, open: (start) => this.bytesOf(row, path, version, { start, end: size }, lifetime.signal) };
    try {
      const { file } = await this.uploader.upload({ row: target.row, name: target.name, content, what }, signal);
      const node = this.lists.note(file) ?? { ...target, row: file };
      const hidden = await this.hide(row, what, signal);
      this.temporaries.discard(hidden, true);
      return this.writer.entry(node);
    } finally {
      lifetime.abort();
    }
  }

  private async *bytesOf(row: FileRow, path: string, version: string, range: { readonly start: number; readonly end: number }, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (range.start >= range.end) return;
    const { body } = await this.reader.readRow(row, path, { ...range, version }, signal);
    yield* body;
  }

  private async hide(row: FileRow, what: string, signal: AbortSignal): Promise<FileRow> {
    const name = this.temporaries.name();
    const commit = patientAfterAbort(signal);
    try {
      const node = await this.distrustAfterFailure(this.writer.change(row, { name, folder: null }, what, commit.signal));
      if (node.row.kind === 'file') return node.row;
      throw new FsError('EIO', `${what}: it became a folder`);
    } finally {
      commit.end();
    }
  }

  private async removeEmpty(row: FolderRow, path: string, signal: AbortSignal): Promise<void> {
    const tree = await this.lists.tree(fresh, signal);
    const children = tree.children(row.id);
    if (children === undefined) throw new FsError('ENOENT', `${path} is not there any more`);
    const rows = [...children.values()].map((child) => child.row);
    const hidden = rows.filter((one): one is FileRow => one.kind === 'file' && isHiddenName(one.name));
    if (hidden.length < rows.length || !this.temporaries.areUnneeded(hidden)) throw new FsError('ENOTEMPTY', `${path} is not empty`);
    await this.distrustAfterFailure(this.remover.remove(row, `delete: ${path}`, signal));
  }

  private pathOf(node: Node): string {
    return this.lists.known?.pathOf(node) ?? node.name;
  }

  /** What failed may have happened: the lists are asked next time. */
  private async distrustAfterFailure<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.lists.distrust();
      throw error;
    }
  }
}

function isFile(node: Node): node is FileNode {
  return node.row.kind === 'file';
}

function isFolder(node: Node): node is FolderNode {
  return node.row.kind === 'folder';
}
