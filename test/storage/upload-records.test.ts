import { mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openUploadRecords } from '../../src/storage/upload-records.js';

describe('records of uploads', () => {
  let folder = '';
  const now = Date.now();
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'amarre-test-')), 'uploads');
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));

  it('are there for the next one who opens them, until they are forgotten', async () => {
    const first = await openUploadRecords(folder, now);
    await first.keep('/a/b', 'one');
    await first.keep('/a/b', 'two');
    await first.keep('/a/c', 'three');
    const second = await openUploadRecords(folder, now);
    expect([await second.find('/a/b'), await second.find('/a/c'), await second.find('/a/d')]).toEqual(['two', 'three', undefined]);
    await second.forget('/a/b');
    await second.forget('/a/b');
    expect([await first.find('/a/b'), await first.find('/a/c')]).toEqual([undefined, 'three']);
  });

  it('are for their owner alone, and say nothing of the place in their names', async () => {
    const records = await openUploadRecords(folder, now);
    await records.keep('/secret plans/b', 'one');
    const names = await readdir(folder);
    expect(names.join()).toMatch(/^[0-9a-f]{32}$/);
    expect((await stat(join(folder, names.join()))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('go when they are so old that no platform has the pieces any more', async () => {
    const records = await openUploadRecords(folder, now);
    await records.keep('/old', 'one');
    const old = new Date(now - 15 * 24 * 3600 * 1000);
    await utimes(join(folder, (await readdir(folder)).join()), old, old);
    await records.keep('/new', 'two');
    const next = await openUploadRecords(folder, now);
    expect([await next.find('/old'), await next.find('/new')]).toEqual([undefined, 'two']);
  });
});
