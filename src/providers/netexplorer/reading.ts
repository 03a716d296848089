/**
 * Reads parts of files. The download's answer names no version, and the number in its address goes on
 * answering when the content behind it was replaced: so no byte is given before the platform has said, after
 * it arrived, that the file is still the one that was asked for; or before the file's own sum has shown it,
 * where it came whole. (NetExplorer's page: routes, objects)
 */
import { FsError, isErrno } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { parseContentLength, parseContentRange } from '../../http/ranges.js';
import type { RetryProgress, Try } from '../../http/retry.js';
import { nameOf } from '../paths.js';
import type { Download, Location, ReadRequest } from '../provider.js';
import type { Api } from './api.js';
import { segment } from './calls.js';
import { CheckedBody, type PartOfFile, type Pinned } from './checked-body.js';
import type { CurrentFile, CurrentFiles } from './current-files.js';
import { fileEntry, formatVersion, parseVersion, sameVersion, stale, type VersionParts } from './entries.js';
import type { Looker } from './looking.js';
import type { FileObject } from './objects.js';

type FileEntry = Download['entry'];
/** The bytes from `start` to `end`. */
interface Wanted {
  readonly start: number;
  readonly end: number;
}

/** How the file is now: ESTALE where it is another than the one that was asked for. */
type Look = (asked: VersionParts | undefined) => Promise<CurrentFile>;

const nothing: AsyncIterableIterator<Uint8Array> = {
  next: () => Promise.resolve({ done: true, value: undefined }),
  return: () => Promise.resolve({ done: true, value: undefined }),
  [Symbol.asyncIterator]: () => nothing,
};

export class FileReader {
  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly files: CurrentFiles, private readonly self: () => string | undefined,
  ) {}

  /** The contract's `read`. */
  read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    return this.readBy(file, request, (asked) => this.lookFor(file.path, asked, signal), signal);
  }

  /** The same of one version, whichever is the newest. `id`: for who has not been told it by the version that is asked for. */
  readVersion(file: Location, id: () => Promise<string>, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    return this.readBy(file, request, async (asked) => {
      const now = await this.version(file.path, asked?.id ?? await id(), signal);
      if (asked !== undefined && !sameVersion(now.object, asked)) throw stale(file.path);
      return now;
    }, signal);
  }

  /** One version as it is now, whichever is the newest: with its own time, which newer ones do not change. ENOENT. */
  async version(path: string, id: string, signal: AbortSignal): Promise<CurrentFile> {
    const found = await this.files.version(id, path, signal);
    if (found === undefined) throw new FsError('ENOENT', `${path} is not there`);
    return { object: { ...asVersion(found.object), size: found.object.size }, date: found.date };
  }

  private async readBy({ path }: Location, { start, end, version }: ReadRequest, look: Look, signal: AbortSignal): Promise<Download> {
    if (!(start >= 0 && start < end)) throw new FsError('EINVAL', `a read from ${start} to ${end}`);
    const asked = version === undefined ? undefined : parseVersion(version);
    if (version !== undefined && asked === undefined) throw new FsError('ESTALE', `${path}: a version that this platform never gave`);
    const looked = asked?.size === undefined || start >= asked.size ? await look(asked) : undefined;
    const pinned: Pinned | undefined = looked?.object ?? (asked?.size === undefined ? undefined : { ...asked, size: asked.size });
    if (pinned === undefined) throw new FsError('EIO', `${path}: its size is not known`);
    const last = Math.min(end, pinned.size);
    if (start >= last) return { entry: this.entryOf(path, looked, pinned), body: nothing };
    const part: PartOfFile = {
      path, pinned, start, end: last,
      open: (from, progress) => this.open(path, pinned, { start: from, end: last }, { look, progress }, signal),
      check: () => look(pinned),
      progress: this.api.http.retryProgress(signal),
    };
    const body = new CheckedBody(part);
    const seen = await body.begin();
    return { entry: this.entryOf(path, seen ?? looked, pinned), body };
  }

  /** The bytes of one version, from `start` to its end. */
  async *bytesOfVersion(version: FileObject & { readonly size: number }, path: string, start: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (start >= version.size) return;
    const request = { start, end: version.size, version: formatVersion(asVersion(version)) };
    const { body } = await this.readVersion({ path }, () => Promise.resolve(version.id), request, signal);
    yield* body;
  }

  private entryOf(path: string, looked: CurrentFile | undefined, pinned: Pinned): FileEntry {
    const showing = { name: nameOf(path), observed: looked?.date ?? this.api.now, self: this.self() };
    if (looked !== undefined) return { ...fileEntry(looked.object, showing), size: looked.object.size };
    const known = this.looker.known(path);
    const object = known !== undefined && sameVersion(known, pinned) ? { ...known, ...pinned } : undefined;
    if (object !== undefined) return { ...fileEntry(object, showing), size: pinned.size };
    const unknown = { read: undefined, download: undefined, write: undefined, edit: undefined, delete: undefined, share: undefined, dlink: undefined, ulink: undefined };
    const { name, kind, modified, version, observed } = fileEntry({
      kind: 'file', ...pinned, guid: undefined, name: '', parentId: undefined, created: undefined, permissions: unknown, lock: undefined, versions: undefined, owner: undefined,
    }, showing);
    return { name, kind, size: pinned.size, modified, version, observed };
  }

  /** How the file is now. ESTALE where it is another than the one that was asked for; ENOENT, EISDIR, ENOTDIR by what is at the path. */
  private async lookFor(path: string, asked: VersionParts | undefined, signal: AbortSignal): Promise<CurrentFile> {
    if (asked !== undefined) {
      const now = await this.files.now({ id: asked.id, guid: undefined }, path, signal);
      if (now !== undefined && sameVersion(now.object, asked)) return now;
      if (now !== undefined) throw stale(path);
    }
    const { object, date } = await this.looker.file(path, signal);
    if (asked !== undefined && !sameVersion(object, asked)) throw stale(path);
    if (object.size !== undefined) return { object: { ...object, size: object.size }, date };
    const now = await this.files.now(object, path, signal);
    if (now === undefined) throw new FsError('ENOENT', `${path} is not there`);
    return now;
  }

  /** Asks for the bytes until they begin to arrive. */
  private async open(
    path: string, pinned: Pinned, range: Wanted, { look, progress }: { readonly look: Look; readonly progress: RetryProgress }, signal: AbortSignal,
  ): Promise<Answer> {
    for (;;) {
      const outcome = await this.attempt(path, pinned, range, look, signal);
      if ('done' in outcome) return outcome.done;
      await progress.wait(outcome.failure);
    }
  }

  private async attempt(path: string, pinned: Pinned, { start, end }: Wanted, look: Look, signal: AbortSignal): Promise<Try<Answer>> {
    const outcome = await this.api.attempt({
      operation: 'read', method: 'GET', path: `/file/${segment(pinned.id)}/download`, route: '/file/:id/download', about: path, lane: 'transfer',
      headers: { 'accept': '*/*', 'range': `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity' }, accept: [416], idempotent: true,
    }, signal);
    if ('failure' in outcome) return outcome;
    const reply = outcome.done;
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused') {
      // What that number names is gone: what is at the path says which error this is.
      if (isErrno(reply.error, 'ENOENT')) await look(pinned);
      throw reply.error;
    }
    const { answer } = reply;
    try {
      checkHead(path, { start, end }, pinned, answer);
      return { done: answer };
    } catch (error) {
      await answer.body.return();
      if (!isErrno(error, 'ESTALE')) throw error;
      await look(pinned);
      throw new FsError('EIO', `reading ${path}: the platform sent a file of another length than it says`, { cause: error });
    }
  }
}

/**
 * A version by itself: what others tell of a file's time is the newest version's, so its own making stands in
 * its place, in what is shown and in what tells its contents apart. (NetExplorer's page: objects)
 */
export function asVersion(file: FileObject): FileObject {
  return { ...file, modified: file.created };
}

/** Checks an answer's head. ESTALE for a file of another length, EIO for anything that was not asked for. */
function checkHead(path: string, wanted: Wanted, pinned: Pinned, answer: Answer): void {
  const wrong = (why: string): FsError => new FsError('EIO', `reading ${path}: ${why}`);
  if (answer.status === 416) throw stale(path);
  const encoding = answer.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') throw wrong(`the answer is packed (${encoding}), which was not asked for`);
  const length = parseContentLength(answer.header('content-length'));
  const range = answer.status === 206
    ? parseContentRange(answer.header('content-range'))
    : answer.status !== 200 || length === undefined ? undefined : { start: 0, end: length, total: length };
  if (range === undefined) throw wrong('the answer does not say which part of the file it holds');
  if (range.total !== pinned.size) throw stale(path);
  if (range.start !== wanted.start) throw wrong(`the platform sent the bytes from ${range.start} instead of ${wanted.start}`);
  if (range.end < wanted.end) throw wrong(`the platform sent the bytes to ${range.end} instead of ${wanted.end}`);
  if (length !== undefined && length !== range.end - range.start) throw wrong(`the platform announces ${length} bytes and a range of ${range.end - range.start}`);
}
