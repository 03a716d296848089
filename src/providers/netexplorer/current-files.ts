/**
 * Which version of a document is the newest, and what it is like now. A version's number goes on answering
 * when a newer one has been made, and its content may be replaced in place: so the list of versions is asked
 * for, whose first is what a reader would get. Looks are shared: whoever needs to know how things stood after
 * a moment waits for the first look that began after it. (NetExplorer's page: objects, routes)
 */
import { LRUCache } from 'lru-cache';
import { FsError, isErrno } from '../../errors.js';
import { parseContentRange } from '../../http/ranges.js';
import { orAborted } from '../../http/waiting.js';
import type { Api } from './api.js';
import { askFile, askVersions, segment } from './calls.js';
import { formatVersion, sameVersion } from './entries.js';
import type { Memory } from './memory.js';
import type { FileObject } from './objects.js';

export interface CurrentFile {
  /** The newest version; its size is known. */
  readonly object: FileObject & { readonly size: number };
  readonly date: number;
}

/** Files whose versions the platform does not list, and sizes that it does not say, that are remembered. */
const remembered = 5_000;

interface Looks {
  running: Promise<CurrentFile | undefined>;
  next: Promise<CurrentFile | undefined> | undefined;
}

export class CurrentFiles {
  private readonly withoutVersions = new LRUCache<string, true>({ max: remembered });
  private readonly sizes = new LRUCache<string, number>({ max: remembered });
  private readonly looks = new Map<string, Looks>();
  private readonly lifetime = new AbortController();

  constructor(private readonly api: Api, private readonly memory: Memory) {}

  /** The newest version of a document that is known by one of its versions; undefined where the platform has none. */
  now(known: Pick<FileObject, 'id' | 'guid'>, path: string, signal: AbortSignal): Promise<CurrentFile | undefined> {
    const { id } = known;
    const looks = this.looks.get(id);
    if (looks === undefined) return orAborted(this.start(id, path), signal);
    // The one that runs may have been answered before this moment already.
    looks.next ??= looks.running.then(() => this.start(id, path), () => this.start(id, path));
    return orAborted(looks.next, signal);
  }

  /** One version as it is now, whichever is the newest; undefined where the platform does not have it. */
  async version(id: string, path: string, signal: AbortSignal): Promise<CurrentFile | undefined> {
    const told = await askFile(this.api, id, path, signal);
    if (told.kind === 'told') return { object: { ...told.value, size: told.value.size ?? await this.sizeOf(told.value, path, signal) }, date: told.date };
    if (told.kind === 'refused' && isErrno(told.error, 'ENOENT')) return undefined;
    throw told.error;
  }

  close(): void {
    this.lifetime.abort();
  }

  private start(id: string, path: string): Promise<CurrentFile | undefined> {
    const running = this.look(id, path, this.lifetime.signal).finally(() => {
      if (this.looks.get(id)?.running === running && this.looks.get(id)?.next === undefined) this.looks.delete(id);
    });
    this.looks.set(id, { running, next: undefined });
    return running;
  }

  private async look(id: string, path: string, signal: AbortSignal): Promise<CurrentFile | undefined> {
    const told = this.withoutVersions.has(id) ? undefined : await askVersions(this.api, id, path, signal);
    if (told?.kind === 'lost') throw told.error;
    const [newest] = told?.kind === 'told' ? told.value : [];
    if (newest?.parentId !== undefined && told?.kind === 'told') {
      return this.complete({ ...newest, versions: newest.versions ?? told.value.length }, told.date, path, signal);
    }
    const file = await askFile(this.api, newest?.id ?? id, path, signal);
    if (file.kind === 'told') {
      // The file is there, its versions are not for this account, or not for anybody.
      if (told !== undefined && newest === undefined) this.withoutVersions.set(id, true);
      return this.complete(file.value, file.date, path, signal);
    }
    if (file.kind === 'refused' && isErrno(file.error, 'ENOENT')) return undefined;
    throw file.error;
  }

  /** What this answer left out, from others of the same version; the size, if need be, from the file itself. */
  private async complete(file: FileObject, date: number, path: string, signal: AbortSignal): Promise<CurrentFile> {
    const known = file.guid === undefined ? undefined : this.memory.byGuid(file.guid)?.object;
    const same = known !== undefined && sameVersion(known, file) ? known : undefined;
    const md5 = file.md5 ?? same?.md5;
    const said = Object.values(file.permissions).some((flag) => flag !== undefined);
    const permissions = said || known === undefined ? file.permissions : known.permissions;
    const size = file.size ?? same?.size ?? await this.sizeOf(file, path, signal);
    return { object: { ...file, md5, permissions, size }, date };
  }

  /** A size that the platform does not say: a part of the file does. */
  private async sizeOf(file: FileObject, path: string, signal: AbortSignal): Promise<number> {
    const version = formatVersion(file);
    const known = this.sizes.get(version);
    if (known !== undefined) return known;
    const reply = await this.api.call({
      operation: 'look', method: 'GET', path: `/file/${segment(file.id)}/download`, route: '/file/:id/download', about: path,
      headers: { 'accept': '*/*', 'range': 'bytes=0-0', 'accept-encoding': 'identity' }, accept: [416], idempotent: true,
    }, signal);
    if (reply.kind !== 'answer') throw reply.error;
    const { answer } = reply;
    await answer.body.return();
    const [, unsatisfied] = /^bytes \*\/(\d{1,15})$/.exec(answer.header('content-range') ?? '') ?? [];
    const length = answer.status === 200 ? answer.header('content-length') : unsatisfied ?? (answer.status === 416 ? '0' : undefined);
    const size = parseContentRange(answer.header('content-range'))?.total ?? (length === undefined ? undefined : Number(length));
    if (size === undefined || !Number.isSafeInteger(size)) throw new FsError('EIO', `looking at ${path}: the platform does not say how long the file is`);
    this.sizes.set(version, size);
    return size;
  }
}
