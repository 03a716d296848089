/**
 * Reads parts of files. Each answer is checked against what was asked and against the version that
 * the part must be of, before a byte of it is given; a body that breaks off is gone on with, pinned to
 * the same version. (SFTPGo's page: files; ranges, If-Unmodified-Since)
 */
import { FsError, isErrno } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { parseContentLength, parseContentRange } from '../../http/ranges.js';
import type { RetryProgress, Try } from '../../http/retry.js';
import { formatHttpDate, parseHttpDate } from '../../http/server-clock.js';
import { nameOf, parentOf } from '../paths.js';
import type { Download, Entry, ReadRequest } from '../provider.js';
import { ResumedBody } from '../resumed-body.js';
import type { Api, Refusal } from './api.js';
import type { Looker } from './looking.js';
import type { Rights } from './rights.js';
import type { Sights } from './sights.js';
import { formatVersion, parseVersion, type VersionParts } from './version.js';
import type { ZipReader } from './zip-reading.js';

type FileEntry = Download['entry'];

/** A part as it begins to arrive: where it starts and ends, of which file. */
interface Part {
  readonly answer: Answer;
  readonly entry: FileEntry;
  /** The byte after the last that this answer holds and that was wanted. */
  readonly end: number;
}

const nothing: AsyncIterableIterator<Uint8Array> = {
  next: () => Promise.resolve({ done: true, value: undefined }),
  return: () => Promise.resolve({ done: true, value: undefined }),
  [Symbol.asyncIterator]: () => nothing,
};

export class FileReader {
  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly sights: Sights, private readonly rights: Rights, private readonly zips: ZipReader,
  ) {}

  /** The contract's `read`, at a path from the home's root. */
  async read(path: string, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    const { start, end, version } = request;
    if (!(start >= 0 && start < end)) throw new FsError('EINVAL', `a read from ${start} to ${end}`);
    const folder = parentOf(path);
    const known = this.rights.missing('download', folder);
    if (known !== undefined) throw known;
    if (this.rights.missing('ranges', folder) !== undefined) return this.zips.read(path, request, signal);
    const pinned = version === undefined ? undefined : parseVersion(version);
    if (version !== undefined && pinned === undefined) throw new FsError('ESTALE', `${path}: a version that this server never gave`);
    // Behind the end there is nothing to ask for: the server would answer 416, or break the connection.
    if (pinned !== undefined && start >= pinned.size) return { entry: await this.lookAt(path, pinned, signal), body: nothing };
    const progress = this.api.http.retryProgress(signal);
    const part = await this.fetch(path, { start, end }, pinned, progress, signal);
    if ('kind' in part && part.kind === 'refused') return this.readOtherwise(path, request, part, signal);
    if (!('answer' in part)) return { entry: part, body: nothing };
    return { entry: part.entry, body: new ResumedBody(part.answer.body, start, part.end, async (from) =>
      (await this.refetch(path, { start: from, end: part.end }, part.entry, progress, signal)).body, progress) };
  }

  /** The server gives no part: it may give the file in a zip, as an operator does who offers the documented services only. */
  private async readOtherwise(path: string, request: ReadRequest, refusal: Refusal, signal: AbortSignal): Promise<Download> {
    const download = await this.zips.read(path, request, signal).catch((error: unknown) => {
      throw isErrno(error, 'EACCES') ? refusal.error : error;
    });
    this.rights.learn('ranges', parentOf(path), refusal.error, 'service');
    return download;
  }

  /** Asks for a part until it begins to arrive; an entry alone where there is nothing at `start`. */
  private async fetch(
    path: string, range: { readonly start: number; readonly end: number }, pinned: VersionParts | undefined,
    progress: RetryProgress, signal: AbortSignal,
  ): Promise<Part | FileEntry | Refusal> {
    for (;;) {
      const outcome = await this.attempt(path, range, pinned, signal);
      if ('done' in outcome) return outcome.done;
      await progress.wait(outcome.failure);
    }
  }

  private async attempt(
    path: string, { start, end }: { readonly start: number; readonly end: number }, pinned: VersionParts | undefined, signal: AbortSignal,
  ): Promise<Try<Part | FileEntry | Refusal>> {
    // The server takes any `n-0` for "to the end": the first byte alone is asked for as two, and the second not given.
    const last = Math.max(end - 1, 1);
    const outcome = await this.api.attempt({
      operation: 'read', method: 'GET', route: '/user/files', path, lane: 'transfer', idempotent: true, accept: [200, 206, 416],
      headers: {
        'range': `bytes=${start}-${last}`,
        'accept-encoding': 'identity',
        ...(pinned === undefined ? {} : { 'if-unmodified-since': formatHttpDate(pinned.modified) }),
      },
    }, signal);
    if ('failure' in outcome) return outcome;
    const reply = outcome.done;
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused' && reply.lacks !== undefined) return { done: reply };
    if (reply.kind === 'refused') throw await this.looker.explain(path, reply, signal);
    const { answer } = reply;
    if (answer.status === 416) {
      await answer.discard();
      return { done: await this.lookAt(path, pinned, signal) };
    }
    try {
      const part = checkPart(path, { start, end }, pinned, answer);
      if (part.end > start) return { done: part };
      await answer.discard();
      return { done: part.entry };
    } catch (error) {
      await answer.body.return();
      throw error;
    }
  }

  /** The rest of a part whose body broke off. */
  private async refetch(
    path: string, range: { readonly start: number; readonly end: number }, entry: FileEntry, progress: RetryProgress, signal: AbortSignal,
  ): Promise<Answer> {
    const part = await this.fetch(path, range, parseVersion(entry.version), progress, signal);
    if ('kind' in part && part.kind === 'refused') throw part.error;
    if (!('answer' in part) || part.end !== range.end) throw new FsError('ESTALE', `${path} changed while it was read`);
    return part.answer;
  }

  private async lookAt(path: string, pinned: VersionParts | undefined, signal: AbortSignal): Promise<FileEntry> {
    const sight = await this.sights.look(path, signal);
    switch (sight.kind) {
      case 'file': {
        const entry = fileEntry(path, sight, sight.date);
        if (pinned !== undefined && entry.version !== formatVersion(pinned)) throw stale(path);
        return entry;
      }
      case 'folder': throw new FsError('EISDIR', `${path} is a folder`);
      case 'nothing': throw new FsError('ENOENT', `${path} is not there`);
      case 'through a file': throw new FsError('ENOTDIR', `${path} goes through a file`);
      case 'refused': throw sight.error;
    }
  }
}

/** Checks an answer's head. ESTALE for another version, EIO for anything that was not asked for. */
function checkPart(
  path: string, wanted: { readonly start: number; readonly end: number }, pinned: VersionParts | undefined, answer: Answer,
): Part {
  const wrong = (why: string): FsError => new FsError('EIO', `reading ${path}: ${why}`);
  const encoding = answer.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') throw wrong(`the answer is packed (${encoding}), which was not asked for`);
  const modified = parseHttpDate(answer.header('last-modified'));
  if (modified === undefined) throw wrong('the answer does not say the file\'s time, so it is not SFTPGo\'s');
  const length = parseContentLength(answer.header('content-length'));
  const range = answer.status === 206
    ? parseContentRange(answer.header('content-range'))
    : length === undefined ? undefined : { start: 0, end: length, total: length };
  if (range === undefined) throw wrong('the answer does not say which part of the file it holds');
  const entry = fileEntry(path, { size: range.total, modified }, answer.date);
  if (pinned !== undefined && entry.version !== formatVersion(pinned)) throw stale(path);
  const end = Math.max(wanted.start, Math.min(wanted.end, range.total));
  if (range.start !== wanted.start && end > wanted.start) throw wrong(`the server sent the bytes from ${range.start} instead of ${wanted.start}`);
  if (range.end < end) throw wrong(`the server sent the bytes to ${range.end} instead of ${end}`);
  if (length !== undefined && length !== range.end - range.start) {
    throw wrong(`the server announces ${length} bytes and a range of ${range.end - range.start}`);
  }
  return { answer, entry, end };
}

function fileEntry(path: string, parts: VersionParts, observed: number): FileEntry {
  const entry: Entry & { readonly size: number } = {
    name: nameOf(path), kind: 'file', size: parts.size, modified: parts.modified, version: formatVersion(parts), observed,
  };
  return entry;
}

function stale(path: string): FsError {
  return new FsError('ESTALE', `${path} was changed on the server: it is of another version now`);
}
