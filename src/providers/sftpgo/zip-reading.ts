/**
 * Reads a file through `streamzip`, where the server gives it in no other way. There are no ranges in a
 * zip: a read from the middle throws away what comes before it. Neither is there a condition: the
 * version is the one that the listing or the caller tells, and the zip must be of that time and size.
 * (SFTPGo's page: what GEREDIS documents)
 */
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { RetryProgress } from '../../http/retry.js';
import type { Answer } from '../../http/answer.js';
import { nameOf, parentOf } from '../paths.js';
import type { Download, ReadRequest } from '../provider.js';
import type { Api, Call } from './api.js';
import type { Rights } from './rights.js';
import { sightError } from './sight-error.js';
import type { Sights } from './sights.js';
import { formatVersion, parseVersion, type VersionParts } from './version.js';
import { ZipEntry } from './zip-entry.js';

/** How often in a row a streamzip breaks off before its first byte until that counts as a refusal: the server says no in no other way. */
const silentRefusals = 2;

export class ZipReader {
  constructor(private readonly api: Api, private readonly sights: Sights, private readonly rights: Rights) {}

  /** The contract's `read`, at a path from the home's root. */
  async read(path: string, { start, end, version }: ReadRequest, signal: AbortSignal): Promise<Download> {
    const pinned = version === undefined ? undefined : parseVersion(version);
    if (version !== undefined && pinned === undefined) throw new FsError('ESTALE', `${path}: a version that this server never gave`);
    const sight = pinned === undefined || start >= pinned.size ? await this.sights.look(path, signal) : undefined;
    if (sight !== undefined && sight.kind !== 'file') throw sightError(path, sight);
    const parts: VersionParts = pinned ?? sight ?? { size: 0, modified: 0 };
    if (sight !== undefined && formatVersion(sight) !== formatVersion(parts)) throw stale(path);
    const entry = {
      name: nameOf(path), kind: 'file', size: parts.size, modified: parts.modified, version: formatVersion(parts), observed: sight?.date ?? this.api.http.clock.now(),
    } as const;
    const last = Math.min(end, parts.size);
    if (start >= last) return { entry, body: nothing() };
    const progress = this.api.http.retryProgress(signal);
    // Opened before it is promised: a refusal comes instead of the download, not in it.
    const first = await this.open(path, parts, progress, signal);
    return { entry, body: new ZipBody(path, parts, { start, end: last }, first, () => this.open(path, parts, progress, signal), progress) };
  }

  /** Asks until the file begins to arrive. */
  private async open(path: string, parts: VersionParts, progress: RetryProgress, signal: AbortSignal): Promise<OpenZip> {
    const folder = parentOf(path);
    const known = this.rights.missing('download', folder);
    if (known !== undefined) throw known;
    for (let silent = 0; ;) {
      const outcome = await this.api.attempt(zipCall(path), signal);
      if ('done' in outcome) {
        const reply = outcome.done;
        if (reply.kind === 'answer') return openZip(path, parts, reply.answer);
        if (reply.kind === 'refused' && reply.lacks !== undefined) this.rights.learn('download', folder, asAccess(reply.error), reply.lacks);
        throw reply.kind === 'refused' ? asAccess(reply.error) : reply.error;
      }
      // What is not there, and what may not be read, is no answer at all. Whether it is the network that is gone a look tells.
      const sight = await this.sights.look(path, signal);
      if (sight.kind !== 'file') throw sightError(path, sight);
      silent += 1;
      if (silent >= silentRefusals && outcome.failure.retryAfter === undefined && !isErrno(outcome.failure.error, 'EBUSY')) {
        const error = new FsError('EACCES', `${path}: the server breaks off when it is asked for the file, as it does where the right to download is missing`, { cause: outcome.failure.error });
        this.rights.learn('download', folder, error, 'right');
        throw error;
      }
      await progress.wait(outcome.failure);
    }
  }
}

interface OpenZip {
  readonly answer: Answer;
  readonly bytes: AsyncGenerator<Uint8Array>;
}

async function openZip(path: string, parts: VersionParts, answer: Answer): Promise<OpenZip> {
  try {
    if (answer.header('content-type')?.includes('zip') !== true) throw new FsError('EIO', `reading ${path}: the answer is no zip, so it is not SFTPGo's`);
    const zip = await ZipEntry.open(answer.body);
    if (zip.head.name !== path.slice(1)) throw new FsError('EIO', `reading ${path}: the zip holds another file`);
    if (zip.head.modified !== undefined && zip.head.modified !== parts.modified) throw stale(path);
    return { answer, bytes: zip.bytes() };
  } catch (error) {
    await answer.body.return();
    throw error;
  }
}

/** Whatever the server says against it: to the reader it is a missing right. */
function asAccess(error: FsError): FsError {
  return error.errno === 'EIO' ? new FsError('EACCES', error.message, { cause: error }) : error;
}

function zipCall(path: string): Call {
  return {
    operation: 'read', method: 'POST', route: '/user/streamzip', path, lane: 'transfer', idempotent: true, answerWithin: 'stall',
    headers: { 'content-type': 'application/json', 'accept-encoding': 'identity' },
    // Its page says 201, the server 200.
    body: Buffer.from(JSON.stringify([path])), accept: [200, 201],
  };
}

function stale(path: string): FsError {
  return new FsError('ESTALE', `${path} was changed on the server: it is of another version now`);
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // Nothing is there.
}

/** The bytes `[start, end)` out of the zip's; one that breaks off is asked for again, and what was given already is passed over. */
class ZipBody implements AsyncIterableIterator<Uint8Array> {
  /** Where the zip stands, and up to where bytes were given. */
  private at = 0;
  private position: number;

  constructor(
    private readonly path: string, private readonly parts: VersionParts, private readonly range: { readonly start: number; readonly end: number },
    private zip: OpenZip, private readonly reopen: () => Promise<OpenZip>, private readonly progress: RetryProgress,
  ) {
    this.position = range.start;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.position < this.range.end) {
      const piece = await this.nextPiece();
      if (piece === undefined) continue;
      const begin = this.at;
      this.at += piece.length;
      if (this.at > this.parts.size) await this.fail(stale(this.path));
      const wanted = piece.subarray(Math.max(0, this.position - begin), Math.max(0, this.range.end - begin));
      if (wanted.length === 0) continue;
      // The last bytes are given when the zip's own end has shown that all of it was right.
      if (this.at === this.parts.size && !await this.endsRight()) continue;
      this.position += wanted.length;
      return { done: false, value: wanted };
    }
    return this.return();
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.position = this.range.end;
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Undefined where the zip had to be asked for again. */
  private async nextPiece(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.zip.bytes.next();
      if (next.done !== true) return next.value;
    } catch (thrown) {
      await this.again(toFsError(thrown));
      return undefined;
    }
    // Whole, and shorter than the version.
    return this.fail(stale(this.path));
  }

  /** False where the zip was damaged and had to be asked for again. */
  private async endsRight(): Promise<boolean> {
    try {
      const next = await this.zip.bytes.next();
      if (next.done === true) return true;
    } catch (thrown) {
      await this.again(toFsError(thrown));
      return false;
    }
    return this.fail(stale(this.path));
  }

  private async again(error: FsError): Promise<void> {
    await this.close();
    if (error.errno === 'EINTR') throw error;
    await this.progress.wait({ error, again: error.retryable ? 'later' : 'never' });
    this.zip = await this.reopen();
    this.at = 0;
  }

  private async fail(error: FsError): Promise<never> {
    await this.close();
    throw error;
  }

  private async close(): Promise<void> {
    await this.zip.bytes.return(undefined);
    await this.zip.answer.body.return();
  }
}
