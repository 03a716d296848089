import { describe, expect, test } from 'vitest';
import { endMount, nextStep, showOutcome, type EndingParts } from '../../src/cli/serving/ending.js';
import type { Pending, UnsentFile } from '../../src/filesystem/filesystem.js';

const none: Pending = { sending: 0, open: 0 };

describe('SIGTERM: what to do while the mount is busy', () => {
  test.each([
    ['an upload is under way: wait, however long', { sending: 1, open: 0 }, 1_000_000, false, 'wait'],
    ['an upload is under way and nobody wants to wait', { sending: 1, open: 0 }, 0, true, 'detach'],
    ['nothing to send, a moment only: wait', none, 1000, false, 'wait'],
    ['nothing to send, and still busy: detach', none, 1500, false, 'detach'],
    ['a program has written and not closed: wait for it', { sending: 0, open: 1 }, 29_000, false, 'wait'],
    ['but not for ever', { sending: 0, open: 1 }, 30_000, false, 'detach'],
  ] as const)('%s', (_, pending, idle, impatient, step) => {
    expect(nextStep(pending, idle, impatient)).toBe(step);
  });
});

/** A mount that nobody holds and with nothing to send, but for what a test changes; `done` is what happened. */
function parts(changes: Partial<EndingParts> = {}) {
  const done: string[] = [];
  const own: EndingParts = {
    unmount: () => Promise.resolve(true),
    detach: () => Promise.resolve(void done.push('detach')),
    gone: new Promise(() => undefined),
    pending: () => none,
    shutdown: () => Promise.resolve([]),
    holders: () => Promise.resolve('held by sh (12, working directory)'),
    waiting: (files, holders) => void done.push(`waiting for ${files} ${holders}`.trim()),
    impatient: new AbortController().signal,
    ...changes,
  };
  return { done, own };
}

const unsent: UnsentFile = { path: '/a/b.txt', size: 2048, kept: '/state/1.data', reason: 'the quota is full' };

describe('the end of a mount', () => {
  test('exit status 0 only if all was sent', async () => {
    expect(await endMount(parts().own)).toEqual({ status: 0, unsent: [], notes: [] });
    const outcome = await endMount(parts({ shutdown: () => Promise.resolve([unsent]) }).own);
    expect(outcome).toMatchObject({ status: 6, unsent: [unsent] });
    expect(showOutcome(outcome).join('\n')).toMatch(/1 file is not on the platform.*\n {2}\/a\/b\.txt \(2\.0 KiB\): the quota is full; kept in \/state\/1\.data$/);
  });

  test('a busy mount with nothing to send is detached within 5 s, and its holder named', async () => {
    const { own, done } = parts({ unmount: () => Promise.resolve(false) });
    const start = performance.now();
    const outcome = await endMount(own);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(done).toEqual(['detach']);
    expect(outcome).toMatchObject({ status: 0, notes: [expect.stringContaining('held by sh (12, working directory)')] });
  });

  test('uploads are counted down, and unmounting waits for them', async () => {
    const left = [2, 2, 1, 0];
    let unmounted = false;
    const { own, done } = parts({
      pending: () => ({ sending: left[0] ?? 0, open: 0 }),
      unmount: () => {
        if (left.length > 1) left.shift();
        unmounted = left[0] === 0;
        return Promise.resolve(unmounted);
      },
    });
    await endMount(own);
    expect(done).toEqual(['waiting for 2', 'waiting for 1']);
    expect(unmounted).toBe(true);
  });

  test('a program that has not closed what it wrote is named while it is waited for', async () => {
    let looks = 0;
    const { own, done } = parts({
      unmount: () => Promise.resolve((looks += 1) > 2),
      pending: () => ({ sending: 0, open: looks > 2 ? 0 : 1 }),
    });
    await endMount(own);
    expect(done).toEqual(['waiting for 1 held by sh (12, working directory)']);
  });

  test('whoever loses patience gets the list at once', async () => {
    const impatience = new AbortController();
    const { own, done } = parts({
      unmount: () => Promise.resolve(false),
      pending: () => ({ sending: 1, open: 0 }),
      shutdown: (signal) => Promise.resolve(signal.aborted ? [unsent] : []),
      impatient: impatience.signal,
    });
    const ending = endMount(own);
    setTimeout(() => impatience.abort(), 100);
    expect(await ending).toMatchObject({ status: 6, unsent: [unsent] });
    expect(done).toContain('detach');
  });
});
