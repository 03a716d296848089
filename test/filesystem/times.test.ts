/** Times: in the orders in which tools set them, shown rounded from the first moment (promise 8). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { elapse, emptying, errnoOf, exclusively, forReading, forWriting, longAgo, mount, someone, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/f', 'content', longAgo);
});
afterEach(async () => { await m.end(); });

const set = longAgo - 86_400_000 + 567;
const shown = longAgo - 86_400_000;

describe('orders seen', () => {
  test('tar: WRITE, utimens, fchown, fchmod, then FLUSH', async () => {
    const file = await m.open('/new', exclusively, { create: true });
    await m.write(file, 0, 'abc');
    await m.fs.setattr(file.node, { mtime: set }, file.handle, someone);
    await m.fs.setattr(file.node, { uid: 1000, gid: 1000 }, file.handle, someone);
    await m.fs.setattr(file.node, { mode: 0o644 }, file.handle, someone);
    expect((await m.attributes(file.node)).mtime).toBe(shown);
    await m.flush(file);
    expect((await m.attributes(file.node)).mtime).toBe(shown);
    await m.release(file);
    expect(m.platform.modified('/new')).toBe(set);
    expect(m.platform.log.filter((line) => /write|setModified/.test(line))).toEqual(['write /new']);
  });

  test('cp -p: WRITE, utimens of both times, setxattr that falls back, FLUSH', async () => {
    const file = await m.open('/new', exclusively, { create: true });
    await m.write(file, 0, 'abc');
    await m.fs.setattr(file.node, { mtime: set, atime: set + 1000 }, file.handle, someone);
    expect(await errnoOf(m.fs.setxattr(file.node, 'system.posix_acl_access', Buffer.from('x'), someone))).toBe('EOPNOTSUPP');
    await m.close(file);
    expect(m.platform.modified('/new')).toBe(set);
    expect(await m.stat('/new')).toMatchObject({ mtime: shown, atime: set + 1000 });
    elapse(60_000);
    expect((await m.stat('/new')).mtime).toBe(shown);
  });

  test('rsync: FLUSH, RELEASE, then SETATTR by path, OPEN read-only, fchmod, RENAME', async () => {
    const file = await m.open('/.new.XXXX', exclusively, { create: true });
    await m.write(file, 0, 'abc');
    await m.close(file);
    await m.set('/.new.XXXX', { mtime: set, atime: set });
    const again = await m.open('/.new.XXXX', forReading);
    await m.set('/.new.XXXX', { mode: 0o644 }, again);
    await m.close(again);
    await m.rename('/.new.XXXX', '/new');
    expect(m.platform.modified('/new')).toBe(set);
    const { ino } = await m.stat('/new');
    expect(await m.stat('/new')).toMatchObject({ mtime: shown, size: 3 });
    m = (await m.remount()).next;
    expect(await m.stat('/new')).toMatchObject({ mtime: shown, size: 3, ino });
  });

  test('touch of what exists: OPEN, FLUSH, SETATTR, FLUSH sets the time alone', async () => {
    const before = Date.now();
    const file = await m.open('/f', forWriting);
    await m.flush(file);
    await m.fs.setattr(file.node, { mtime: 'now', atime: 'now' }, file.handle, someone);
    await m.close(file);
    expect(m.platform.calls.write + m.platform.calls.read).toBe(0);
    expect(m.platform.calls.setModified).toBe(1);
    expect(m.platform.modified('/f')).toBeGreaterThanOrEqual(before - 1);
    expect(m.platform.text('/f')).toBe('content');
  });

  test('cp over: OPEN(O_TRUNC), WRITE, FLUSH: the time of the last write', async () => {
    const before = Date.now();
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'new');
    await m.close(file);
    expect(m.platform.modified('/f')).toBeGreaterThanOrEqual(before - 1);
    expect((await m.stat('/f')).mtime).toBeGreaterThanOrEqual(Math.floor((before - 1) / 1000) * 1000);
  });
});

describe('what replaces what', () => {
  test('a later WRITE replaces a time that was set', async () => {
    const before = Date.now();
    const file = await m.open('/f', forWriting);
    await m.fs.setattr(file.node, { mtime: set }, file.handle, someone);
    await m.write(file, 0, 'C');
    await m.close(file);
    expect(m.platform.modified('/f')).toBeGreaterThanOrEqual(before - 1);
  });

  test('a FLUSH does not', async () => {
    const file = await m.open('/f', forWriting);
    await m.write(file, 0, 'C');
    await m.flush(file);
    await m.fs.setattr(file.node, { mtime: set }, file.handle, someone);
    await m.flush(file);
    await m.release(file);
    expect(m.platform.modified('/f')).toBe(set);
    expect(m.platform.calls.write).toBe(1);
  });

  test('a time set while the file is being sent is the last word', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'new');
    const closing = m.close(file);
    await m.set('/f', { mtime: set });
    await closing;
    expect(m.platform.modified('/f')).toBe(set);
    expect(await m.stat('/f')).toMatchObject({ mtime: shown, size: 3 });
  });

  test('a new length is a change: the time is now', async () => {
    const before = Date.now();
    await m.set('/f', { size: 3 });
    expect(m.platform.modified('/f')).toBeGreaterThanOrEqual(before - 1);
  });

  test('length and time in one: the time', async () => {
    await m.set('/f', { size: 3, mtime: set });
    expect(m.platform.text('/f')).toBe('con');
    expect(m.platform.modified('/f')).toBe(set);
  });
});

describe('shown', () => {
  test('rounded from the first moment, on every way', async () => {
    const file = await m.open('/new', exclusively, { create: true });
    const rounded = (time: number): boolean => time % 1000 === 0;
    const seen = [(await m.attributes(file.node)).mtime];
    await m.write(file, 0, 'x');
    seen.push((await m.attributes(file.node)).mtime);
    await m.flush(file);
    seen.push((await m.attributes(file.node)).mtime);
    await m.release(file);
    seen.push((await m.stat('/new')).mtime);
    await m.mkdir('/d');
    seen.push((await m.stat('/d')).mtime, (await m.stat('/')).mtime);
    expect(seen.every(rounded)).toBe(true);
    elapse(60_000);
    expect((await m.stat('/new')).mtime).toBe(seen[3]);
  });

  test('the access time that was set, as long as the inode is in memory; else the modification time', async () => {
    expect((await m.stat('/f')).atime).toBe(longAgo);
    m.platform.resetCounters();
    await m.set('/f', { atime: set });
    expect(await m.stat('/f')).toMatchObject({ atime: set, mtime: longAgo });
    expect(m.platform.log).toEqual([]);
  });

  test('times of folders', async () => {
    await m.mkdir('/d');
    await m.set('/d', { mtime: set });
    expect(m.platform.modified('/d')).toBe(set);
    expect((await m.stat('/d')).mtime).toBe(shown);
  });

  test('a folder\'s time moves with what is made, removed and renamed in it', async () => {
    m.platform.put('/d/f', 'x', longAgo);
    for (const change of [() => m.save('/d/new', 'x'), () => m.rename('/d/new', '/d/n'), () => m.unlink('/d/n'), () => m.mkdir('/d/e'), () => m.rmdir('/d/e')]) {
      await m.set('/d', { mtime: longAgo });
      expect((await m.stat('/d')).mtime).toBe(longAgo);
      const before = Math.floor(Date.now() / 1000) * 1000;
      await change();
      expect((await m.stat('/d')).mtime).toBeGreaterThanOrEqual(before);
    }
  });
});
