/** What stat(2) shows: sizes, modes, owners, times of change. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { elapse, errnoOf, exclusively, forReading, forWriting, longAgo, mount, someone, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/f', 'content', longAgo);
  m.platform.putFolder('/d', longAgo);
});
afterEach(async () => { await m.end(); });

const remount = async (): Promise<void> => { m = (await m.remount()).next; };

describe('sizes', () => {
  test.each([[0, 0], [1, 1], [512, 1], [513, 2], [4096, 8], [5 * 2 ** 30 + 1, 10_485_761]])(
    'st_blocks is ceil(size / 512): %d bytes are %d blocks', async (size, blocks) => {
      const file = await m.open('/new', exclusively, { create: true });
      await m.set('/new', { size }, file);
      expect(await m.attributes(file.node)).toMatchObject({ size, blocks });
      await m.unlink('/new');
      await m.close(file);
    });

  test('a folder has a size that no tool takes for content, and one link', async () => {
    expect(await m.stat('/d')).toMatchObject({ kind: 'folder', size: 4096, blocks: 8, nlink: 1 });
  });
});

describe('modes and owners', () => {
  test('files 0644 and folders 0755 less the umask; owners are the mount\'s', async () => {
    await m.end();
    m = await mount({ settings: { umask: 0o027, uid: 12, gid: 34 } });
    m.platform.put('/d/f', 'x', longAgo);
    expect(await m.stat('/d/f')).toMatchObject({ mode: 0o640, uid: 12, gid: 34 });
    expect(await m.stat('/d')).toMatchObject({ mode: 0o750, uid: 12, gid: 34 });
  });

  test('new files belong to the program\'s uid and gid while the inode is in memory', async () => {
    await m.mkdir('/e');
    await m.save('/e/f', 'x');
    expect(await m.stat('/e')).toMatchObject({ uid: 1000, gid: 1000 });
    expect(await m.stat('/e/f')).toMatchObject({ uid: 1000, gid: 1000 });
    await remount();
    expect(await m.stat('/e/f')).toMatchObject({ uid: 0, gid: 0 });
  });

  test('--permissions ignore: chmod and chown return 0 and change nothing seen', async () => {
    const before = await m.stat('/f');
    m.platform.resetCounters();
    await m.set('/f', { mode: 0o600 });
    await m.set('/f', { uid: 5, gid: 6 });
    await m.set('/d', { mode: 0o700 });
    expect(m.platform.log).toEqual([]);
    expect(await m.stat('/f')).toEqual(before);
  });

  test('--permissions refuse: EPERM, but what asks for what is shown succeeds', async () => {
    await m.end();
    m = await mount({ settings: { permissions: 'refuse' } });
    m.platform.put('/f', 'content', longAgo);
    expect(await errnoOf(m.set('/f', { mode: 0o600 }))).toBe('EPERM');
    expect(await errnoOf(m.set('/f', { uid: 5 }))).toBe('EPERM');
    expect(await errnoOf(m.set('/f', { mode: 0o100644 }))).toBe('none');
    expect(await errnoOf(m.set('/f', { uid: 0, gid: 0 }))).toBe('none');
    await m.save('/new', 'x');
    expect(await errnoOf(m.set('/new', { uid: 1000, gid: 1000, mode: 0o644 }))).toBe('none');
  });
});

describe('ctime is mtime, except for what this mount changed: then the time of the change', () => {
  test('of what nobody changed here', async () => {
    expect(await m.stat('/f')).toMatchObject({ mtime: longAgo, ctime: longAgo });
    expect(await m.stat('/d')).toMatchObject({ mtime: longAgo, ctime: longAgo });
  });

  test('a file replaced by one with an older time (cp -p) does not look unchanged, also after a remount', async () => {
    const before = Date.now();
    const file = await m.open('/f', { ...forWriting, truncate: true });
    await m.write(file, 0, 'replaced');
    await m.fs.setattr(file.node, { mtime: longAgo, atime: longAgo }, file.handle, someone);
    await m.close(file);
    const { ctime, mtime } = await m.stat('/f');
    expect(mtime).toBe(longAgo);
    expect(ctime).toBeGreaterThanOrEqual(before);
    elapse(60_000);
    expect(await m.stat('/f')).toMatchObject({ ctime, mtime });
    await remount();
    expect(await m.stat('/f')).toMatchObject({ ctime, mtime });
  });

  test('a time set by path, a rename: the time of it, the same after a remount', async () => {
    const before = Date.now();
    await m.set('/f', { mtime: longAgo - 5000 });
    const set = await m.stat('/f');
    expect(set.ctime).toBeGreaterThanOrEqual(before);
    elapse(60_000);
    await m.rename('/f', '/g');
    await m.rename('/d', '/e');
    const file = await m.stat('/g');
    const folder = await m.stat('/e');
    expect(file.ctime).toBeGreaterThanOrEqual(before + 60_000);
    expect(file.mtime).toBe(longAgo - 5000);
    expect(folder.ctime).toBeGreaterThanOrEqual(before + 60_000);
    await remount();
    expect([await m.stat('/g'), await m.stat('/e')].map(({ ctime }) => ctime)).toEqual([file.ctime, folder.ctime]);
  });

  test('of what lies in a folder that is renamed: it stays, the same after a remount', async () => {
    m.platform.put('/d/e/x', 'x', longAgo);
    await m.set('/d/e/x', { mtime: longAgo - 5000 });
    const { ctime } = await m.stat('/d/e/x');
    await m.rename('/d', '/n');
    expect((await m.stat('/n/e/x')).ctime).toBe(ctime);
    await remount();
    expect((await m.stat('/n/e/x')).ctime).toBe(ctime);
  });

  test('bound to size and mtime: where somebody else changed the file it says nothing', async () => {
    await m.set('/f', { mtime: longAgo - 5000 });
    m.platform.put('/f', 'by somebody else', longAgo + 9000);
    elapse(60_000);
    expect(await m.stat('/f')).toMatchObject({ mtime: longAgo + 9000, ctime: longAgo + 9000 });
    await remount();
    expect((await m.stat('/f')).ctime).toBe(longAgo + 9000);
  });

  test('nor for a new file of a name that was deleted here', async () => {
    await m.set('/f', { mtime: longAgo });
    await m.unlink('/f');
    m.platform.put('/f', 'content', longAgo);
    await remount();
    expect((await m.stat('/f')).ctime).toBe(longAgo);
  });

  test('a folder made here, then filled: the time of the last, the same after a remount', async () => {
    await m.mkdir('/n');
    elapse(5000);
    await m.save('/n/x', 'x');
    elapse(60_000);
    const shown = await m.stat('/n');
    expect(shown.ctime).toBeGreaterThanOrEqual(shown.mtime);
    await remount();
    expect((await m.stat('/n')).ctime).toBe(shown.ctime);
  });

  test('a folder that others changed shows their time', async () => {
    await m.set('/d', { mtime: longAgo - 5000 });
    m.platform.remove('/d');
    m.platform.putFolder('/d', longAgo + 7000);
    elapse(60_000);
    expect(await m.stat('/d')).toMatchObject({ mtime: longAgo + 7000, ctime: longAgo + 7000 });
  });
});

describe('the root', () => {
  test('its time is the first seen, kept for all mounts', async () => {
    const first = await m.stat('/');
    elapse(3_600_000);
    await remount();
    expect(await m.stat('/')).toMatchObject({ ino: 1n, mtime: first.mtime, ctime: first.ctime });
  });
});

describe('new things get the time of this machine, unless the platform\'s clock differs by more than it can be rounded', () => {
  test('an old answer about a folder does not set the clock back', async () => {
    await m.names('/');
    await m.names('/d');
    elapse(8000);
    await m.save('/d/one', 'x');
    const before = Date.now();
    await m.save('/d/two', 'x');
    expect(m.platform.modified('/d/two')).toBeGreaterThanOrEqual(before);
  });

  test('a platform that is an hour ahead is believed', async () => {
    await m.end();
    m = await mount({ provider: { clock: () => Date.now() + 3_600_000 } });
    m.platform.put('/f', 'x', longAgo);
    await m.names('/');
    const before = Date.now();
    await m.save('/new', 'x');
    expect(m.platform.modified('/new')).toBeGreaterThanOrEqual(before + 3_599_000);
  });
});

test('df asks nothing of the platform while it waits', async () => {
  await m.end();
  m = await mount();
  m.platform.quotaAnswer = { total: 1000 * 4096, used: 400 * 4096 };
  expect(m.fs.statfs()).toMatchObject({ blockSize: 4096, nameLength: 255 });
  elapse(120_000);
  m.fs.statfs();
  await new Promise((resolve) => setImmediate(resolve));
  m.platform.hook = () => { throw new Error('asked'); };
  expect(m.fs.statfs()).toMatchObject({ blocks: 1000, blocksFree: 600 });
});

test('lseek: all is data up to the end, and the end is the only hole', async () => {
  const file = await m.open('/f', forReading);
  const seek = (offset: number, whence: 'data' | 'hole'): Promise<number> => m.fs.lseek(file.node, file.handle, offset, whence, someone);
  expect([await seek(0, 'data'), await seek(3, 'data'), await seek(3, 'hole')]).toEqual([0, 3, 7]);
  expect(await errnoOf(seek(7, 'data'))).toBe('ENXIO');
  await m.close(file);
});
