/** The accountant's own program: what a person could do to the documents without the drive, and see there. */
import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { RunningArrhes } from '../../../src/emulators/arrhes/server.js';
import type { Backstage } from '../subject.js';

const row = z.looseObject({ id: z.string(), name: z.string() });
const fileRow = row.extend({ idFolder: z.string().nullable(), size: z.number().nullable(), storageKey: z.string().nullable(), lastUpdatedAt: z.string().nullable() });
const folderRow = row.extend({ idFolderParent: z.string().nullable() });
export type FileRow = z.infer<typeof fileRow>;
export type FolderRow = z.infer<typeof folderRow>;

/** Later versions wrap it. */
const finalized = z.union([z.object({ file: fileRow }).transform(({ file }) => file), fileRow]);
const withUrl = z.object({ url: z.string() });

/** A clock that stands still while something is to be dated. */
export class OfficeClock {
  stopped: number | undefined;

  now(): number {
    return this.stopped ?? Date.now();
  }
}

/** What is where, as of the last request that was not the office's own. */
interface Index {
  readonly files: Map<string, FileRow>;
  readonly folders: Map<string, string>;
}

export class Office implements Backstage {
  private index: Index | undefined;
  private seen = -1;

  constructor(readonly emulator: RunningArrhes, private readonly clock: OfficeClock, private readonly prefix = '') {}

  /** A request below the first year; 200 or an error. */
  async ask(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<unknown> {
    const { announcement: { url }, key, idOrganization, years } = this.emulator;
    const answer = await request(`${url}${this.prefix}/organizations/${idOrganization}/years/${years[0] ?? ''}/${path}`, {
      method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(method !== 'GET' && { body: JSON.stringify({ ...body, ...idsIn(path) }) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return JSON.parse(text);
  }

  async files(): Promise<readonly FileRow[]> {
    return fileRow.array().parse((await this.emulator.control.content()).files);
  }

  async folders(): Promise<readonly FolderRow[]> {
    return folderRow.array().parse((await this.emulator.control.content()).folders);
  }

  async file(path: string): Promise<FileRow> {
    const found = (await this.at()).files.get(path);
    if (found === undefined) throw new Error(`no document ${path}`);
    return found;
  }

  /** A new row without content. `folder`: its id. */
  async make(name: string, folder: string | null = null): Promise<FileRow> {
    return fileRow.parse(await this.ask('POST', 'files', { name, reference: null, hash: null, idFolder: folder }));
  }

  /** Puts bytes on a row. */
  async fill(id: string, content: Uint8Array, { finalize = true, type = 'application/octet-stream' } = {}): Promise<FileRow | undefined> {
    const { url } = withUrl.parse(await this.ask('POST', `files/${id}/upload-url`, { type, size: content.length }));
    const answer = await request(url, { method: 'PUT', body: Buffer.from(content), headers: { 'content-type': type } });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`PUT: ${answer.statusCode} ${text}`);
    return finalize ? finalized.parse(await this.ask('POST', `files/${id}/finalize`, {})) : undefined;
  }

  async put(path: string, content: Uint8Array, modified: number): Promise<void> {
    const index = await this.at();
    this.clock.stopped = modified;
    try {
      const folder = await this.folder(parentOf(path), index);
      const { id } = index.files.get(path) ?? await this.make(nameOf(path), folder);
      const filled = await this.fill(id, content);
      if (filled !== undefined) index.files.set(path, filled);
    } finally {
      this.clock.stopped = undefined;
    }
    await this.noteOwn();
  }

  /** Thousands at once are rows that nobody has filled yet: lists tell of them as of others, and their contents would take minutes. */
  async together(work: (each: Backstage) => Promise<void>): Promise<void> {
    const paths: string[] = [];
    const put = (path: string): Promise<void> => {
      paths.push(path);
      return Promise.resolve();
    };
    await work({ put, putFolder: (path) => this.putFolder(path), remove: (path) => this.remove(path), get: (path) => this.get(path), tree: () => this.tree() });
    const index = await this.at();
    for (let next = paths.splice(0, 20); next.length > 0; next = paths.splice(0, 20)) {
      await Promise.all(next.map(async (path) => this.make(nameOf(path), await this.folder(parentOf(path), index))));
    }
    this.index = undefined;
  }

  async putFolder(path: string): Promise<void> {
    await this.folder(path, await this.at());
    await this.noteOwn();
  }

  async remove(path: string): Promise<void> {
    const { files, folders } = await this.at();
    for (const [at, { id }] of files) if (at === path || at.startsWith(`${path}/`)) await this.ask('DELETE', `files/${id}`);
    for (const [at, id] of [...folders].reverse()) if (at === path || at.startsWith(`${path}/`)) await this.ask('DELETE', `folders/${id}`);
    this.index = undefined;
  }

  async get(path: string): Promise<Buffer | undefined> {
    const found = (await this.at()).files.get(path);
    return found === undefined ? undefined : this.bytes(found.id);
  }

  async bytes(id: string): Promise<Buffer> {
    const { url } = withUrl.parse(await this.ask('POST', `files/${id}/download-url`, {}));
    const answer = await request(url);
    if (answer.statusCode !== 200) throw new Error(`GET: ${answer.statusCode} ${await answer.body.text()}`);
    return Buffer.from(await answer.body.arrayBuffer());
  }

  async tree(): Promise<readonly string[]> {
    this.index = undefined;
    const { files, folders } = await this.at();
    return [...files.keys(), ...[...folders.keys()].map((path) => `${path}/`)].sort();
  }

  private async folder(path: string, { folders }: Index): Promise<string | null> {
    if (path === '/') return null;
    const known = folders.get(path);
    if (known !== undefined) return known;
    const parent = await this.folder(parentOf(path), { folders, files: new Map() });
    const { id } = folderRow.parse(await this.ask('POST', 'folders', { name: nameOf(path), idFolderParent: parent }));
    folders.set(path, id);
    return id;
  }

  private async at(): Promise<Index> {
    const { total } = await this.emulator.control.state();
    if (this.index !== undefined && total === this.seen) return this.index;
    const folderRows = new Map((await this.folders()).map((one) => [one.id, one]));
    const pathOf = (folder: string | null): string => {
      const found = folder === null ? undefined : folderRows.get(folder);
      return found === undefined ? '' : `${pathOf(found.idFolderParent)}/${found.name}`;
    };
    this.index = {
      files: new Map((await this.files()).map((one) => [`${pathOf(one.idFolder)}/${one.name}`, one])),
      folders: new Map([...folderRows.values()].map((one): [string, string] => [pathOf(one.id), one.id]).sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    this.seen = total;
    return this.index;
  }

  private async noteOwn(): Promise<void> {
    this.seen = (await this.emulator.control.state()).total;
  }
}

/** What servers of another version want to be named in the body, too. */
function idsIn(path: string): object {
  const [, kind, id] = /^(files|folders)\/([^/]+)/.exec(path) ?? [];
  if (id === undefined) return {};
  return kind === 'files' ? { idFile: id } : { idFolder: id };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
