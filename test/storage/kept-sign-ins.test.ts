/** A person's sign-in on this machine: whole, nobody else's, and used by one at a time. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptSignIn, type KeptSignIn, type SignInRecord } from '../../src/storage/kept-sign-ins.js';
import { systemProcesses } from '../../src/storage/process-identity.js';

const never = new AbortController().signal;
const record: SignInRecord = { clientId: 'amarre', scopes: ['files.read'], refreshToken: 'r1', since: '2026-11-23T00:00:00.000Z' };
const account = 'netexplorer+https://ann@files.example.org/';

let folder = '';
let kept: KeptSignIn;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-sign-ins-'));
  kept = keptSignIn(folder, 'files.example.org', account);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('a kept sign-in', () => {
  it('is read as it was written, in a file of its own that nobody else can read, beside nothing half', async () => {
    expect(await kept.read()).toBeUndefined();
    await kept.write({ ...record, refreshToken: 'r0' });
    await kept.write(record);
    expect(await kept.read()).toEqual(record);
    expect((await stat(kept.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(kept.path))).mode & 0o777).toBe(0o700);
    expect(await readdir(dirname(kept.path))).toHaveLength(1);
    expect(await keptSignIn(folder, 'files.example.org', 'netexplorer+https://bert@files.example.org/').read()).toBeUndefined();
  });

  it('is forgotten', async () => {
    await kept.write(record);
    expect([await kept.forget(), await kept.read(), await kept.forget()]).toEqual([true, undefined, false]);
  });

  it('that others can read, or that is damaged, is not used, and not shown', async () => {
    await kept.write(record);
    await chmod(kept.path, 0o644);
    await expect(kept.read()).rejects.toMatchObject({ errno: 'EACCES' });
    await chmod(kept.path, 0o600);
    await writeFile(kept.path, (await readFile(kept.path, 'utf8')).slice(0, -9));
    const error: unknown = await kept.read().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ errno: 'EIO' });
    expect(String(error)).not.toContain('r1');
  });
});

describe('alone', () => {
  it('one works at a time, whoever it is', async () => {
    let working = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(Array.from({ length: 5 }, (_, index) => keptSignIn(folder, 'files.example.org', account).alone(async () => {
      most = Math.max(most, working += 1);
      await sleep(10);
      order.push(index);
      working -= 1;
    }, never)));
    expect(most).toBe(1);
    expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    expect(await readdir(dirname(kept.path))).toEqual([]);
  });

  it('a failure lets the next one in', async () => {
    await expect(kept.alone(() => Promise.reject(new Error('no')), never)).rejects.toThrow('no');
    expect(await kept.alone(() => Promise.resolve(1), never)).toBe(1);
  });

  it('who waits can stop waiting', async () => {
    const abort = new AbortController();
    await kept.alone(async () => {
      const waiting = kept.alone(() => Promise.resolve(1), abort.signal);
      setTimeout(() => abort.abort(), 20);
      await expect(waiting).rejects.toMatchObject({ errno: 'EINTR' });
    }, never);
  });

  it.each([
    ['a process that has died', async (lock: string) => {
      const self = systemProcesses.identify(process.pid);
      await writeFile(lock, JSON.stringify({ ...self, start: '1' }));
    }],
    ['nobody knows whom, long ago', async (lock: string) => {
      await writeFile(lock, '{}');
      const then = new Date(Date.now() - 3600_000);
      await utimes(lock, then, then);
    }],
  ])('what %s left is taken away, by one of all who wait', async (_, leave) => {
    await kept.write(record);
    await leave(`${kept.path}.lock`);
    let working = 0;
    await Promise.all(Array.from({ length: 5 }, () => kept.alone(async () => {
      expect(working += 1).toBe(1);
      await sleep(5);
      working -= 1;
    }, never)));
    expect(await readdir(dirname(kept.path))).toHaveLength(1);
  });
});
