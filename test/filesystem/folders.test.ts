/** Reading folders: READDIR, READDIRPLUS, their cookies and their lookup counts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DirectoryEntry, NodeId } from '../../src/filesystem/filesystem.js';
import { elapse, errnoOf, exclusively, forWriting, longAgo, mount, someone, type Mount } from './harness.js';

let m: Mount;
let node: NodeId;
beforeEach(async () => {
  m = await mount();
  for (let i = 0; i < 50; i += 1) m.platform.put(`/d/${String(i).padStart(2, '0')}`, 'x'.repeat(i), longAgo);
  node = await m.node('/d');
});
afterEach(async () => { await m.end(); });

const take = (handle: number, cookie: number, count: number): DirectoryEntry[] => [...m.fs.readdir(node, handle, cookie)].slice(0, count);

describe('READDIR', () => {
  test('. and .. first, then every name once, whatever the pieces', async () => {
    const handle = await m.fs.opendir(node, someone);
    const names: string[] = [];
    for (let cookie = 0; ;) {
      const [...entries] = take(handle, cookie, 7);
      if (entries.length === 0) break;
      names.push(...entries.map(({ name }) => name));
      cookie = entries.at(-1)?.cookie ?? 0;
    }
    expect(names.slice(0, 2)).toEqual(['.', '..']);
    expect(names.slice(2)).toEqual(Array.from({ length: 50 }, (_, i) => String(i).padStart(2, '0')));
    m.fs.releasedir(node, handle);
  });

  test('cookies stay true while `rm -r` deletes', async () => {
    const handle = await m.fs.opendir(node, someone);
    const removed: string[] = [];
    for (let cookie = 0; ;) {
      const entries = take(handle, cookie, 6);
      if (entries.length === 0) break;
      for (const { name, cookie: at } of entries) {
        cookie = at;
        if (name.startsWith('.')) continue;
        await m.fs.unlink(node, name, someone);
        removed.push(name);
      }
    }
    m.fs.releasedir(node, handle);
    expect(removed).toHaveLength(50);
    await m.rmdir('/d');
    expect(m.platform.tree()).toEqual([]);
  });

  test('a snapshot at OPENDIR: what is made or changed later is in the next', async () => {
    const handle = await m.fs.opendir(node, someone);
    await m.save('/d/new', 'x');
    expect(take(handle, 0, 100).map(({ name }) => name)).not.toContain('new');
    m.fs.releasedir(node, handle);
    expect(await m.names('/d')).toContain('new');
  });

  test('files being written are in it once, before and after they are sent', async () => {
    const made = await m.open('/d/new', exclusively, { create: true });
    const changed = await m.open('/d/00', forWriting);
    await m.write(changed, 0, 'x');
    for (const step of [() => Promise.resolve(), () => m.close(made), () => m.close(changed)]) {
      await step();
      const names = await m.names('/d');
      expect(names.filter((name) => name === 'new' || name === '00')).toEqual(['00', 'new']);
    }
  });

  test('of a closed handle: EBADF', async () => {
    const handle = await m.fs.opendir(node, someone);
    m.fs.releasedir(node, handle);
    expect(() => take(handle, 0, 1)).toThrow(expect.objectContaining({ errno: 'EBADF' }));
  });

  test('of a file: ENOTDIR', async () => {
    expect(await errnoOf(m.fs.opendir(await m.node('/d/00'), someone))).toBe('ENOTDIR');
  });
});

describe('READDIRPLUS', () => {
  test('each answer counts as one lookup; given back, the node is forgotten', async () => {
    const handle = await m.fs.opendir(node, someone);
    const entry = take(handle, 2, 1)[0];
    if (entry === undefined) throw new Error('no entry');
    m.platform.resetCounters();
    const one = m.fs.lookupListed(node, handle, entry);
    const two = m.fs.lookupListed(node, handle, entry);
    expect(one).toMatchObject({ attributes: { size: 0, ino: entry.ino, kind: 'file' } });
    expect(two?.node).toBe(one?.node);
    expect(m.platform.log).toEqual([]);
    m.fs.forget(one?.node ?? 0, 1);
    expect((await m.attributes(one?.node ?? 0)).size).toBe(0);
    m.fs.forget(one?.node ?? 0, 1);
    expect(await errnoOf(m.attributes(one?.node ?? 0))).toBe('ESTALE');
    m.fs.releasedir(node, handle);
  });

  test('nothing for . and .., nor for what went since', async () => {
    const handle = await m.fs.opendir(node, someone);
    const [dot, dots, first, second] = take(handle, 0, 4);
    if (dot === undefined || dots === undefined || first === undefined || second === undefined) throw new Error('too few');
    await m.unlink(`/d/${first.name}`);
    expect([dot, dots, first].map((entry) => m.fs.lookupListed(node, handle, entry))).toEqual([undefined, undefined, undefined]);
    expect(m.fs.lookupListed(node, handle, second)).toBeDefined();
    m.fs.releasedir(node, handle);
  });

  test('shows what is being written as it is, and what was changed since as it is now', async () => {
    const handle = await m.fs.opendir(node, someone);
    const file = await m.open('/d/00', forWriting);
    await m.write(file, 0, 'unsent');
    await m.save('/d/01', 'sent since');
    const entries = take(handle, 2, 2);
    expect(entries.map((entry) => m.fs.lookupListed(node, handle, entry)?.attributes.size)).toEqual([6, 10]);
    await m.close(file);
    m.fs.releasedir(node, handle);
  });

  test('a name that stands for something else now is looked up anew, or shown as that', async () => {
    const handle = await m.fs.opendir(node, someone);
    const entry = take(handle, 2, 1)[0];
    if (entry === undefined) throw new Error('no entry');
    await m.unlink(`/d/${entry.name}`);
    await m.mkdir(`/d/${entry.name}`);
    const found = m.fs.lookupListed(node, handle, entry);
    expect(found === undefined || found.attributes.kind === 'folder').toBe(true);
    m.fs.releasedir(node, handle);
  });
});

test('rmdir of a folder that somebody lists: gone, and its handle can be closed', async () => {
  await m.mkdir('/e');
  const folder = await m.node('/e');
  const handle = await m.fs.opendir(folder, someone);
  await m.rmdir('/e');
  expect([...m.fs.readdir(folder, handle, 0)].map(({ name }) => name)).toEqual(['.', '..']);
  m.fs.releasedir(folder, handle);
  elapse(60_000);
  expect(await m.exists('/e')).toBe(false);
});
