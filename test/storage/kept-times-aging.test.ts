/** The times that are kept do not grow for ever, and what is used stays. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/observe/log.js';
import { openKeptTimes, type KeptTimes } from '../../src/storage/kept-times.js';

const bounds = { unseenDays: 10, records: 2000 };
const state = '7-1000';
const day = 86_400_000;

let folder: string;
let now: number;
/** A stranger who looks at the disk. */
let stranger: RootDatabase<unknown, string>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-times-'));
  stranger = open({ path: folder, encoding: 'json', noSubdir: false });
  now = 20_000 * day;
});
afterEach(async () => {
  await stranger.close();
  await rm(folder, { recursive: true });
});

/** One mount at a time, for a while. */
async function mounted(use: (times: KeptTimes) => unknown): Promise<void> {
  const times = openKeptTimes({ folder, log: silentLog(), bounds, now: () => now });
  try {
    await use(times);
  } finally {
    await times.close();
  }
}

/** A mount on each of so many days. It asks for what is used. */
async function pass(days: number, used: readonly string[] = []): Promise<void> {
  for (let i = 0; i < days; i += 1) {
    now += day;
    await mounted((times) => {
      for (const key of used) times.get(key, state);
    });
  }
}

function keys(): string[] {
  return [...stranger.getKeys()].filter((key) => key !== '#days');
}

test('what nobody asks for goes in time, what is asked for stays, with its time', async () => {
  await mounted((times) => {
    times.set('old', state, 5000);
    times.set('used', state, 6000);
  });
  await pass(10, ['used']);
  await mounted(() => new Promise((resolve) => setTimeout(resolve, 100)));
  expect(keys()).toEqual(['old', 'used']);
  await pass(1, ['used']);
  await mounted(async (times) => {
    await expect.poll(keys).toEqual(['used']);
    expect(times.get('used', state)).toBe(6000);
  });
});

test('days on which the drive was not mounted do not count', async () => {
  await mounted((times) => times.set('abc', state, 5000));
  for (let i = 0; i < 3; i += 1) {
    now += 1000 * day;
    await pass(1);
  }
  await mounted(() => new Promise((resolve) => setTimeout(resolve, 100)));
  expect(keys()).toEqual(['abc']);
});

test('a clock that jumps ahead and back takes nothing with it', async () => {
  await mounted((times) => times.set('abc', state, 5000));
  const before = now;
  now += 20_000 * day;
  await pass(1);
  now = before;
  await mounted(() => new Promise((resolve) => setTimeout(resolve, 100)));
  expect(keys()).toEqual(['abc']);
});

test('of too many the ones longest unasked for go, also some of one day; others are taken all the while', async () => {
  await mounted((times) => {
    for (let i = 0; i < 500; i += 1) times.set(`a${String(i)}`, state, i);
  });
  now += 3 * day;
  await mounted((times) => {
    for (let i = 0; i < 2500; i += 1) times.set(`b${String(i)}`, state, i);
  });
  await mounted(async (times) => {
    for (let i = 0; i < 50; i += 1) times.set(`c${String(i)}`, state, i);
    await expect.poll(() => keys().length).toBeLessThan(2000);
  });
  expect(keys().filter((key) => key.startsWith('a'))).toEqual([]);
  expect(keys().filter((key) => key.startsWith('c'))).toHaveLength(50);
  expect(keys().length).toBeGreaterThanOrEqual(1800);
});

test('what cannot be read goes, too', async () => {
  await stranger.put('abc', { some: 'thing' });
  await mounted((times) => times.set('abd', state, 5000));
  await pass(1);
  await mounted(() => expect.poll(keys).toEqual(['abd']));
});
