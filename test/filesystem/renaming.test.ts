/** RENAME: of unsent files, over open ones, of folders with work going on below. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  elapse, emptying, errnoOf, exclusively, forBoth, forReading, forWriting, hold, interruptible, longAgo, mount, someone, turns, type Mount,
} from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/a/one', 'one', longAgo);
  m.platform.put('/a/two', 'two', longAgo);
  m.platform.putFolder('/b', longAgo);
});
afterEach(async () => { await m.end(); });

describe('rename of a file with unsent changes', () => {
  test('sends them first; later writes go to the new name', async () => {
    const file = await m.open('/a/one', forWriting);
    await m.write(file, 0, 'ONE');
    await m.rename('/a/one', '/b/uno');
    expect(m.platform.text('/b/uno')).toBe('ONE');
    expect(m.platform.get('/a/one')).toBeUndefined();
    await m.write(file, 3, '!');
    await m.close(file);
    expect(m.platform.text('/b/uno')).toBe('ONE!');
    expect(m.platform.tree()).toEqual(['/a/', '/a/two', '/b/', '/b/uno']);
  });

  test('if that fails the rename fails and both names stay as they were', async () => {
    const file = await m.open('/a/one', forWriting);
    await m.write(file, 0, 'ONE');
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.rename('/a/one', '/a/two'))).toBe('EDQUOT');
    expect(m.platform.calls.move).toBe(0);
    expect([m.platform.text('/a/one'), m.platform.text('/a/two')]).toEqual(['one', 'two']);
    expect(await m.names('/a')).toEqual(['one', 'two']);
    expect((await m.read(await m.open('/a/one', forBoth))).toString()).toBe('ONE');
    await m.close(file);
  });

  test('of a new file that was never sent', async () => {
    const file = await m.open('/a/.tmp', exclusively, { create: true });
    await m.write(file, 0, 'new');
    await m.rename('/a/.tmp', '/a/one');
    expect(m.platform.text('/a/one')).toBe('new');
    await m.close(file);
    expect(m.platform.tree()).toEqual(['/a/', '/a/one', '/a/two', '/b/']);
    expect(await m.cat('/a/one')).toBe('new');
  });

  test('a new file whose upload fails keeps its name, and does not touch the other', async () => {
    const file = await m.open('/a/.tmp', exclusively, { create: true });
    await m.write(file, 0, 'new');
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.rename('/a/.tmp', '/a/one'))).toBe('EDQUOT');
    expect(await m.exists('/a/.tmp')).toBe(true);
    expect(await m.cat('/a/one')).toBe('one');
    await m.close(file);
    expect(m.platform.text('/a/.tmp')).toBe('new');
  });
});

describe('rename over an open target', () => {
  test('its writer no longer sends to that name', async () => {
    const old = await m.open('/a/two', forBoth);
    await m.write(old, 0, 'OLD');
    await m.rename('/a/one', '/a/two');
    await m.write(old, 3, 'ER');
    expect((await m.read(old)).toString()).toBe('OLDER');
    await m.fsync(old);
    await m.close(old);
    expect(m.platform.text('/a/two')).toBe('one');
    expect(m.platform.calls.write).toBe(0);
    expect(await m.shutdown()).toEqual([]);
  });

  test('its readers keep what is cached, else ESTALE, never the other file\'s bytes', async () => {
    const size = 64 * 128 * 1024;
    m.platform.put('/a/large', Buffer.alloc(size, 'L'), longAgo);
    const old = await m.open('/a/large', forReading);
    expect((await m.read(old, 0, 10)).toString()).toBe('L'.repeat(10));
    await turns();
    m.platform.put('/a/other', Buffer.alloc(size, 'O'), longAgo);
    await m.rename('/a/other', '/a/large');
    expect((await m.read(old, 0, 10)).toString()).toBe('L'.repeat(10));
    expect(await errnoOf(m.read(old, size - 10, 10))).toBe('ESTALE');
    await m.close(old);
    expect((await m.cat('/a/large')).startsWith('OO')).toBe(true);
  });

  test('while the target is being sent: it waits, and the renamed one stands there', async () => {
    const target = await m.open('/a/two', emptying);
    await m.write(target, 0, 'TWO');
    const upload = hold(m.platform, 'write', 'commit');
    const closing = m.close(target);
    await upload.reached;
    const renaming = m.rename('/a/one', '/a/two');
    await turns();
    expect(m.platform.calls.move).toBe(0);
    upload.release();
    await Promise.all([closing, renaming]);
    expect(m.platform.text('/a/two')).toBe('one');
  });

  test('over a new file that was never sent', async () => {
    const target = await m.open('/a/new', exclusively, { create: true });
    await m.write(target, 0, 'never sent');
    await m.rename('/a/one', '/a/new');
    await m.close(target);
    expect(m.platform.text('/a/new')).toBe('one');
    expect(await m.cat('/a/new')).toBe('one');
  });

  test('the one that took its place can be replaced, read, written', async () => {
    for (let round = 0; round < 3; round += 1) {
      await m.save('/a/.tmp', `round ${round}`);
      await m.rename('/a/.tmp', '/a/one');
      expect(await m.cat('/a/one')).toBe(`round ${round}`);
    }
    expect(await m.names('/a')).toEqual(['one', 'two']);
  });
});

describe('NOREPLACE looks on the server', () => {
  test('EEXIST for what is there, also where memory does not know it', async () => {
    await m.names('/a');
    expect(await errnoOf(m.rename('/a/one', '/a/two', { noReplace: true }))).toBe('EEXIST');
    m.platform.put('/a/late', 'late', longAgo);
    expect(await errnoOf(m.rename('/a/one', '/a/late', { noReplace: true }))).toBe('EEXIST');
    m.platform.remove('/a/two');
    await m.rename('/a/one', '/a/two', { noReplace: true });
    expect(m.platform.text('/a/two')).toBe('one');
    expect(m.platform.text('/a/late')).toBe('late');
  });

  test('EEXIST for a file that is being written and not sent yet', async () => {
    const file = await m.open('/a/new', exclusively, { create: true });
    expect(await errnoOf(m.rename('/a/one', '/a/new', { noReplace: true }))).toBe('EEXIST');
    expect(await errnoOf(m.mkdir('/a/new'))).toBe('EEXIST');
    await m.close(file);
    expect(m.platform.text('/a/new')).toBe('');
    expect(m.platform.text('/a/one')).toBe('one');
  });
});

describe('kinds', () => {
  test('a folder over a file: ENOTDIR, also over one that was not sent yet; a file over a folder: EISDIR', async () => {
    const unsent = await m.open('/a/new', exclusively, { create: true });
    expect(await errnoOf(m.rename('/b', '/a/one'))).toBe('ENOTDIR');
    expect(await errnoOf(m.rename('/b', '/a/new'))).toBe('ENOTDIR');
    expect(await errnoOf(m.rename('/a/one', '/b'))).toBe('EISDIR');
    await m.close(unsent);
    expect(m.platform.tree()).toEqual(['/a/', '/a/new', '/a/one', '/a/two', '/b/']);
  });

  test('to its own name: nothing', async () => {
    m.platform.resetCounters();
    await m.rename('/a/one', '/a/one');
    expect(m.platform.calls.move).toBe(0);
    expect(await m.cat('/a/one')).toBe('one');
  });

  test('of what is not there: ENOENT by the platform', async () => {
    expect(await errnoOf(m.rename('/a/none', '/a/some'))).toBe('ENOENT');
    await m.names('/a');
    m.platform.remove('/a/one');
    expect(await errnoOf(m.rename('/a/one', '/a/some'))).toBe('ENOENT');
    expect(await m.names('/a')).toEqual(['two']);
  });
});

describe('rename of a folder', () => {
  test('redirects open handles below it', async () => {
    const reader = await m.open('/a/one', forReading);
    const writer = await m.open('/a/two', forWriting);
    await m.write(writer, 0, 'TWO');
    const made = await m.open('/a/new', exclusively, { create: true });
    await m.write(made, 0, 'new');
    await m.rename('/a', '/b/deep');
    expect((await m.read(reader)).toString()).toBe('one');
    await m.close(reader);
    await m.close(writer);
    await m.close(made);
    expect(m.platform.tree()).toEqual(['/b/', '/b/deep/', '/b/deep/new', '/b/deep/one', '/b/deep/two']);
    expect(m.platform.text('/b/deep/two')).toBe('TWO');
    expect(m.platform.text('/b/deep/new')).toBe('new');
    expect(await m.names('/b/deep')).toEqual(['new', 'one', 'two']);
  });

  test('waits for uploads below it; those that begin meanwhile go to the new place', async () => {
    const first = await m.open('/a/one', emptying);
    await m.write(first, 0, 'ONE');
    const second = await m.open('/a/two', emptying);
    await m.write(second, 0, 'TWO');
    const upload = hold(m.platform, 'write', 'commit', '/a/one');
    const closing = m.close(first);
    await upload.reached;
    const renaming = m.rename('/a', '/c');
    await turns();
    const late = m.close(second);
    await turns();
    expect(m.platform.calls.move).toBe(0);
    upload.release();
    await Promise.all([closing, renaming, late]);
    expect(m.platform.tree()).toEqual(['/b/', '/c/', '/c/one', '/c/two']);
    expect([m.platform.text('/c/one'), m.platform.text('/c/two')]).toEqual(['ONE', 'TWO']);
    expect(m.platform.log.filter((line) => line.startsWith('write'))).toEqual(['write /a/one', 'write /c/two']);
  });

  test('over a non-empty folder: ENOTEMPTY by the server\'s answer', async () => {
    await m.names('/');
    await m.names('/b');
    m.platform.put('/b/late', 'late', longAgo);
    expect(await errnoOf(m.rename('/a', '/b'))).toBe('ENOTEMPTY');
    expect(m.platform.text('/b/late')).toBe('late');
    expect(await m.names('/b')).toEqual(['late']);
    m.platform.remove('/b/late');
    await m.rename('/a', '/b');
    expect(m.platform.tree()).toEqual(['/b/', '/b/one', '/b/two']);
    expect(await m.names('/b')).toEqual(['one', 'two']);
  });

  test('over a folder with a file that is not sent yet: ENOTEMPTY', async () => {
    const file = await m.open('/b/new', exclusively, { create: true });
    expect(await errnoOf(m.rename('/a', '/b'))).toBe('ENOTEMPTY');
    await m.close(file);
    expect(m.platform.text('/b/new')).toBe('');
  });

  test('an interrupt while it waits: EINTR, nothing moved, and uploads go on', async () => {
    const file = await m.open('/a/one', emptying);
    await m.write(file, 0, 'ONE');
    const upload = hold(m.platform, 'write', 'commit');
    const closing = m.close(file);
    await upload.reached;
    const program = interruptible();
    const renaming = errnoOf(m.fs.rename(1, 'a', 1, 'c', { noReplace: false }, program));
    await turns();
    program.interrupt();
    expect(await renaming).toBe('EINTR');
    upload.release();
    await closing;
    expect(m.platform.text('/a/one')).toBe('ONE');
    await m.rename('/a', '/c');
    expect(m.platform.text('/c/one')).toBe('ONE');
  });

  test('two at once, of each other\'s folders: neither waits for ever', async () => {
    const [a, b] = [await m.node('/a'), await m.node('/b')];
    await m.names('/a');
    const results = await Promise.all([
      errnoOf(m.fs.rename(a, 'one', b, 'one', { noReplace: false }, someone)),
      errnoOf(m.fs.rename(1, 'a', 1, 'c', { noReplace: false }, someone)),
      errnoOf(m.fs.rename(a, 'two', a, 'zwei', { noReplace: false }, someone)),
      errnoOf(m.fs.rename(1, 'b', 1, 'd', { noReplace: false }, someone)),
    ]);
    expect(results).toEqual(['none', 'none', 'none', 'none']);
    expect(m.platform.tree()).toEqual(['/c/', '/c/zwei', '/d/', '/d/one']);
    expect(await m.names('/c')).toEqual(['zwei']);
  });

  test('what is known of the names below stays true', async () => {
    await m.stat('/a/one');
    await m.rename('/a', '/c');
    m.platform.resetCounters();
    expect(await m.names('/c')).toEqual(['one', 'two']);
    expect((await m.stat('/c/one')).size).toBe(3);
    expect(await m.exists('/a')).toBe(false);
    expect(m.platform.log).toEqual([]);
    elapse(60_000);
    expect(await m.cat('/c/one')).toBe('one');
  });
});
