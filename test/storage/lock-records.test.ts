/** What is noted of locks on the platform, for the next start. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLockRecords, type LockRecords } from '../../src/storage/lock-records.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-locks-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const open = (instance: string, dead: readonly string[] = []): Promise<LockRecords> =>
  openLockRecords({ folder: join(folder, 'locks'), instance, isDead: (other) => dead.includes(other) });

test('a mount that locks nothing leaves nothing', async () => {
  const records = await open('one');
  await records.close();
  expect(await readdir(folder)).toEqual([]);
});

test('what was given back is forgotten; what a dead mount had is found, once', async () => {
  const one = await open('one');
  await (await one.keep({ path: '/a' })).forget();
  await one.keep({ path: '/b', id: '7' });
  const two = await open('two', ['one']);
  expect(two.leftovers.map(({ place }) => place)).toEqual([{ path: '/b', id: '7' }]);
  await two.leftovers[0]?.forget();
  expect((await open('three', ['one', 'two'])).leftovers).toEqual([]);
  expect(await readdir(join(folder, 'locks'))).toEqual([]);
});

test('a living mount keeps its locks, those that a dead one had as well among them', async () => {
  const dead = await open('dead');
  await dead.keep({ path: '/old-name', id: '7' });
  await dead.keep({ path: '/only' });
  const living = await open('living');
  await living.keep({ path: '/new-name', id: '7' });
  const next = await open('next', ['dead']);
  expect(next.leftovers.map(({ place }) => place.path)).toEqual(['/only']);
  expect(await readdir(join(folder, 'locks', 'living'))).toEqual(['1.json']);
});

test('what is half written is passed over', async () => {
  await mkdir(join(folder, 'locks', 'dead'), { recursive: true });
  await writeFile(join(folder, 'locks', 'dead', '1.json'), '{"pa');
  await writeFile(join(folder, 'locks', 'dead', '2.json'), '{"path":"/f"}');
  expect((await open('next', ['dead'])).leftovers).toHaveLength(1);
});
