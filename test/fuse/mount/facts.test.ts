import { chmod, mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findHelper, hasCapability } from '../../../src/fuse/mount/facts.js';

describe('the right to mount', () => {
  it.each([
    ['000001ffffffffff', true],
    ['0000000000200000', true],
    ['00000000a80425fb', false],
    ['0000000000000000', false],
  ])('in %s: %s', (set, holds) => {
    expect(hasCapability(`Name:\tnode\nCapInh:\tffffffffffffffff\nCapEff:\t${set}\nCapBnd:\tffffffffffffffff\n`, 21n)).toBe(holds);
  });

  it('is none where nothing is told', () => {
    expect(hasCapability('', 21n)).toBe(false);
  });
});

describe('the helper', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'amarre-test-'));
    for (const name of ['a', 'b']) await mkdir(join(folder, name));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (place: string, mode: number) => {
    await writeFile(join(folder, place), '');
    await chmod(join(folder, place), mode);
  };
  const search = () => findHelper([join(folder, 'a'), '', join(folder, 'nowhere'), join(folder, 'b')].join(':'));

  it('is none where the PATH has none, or nothing that can be run', async () => {
    expect(await search()).toBeUndefined();
    await put('a/fusermount3', 0o644);
    await mkdir(join(folder, 'b', 'fusermount3'));
    expect(await search()).toBeUndefined();
  });

  it('is fusermount3 before fusermount, the first of the PATH', async () => {
    await put('a/fusermount', 0o755);
    expect((await search())?.program).toBe(join(folder, 'a', 'fusermount'));
    await put('b/fusermount3', 0o755);
    expect((await search())?.program).toBe(join(folder, 'b', 'fusermount3'));
  });

  it('is setuid where it has the bit and is root\'s', async () => {
    await put('a/fusermount3', 0o755);
    expect((await search())?.setuid).toBe(false);
    await put('a/fusermount3', 0o4755);
    expect((await search())?.setuid).toBe(process.getuid?.() === 0);
  });
});
