/** `st_ino` and node ids: what programs know a file again by (promise 11). */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Entry } from '../../src/providers/provider.js';
import { InodeTable } from '../../src/filesystem/inode-table.js';
import { inodeNumber } from '../../src/filesystem/inode-number.js';
import { elapse, exclusively, forReading, longAgo, mount, someone, type Mount } from './harness.js';

vi.mock(import('../../src/filesystem/inode-number.js'), async (original) => {
  const real = await original();
  return { ...real, inodeNumber: vi.fn(real.inodeNumber) };
});

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/a/one', 'one', longAgo);
  m.platform.put('/a/two', 'two', longAgo);
});
afterEach(async () => { await m.end(); });

async function numbers(mounted: Mount, paths: string[]): Promise<bigint[]> {
  return await Promise.all(paths.map(async (path) => (await mounted.stat(path)).ino));
}

describe('st_ino is a hash of the platform\'s stable id, else of the current path', () => {
  test('the same at every mount, whatever was looked at first', async () => {
    const before = await numbers(m, ['/', '/a', '/a/one', '/a/two']);
    expect(new Set(before).size).toBe(4);
    m = (await m.remount()).next;
    expect((await numbers(m, ['/a/two', '/a/one', '/a', '/'])).reverse()).toEqual(before);
  });

  test('changes with a rename where there is no id, to what the next mount says', async () => {
    const before = await numbers(m, ['/a', '/a/one']);
    await m.rename('/a/one', '/a/un');
    await m.rename('/a', '/b');
    const after = await numbers(m, ['/b', '/b/un']);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    m = (await m.remount()).next;
    expect(await numbers(m, ['/b', '/b/un'])).toEqual(after);
  });

  test('what takes the place of a renamed folder has the numbers of its paths', async () => {
    const before = await numbers(m, ['/a', '/a/one']);
    await m.rename('/a', '/b');
    await m.mkdir('/a');
    await m.save('/a/one', 'new');
    // Nobody asked for the renamed ones' numbers in between.
    expect(await numbers(m, ['/a', '/a/one'])).toEqual(before);
    expect(new Set(await numbers(m, ['/a', '/a/one', '/b', '/b/one'])).size).toBe(4);
  });

  test('a file that replaces another by rename has the number of the name; the replaced one, still open, another', async () => {
    const [number] = await numbers(m, ['/a/one']);
    const old = await m.open('/a/one', forReading);
    await m.save('/a/new', 'new');
    await m.rename('/a/new', '/a/one');
    expect(await numbers(m, ['/a/one'])).toEqual([number]);
    expect((await m.attributes(old.node)).ino).not.toBe(number);
    await m.close(old);
  });

  test('stable with ids, also through a rename, here or by others', async () => {
    await m.end();
    m = await mount({ provider: { traits: { stableIds: true } } });
    m.platform.put('/a/one', 'one', longAgo);
    m.platform.put('/a/two', 'two', longAgo);
    const [one, two] = await numbers(m, ['/a/one', '/a/two']);
    await m.rename('/a/one', '/a/un');
    m.platform.rename('/a/two', '/deux');
    elapse(60_000);
    // The old name of the second one was not asked for again.
    expect(await numbers(m, ['/a/un', '/deux'])).toEqual([one, two]);
    m = (await m.remount()).next;
    expect(await numbers(m, ['/a/un', '/deux'])).toEqual([one, two]);
  });

  test('with ids, a file that is new under an old name is another file', async () => {
    await m.end();
    m = await mount({ provider: { traits: { stableIds: true } } });
    m.platform.put('/one', 'one', longAgo);
    const node = await m.node('/one');
    const [before] = await numbers(m, ['/one']);
    m.platform.remove('/one');
    m.platform.put('/one', 'new', longAgo);
    elapse(60_000);
    expect(await m.node('/one')).not.toBe(node);
    expect(await numbers(m, ['/one'])).not.toEqual([before]);
  });

  test('a new file has, before and after it is sent, the number that the next mount gives it', async () => {
    const file = await m.open('/a/new', exclusively, { create: true });
    const before = (await m.attributes(file.node)).ino;
    await m.write(file, 0, 'x');
    await m.close(file);
    expect(await numbers(m, ['/a/new'])).toEqual([before]);
    m = (await m.remount()).next;
    expect(await numbers(m, ['/a/new'])).toEqual([before]);
  });

  test('READDIR\'s d_ino equals stat\'s, for names looked up before and not, and for . and ..', async () => {
    await m.node('/a/one');
    const node = await m.node('/a');
    const handle = await m.fs.opendir(node, someone);
    const listed = new Map([...m.fs.readdir(node, handle, 0)].map(({ name, ino }) => [name, ino]));
    m.fs.releasedir(node, handle);
    expect(await numbers(m, ['/a', '/', '/a/one', '/a/two'])).toEqual(['.', '..', 'one', 'two'].map((name) => listed.get(name)));
  });
});

describe('two live objects never share a number, whatever the hash', () => {
  const entry = (name: string): Entry => ({ name, kind: 'file', size: 1, modified: 0, version: 'v', observed: 0 });

  beforeEach(() => { vi.mocked(inodeNumber).mockImplementation((_identity, attempt = 0) => 1000n + BigInt(attempt)); });
  afterEach(() => { vi.mocked(inodeNumber).mockReset(); });

  test('the second takes the next; d_ino says the same; a number that is given back is used again', () => {
    const table = new InodeTable({ ...entry(''), kind: 'folder' });
    const a = table.add(table.root, 'a', entry('a'), 0);
    const b = table.add(table.root, 'b', entry('b'), 0);
    a.lookups = b.lookups = 1;
    expect([table.number(a), table.number(b), table.number(a)]).toEqual([1000n, 1001n, 1000n]);
    expect(table.numberOf(table.root, entry('a'))).toBe(1000n);
    expect(table.numberOf(table.root, entry('c'))).toBe(1002n);
    const c = table.add(table.root, 'c', entry('c'), 0);
    expect(table.number(c)).toBe(1002n);
    table.forget(a.node, 1);
    const d = table.add(table.root, 'd', entry('d'), 0);
    expect(table.number(d)).toBe(1000n);
    expect(table.number(b)).toBe(1001n);
  });
});

describe('node ids', () => {
  test('are never given twice, and survive a rename', async () => {
    const node = await m.node('/a/one');
    await m.rename('/a/one', '/a/un');
    expect(await m.node('/a/un')).toBe(node);
    await m.unlink('/a/un');
    m.fs.forget(node, 10);
    await m.save('/a/un', 'new');
    expect(await m.node('/a/un')).not.toBe(node);
  });

  test('a node that the kernel has given back is not known any more, one in use is', async () => {
    const file = await m.open('/a/one', forReading);
    m.fs.forget(file.node, 1);
    expect((await m.read(file)).toString()).toBe('one');
    await m.close(file);
    await expect(m.attributes(file.node)).rejects.toMatchObject({ errno: 'ESTALE' });
  });
});
