/** Files whose size only reading tells, and which have no time: what is shown before they are read, at open(2) and afterwards. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import { rootNode } from '../../src/filesystem/filesystem.js';
import type { Access, Entry, Location, Provider } from '../../src/providers/provider.js';
import { MemoryProvider } from '../support/memory-provider.js';
import { elapse, emptying, errnoOf, forReading, forWriting, mountOn, someone, type Mount } from './harness.js';

/** With names that its listings leave out, and paths that nobody can change. */
class Feeds extends MemoryProvider {
  readonly unlisted = new Set<string>();
  readonly fixed = new Set<string>();
  readonly forgotten: string[] = [];
  refuseBytes: NonNullable<Provider['refuseBytes']> = () => undefined;
  isOrder: NonNullable<Provider['isOrder']> = () => false;

  override async *list(folder: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    for await (const batch of super.list(folder, signal)) {
      yield batch.filter(({ name }) => !this.unlisted.has(`/${name}`)).map((entry) => (entry.kind === 'folder' ? { ...entry, modified: undefined } : entry));
    }
  }

  learntRefusal(access: Access, { path }: Location): FsError | undefined {
    const changes = access === 'make' || access === 'replace' || access === 'date';
    return changes && this.fixed.has(path) ? new FsError('EROFS', `${path} cannot be changed`) : undefined;
  }

  isUnlisted({ path }: Location): boolean {
    return this.unlisted.has(path);
  }

  forget({ path }: Location): void {
    this.forgotten.push(path);
  }
}

let m: Mount<Feeds>;
beforeEach(async () => {
  m = await mountOn(new Feeds({ clock: () => Date.now(), unsure: true }));
  m.platform.put('/feed', '{"a":1}');
  m.platform.put('/other', '[]');
  m.platform.resetCounters();
});
afterEach(async () => { await m.end(); });

/** As `ls -l` does with READDIRPLUS: sizes by name. */
async function listed(): Promise<Record<string, number>> {
  const handle = await m.fs.opendir(rootNode, someone);
  const sizes: Record<string, number> = {};
  for (const entry of m.fs.readdir(rootNode, handle, 0)) {
    const reply = m.fs.lookupListed(rootNode, handle, entry);
    if (reply !== undefined) sizes[entry.name] = reply.attributes.size;
  }
  m.fs.releasedir(rootNode, handle);
  return sizes;
}

describe('sizes', () => {
  test('are 0 until the file is read, and cost no read of it', async () => {
    expect(await listed()).toEqual({ feed: 0, other: 0 });
    expect((await m.stat('/feed')).size).toBe(0);
    expect(m.platform.log).toEqual(['list /']);
  });

  test('are true from open(2) on: the kernel forgets what it believed before it may be asked', async () => {
    const node = await m.node('/feed');
    expect(m.notices).toEqual([]);
    const file = { node, ...await m.fs.open(node, forReading, someone) };
    expect(new Set(m.notices)).toEqual(new Set([`attributes ${node}`]));
    expect((await m.attributes(node)).size).toBe(7);
    expect((await m.read(file)).toString()).toBe('{"a":1}');
    await m.close(file);
    expect(m.platform.log).toEqual(['list /', 'stat /feed', 'read /feed']);
  });

  test('are the last known ones afterwards, through new listings and through being forgotten', async () => {
    await m.cat('/feed');
    elapse(20_000);
    expect(await listed()).toEqual({ feed: 7, other: 0 });
    const { node } = await m.open('/other', forReading);
    m.fs.forget(node, 10);
    elapse(20_000);
    expect((await m.stat('/feed')).size).toBe(7);
  });

  test('are kept for the next mount', async () => {
    await m.cat('/feed');
    const { next } = await m.remount();
    m = next;
    m.platform.resetCounters();
    expect(await listed()).toEqual({ feed: 7, other: 0 });
    expect(m.platform.calls).toMatchObject({ list: 1, stat: 0, read: 0 });
    m.platform.put('/feed', '{"a":12345}');
    expect(await m.cat('/feed')).toBe('{"a":12345}');
  });

  test('follow what others made of the file at the next open, also where it is shorter', async () => {
    await m.cat('/feed');
    m.platform.put('/feed', '{}');
    expect((await m.stat('/feed')).size).toBe(7);
    expect(await m.cat('/feed')).toBe('{}');
    expect((await m.stat('/feed')).size).toBe(2);
    m.platform.put('/feed', '{"longer":"than before"}');
    expect(await m.cat('/feed')).toBe('{"longer":"than before"}');
  });

  test('are not asked for one by one in a large folder either', async () => {
    for (let at = 0; at < 1200; at += 1) m.platform.put(`/many ${at}`, 'x');
    await listed();
    elapse(20_000);
    m.platform.resetCounters();
    for (let at = 0; at < 5; at += 1) await m.stat(`/many ${at}`);
    expect(m.platform.log).toEqual(['list /']);
  });
});

describe('open(2)', () => {
  test('looks each time, also a moment later', async () => {
    await m.cat('/feed');
    m.platform.resetCounters();
    await m.cat('/feed');
    await m.cat('/feed');
    expect(m.platform.calls).toMatchObject({ stat: 2, list: 0 });
  });

  test('of the same content keeps the kernel\'s pages, and tells the kernel nothing', async () => {
    await m.cat('/feed');
    await m.stat('/feed');
    m.notices.length = 0;
    const file = await m.open('/feed', forReading);
    expect(file).toMatchObject({ keepCache: true, directIo: false });
    expect(m.notices).toEqual([]);
    await m.close(file);
  });

  test('of what is gone is an error that has the kernel look the name up anew, which is not there then', async () => {
    await m.node('/feed');
    m.platform.remove('/feed');
    expect(await errnoOf(m.open('/feed', forReading))).toBe('ESTALE');
    expect(await m.exists('/feed')).toBe(false);
  });

  test('fails with what the look fails with, and leaves what is known', async () => {
    await m.cat('/feed');
    m.platform.failNext('stat', 'EIO');
    expect(await errnoOf(m.open('/feed', forReading))).toBe('EIO');
    expect((await m.stat('/feed')).size).toBe(7);
    expect(await m.cat('/feed')).toBe('{"a":1}');
  });

  test('that empties the file does not read it before', async () => {
    const file = await m.open('/feed', emptying);
    await m.write(file, 0, 'new');
    await m.close(file);
    expect(m.platform.calls).toMatchObject({ stat: 0, read: 0, write: 1 });
    expect(Buffer.from(m.platform.get('/feed') ?? []).toString()).toBe('new');
  });

  test.each([3, 7, 10])('a length of %i that is set by name, of a file that was never read, keeps what is before it', async (size) => {
    await m.set('/feed', { size });
    expect(m.platform.text('/feed')).toBe('{"a":1}'.slice(0, size).padEnd(size, '\0'));
  });

  test('with a reader at the older content shows the newer one, and no mixture', async () => {
    const long = 'x'.repeat(3_000_000);
    m.platform.put('/feed', long);
    const first = await m.open('/feed', forReading);
    expect((await m.read(first, 0, 1000)).length).toBe(1000);
    m.platform.put('/feed', 'y'.repeat(2_000_000));
    const second = await m.open('/feed', forReading);
    expect((await m.read(second, 0, 10)).toString()).toBe('yyyyyyyyyy');
    expect(await errnoOf(m.read(first, 2_500_000, 1000))).toBe('ESTALE');
    await m.close(first);
    await m.close(second);
  });
});

test('a listing that does not tell the size tells what the account may do now', async () => {
  let write = true;
  await m.end();
  m = await mountOn(new Feeds({ clock: () => Date.now(), unsure: true, rights: () => ({ read: true, write, remove: true }) }));
  m.platform.put('/feed', '{"a":1}');
  await m.cat('/feed');
  expect((await m.stat('/feed')).mode & 0o777).toBe(0o644);
  write = false;
  elapse(20_000);
  await listed();
  const { mode, size } = await m.stat('/feed');
  expect([mode & 0o777, size]).toEqual([0o444, 7]);
  expect(await errnoOf(m.open('/feed', forWriting))).toBe('EACCES');
});

describe('times', () => {
  test('are when the file was first seen, and stay when it is read: a program that looked before finds no change', async () => {
    const before = Date.now();
    const { mtime, ctime } = await m.stat('/feed');
    expect(mtime).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000);
    expect(ctime).toBe(mtime);
    elapse(60_000);
    await m.cat('/feed');
    elapse(60_000);
    expect((await m.stat('/feed')).mtime).toBe(mtime);
  });

  test('move to when another content was first seen', async () => {
    await m.cat('/feed');
    const { mtime } = await m.stat('/feed');
    elapse(60_000);
    m.platform.put('/feed', '{"a":2}');
    await m.cat('/feed');
    const moved = (await m.stat('/feed')).mtime;
    expect(moved - mtime).toBeGreaterThanOrEqual(60_000);
    elapse(60_000);
    await m.cat('/feed');
    expect((await m.stat('/feed')).mtime).toBe(moved);
  });

  test('are the same at the next mount, of what was read and of what was not', async () => {
    await m.cat('/feed');
    const times = [(await m.stat('/feed')).mtime, (await m.stat('/other')).mtime];
    elapse(60_000);
    const { next } = await m.remount();
    m = next;
    expect([(await m.stat('/feed')).mtime, (await m.stat('/other')).mtime]).toEqual(times);
    await m.cat('/feed');
    await m.cat('/other');
    expect([(await m.stat('/feed')).mtime, (await m.stat('/other')).mtime]).toEqual(times);
  });
});

test('a folder without a time has the drive\'s, at the next mount, too', async () => {
  m.platform.putFolder('/folder');
  const { mtime } = await m.stat('/');
  expect(mtime).toBeGreaterThan(1_700_000_000_000);
  expect((await m.stat('/folder')).mtime).toBe(mtime);
  elapse(60_000);
  const { next } = await m.remount();
  m = next;
  expect((await m.stat('/folder')).mtime).toBe(mtime);
});

describe('what a listing does not show', () => {
  test('is found by its name, and does not come to be listed by that', async () => {
    m.platform.put('/older', 'old');
    m.platform.unlisted.add('/older');
    expect(await m.names('/')).toEqual(['feed', 'other']);
    expect(await m.exists('/older')).toBe(true);
    expect(await m.cat('/older')).toBe('old');
    expect(await m.names('/')).toEqual(['feed', 'other']);
    elapse(20_000);
    expect(await m.cat('/older')).toBe('old');
    m.platform.remove('/older');
    elapse(20_000);
    expect(await m.exists('/older')).toBe(false);
  });

  test('and what cannot be there costs no look', async () => {
    await m.names('/');
    expect(await m.exists('/absent')).toBe(false);
    expect(m.platform.calls.stat).toBe(0);
  });
});

describe('what nobody can change', () => {
  beforeEach(() => {
    m.platform.fixed.add('/feed');
    m.platform.fixed.add('/new');
  });

  test('is refused with EROFS before data moves, and is not read for that', async () => {
    expect(await errnoOf(m.open('/feed', forWriting))).toBe('EROFS');
    expect(await errnoOf(m.open('/feed', emptying))).toBe('EROFS');
    expect(await errnoOf(m.set('/feed', { size: 0 }))).toBe('EROFS');
    expect(await errnoOf(m.save('/new', 'x'))).toBe('EROFS');
    expect(m.platform.calls).toMatchObject({ read: 0, write: 0 });
  });

  test('takes no time, not even beside the cache', async () => {
    const { mtime } = await m.stat('/feed');
    expect(await errnoOf(m.set('/feed', { mtime: 1_000_000_000_000 }))).toBe('EROFS');
    expect((await m.stat('/feed')).mtime).toBe(mtime);
  });
});

describe('bytes that mean nothing there', () => {
  test('fail the write itself, and nothing is sent but what was written before', async () => {
    m.platform.refuseBytes = (_target, offset, data) => (offset + data.length > 1 ? new FsError('EINVAL', 'one byte at most') : undefined);
    const file = await m.open('/feed', emptying);
    expect(await errnoOf(m.write(file, 0, 'ab'))).toBe('EINVAL');
    await m.write(file, 0, 'a');
    expect(await errnoOf(m.write(file, 1, 'b'))).toBe('EINVAL');
    await m.close(file);
    expect(Buffer.from(m.platform.get('/feed') ?? []).toString()).toBe('a');
  });
});

describe('an order', () => {
  beforeEach(() => {
    m.platform.isOrder = ({ path }) => path === '/feed';
  });

  test('that failed is told at close, and neither kept nor sent again by itself, nor at the next mount', async () => {
    m.platform.failNext('write', 'EACCES');
    expect(await errnoOf(m.save('/feed', '1'))).toBe('EACCES');
    expect(m.fs.pending()).toEqual({ sending: 0, open: 0 });
    expect(await m.cat('/feed')).toBe('{"a":1}');
    const { next, unsent } = await m.remount();
    m = next;
    expect(unsent).toEqual([]);
    expect(m.staging.leftovers).toEqual([]);
    expect(m.platform.calls.write).toBe(1);
  });

  test('that failed can be given again, and is then what the file shows', async () => {
    m.platform.failNext('write', 'EIO');
    expect(await errnoOf(m.save('/feed', '1'))).toBe('EIO');
    await m.save('/feed', '0');
    expect(await m.cat('/feed')).toBe('0');
  });

  test('is not kept either where the mount is taken from under its program', async () => {
    const file = await m.open('/feed', emptying);
    await m.write(file, 0, '1');
    expect(await m.fs.shutdown(AbortSignal.timeout(5000), true)).toEqual([]);
    expect(m.platform.calls.write).toBe(0);
  });
});

test('who wants to see what is there now has the platform\'s own memory forgotten, too', async () => {
  await m.fs.refresh('/feed');
  expect(m.platform.forgotten).toEqual(['/feed']);
});
