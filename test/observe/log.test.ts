/** The log is a help and no more: what hinders it hinders nobody else. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog } from '../../src/observe/log.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('lines of JSON in a file for its owner alone', async () => {
  const file = join(folder, 'log');
  const log = openLog({ level: 'info', file });
  log.info({ path: '/x' }, 'done');
  log.debug('not asked for');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toMatch(/^\{"level":30,"time":"\d{4}-\d\d-\d\dT[^"]+Z","path":"\/x","msg":"done"\}\n$/);
});

test('a disk that is full costs lines, not the program', () => {
  const log = openLog({ level: 'info', file: '/dev/full' });
  for (let i = 0; i < 100; i += 1) expect(() => log.error('x'.repeat(100_000))).not.toThrow();
});

test('a file that cannot be opened is told at once', async () => {
  await writeFile(join(folder, 'file'), '');
  expect(() => openLog({ level: 'info', file: join(folder, 'file', 'log') })).toThrow(/EEXIST|ENOTDIR/);
});
