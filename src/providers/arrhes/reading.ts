/**
 * Reads parts of documents: an address is asked for, once for all readers, and the store gives the bytes. Each
 * answer is checked against what was asked; from the first one on the ETag holds a version together, since
 * the lists tell it to the second only. (Arrhes' page: pre-signed URLs, GET)
 */
import { FsError, isErrno } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { parseContentLength, parseContentRange } from '../../http/ranges.js';
import type { HttpClient } from '../../http/client.js';
import type { RetryProgress } from '../../http/retry.js';
import { parseHttpDate } from '../../http/server-clock.js';
import { isHiddenName } from '../hidden-names.js';
import type { Download, Location, ReadRequest } from '../provider.js';
import { ResumedBody } from '../resumed-body.js';
import type { DownloadUrls } from './download-urls.js';
import { entryOf } from './entries.js';
import type { Looker } from './looking.js';
import { modifiedOf, type FileRow } from './rows.js';
import type { ObjectStore } from './store.js';
import type { Versions } from './versions.js';

interface Range {
  readonly start: number;
  readonly end: number;
}

/** A part as it begins to arrive. */
interface Part {
  readonly answer: Answer;
  /** The byte after the last that this answer holds and that was wanted. */
  readonly end: number;
  /** Of the whole object. */
  readonly total: number;
  readonly etag: string | undefined;
  readonly modified: number | undefined;
}

/** The store's clock and the database's may differ, and PostgreSQL rounds: an object so much younger than its row is still the row's. Milliseconds. */
const clockSlack = 1_500;

const nothing: AsyncIterableIterator<Uint8Array> = {
  next: () => Promise.resolve({ done: true, value: undefined }),
  return: () => Promise.resolve({ done: true, value: undefined }),
  [Symbol.asyncIterator]: () => nothing,
};

export class DocumentReader {
  constructor(
    private readonly http: HttpClient, private readonly looker: Looker, private readonly urls: DownloadUrls,
    private readonly store: ObjectStore, private readonly versions: Versions,
  ) {}

  /** The contract's `read`. */
  async read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    const { start, end, version } = request;
    if (!(start >= 0 && start < end)) throw new FsError('EINVAL', `a read from ${start} to ${end}`);
    const row = await this.looker.known(file, signal);
    return this.readRow(row, file.path, { start, end, version }, signal);
  }

  /** The same of a row; `path` is for sentences, and for its name. */
  async readRow(known: FileRow, path: string, { start, end, version }: ReadRequest, signal: AbortSignal): Promise<Download> {
    const what = `read: ${path}`;
    const { id } = known;
    let row = known;
    let seen = version === undefined ? undefined : this.versions.object(id, version);
    if (version !== undefined && seen === undefined && !this.versions.isPresent(id, version, row)) {
      row = await this.looker.freshFile(id, what, signal);
      if (!this.versions.isPresent(id, version, row)) throw stale(path);
    }
    const size = seen?.size ?? this.versions.shown(row).size;
    if (size > 0 && start >= size) {
      row = await this.looker.freshFile(id, what, signal);
      if (version !== undefined && !this.versions.isPresent(id, version, row)) throw stale(path);
      if (start >= this.versions.shown(row).size) return this.empty(row, version);
      seen = undefined;
    }
    if (size === 0) return this.empty(row, version);
    const progress = this.http.retryProgress(signal);
    const part = await this.fetch(id, { start, end }, seen?.etag, what, progress, signal);
    if (part === 'past the end') return this.empty(await this.looker.freshFile(id, what, signal), version);
    try {
      if (seen === undefined) row = await this.agree(row, part, version, path, signal);
    } catch (error) {
      await part.answer.body.return();
      throw error;
    }
    const { etag, total } = part;
    const entry = { ...this.entryOf(row, version), size: total };
    if (etag !== undefined) this.versions.bind(id, entry.version, { etag, size: total });
    return { entry, body: new ResumedBody(part.answer.body, start, part.end, (from) => this.refetch(id, { start: from, end: part.end }, part, what, progress, signal), progress) };
  }

  /**
   * Brings the first answer for a version and the row together. The row may be older than the object, which
   * somebody else has put there; or its upload is not finalized, or never was: then the object counts.
   */
  private async agree(row: FileRow, part: Part, version: string | undefined, path: string, signal: AbortSignal): Promise<FileRow> {
    const agrees = (one: FileRow): boolean => part.total === this.versions.shown(one).size;
    const young = part.modified !== undefined && part.modified > modifiedOf(row) + clockSlack;
    if (agrees(row) && !young) return row;
    const now = await this.looker.freshFile(row.id, `read: ${path}`, signal);
    if (!agrees(now) && part.etag !== undefined) {
      this.versions.overlay(now, { etag: part.etag, size: part.total }, part.modified ?? this.http.clock.now());
    }
    if (version !== undefined && !this.versions.isPresent(row.id, version, now)) throw stale(path);
    return now;
  }

  private empty(row: FileRow, version: string | undefined): Download {
    const entry = this.entryOf(row, version);
    return { entry, body: nothing };
  }

  /** A version that was asked for, and found to be of the same bytes, stays called so. */
  private entryOf(row: FileRow, version: string | undefined): Download['entry'] {
    const entry = entryOf(this.looker.nodeOf(row), this.versions, this.http.clock.now());
    return { ...entry, size: entry.size ?? 0, version: version ?? entry.version };
  }

  /** Asks for a part until it begins to arrive. */
  private async fetch(id: string, range: Range, etag: string | undefined, what: string, progress: RetryProgress, signal: AbortSignal): Promise<Part | 'past the end'> {
    for (let renewed = false; ;) {
      const url = await this.urls.of(id, what, signal).catch((error: unknown) => {
        throw isErrno(error, 'ENODATA') ? new FsError('EIO', `${what}: the platform has no content for it any more`, { cause: error }) : error;
      });
      const outcome = await this.store.get(url, range, etag, what, signal);
      if ('failure' in outcome) {
        await progress.wait(outcome.failure);
        continue;
      }
      if ('answer' in outcome) return checkPart(what, range, outcome.answer);
      const { then, error } = outcome.verdict;
      switch (then) {
        case 'past the end': return then;
        case 'changed': throw error;
        case 'wait':
          await progress.wait({ error, again: 'later', retryAfter: outcome.retryAfter });
          break;
        case 'new URL':
          this.urls.drop(id, url);
          // A new one that is refused, too, is refused for another reason than its age.
          if (renewed) throw error;
          renewed = true;
          break;
        case 'gone': {
          // On its way out, by our own doing: who reads it elsewhere now finds it there.
          const { name } = await this.looker.freshFile(id, what, signal);
          throw isHiddenName(name) ? new FsError('ENOENT', `${what}: it is not there any more`, { cause: error }) : error;
        }
        default: throw error;
      }
    }
  }

  /** The rest of a part whose body broke off, of the same object. */
  private async refetch(id: string, range: Range, first: Part, what: string, progress: RetryProgress, signal: AbortSignal): Promise<Answer['body']> {
    const part = await this.fetch(id, range, first.etag, what, progress, signal);
    if (part === 'past the end') throw new FsError('ESTALE', `${what}: it changed while it was read`);
    if (part.end === range.end && part.total === first.total && part.etag === first.etag) return part.answer.body;
    await part.answer.body.return();
    throw new FsError('ESTALE', `${what}: it changed while it was read`);
  }
}

/** Checks an answer's head: EIO for anything that was not asked for. */
function checkPart(what: string, wanted: Range, answer: Answer): Part {
  try {
    return readPart(what, wanted, answer);
  } catch (error) {
    void answer.body.return();
    throw error;
  }
}

function readPart(what: string, wanted: Range, answer: Answer): Part {
  const wrong = (why: string): FsError => new FsError('EIO', `${what}: ${why}`);
  const encoding = answer.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') throw wrong(`the answer is packed (${encoding}), which was not asked for`);
  const length = parseContentLength(answer.header('content-length'));
  // A 200 to a range is the whole.
  const range = answer.status === 206
    ? parseContentRange(answer.header('content-range'))
    : length === undefined ? undefined : { start: 0, end: length, total: length };
  if (range === undefined) throw wrong('the answer does not say which part of the document it holds');
  const end = Math.max(wanted.start, Math.min(wanted.end, range.total));
  if (range.start !== wanted.start && end > wanted.start) throw wrong(`the store sent the bytes from ${range.start} instead of ${wanted.start}`);
  if (range.end < end) throw wrong(`the store sent the bytes to ${range.end} instead of ${end}`);
  if (length !== undefined && length !== range.end - range.start) throw wrong(`the store announces ${length} bytes and a range of ${range.end - range.start}`);
  return { answer, end, total: range.total, etag: answer.header('etag'), modified: parseHttpDate(answer.header('last-modified')) };
}

function stale(path: string): FsError {
  return new FsError('ESTALE', `${path} was changed on the platform: it is of another version now`);
}
