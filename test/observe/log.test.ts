/** The log is a help and no more: what hinders it hinders nobody else. */
import { mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLog } from '../../src/observe/open-log.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('lines of JSON in a file for its owner alone', async () => {
  const file = join(folder, 'log');
  const log = openLog({ level: 'info', file, limit: 0 });
  log.info({ path: '/x' }, 'done');
  log.debug('not asked for');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toMatch(/^\{"level":30,"time":"\d{4}-\d\d-\d\dT[^"]+Z","path":"\/x","msg":"done"\}\n$/);
});

test('a disk that is full costs lines, not the program', () => {
  const log = openLog({ level: 'info', file: '/dev/full', limit: 65_536 });
  for (let i = 0; i < 100; i += 1) expect(() => log.error('x'.repeat(100_000))).not.toThrow();
});

test('a file that cannot be opened is told at once', async () => {
  await writeFile(join(folder, 'file'), '');
  expect(() => openLog({ level: 'info', file: join(folder, 'file', 'log'), limit: 0 })).toThrow(/EEXIST|ENOTDIR/);
});

describe('a log with a limit', () => {
  const limit = 65_536;
  const lineOf = (number: number) => `line ${String(number).padStart(6, '0')} ${'x'.repeat(900)}`;
  const numbersIn = async (file: string) => [...(await readFile(file, 'utf8')).matchAll(/"msg":"line (\d+)/g)].map(([, number]) => Number(number));

  test('never takes more than twice that and a little, and holds the last lines', async () => {
    const file = join(folder, 'log');
    const log = openLog({ level: 'info', file, limit });
    for (let number = 0; number < 1000; number += 1) {
      log.info(lineOf(number));
      expect((await stat(file)).size).toBeLessThan(limit * 1.1);
    }
    expect((await readdir(folder)).sort()).toEqual(['log', 'log.1']);
    const kept = [...await numbersIn(join(folder, 'log.1')), ...await numbersIn(file)];
    const first = kept[0] ?? 0;
    expect(kept).toEqual(Array.from({ length: 1000 - first }, (_, index) => first + index));
    expect(kept.length).toBeGreaterThan(55);
    for (const name of ['log', 'log.1']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  test('is shared: who else appends to it goes on in the same file', async () => {
    const file = join(folder, 'log');
    const log = openLog({ level: 'info', file, limit });
    const other = await open(file, 'a');
    for (let number = 0; number < 100; number += 1) log.info(lineOf(number));
    await other.write('words of a crash\n');
    await other.close();
    expect((await stat(join(folder, 'log.1'))).size).toBeGreaterThan(0);
    expect(await readFile(file, 'utf8')).toContain('words of a crash');
  });

  test('of several mounts: two of them lose no line that one of them would have kept', async () => {
    const file = join(folder, 'log');
    const logs = [openLog({ level: 'info', file, limit }), openLog({ level: 'info', file, limit })];
    for (let number = 0; number < 300; number += 1) logs[number % 2]?.info(lineOf(number));
    const kept = [...await numbersIn(join(folder, 'log.1')), ...await numbersIn(file)];
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 300 - kept.length + index));
    expect(kept.length).toBeGreaterThan(55);
  });

  test('that was large before is begun anew at its first line', async () => {
    const file = join(folder, 'log');
    await writeFile(file, 'y'.repeat(10 * limit));
    openLog({ level: 'info', file, limit }).info(lineOf(1));
    expect((await stat(file)).size).toBeLessThan(2000);
    expect((await stat(join(folder, 'log.1'))).size).toBe(10 * limit);
  });

  test('that somebody has moved away is left alone', async () => {
    const file = join(folder, 'log');
    const log = openLog({ level: 'info', file, limit });
    await rename(file, join(folder, 'moved'));
    await writeFile(file, "another's");
    for (let number = 0; number < 100; number += 1) log.info(lineOf(number));
    expect(await readFile(file, 'utf8')).toBe("another's");
    expect((await readdir(folder)).sort()).toEqual(['log', 'moved']);
  });
});
