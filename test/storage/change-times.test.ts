import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/observe/log.js';
import { openChangeTimes, type ChangeTimes } from '../../src/storage/change-times.js';

let folder: string;
let times: ChangeTimes;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-times-'));
  times = openChangeTimes({ folder, log: silentLog() });
});
afterEach(async () => {
  await times.close();
  await rm(folder, { recursive: true });
});

const state = { size: 7, modified: 1000 };

test('a time of change is read back at once, and by the next mount', async () => {
  times.set('abc', state, 5000.25);
  expect(times.get('abc', state)).toBe(5000.25);
  await times.close();
  times = openChangeTimes({ folder, log: silentLog() });
  expect(times.get('abc', state)).toBe(5000.25);
});

test('it is bound to size and modification time', () => {
  times.set('abc', state, 5000);
  expect(times.get('abc', state)).toBe(5000);
  expect(times.get('abc', { ...state, size: 8 })).toBeUndefined();
  expect(times.get('abc', { ...state, modified: 1001 })).toBeUndefined();
  expect(times.get('abd', state)).toBeUndefined();
});

test('the last one counts; a deleted one is gone', () => {
  times.set('abc', state, 5000);
  times.set('abc', { ...state, size: 9 }, 6000);
  expect(times.get('abc', { ...state, size: 9 })).toBe(6000);
  expect(times.get('abc', state)).toBeUndefined();
  times.delete('abc');
  expect(times.get('abc', { ...state, size: 9 })).toBeUndefined();
});

test('two mounts of one remote share them', async () => {
  const other = openChangeTimes({ folder, log: silentLog() });
  times.set('abc', state, 5000);
  await expect.poll(() => other.get('abc', state)).toBe(5000);
  await other.close();
});
