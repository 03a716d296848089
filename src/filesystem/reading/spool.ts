/**
 * A version of a file from a platform that gives no parts (`ranges` is false): it is fetched once, from
 * its start, into a file on this machine's disk that has no name, and read there, at whatever place. A
 * reader waits until the bytes that he wants have come by. When no reader is left the fetch is given up.
 */
import type { FileHandle } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { FsError, toFsError } from '../../errors.js';
import type { Staging } from '../../storage/staging.js';

/** Files kept on the disk at once, those that nobody reads any more among them: opened again soon, they are not fetched again. */
const keptFiles = 8;

/** Gives the whole content, from its first byte, to who writes it away; resolves at its end. */
export type Fetcher = (take: (piece: Uint8Array) => Promise<void>, signal: AbortSignal) => Promise<void>;

interface Waiter {
  readonly need: number;
  readonly settle: (failure?: FsError) => void;
}

export class Spool {
  readonly #staging: Pick<Staging, 'scratch' | 'ensureRoom'>;
  readonly #fetcher: Fetcher;
  readonly #size: number;
  #file: Promise<FileHandle> | undefined;
  #filled = 0;
  #fetch: AbortController | undefined;
  #closed = false;
  readonly #readers = new Set<object>();
  readonly #waiters = new Set<Waiter>();

  constructor(staging: Pick<Staging, 'scratch' | 'ensureRoom'>, fetcher: Fetcher, size: number) {
    this.#staging = staging;
    this.#fetcher = fetcher;
    this.#size = size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The bytes `[offset, end)`, once they are there. `reader` keeps the fetch going until he cancels. */
  async read(offset: number, end: number, reader: object, signal: AbortSignal): Promise<Uint8Array> {
    this.#readers.add(reader);
    if (this.#filled < end) {
      this.#start();
      await this.#filledTo(end, signal);
    }
    const file = await this.#file;
    if (file === undefined || this.#closed) throw new FsError('EIO', 'what was fetched of the file is gone', { retryable: true });
    const buffer = Buffer.allocUnsafe(end - offset);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    if (bytesRead < buffer.length) throw new FsError('EIO', 'this machine\'s disk gave fewer bytes than it was given');
    return buffer;
  }

  /** A reader goes. What nobody waits for is not fetched on, and begun anew for the next one. */
  cancel(reader: object): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0 || this.#fetch === undefined) return;
    this.#fetch.abort();
    this.#fetch = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fetch?.abort();
    this.#fetch = undefined;
    this.#fail(new FsError('EIO', 'what was fetched of the file is gone', { retryable: true }));
    await this.#file?.then((file) => file.close(), () => undefined);
  }

  #start(): void {
    if (this.#fetch !== undefined || this.#closed) return;
    const fetch = new AbortController();
    this.#fetch = fetch;
    void this.#run(fetch);
  }

  async #run(fetch: AbortController): Promise<void> {
    try {
      await this.#staging.ensureRoom(this.#size - this.#filled);
      this.#file ??= this.#staging.scratch();
      const file = await this.#file;
      let at = 0;
      await this.#fetcher(async (piece) => {
        // What an earlier fetch brought is there: the version is the same.
        const skip = Math.min(piece.length, Math.max(0, this.#filled - at));
        for (let done = skip; done < piece.length;) done += (await file.write(piece, done, piece.length - done, at + done)).bytesWritten;
        at += piece.length;
        if (fetch.signal.aborted) throw new FsError('EINTR', 'the read was given up');
        if (at <= this.#filled) return;
        this.#filled = at;
        for (const waiter of this.#waiters) if (waiter.need <= at) waiter.settle();
      }, fetch.signal);
      if (this.#filled < this.#size) throw new FsError('EIO', 'the file ended early', { retryable: true });
    } catch (thrown) {
      // One that was given up says nothing to those who began another.
      if (this.#fetch === fetch) this.#fail(toFsError(thrown));
    } finally {
      if (this.#fetch === fetch) this.#fetch = undefined;
    }
  }

  #fail(error: FsError): void {
    for (const waiter of this.#waiters) waiter.settle(error);
  }

  #filledTo(need: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const interrupted = (): void => waiter.settle(new FsError('EINTR', 'interrupted while reading'));
      const waiter: Waiter = {
        need,
        settle: (failure) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener('abort', interrupted);
          if (failure === undefined) resolve();
          else reject(failure);
        },
      };
      this.#waiters.add(waiter);
      if (signal.aborted) interrupted();
      else signal.addEventListener('abort', interrupted, { once: true });
    });
  }
}

/** The spools of a mount, the least used of which is closed when another is needed. */
export class Spools {
  readonly #staging: Pick<Staging, 'scratch' | 'ensureRoom'>;
  readonly #open = new LRUCache<number, Spool>({ max: keptFiles, dispose: (spool) => { this.#end(spool); } });
  readonly #ending = new Set<Promise<void>>();

  constructor(staging: Pick<Staging, 'scratch' | 'ensureRoom'>) {
    this.#staging = staging;
  }

  /** The spool of a content, by its key; a new one where there is none, or no more. */
  of(key: number, fetcher: Fetcher, size: number): Spool {
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const made = new Spool(this.#staging, fetcher, size);
    this.#open.set(key, made);
    return made;
  }

  cancel(key: number, reader: object): void {
    this.#open.get(key)?.cancel(reader);
  }

  async close(): Promise<void> {
    this.#open.clear();
    await Promise.all(this.#ending);
  }

  #end(spool: Spool): void {
    const ending = spool.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
