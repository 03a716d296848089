/**
 * Work that several callers wait for, each with a signal of his own: one listing, one upload. A
 * caller who is interrupted goes; the work is given up when the last has gone.
 */
import { FsError } from '../errors.js';

export class SharedTask<T> {
  readonly #abort = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;
  #givenUp: FsError | undefined;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#abort.signal);
    // Whoever waits sees the failure; when nobody does it must not end the process.
    this.#result.catch(() => undefined);
  }

  /** Given up because the last who waited went: whoever comes now begins anew, after `settled`. */
  get abandoned(): boolean {
    return this.#abort.signal.aborted;
  }

  /**
   * Gives the work up although somebody may wait for it: he gets `error`. Not the work's own EINTR:
   * a program that nobody interrupted may take that from close() for success, as dd does.
   */
  giveUp(error: FsError): void {
    this.#givenUp = error;
    this.#abort.abort();
  }

  /** Resolves when the work has ended, well or not. */
  async settled(): Promise<void> {
    await this.#result.then(() => undefined, () => undefined);
  }

  /** Waits for the result, at most until `signal` is aborted (EINTR). */
  async join(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    try {
      return await untilAborted(this.#result, signal);
    } catch (error) {
      throw signal.aborted ? error : (this.#givenUp ?? error);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && signal.aborted) this.#abort.abort();
    }
  }
}

/** The promise's result, or EINTR as soon as `signal` is aborted; the promise itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Who does not wait does not hear how it failed; a failure that nobody hears would end the process.
  promise.catch(() => undefined);
  if (signal.aborted) throw new FsError('EINTR', 'interrupted');
  let interrupted: () => void = () => undefined;
  const abortion = new Promise<never>((_resolve, reject) => {
    interrupted = () => reject(new FsError('EINTR', 'interrupted'));
    signal.addEventListener('abort', interrupted, { once: true });
  });
  try {
    return await Promise.race([promise, abortion]);
  } finally {
    signal.removeEventListener('abort', interrupted);
  }
}
