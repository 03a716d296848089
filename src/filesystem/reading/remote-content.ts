/**
 * One version of one remote file, read by blocks. A block is fetched once however many readers ask;
 * every fetch names the version, so that bytes of two versions never come together (promise 3).
 */
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import type { Location, Provider } from '../../providers/provider.js';
import { addExtent, noExtents, splitByExtents, type Extents } from '../extents.js';
import { untilAborted } from '../shared-task.js';
import { Block, blockSize } from './block.js';
import type { BlockStore } from './block-store.js';
import type { Spools } from './spool.js';

/** A longer stretch is asked for in parts of this many bytes, which come side by side. */
const partSize = 8 * 1024 * 1024;

/** Who asked for bytes ahead of need; when he goes, what nobody waits for is cancelled. */
export type Reader = object;

export interface ContentParts {
  readonly provider: Provider;
  readonly store: BlockStore;
  readonly spools: Spools;
  readonly log: Log;
  /** Where the file stands now: a rename moves it. Throws ESTALE once it is gone. */
  readonly locate: () => Location;
  /** Settles when another file has been moved over this one's name, or not; undefined while none is. */
  readonly replacing: () => Promise<void> | undefined;
  /** False while the platform could change the bytes and call the version the same. */
  readonly settled: boolean;
}

interface Fetch {
  readonly first: number;
  readonly blocks: readonly Block[];
  /** Who asked for blocks of it, himself or by finding them on their way, and has not gone since. */
  readonly readers: Set<Reader>;
  readonly abort: AbortController;
}

export class RemoteContent {
  readonly size: number;
  /** The platform's name for this version. Changes when our own setting of a time renames it. */
  version: string;
  readonly #parts: ContentParts;
  readonly #key: number;
  readonly #loading = new Map<number, { readonly block: Block; readonly fetch: Fetch }>();
  readonly #fetches = new Set<Fetch>();
  /** Blocks that the kernel has in its pages, for all that is known: nobody will ask for them. */
  #given: Extents = noExtents;

  constructor(parts: ContentParts, version: string, size: number) {
    this.#parts = parts;
    this.#key = parts.store.newContent();
    this.version = version;
    this.size = size;
  }

  /** Whether its blocks may be served at a later open. */
  get settled(): boolean {
    return this.#parts.settled;
  }

  /** Where the platform has it now. ESTALE once it is gone. */
  location(): Location {
    return this.#parts.locate();
  }

  /** The bytes `[offset, offset + length)`, fewer at the end, as they came from the network. */
  async read(offset: number, length: number, reader: Reader, signal: AbortSignal): Promise<Uint8Array[]> {
    const end = Math.min(offset + length, this.size);
    if (offset >= end) return [];
    if (!this.#parts.provider.traits.ranges) return [await this.#readSpooled(offset, end, reader, signal)];
    const first = Math.floor(offset / blockSize);
    const last = Math.floor((end - 1) / blockSize);
    const blocks = this.#ensure(first, last, reader);
    for (const block of blocks) block.claims += 1;
    const pieces: Uint8Array[] = [];
    try {
      for (const [i, block] of blocks.entries()) {
        const base = (first + i) * blockSize;
        const from = Math.max(0, offset - base);
        const to = Math.min(block.length, end - base);
        (block.complete ? this.#parts.store.hits : this.#parts.store.misses).add();
        await block.filledTo(to, signal);
        pieces.push(...block.slice(from, to));
      }
    } finally {
      for (const block of blocks) block.claims -= 1;
      if (signal.aborted) this.cancel(reader);
      else for (const fetch of this.#fetches) if (fetch.readers.size === 0) this.#stopIfUnwanted(fetch);
    }
    return pieces;
  }

  /** The kernel asks for bytes: of which it was given all before, it has let go since. */
  askedFor(offset: number, length: number): void {
    const stretches = splitByExtents(this.#given, Math.floor(offset / blockSize), Math.ceil((offset + length) / blockSize));
    if (stretches.some(({ present }) => present)) this.#given = noExtents;
  }

  /**
   * Asks for `[start, end)` ahead of need, as far as memory allows, but for what the kernel has: one who reads
   * behind another need not ask for the other's blocks again. Returns up to where it went.
   */
  prefetch(start: number, end: number, reader: Reader): number {
    const limit = Math.min(this.size, end, start + this.#parts.store.roomAhead);
    if (limit <= start) return start;
    // Fetched whole with the first read of it.
    if (!this.#parts.provider.traits.ranges) return limit;
    const first = Math.floor(start / blockSize);
    const last = Math.floor((limit - 1) / blockSize);
    for (const stretch of splitByExtents(this.#given, first, last + 1)) {
      if (!stretch.present) this.#ensure(stretch.start, stretch.end - 1, reader);
    }
    return Math.min(this.size, (last + 1) * blockSize);
  }

  /**
   * `[offset, offset + length)` was delivered to a reader in order, and the kernel keeps it in its
   * pages: the blocks of which it has all go, young, before the garbage collector carries them about.
   * Requests do not end where blocks do, and may come in any order: a part is not all.
   */
  delivered(offset: number, length: number): void {
    const end = Math.min(offset + length, this.size);
    for (let index = Math.floor(offset / blockSize); index * blockSize < end; index += 1) {
      const block = this.#loading.get(index)?.block ?? this.#parts.store.get(this.#key, index);
      if (block === undefined) continue;
      const start = index * blockSize;
      block.delivered += Math.min(end, start + block.length) - Math.max(offset, start);
      if (block.delivered < block.length) continue;
      this.#parts.store.drop(this.#key, index);
      this.#given = addExtent(this.#given, { start: index, end: index + 1 });
    }
  }

  /** A reader goes: ends the fetches that nobody else asked for and nobody waits for. */
  cancel(reader: Reader): void {
    this.#parts.spools.cancel(this.#key, reader);
    for (const fetch of this.#fetches) if (fetch.readers.delete(reader)) this.#stopIfUnwanted(fetch);
  }

  /** From the file on this machine's disk, into which the platform's is fetched once. */
  async #readSpooled(offset: number, end: number, reader: Reader, signal: AbortSignal): Promise<Uint8Array> {
    try {
      for (;;) {
        const spool = this.#parts.spools.of(this.#key, (take, fetching) => this.#fetchAll(take, fetching), this.size);
        try {
          return await spool.read(offset, end, reader, signal);
        } catch (thrown) {
          // It had to make room for others.
          if (!spool.closed || signal.aborted) throw thrown;
        }
      }
    } catch (thrown) {
      if (signal.aborted) this.cancel(reader);
      throw thrown;
    }
  }

  async #fetchAll(take: (piece: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void> {
    const location = this.#parts.locate();
    try {
      const download = await this.#parts.provider.read(location, { start: 0, end: this.size, version: this.version }, signal);
      for await (const piece of download.body) await take(piece);
    } catch (thrown) {
      if (isErrno(thrown, 'ENOENT')) throw new FsError('ESTALE', `${location.path} is gone`, { cause: thrown });
      throw thrown;
    }
  }

  /** The blocks `first` to `last`: kept ones, ones on their way, and new fetches for the runs between. */
  #ensure(first: number, last: number, reader: Reader): Block[] {
    const blocks: (Block | undefined)[] = [];
    for (let index = first; index <= last; index += 1) {
      const loading = this.#loading.get(index);
      loading?.fetch.readers.add(reader);
      blocks.push(loading?.block ?? this.#parts.store.get(this.#key, index));
    }
    const all: Block[] = [];
    for (let i = 0; i < blocks.length;) {
      const there = blocks[i];
      if (there !== undefined) {
        all.push(there);
        i += 1;
        continue;
      }
      let run = 1;
      while (run * blockSize < partSize && i + run < blocks.length && blocks[i + run] === undefined) run += 1;
      all.push(...this.#start(first + i, run, reader).blocks);
      i += run;
    }
    return all;
  }

  #start(first: number, count: number, reader: Reader): Fetch {
    const blocks: Block[] = [];
    for (let index = first; index < first + count; index += 1) {
      blocks.push(new Block(Math.min(blockSize, this.size - index * blockSize)));
    }
    const fetch: Fetch = { first, blocks, readers: new Set([reader]), abort: new AbortController() };
    for (const [i, block] of blocks.entries()) this.#loading.set(first + i, { block, fetch });
    this.#fetches.add(fetch);
    void this.#run(fetch);
    return fetch;
  }

  async #run(fetch: Fetch): Promise<void> {
    const start = fetch.first * blockSize;
    const bytes = fetch.blocks.reduce((sum, block) => sum + block.length, 0);
    this.#parts.store.started(bytes);
    let at = start;
    try {
      while (at < start + bytes) at = await this.#receive(fetch, at, start + bytes);
    } catch (thrown) {
      const error = fetch.abort.signal.aborted ? new FsError('EINTR', 'the read was given up') : toFsError(thrown);
      this.#drop(fetch);
      for (const block of fetch.blocks) if (!block.complete) block.fail(error);
    } finally {
      this.#fetches.delete(fetch);
      this.#parts.store.ended(bytes);
    }
  }

  /** One request from `at` to `end`; returns up to where it came. A break after progress goes on from there. */
  async #receive(fetch: Fetch, at: number, end: number): Promise<number> {
    const { version } = this;
    const location = this.#parts.locate();
    let place = at;
    try {
      const download = await this.#parts.provider.read(location, { start: at, end, version }, fetch.abort.signal);
      // A server finds a file before it opens it: a rename of ours may have put another there in between.
      const replacing = this.#parts.replacing();
      if (replacing !== undefined || !this.#standsAt(location)) {
        // Given back before the wait: the rename may need the connection.
        await download.body[Symbol.asyncIterator]().return?.();
        if (replacing !== undefined) await untilAborted(replacing, fetch.abort.signal);
        return place;
      }
      for await (const piece of download.body) {
        this.#distribute(fetch, place, piece);
        place += piece.length;
      }
      if (place < end) throw new FsError('EIO', `the answer for ${location.path} ended early`, { retryable: true });
      return place;
    } catch (thrown) {
      if (fetch.abort.signal.aborted) throw thrown;
      // Our own rename or setting of a time overtook the request: what it asked for has another name now.
      if (isErrno(thrown, 'ESTALE') && version !== this.version) return place;
      if ((isErrno(thrown, 'ENOENT') || isErrno(thrown, 'ESTALE')) && location.path !== this.#parts.locate().path) return place;
      if (isErrno(thrown, 'ENOENT')) throw new FsError('ESTALE', `${location.path} is gone`, { cause: thrown });
      const error = toFsError(thrown);
      if (!error.retryable || place === at) throw error;
      this.#parts.log.debug({ path: location.path, at: place, reason: error.message }, 'reading goes on after a break');
      return place;
    }
  }

  #standsAt(location: Location): boolean {
    try {
      return this.#parts.locate().path === location.path;
    } catch {
      return false;
    }
  }

  #distribute(fetch: Fetch, at: number, piece: Uint8Array): void {
    let offset = 0;
    while (offset < piece.length) {
      const position = at + offset;
      const index = Math.floor(position / blockSize);
      const block = fetch.blocks[index - fetch.first];
      if (block === undefined) throw new FsError('EIO', 'the answer is longer than what was asked for');
      const room = block.length - (position - index * blockSize);
      const part = offset === 0 && piece.length <= room ? piece : piece.subarray(offset, offset + room);
      block.append(part);
      offset += part.length;
      if (!block.complete) continue;
      this.#parts.store.keep(this.#key, index, block);
      this.#loading.delete(index);
    }
  }

  #stopIfUnwanted(fetch: Fetch): void {
    if (fetch.readers.size > 0 || fetch.blocks.some((block) => block.claims > 0)) return;
    this.#drop(fetch);
    fetch.abort.abort();
  }

  /** Takes a fetch's blocks out of the table, so that whoever comes next begins anew. */
  #drop(fetch: Fetch): void {
    for (const [i] of fetch.blocks.entries()) {
      if (this.#loading.get(fetch.first + i)?.fetch === fetch) this.#loading.delete(fetch.first + i);
    }
  }
}
