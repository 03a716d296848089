/** UNLINK: at once where nobody has the file open, else out of sight until the last close. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { elapse, emptying, errnoOf, exclusively, forBoth, forReading, forWriting, hold, longAgo, mount, turns, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/a/f', 'content', longAgo);
});
afterEach(async () => { await m.end(); });

describe('what is seen through a link to a folder', () => {
  beforeEach(() => {
    m.platform.put('/target/kept', 'content', longAgo);
    m.platform.putFolder('/target/empty');
    m.platform.putLink('/tree/link', '/target');
    m.platform.put('/tree/f', 'content', longAgo);
  });

  test('is not deleted there, so that a removal of the tree that the link stands in spares it: EPERM', async () => {
    expect(await errnoOf(m.unlink('/tree/link/kept'))).toBe('EPERM');
    expect(await errnoOf(m.rmdir('/tree/link/empty'))).toBe('EPERM');
    await m.unlink('/tree/f');
    expect(m.platform.tree()).toEqual(expect.arrayContaining(['/target/empty/', '/target/kept']));
    // Nor once a look at the link, which shows it as a folder, has been taken for the newest word on it.
    await m.mkdir('/tree/beside');
    elapse(20_000);
    await m.names('/tree');
    elapse(5_000);
    expect(await errnoOf(m.rename('/tree/beside', '/tree/link', { noReplace: true }))).toBe('EEXIST');
    expect(await errnoOf(m.unlink('/tree/link/kept'))).toBe('EPERM');
  });

  test('is deleted in its own folder, and what a program made or renamed there, there', async () => {
    await m.save('/tree/link/.lock', 'mine');
    await m.unlink('/tree/link/.lock');
    await m.rename('/tree/link/kept', '/tree/link/kept~');
    await m.unlink('/tree/link/kept~');
    await m.mkdir('/tree/link/made');
    await m.rmdir('/tree/link/made');
    await m.rmdir('/target/empty');
    expect(m.platform.tree({ hidden: true })).toEqual(expect.arrayContaining(['/target/', '/tree/link/']));
    expect(m.platform.tree({ hidden: true }).filter((path) => path.startsWith('/target/'))).toEqual(['/target/']);
  });
});

describe('unlink of an open file: hidden name on the platform, deleted at the last RELEASE', () => {
  test('it is readable until its last close, and its name is free', async () => {
    const one = await m.open('/a/f', forReading);
    const two = await m.open('/a/f', forReading);
    await m.unlink('/a/f');
    expect(await m.exists('/a/f')).toBe(false);
    expect(await m.names('/a')).toEqual([]);
    expect((await m.read(one)).toString()).toBe('content');
    await m.close(one);
    expect(m.platform.tree({ hidden: true })).toHaveLength(2);
    expect((await m.read(two)).toString()).toBe('content');
    expect((await m.attributes(two.node)).nlink).toBe(0);
    await m.close(two);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/']);
  });

  test('a new file of that name is another one, and neither sees the other', async () => {
    const old = await m.open('/a/f', forBoth);
    await m.unlink('/a/f');
    await m.save('/a/f', 'new');
    await m.write(old, 0, 'CON');
    expect((await m.read(old)).toString()).toBe('CONtent');
    expect(await m.cat('/a/f')).toBe('new');
    await m.close(old);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/', '/a/f']);
    expect(m.platform.text('/a/f')).toBe('new');
  });

  test('with unsent changes: they are never sent', async () => {
    const file = await m.open('/a/f', forWriting);
    await m.write(file, 0, 'CON');
    await m.unlink('/a/f');
    await m.fsync(file);
    await m.close(file);
    expect(m.platform.calls.write).toBe(0);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/']);
    expect(await m.shutdown()).toEqual([]);
  });

  test('if nothing was ever sent, nothing is sent', async () => {
    const file = await m.open('/a/new', exclusively, { create: true });
    await m.write(file, 0, 'temporary');
    m.platform.resetCounters();
    await m.unlink('/a/new');
    await m.close(file);
    expect(m.platform.log).toEqual([]);
    expect(await m.shutdown()).toEqual([]);
  });

  test('a file that is deleted and still read by another while its writer closes keeps its bytes for him', async () => {
    const writer = await m.open('/a/f', emptying);
    await m.write(writer, 0, 'unsent');
    const reader = await m.open('/a/f', forReading);
    await m.unlink('/a/f');
    await m.close(writer);
    expect((await m.read(reader)).toString()).toBe('unsent');
    await m.close(reader);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/']);
  });

  test('closed while the unlink is under way: nothing stays under the hidden name', async () => {
    const file = await m.open('/a/f', forReading);
    const parking = hold(m.platform, 'park', 'end');
    const removing = m.unlink('/a/f');
    await parking.reached;
    await m.close(file);
    parking.release();
    await removing;
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/']);
  });

  test('a hidden file that cannot be removed harms nobody', async () => {
    const file = await m.open('/a/f', forReading);
    await m.unlink('/a/f');
    m.platform.failNext('removeFile', 'EIO');
    await m.close(file);
    expect(await m.names('/a')).toEqual([]);
  });
});

describe('unlink, the rest', () => {
  test('waits for an upload of the file, and then it is gone', async () => {
    const file = await m.open('/a/f', emptying);
    await m.write(file, 0, 'new');
    const upload = hold(m.platform, 'write', 'commit');
    const closing = m.close(file);
    await upload.reached;
    const removing = m.unlink('/a/f');
    await turns();
    upload.release();
    await Promise.all([closing, removing]);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/']);
  });

  test('a new file whose upload failed after the platform had taken it is removed there, too', async () => {
    m.platform.failNext('write', 'EIO', { stage: 'end' });
    const file = await m.open('/a/new', exclusively, { create: true });
    await m.write(file, 0, 'abc');
    expect(await errnoOf(m.flush(file))).toBe('EIO');
    await m.unlink('/a/new');
    await m.release(file);
    expect(m.platform.tree({ hidden: true })).toEqual(['/a/', '/a/f']);
    expect(await m.shutdown()).toEqual([]);
  });

  test('ENOENT is the platform\'s word, not memory\'s', async () => {
    await m.names('/a');
    m.platform.put('/a/later', 'unknown to the listing', longAgo);
    expect(await errnoOf(m.unlink('/a/later'))).toBe('none');
    m.platform.remove('/a/f');
    expect(await errnoOf(m.unlink('/a/f'))).toBe('ENOENT');
    expect(await m.names('/a')).toEqual([]);
  });

  test('a folder: EISDIR; a file with rmdir: ENOTDIR', async () => {
    expect(await errnoOf(m.unlink('/a'))).toBe('EISDIR');
    expect(await errnoOf(m.rmdir('/a/f'))).toBe('ENOTDIR');
  });

  test('a failure leaves the file, and drops the listing', async () => {
    await m.names('/a');
    m.platform.failNext('removeFile', 'EACCES');
    expect(await errnoOf(m.unlink('/a/f'))).toBe('EACCES');
    m.platform.resetCounters();
    expect(await m.names('/a')).toEqual(['f']);
    expect(m.platform.calls.list).toBe(1);
    expect(await m.cat('/a/f')).toBe('content');
  });

  test('an answer that was lost: the next look tells that the file went', async () => {
    m.platform.failNext('removeFile', 'EIO', { stage: 'end' });
    expect(await errnoOf(m.unlink('/a/f'))).toBe('EIO');
    expect(await m.exists('/a/f')).toBe(false);
    expect(await m.names('/a')).toEqual([]);
  });
});
