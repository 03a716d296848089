import { describe, expect, it } from 'vitest';
import { FsError } from '../../src/errors.js';
import { nextDelay, repeat, type Failure, type RetryLimits } from '../../src/http/retry.js';

const limits: RetryLimits = { deadline: 10_000, firstDelay: 200, maxDelay: 3_000 };
const error = new FsError('EIO', 'broken');
const later: Failure = { error, again: 'later' };

describe('the retry policy', () => {
  const cases: readonly [string, Failure, { failures: number; elapsed: number; repeatedAtOnce: boolean }, number, number | undefined][] = [
    ['never repeats what may not be repeated', { error, again: 'never' }, first(), 0.5, undefined],
    ['repeats a request on a stale connection at once', { error, again: 'at once' }, first(), 0.5, 0],
    ['but only once', { error, again: 'at once' }, { failures: 2, elapsed: 10, repeatedAtOnce: true }, 0, 200],
    ['waits half of the first delay at least', later, first(), 0, 100],
    ['and the whole of it at most', later, first(), 0.999999, 200],
    ['doubles the wait', later, { failures: 3, elapsed: 500, repeatedAtOnce: false }, 0, 400],
    ['up to the longest', later, { failures: 9, elapsed: 500, repeatedAtOnce: false }, 0, 1500],
    ['gives up where the next try would begin behind the deadline', later, { failures: 9, elapsed: 9_000, repeatedAtOnce: false }, 0, undefined],
    ['waits as long as the server asked', { ...later, retryAfter: 2_000 }, first(), 0, 2_000],
    ['never less than that', { ...later, retryAfter: 2_000 }, first(), 0.5, 2_075],
    ['and gives up at once where the server asked for too long', { ...later, retryAfter: 60_000 }, first(), 0, undefined],
  ];
  it.each(cases)('%s', (_name, failure, state, random, expected) => {
    const wait = nextDelay(failure, state, limits, random);
    if (expected === undefined) expect(wait).toBeUndefined();
    else expect(wait).toBeCloseTo(expected, 1);
  });
});

describe('repeat', () => {
  const context = (signal = new AbortController().signal): Parameters<typeof repeat>[1] => ({
    limits: { deadline: 1_000, firstDelay: 1, maxDelay: 5 }, signal, closing: new AbortController().signal, onRetry: () => undefined,
  });

  it('gives the first good outcome, and counts the tries', async () => {
    const tries: number[] = [];
    const result = await repeat(async (attempt) => {
      tries.push(attempt);
      return Promise.resolve(attempt < 2 ? { failure: later } : { done: 'good' });
    }, context());
    expect(result).toBe('good');
    expect(tries).toEqual([0, 1, 2]);
  });

  it('throws the last failure when the policy gives up', async () => {
    let tries = 0;
    await expect(repeat(() => {
      tries += 1;
      return Promise.resolve({ failure: { error: new FsError('EIO', `try ${tries}`), again: tries < 3 ? 'later' : 'never' } as const });
    }, context())).rejects.toThrow('try 3');
  });

  it('ends with EINTR when aborted during a wait', async () => {
    const abort = new AbortController();
    const waiting = repeat(() => Promise.resolve({ failure: { ...later, retryAfter: 500 } }), context(abort.signal));
    setTimeout(() => abort.abort(), 10);
    await expect(waiting).rejects.toMatchObject({ errno: 'EINTR' });
  });
});

function first(): { failures: number; elapsed: number; repeatedAtOnce: boolean } {
  return { failures: 1, elapsed: 0, repeatedAtOnce: false };
}
