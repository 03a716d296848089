import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/observe/log.js';
import { openKeptTimes, type KeptTimes } from '../../src/storage/kept-times.js';

let folder: string;
let times: KeptTimes;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-times-'));
  times = opened();
});
afterEach(async () => {
  await times.close();
  await rm(folder, { recursive: true });
});

const opened = (): KeptTimes => openKeptTimes({ folder, log: silentLog(), bounds: { unseenDays: 400, records: 1000 }, now: Date.now });

const state = '7-1000';

test('a time is read back at once, and by the next mount', async () => {
  times.set('abc', state, 5000.25);
  expect(times.get('abc', state)).toBe(5000.25);
  await times.close();
  times = opened();
  expect(times.get('abc', state)).toBe(5000.25);
});

test('it is bound to a state of its file', () => {
  times.set('abc', state, 5000);
  expect(times.get('abc', state)).toBe(5000);
  expect(times.get('abc', '8-1000')).toBeUndefined();
  expect(times.get('abc', '7-1001')).toBeUndefined();
  expect(times.get('abd', state)).toBeUndefined();
  expect([times.find('abc'), times.find('abd')]).toEqual([{ state, time: 5000 }, undefined]);
});

test('the last one counts; a deleted one is gone', () => {
  times.set('abc', state, 5000);
  times.set('abc', '9-1000', 6000);
  expect(times.get('abc', '9-1000')).toBe(6000);
  expect(times.get('abc', state)).toBeUndefined();
  times.delete('abc');
  expect(times.get('abc', '9-1000')).toBeUndefined();
});

test('two mounts of one remote share them', async () => {
  const other = opened();
  times.set('abc', state, 5000);
  await expect.poll(() => other.get('abc', state)).toBe(5000);
  await other.close();
});
