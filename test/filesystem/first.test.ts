import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { emptying, errnoOf, exclusively, forAppending, forBoth, forReading, forWriting, mount, someone, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/a/one.txt', 'one', 1_600_000_000_000);
  m.platform.put('/a/two.txt', 'two two', 1_600_000_001_000);
});
afterEach(async () => { await m.end(); });

describe('reading', () => {
  test('a file is read, its folder listed once for all names and attributes', async () => {
    expect(await m.names('/a')).toEqual(['one.txt', 'two.txt']);
    expect((await m.stat('/a/one.txt')).size).toBe(3);
    expect((await m.stat('/a/two.txt')).mtime).toBe(1_600_000_001_000);
    expect(m.platform.calls.list).toBe(2); // the root, for the name `a`, and `a`
    expect(m.platform.calls.stat).toBe(0);
    expect(await m.cat('/a/one.txt')).toBe('one');
    expect(m.platform.calls.read).toBe(1);
  });

  test('many readers of one block make one request', async () => {
    m.platform.put('/big', Buffer.alloc(100_000, 7), 1_600_000_000_000);
    const file = await m.open('/big', forReading);
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => m.read(file, i * 1000, 1000)));
    expect(Buffer.concat(all).equals(Buffer.alloc(20_000, 7))).toBe(true);
    await m.close(file);
    expect(m.platform.calls.read).toBe(1);
  });
});

describe('writing', () => {
  test('what is saved is on the platform when close returns', async () => {
    await m.save('/a/new.txt', 'hello');
    expect(m.platform.text('/a/new.txt')).toBe('hello');
    expect(await m.cat('/a/new.txt')).toBe('hello');
    expect(await m.names('/a')).toEqual(['new.txt', 'one.txt', 'two.txt']);
  });

  test('cp: exclusive create, write, set times, close', async () => {
    const file = await m.open('/a/copy', exclusively, { create: true });
    await m.write(file, 0, 'abc');
    await m.fs.setattr(file.node, { mtime: 1_500_000_000_700 }, file.handle, someone);
    await m.close(file);
    expect(m.platform.text('/a/copy')).toBe('abc');
    expect(m.platform.modified('/a/copy')).toBe(1_500_000_000_700);
    expect((await m.stat('/a/copy')).mtime).toBe(1_500_000_000_000);
    expect(m.platform.calls.setModified).toBe(0);
  });

  test('an append fetches what was there and sends the whole', async () => {
    const file = await m.open('/a/two.txt', forAppending);
    await m.write(file, 7, '!');
    await m.close(file);
    expect(m.platform.text('/a/two.txt')).toBe('two two!');
  });

  test('a write in the middle, a read back before the close', async () => {
    const file = await m.open('/a/two.txt', forBoth);
    await m.write(file, 1, 'W');
    expect((await m.read(file)).toString()).toBe('tWo two');
    await m.close(file);
    expect(m.platform.text('/a/two.txt')).toBe('tWo two');
  });

  test('an emptied file is not fetched, and a failed close leaves the old bytes', async () => {
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.save('/a/one.txt', 'new content'))).toBe('EDQUOT');
    expect(m.platform.text('/a/one.txt')).toBe('one');
    expect(await m.cat('/a/one.txt')).toBe('one');
    const unsent = await m.fs.shutdown(AbortSignal.timeout(1000), false);
    expect(unsent.map((file) => file.path)).toEqual(['/a/one.txt']);
  });

  test('touch of a new file sends it at the second FLUSH', async () => {
    const file = await m.open('/a/t', forWriting, { create: true });
    await m.flush(file);
    expect(m.platform.get('/a/t')).toBeUndefined();
    await m.fs.setattr(file.node, { mtime: 'now', atime: 'now' }, file.handle, someone);
    await m.close(file);
    expect(m.platform.text('/a/t')).toBe('');
  });

  test('echo > existing: the FLUSH before the first byte sends nothing', async () => {
    const file = await m.open('/a/one.txt', emptying);
    await m.flush(file);
    expect(m.platform.text('/a/one.txt')).toBe('one');
    await m.write(file, 0, 'x\n');
    await m.close(file);
    expect(m.platform.text('/a/one.txt')).toBe('x\n');
    expect(m.platform.calls.write).toBe(1);
  });

  test(': > file is sent at RELEASE', async () => {
    const file = await m.open('/a/one.txt', emptying);
    await m.close(file);
    expect(m.platform.text('/a/one.txt')).toBe('');
  });

  test('truncate by path is sent before the answer', async () => {
    await m.set('/a/two.txt', { size: 3 });
    expect(m.platform.text('/a/two.txt')).toBe('two');
    await m.set('/a/two.txt', { size: 5 });
    expect(m.platform.text('/a/two.txt')).toBe('two\0\0');
  });
});

describe('names', () => {
  test('rename, unlink, mkdir, rmdir', async () => {
    await m.mkdir('/b');
    await m.rename('/a/one.txt', '/b/uno.txt');
    expect(m.platform.tree()).toEqual(['/a/', '/a/two.txt', '/b/', '/b/uno.txt']);
    expect(await m.cat('/b/uno.txt')).toBe('one');
    expect(await errnoOf(m.rmdir('/b'))).toBe('ENOTEMPTY');
    await m.unlink('/b/uno.txt');
    await m.rmdir('/b');
    expect(m.platform.tree()).toEqual(['/a/', '/a/two.txt']);
    expect(await m.exists('/b')).toBe(false);
  });

  test('an unlinked open file is readable until its close, and then gone', async () => {
    const file = await m.open('/a/two.txt', forReading);
    await m.unlink('/a/two.txt');
    expect(await m.exists('/a/two.txt')).toBe(false);
    expect((await m.read(file)).toString()).toBe('two two');
    expect(m.platform.tree({ hidden: true })).toHaveLength(3);
    await m.close(file);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/', '/a/one.txt']);
  });

  test('a rename over an open target leaves its writer no way to that name', async () => {
    const old = await m.open('/a/two.txt', forBoth);
    await m.write(old, 0, 'OLD');
    await m.rename('/a/one.txt', '/a/two.txt');
    await m.close(old);
    expect(m.platform.text('/a/two.txt')).toBe('one');
  });
});
