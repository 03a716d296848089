/**
 * A block of a remote file, from its first byte on the way until it is whole. Readers wait for the
 * bytes that they need, not for the block's end, so that the first byte is served as it arrives.
 */
import { FsError } from '../../errors.js';

/** Bytes in a block; the last of a file may be shorter. As much as the kernel reads ahead by default. */
export const blockSize = 128 * 1024;

/** Above this many pieces a finished block is copied into one: a trickling connection gives tiny ones. */
const manyPieces = 16;

interface Waiter {
  readonly need: number;
  readonly resolve: () => void;
  readonly reject: (error: FsError) => void;
}

export class Block {
  readonly length: number;
  /** How many reads count on this block: a fetch that none counts on may be given up. */
  claims = 0;
  /** How many of its bytes the kernel was given. */
  delivered = 0;
  #pieces: Uint8Array[] = [];
  #filled = 0;
  #failure: FsError | undefined;
  readonly #waiters = new Set<Waiter>();

  constructor(length: number) {
    this.length = length;
  }

  get complete(): boolean {
    return this.#filled === this.length;
  }

  /** Takes the next bytes. They are kept, not copied. */
  append(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#filled += piece.length;
    if (this.complete && this.#pieces.length > manyPieces) this.#pieces = [Buffer.concat(this.#pieces)];
    for (const waiter of this.#waiters) if (waiter.need <= this.#filled) this.#settle(waiter, waiter.resolve);
  }

  /** No more bytes will come: whoever waits, or comes later for what is missing, gets the error. */
  fail(error: FsError): void {
    this.#failure = error;
    for (const waiter of this.#waiters) this.#settle(waiter, () => waiter.reject(error));
  }

  /** Resolves once the first `need` bytes are there. Rejects with EINTR when `signal` is aborted first. */
  async filledTo(need: number, signal: AbortSignal): Promise<void> {
    if (this.#filled >= need) return;
    if (this.#failure !== undefined) throw this.#failure;
    if (signal.aborted) throw new FsError('EINTR', 'interrupted while reading');
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        need,
        resolve: () => { signal.removeEventListener('abort', interrupted); resolve(); },
        reject: (error) => { signal.removeEventListener('abort', interrupted); reject(error); },
      };
      const interrupted = (): void => {
        this.#settle(waiter, () => waiter.reject(new FsError('EINTR', 'interrupted while reading')));
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', interrupted, { once: true });
    });
  }

  /** The bytes `[from, to)` of the block, which must be filled to there, as views on what arrived. */
  slice(from: number, to: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      const end = at + piece.length;
      if (end > from && at < to) views.push(at >= from && end <= to ? piece : piece.subarray(Math.max(0, from - at), to - at));
      if (end >= to) break;
      at = end;
    }
    return views;
  }

  #settle(waiter: Waiter, settle: () => void): void {
    this.#waiters.delete(waiter);
    settle();
  }
}
