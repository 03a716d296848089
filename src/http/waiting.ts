/** Waits that an AbortSignal ends: nothing in here may outlast the one who asked. */
import { FsError } from '../errors.js';

/** What an ended wait throws. The program was interrupted, or its owner is closing. */
export function interrupted(signal: AbortSignal): FsError {
  return new FsError('EINTR', 'interrupted', { cause: signal.reason });
}

/** Throws EINTR where the signal has been aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted(signal);
}

/** Waits that many milliseconds. EINTR when the signal is aborted. */
export function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(interrupted(signal));
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(interrupted(signal));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * The promise's outcome, or EINTR as soon as the signal is aborted. For one piece of work that many
 * wait for: each stops waiting by his own signal, the work goes on for the others.
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Who does not wait does not hear how it failed; a failure that nobody hears would end the process.
  promise.catch(() => undefined);
  throwIfAborted(signal);
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(interrupted(signal));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
