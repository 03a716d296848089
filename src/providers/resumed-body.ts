/** A part of a file that goes on where its connection broke, so that no reader notices. */
import { FsError, toFsError } from '../errors.js';
import type { AnswerBody } from '../http/exchange.js';
import type { RetryProgress } from '../http/retry.js';

/**
 * The bytes of a part, exactly as many as were promised. Not a generator: `return()` of one that was
 * never started would leave its connection taken.
 */
export class ResumedBody implements AsyncIterableIterator<Uint8Array> {
  /** `refetch` gives the bytes from there to the end, of the same version; `progress` decides whether it is asked. */
  constructor(
    private body: AnswerBody, private position: number, private readonly end: number,
    private readonly refetch: (from: number) => Promise<AnswerBody>, private readonly progress: RetryProgress,
  ) {}

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.position < this.end) {
      const piece = await this.nextPiece();
      if (piece === undefined || piece.length === 0) continue;
      const wanted = piece.length > this.end - this.position ? piece.subarray(0, this.end - this.position) : piece;
      this.position += wanted.length;
      if (this.position === this.end && wanted.length < piece.length) await this.body.return();
      return { done: false, value: wanted };
    }
    await this.finish();
    return { done: true, value: undefined };
  }

  /** All bytes are there. The answer's own end is waited for, so that the connection can be used again. */
  private async finish(): Promise<void> {
    await this.body.next().catch(() => undefined);
    await this.body.return();
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.position = this.end;
    await this.body.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Undefined where the body had to be asked for again. */
  private async nextPiece(): Promise<Uint8Array | undefined> {
    const before = this.position;
    try {
      const next = await this.body.next();
      if (next.done !== true) {
        if (this.progress.failures > 0) this.progress.reset();
        return next.value;
      }
      throw new FsError('EIO', `the body ended at byte ${before}, before ${this.end}`, { retryable: true });
    } catch (thrown) {
      const error = toFsError(thrown);
      if (error.errno === 'EINTR') throw error;
      await this.progress.wait({ error, again: error.retryable ? 'later' : 'never' });
    }
    this.body = await this.refetch(before);
    return undefined;
  }
}
