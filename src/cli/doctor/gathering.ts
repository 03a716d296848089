/** How facts are asked for: each with an end, and none of them able to end the others. */
import { errorCode } from '../../fuse/system-error.js';
import { FsError } from '../../errors.js';
import type { Found, Trouble } from './findings.js';

/** Asks for one fact. Throws only what the person's interrupt does. `deadline` in milliseconds. */
export async function ask<T>(deadline: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<Found<T>> {
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(deadline);
  const both = AbortSignal.any([signal, limit]);
  // Not all work heeds a signal: a stat of a file server that is gone never comes back.
  const ended = new Promise<never>((_, reject) => {
    both.addEventListener('abort', () => reject(new FsError('ETIMEDOUT', `no answer within ${deadline / 1000} s`)), { once: true });
  });
  try {
    return { value: await Promise.race([work(both), ended]) };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) return { trouble: { code: 'ETIMEDOUT', cause: undefined, words: `no answer within ${deadline / 1000} s` } };
    return { trouble: troubleOf(error) };
  }
}

/** What went wrong, in its own words. */
export function troubleOf(error: unknown): Trouble {
  const code = error instanceof FsError ? error.errno : errorCode(error);
  return { code: code ?? '', cause: deepestCode(error), words: error instanceof Error ? error.message : String(error) };
}

/** The code that the lowest layer gave: a failed handshake's stands some causes below. */
function deepestCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return deepestCode(error.cause) ?? (error instanceof FsError ? undefined : errorCode(error));
}
