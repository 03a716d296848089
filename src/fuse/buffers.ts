/**
 * The buffers that requests are read into. Each must hold the largest WRITE, so they are reused: a new
 * one costs 257 page faults.
 */

/** Free buffers kept for reuse; more than that go back to the collector. */
const kept = 16;

export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #size: number;

  /** @param size bytes of each buffer */
  constructor(size: number) {
    this.#size = size;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size);
  }

  /** Gives a buffer back that nobody reads any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < kept) this.#free.push(buffer);
  }
}
