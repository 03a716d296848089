/**
 * A platform of documents: what is put over another keeps that one's id, which others point at, and every change
 * of a name or an attribute moves the platform's own time. On the drive neither shows.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rootNode } from '../../src/filesystem/filesystem.js';
import { inodeNumber } from '../../src/filesystem/inode-number.js';
import { emptying, forReading, forWriting, longAgo, mount, someone, type Mount } from './harness.js';

let m: Mount;
let clock = 0;
beforeEach(async () => {
  clock = longAgo + 3_600_000;
  m = await mount({ provider: { documents: true, attributes: true, clock: () => clock } });
  m.platform.put('/d/old', 'old content', longAgo);
  m.platform.put('/d/new', 'new', longAgo);
});
afterEach(async () => { await m.end(); });

const later = (): void => { clock += 60_000; };
const setTime = (path: string, mtime: number): Promise<unknown> => m.set(path, { mtime });
const idOf = async (path: string): Promise<string> => (await m.fs.getxattr(await m.node(path), 'user.amarre.id', someone)).toString();

describe('a document that takes another\'s place', () => {
  test('is that one from then on: id, inode number and later opens', async () => {
    const before = await m.stat('/d/old');
    const id = await idOf('/d/old');
    await m.rename('/d/new', '/d/old');
    expect(await idOf('/d/old')).toBe(id);
    const after = await m.stat('/d/old');
    expect(after).toMatchObject({ ino: before.ino, size: 3 });
    expect(after.ino).toBe(inodeNumber(id));
    expect(await m.cat('/d/old')).toBe('new');
    m = (await m.remount()).next;
    expect(await m.stat('/d/old')).toEqual(after);
  });

  test('shares its number with nobody, also while the replaced one is open', async () => {
    const reader = await m.open('/d/old', forReading);
    await m.rename('/d/new', '/d/old');
    const [now, gone] = [await m.stat('/d/old'), await m.attributes(reader.node)];
    expect(gone.ino).not.toBe(now.ino);
    expect(gone.nlink).toBe(0);
    await m.close(reader);
  });

  test('keeps the time that a program gave it, here and at the next mount', async () => {
    await setTime('/d/new', longAgo + 5_000);
    later();
    await m.rename('/d/new', '/d/old');
    expect((await m.stat('/d/old')).mtime).toBe(longAgo + 5_000);
    m = (await m.remount()).next;
    expect((await m.stat('/d/old')).mtime).toBe(longAgo + 5_000);
  });

  test('is gone on with by who has it open: reading, and writing to that one', async () => {
    const id = await idOf('/d/old');
    const [reader, writer] = [await m.open('/d/new', forReading), await m.open('/d/new', forWriting)];
    expect((await m.read(reader, 0, 2)).toString()).toBe('ne');
    later();
    await m.rename('/d/new', '/d/old');
    expect((await m.read(reader, 1, 2)).toString()).toBe('ew');
    await m.write(writer, 3, '!');
    await m.close(writer);
    expect(m.platform.text('/d/old')).toBe('new!');
    expect(await idOf('/d/old')).toBe(id);
    await m.close(reader);
  });

  test('as an editor does it: written beside, dated, moved', async () => {
    const { ino } = await m.stat('/d/old');
    const file = await m.open('/d/.old.tmp', emptying, { create: true });
    await m.write(file, 0, 'edited');
    await m.close(file);
    await setTime('/d/.old.tmp', longAgo + 9_000);
    later();
    await m.rename('/d/.old.tmp', '/d/old');
    expect(await m.stat('/d/old')).toMatchObject({ ino, size: 6, mtime: longAgo + 9_000 });
    expect(m.platform.tree()).toEqual(['/d/', '/d/new', '/d/old']);
  });
});

describe('a new document', () => {
  test('has one inode number for whoever has it open, also when the platform has given it its id, and that of its id when it was closed', async () => {
    const file = await m.open('/d/db', emptying, { create: true });
    const told = (await m.attributes(file.node)).ino;
    await m.write(file, 0, 'first');
    await m.fsync(file);
    const id = await idOf('/d/db');
    expect([(await m.attributes(file.node)).ino, (await m.stat('/d/db')).ino]).toEqual([told, told]);
    await setTime('/d/db', longAgo + 5_000);
    await m.close(file);
    const { ino } = await m.stat('/d/db');
    expect(ino).toBe(inodeNumber(id));
    expect((await m.stat('/d/db')).mtime).toBe(longAgo + 5_000);
    m = (await m.remount()).next;
    expect(await m.stat('/d/db')).toMatchObject({ ino, mtime: longAgo + 5_000 });
  });
});

test('a new document has the inode number that its creation told, though nobody asks again before the platform has given it its id', async () => {
  const { node: folder } = await m.fs.lookup(rootNode, 'd', someone);
  const created = await m.fs.create(folder, 'db', emptying, 0o644, someone);
  await m.write(created, 0, 'first');
  await m.fsync(created);
  expect((await m.attributes(created.node)).ino).toBe(created.attributes.ino);
  await m.close(created);
});

describe('the platform\'s time moves with every change', () => {
  test('a new name leaves the time of the content as it was, here and at the next mount', async () => {
    const { mtime, ino } = await m.stat('/d/new');
    later();
    await m.rename('/d/new', '/d/other');
    expect(m.platform.modified('/d/other')).toBe(clock);
    expect(await m.stat('/d/other')).toMatchObject({ mtime, ino });
    m = (await m.remount()).next;
    expect(await m.stat('/d/other')).toMatchObject({ mtime, ino });
  });

  test('an attribute leaves it, too', async () => {
    const { mtime } = await m.stat('/d/new');
    const reader = await m.open('/d/new', forReading);
    expect((await m.read(reader, 0, 2)).toString()).toBe('ne');
    later();
    await m.fs.setxattr(reader.node, 'user.amarre.color', Buffer.from('red'), someone);
    expect((await m.stat('/d/new')).mtime).toBe(mtime);
    expect((await m.read(reader, 1, 2)).toString()).toBe('ew');
    await m.close(reader);
    m = (await m.remount()).next;
    expect((await m.stat('/d/new')).mtime).toBe(mtime);
  });

  test('somebody else\'s change shows', async () => {
    await m.rename('/d/new', '/d/other');
    later();
    m.platform.put('/d/other', 'theirs');
    m = (await m.remount()).next;
    expect(await m.stat('/d/other')).toMatchObject({ mtime: clock, size: 6 });
  });
});
