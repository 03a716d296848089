/** Paths become nodes, and every lookup that was counted is given back. */
import { beforeEach, describe, expect, test } from 'vitest';
import { rootNode } from '../../../src/filesystem/filesystem.js';
import { RequestCaller } from '../../../src/fuse/caller.js';
import { PathTable } from '../../../src/fuse/path/path-table.js';
import { alikeSpellings, exactSpelling, namesAsOn } from '../../../src/fuse/path/spellings.js';
import { MemoryFileSystem } from '../../support/memory-filesystem.js';

const caller = new RequestCaller({ pid: 1, uid: 0, gid: 0 });
let fs: MemoryFileSystem;

async function folder(parent: number, name: string): Promise<number> {
  const { node } = await fs.mkdir(parent, name, 0o755, caller);
  fs.forget(node, 1);
  return node;
}

beforeEach(() => {
  fs = new MemoryFileSystem({ ttl: 1000, directIo: false, uid: 0, gid: 0 });
});

describe('lookup counts', () => {
  test('of each path one is kept, up to the limit; dropping gives them back', async () => {
    const table = new PathTable(fs, 3, exactSpelling);
    const deep = await folder(await folder(await folder(rootNode, 'a'), 'b'), 'c');
    for (let index = 0; index < 5; index += 1) fs.plant(deep, `f${index}`, Buffer.from('x'));
    for (let index = 0; index < 5; index += 1) {
      const held = await table.resolve(`/a/b/c/f${index}`, caller);
      expect(held.node).toBe(fs.nodeOf(deep, `f${index}`));
      held.release();
      held.release();
    }
    expect(fs.report().lookups).toBe(3);
    table.drop('/a');
    expect(fs.report().lookups).toBe(0);
  });

  test('a name that is longer than any may be is told as that', async () => {
    const table = new PathTable(fs, 0, exactSpelling);
    await folder(rootNode, 'a');
    await expect(table.resolve(`/a/${'é'.repeat(128)}`, caller)).rejects.toMatchObject({ errno: 'ENAMETOOLONG' });
  });

  test('a path that is not there gives back what its folders cost, and is ENOENT', async () => {
    const table = new PathTable(fs, 0, exactSpelling);
    await folder(rootNode, 'a');
    await expect(table.resolve('/a/none/x', caller)).rejects.toMatchObject({ errno: 'ENOENT' });
    expect(fs.report().lookups).toBe(0);
  });

  test('what is taken stays counted until it is given back, whatever becomes of its path', async () => {
    const table = new PathTable(fs, 100, exactSpelling);
    fs.plant(rootNode, 'f', Buffer.from('x'));
    const forget = (await table.resolve('/f', caller)).take();
    await fs.unlink(rootNode, 'f', caller);
    table.drop('/f');
    expect(fs.report().lookups).toBe(1);
    forget();
    expect(fs.report().lookups).toBe(0);
  });

  test('a rename moves what is kept below it', async () => {
    const table = new PathTable(fs, 100, exactSpelling);
    fs.plant(await folder(rootNode, 'a'), 'f', Buffer.from('x'));
    (await table.resolve('/a/f', caller)).release();
    await fs.rename(rootNode, 'a', rootNode, 'b', { noReplace: false }, caller);
    table.rename('/a', '/b');
    (await table.resolve('/b/f', caller)).release();
    expect(fs.report().lookups).toBe(2);
    table.drop('/b');
    expect(fs.report().lookups).toBe(0);
  });
});

describe('names with marks', () => {
  const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'];

  test.each([[composed, decomposed], [decomposed, composed]])('%j is found as %j where spellings are alike, and only there', async (stored, asked) => {
    fs.plant(rootNode, stored, Buffer.from('x'));
    const held = await new PathTable(fs, 0, alikeSpellings).resolve(`/${asked}`, caller);
    expect(held.node).toBe(fs.nodeOf(rootNode, stored));
    held.release();
    await expect(new PathTable(fs, 0, exactSpelling).resolve(`/${asked}`, caller)).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  test('a new one is made composed; one that exists keeps its spelling', async () => {
    const table = new PathTable(fs, 0, alikeSpellings);
    const place = await table.resolvePlace(`/${decomposed}`, caller);
    place.folder.release();
    expect(place.name).toBe(composed);
    fs.plant(rootNode, decomposed, Buffer.from('x'));
    const existing = await table.resolvePlace(`/${composed}`, caller);
    existing.folder.release();
    expect(existing.name).toBe(decomposed);
    expect(fs.report().lookups).toBe(0);
  });

  test('are alike on macOS alone', () => {
    expect(namesAsOn('darwin')(decomposed)).toEqual([composed, decomposed]);
    expect(namesAsOn('linux')(decomposed)).toEqual([decomposed]);
  });
});
