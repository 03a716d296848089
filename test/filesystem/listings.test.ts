/** What names the drive shows: listings, their age, and own changes while one is on its way. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import { elapse, errnoOf, exclusively, forReading, forWriting, hold, interruptible, longAgo, mount, settings, someone, turns, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/a/one', 'one', longAgo);
  m.platform.put('/a/two', 'two two', longAgo + 1000);
});
afterEach(async () => { await m.end(); });

describe('a listing is the unit of caching', () => {
  test('one request for `ls -l` of a folder', async () => {
    m.platform.resetCounters();
    expect(await m.names('/a')).toEqual(['one', 'two']);
    expect((await m.stat('/a/one')).size).toBe(3);
    expect((await m.stat('/a/two')).mtime).toBe(longAgo + 1000);
    expect(m.platform.log).toEqual(['list /', 'list /a']);
  });

  test('a name that is not there is answered from it', async () => {
    await m.names('/a');
    m.platform.resetCounters();
    expect(await m.exists('/a/three')).toBe(false);
    expect(m.platform.log).toEqual([]);
  });

  test('--dir-ttl: listings are believed that long and no longer', async () => {
    await m.names('/a');
    m.platform.put('/a/three', '3', longAgo);
    m.platform.put('/a/one', 'changed', longAgo);
    m.platform.remove('/a/two');
    elapse(settings.dirTtl - 1000);
    expect(await m.names('/a')).toEqual(['one', 'two']);
    elapse(2000);
    m.platform.resetCounters();
    expect(await m.exists('/a/two')).toBe(false);
    expect(await m.names('/a')).toEqual(['one', 'three']);
    expect((await m.stat('/a/one')).size).toBe(7);
    expect(m.platform.calls.list).toBeLessThanOrEqual(2);
    expect(m.platform.calls.stat).toBe(0);
  });

  test('--attr-ttl: entries, attributes and names that are not there are the kernel\'s that long', async () => {
    const { parent } = await m.split('/a/one');
    const found = await m.fs.lookup(parent, 'one', someone);
    const missing = await m.fs.lookup(parent, 'nothing', someone);
    expect([found.ttl, missing.node, missing.ttl]).toEqual([settings.attrTtl, 0, settings.attrTtl]);
    expect((await m.fs.getattr(found.node, undefined, someone)).ttl).toBe(settings.attrTtl);
  });

  test('many who ask at once make one request', async () => {
    await m.node('/a');
    m.platform.resetCounters();
    elapse(60_000);
    await Promise.all(Array.from({ length: 20 }, () => m.exists('/a/one')));
    expect(m.platform.calls.list).toBe(2);
  });

  test('a listing that took longer to come than --dir-ttl is believed for as long as it took', async () => {
    const folder = await m.node('/a');
    m.platform.hook = ({ member, stage }) => {
      if (member === 'list' && stage === 'end') elapse(3 * settings.dirTtl);
    };
    const list = async (): Promise<void> => m.fs.releasedir(folder, await m.fs.opendir(folder, someone));
    await list();
    m.platform.log.length = 0;
    for (const name of ['one', 'two', 'not there', 'one']) await m.fs.lookup(folder, name, someone);
    elapse(3 * settings.dirTtl - 1000);
    await list();
    expect(m.platform.log).toEqual([]);
    elapse(2000);
    await list();
    expect(m.platform.log).toEqual(['list /a']);
  });

  test('names that are looked for in a large folder cost a look each, until a listing costs less', async () => {
    for (let i = 0; i < 1500; i += 1) m.platform.put(`/large/${i}`, 'x', longAgo);
    await m.names('/large');
    const folder = await m.node('/large');
    elapse(settings.dirTtl + 1);
    m.platform.log.length = 0;
    for (let i = 0; i < 40; i += 1) await m.fs.lookup(folder, `new-${i}`, someone);
    expect(m.platform.log).toEqual([...Array.from({ length: 15 }, (_, i) => `stat /large/new-${i}`), 'list /large']);
  });

  test('all together they take an eighth of --memory; one that alone is larger stands beside them', async () => {
    await m.end();
    m = await mount({ settings: { memory: 16 * 2 ** 20 } });
    for (const [folder, count] of [['/one', 3000], ['/two', 3000], ['/three', 3000], ['/huge', 20_000]] as const) {
      for (let i = 0; i < count; i += 1) m.platform.put(`${folder}/${i}`, 'x', longAgo);
    }
    const lists = async (folder: string): Promise<number> => {
      m.platform.log.length = 0;
      await m.names(folder);
      return m.platform.log.filter((line) => line === `list ${folder}`).length;
    };
    const asked: number[] = [];
    for (const folder of ['/one', '/two', '/one', '/three', '/one', '/two', '/huge', '/one', '/two', '/three', '/huge']) asked.push(await lists(folder));
    // Two of 3000 have room beside each other; the one that was not used for longest goes.
    expect(asked).toEqual([1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0]);
  });

  test('in a large folder one old file costs a look, not a listing', async () => {
    for (let i = 0; i < 1500; i += 1) m.platform.put(`/large/${i}`, 'x', longAgo);
    await m.names('/large');
    const node = await m.node('/large/7');
    elapse(60_000);
    m.platform.put('/large/7', 'longer', longAgo);
    m.platform.resetCounters();
    expect((await m.attributes(node)).size).toBe(6);
    expect(m.platform.log).toEqual(['stat /large/7']);
  });
});

describe('only the platform\'s clear "not found" is ENOENT', () => {
  test('a listing that fails, or breaks off, is EIO and never an empty folder', async () => {
    await m.node('/a');
    m.platform.failNext('list', 'EIO', { stage: 'end' });
    expect(await errnoOf(m.names('/a'))).toBe('EIO');
    m.platform.failNext('list', 'EIO');
    expect(await errnoOf(m.exists('/a/one'))).toBe('EIO');
    expect(await m.names('/a')).toEqual(['one', 'two']);
  });

  test('a look that fails is no ENOENT either', async () => {
    await m.names('/a');
    m.platform.failNext('stat', new FsError('EIO', 'the server is gone', { retryable: true }));
    expect(await errnoOf(m.open('/a/new', exclusively, { create: true }))).toBe('EIO');
  });
});

describe('own changes show at once', () => {
  test('made, removed, renamed, written: no request is needed to see it', async () => {
    await m.names('/');
    await m.names('/a');
    await m.save('/a/new', 'x');
    await m.unlink('/a/one');
    await m.rename('/a/two', '/a/deux');
    await m.mkdir('/a/d');
    m.platform.resetCounters();
    expect(await m.names('/a')).toEqual(['d', 'deux', 'new']);
    expect(await m.names('/a/d')).toEqual([]);
    expect((await m.stat('/a/new')).size).toBe(1);
    expect(await m.exists('/a/one')).toBe(false);
    expect(m.platform.log).toEqual([]);
  });

  test('a file that is being written is in its folder before it is sent', async () => {
    const file = await m.open('/a/new', exclusively, { create: true });
    await m.write(file, 0, 'abc');
    elapse(60_000);
    expect(await m.names('/a')).toEqual(['new', 'one', 'two']);
    expect((await m.stat('/a/new')).size).toBe(3);
    await m.close(file);
    expect(await m.names('/a')).toEqual(['new', 'one', 'two']);
  });

  test('a file with unsent changes is never forgotten because a listing lacks it', async () => {
    const file = await m.open('/a/one', forWriting);
    await m.write(file, 0, 'ONE');
    m.platform.remove('/a/one');
    elapse(60_000);
    expect(await m.names('/a')).toEqual(['one', 'two']);
    expect((await m.stat('/a/one')).size).toBe(3);
    await m.close(file);
    expect(m.platform.text('/a/one')).toBe('ONE');
  });

  test('nor because its folder is gone: its close fails, and it is kept under its own name', async () => {
    const file = await m.open('/a/one', forWriting);
    await m.write(file, 0, 'ONE');
    m.platform.remove('/a');
    elapse(60_000);
    expect(await m.names('/')).toEqual([]);
    expect(await errnoOf(m.flush(file))).not.toBe('none');
    await m.release(file);
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/a/one']);
  });
});

describe('a listing that was under way while own changes happened', () => {
  test.each(['start', 'end'] as const)('neither loses nor resurrects names (held at its %s)', async (stage) => {
    const folder = await m.node('/a');
    elapse(60_000);
    // CREATE without O_EXCL and O_TRUNC looks at the one file: the listing is old, these two are known.
    for (const name of ['one', 'two']) await m.close(await m.fs.create(folder, name, forReading, 0o644, someone));
    const listing = hold(m.platform, 'list', stage, '/a');
    const opening = m.fs.opendir(folder, someone);
    await listing.reached;
    const made = await m.fs.create(folder, 'new', { ...forWriting, exclusive: true }, 0o644, someone);
    await m.fs.write(made.node, made.handle, 0, Buffer.from('x'), { fromPageCache: false }, someone);
    await m.close(made);
    await m.fs.unlink(folder, 'one', someone);
    await m.fs.rename(folder, 'two', folder, 'deux', { noReplace: false }, someone);
    await m.fs.mkdir(folder, 'd', 0o755, someone);
    listing.release();
    const handle = await opening;
    expect(names(m, folder, handle)).toEqual(['d', 'deux', 'new']);
    m.platform.resetCounters();
    expect(await m.names('/a')).toEqual(['d', 'deux', 'new']);
    expect(m.platform.log).toEqual([]);
  });

  test('a look that saw nothing does not hide what was made meanwhile', async () => {
    const folder = await m.node('/a');
    await m.names('/a');
    const look = hold(m.platform, 'stat', 'start', '/a/new');
    m.platform.failNext('stat', 'ENOENT');
    const looking = errnoOf(m.fs.create(folder, 'new', { ...forWriting, exclusive: true }, 0o644, someone));
    await look.reached;
    await m.fs.mkdir(folder, 'new', 0o755, someone);
    look.release();
    expect(await looking).toBe('EEXIST');
    expect(await m.names('/a')).toEqual(['new', 'one', 'two']);
    expect((await m.stat('/a/new')).kind).toBe('folder');
  });

  test('a look that saw a file does not bring it back when it was removed meanwhile', async () => {
    const folder = await m.node('/a');
    await m.node('/a/one');
    const look = hold(m.platform, 'stat', 'end', '/a/one');
    const looking = m.fs.create(folder, 'one', forWriting, 0o644, someone);
    await look.reached;
    await m.fs.unlink(folder, 'one', someone);
    look.release();
    const made = await looking;
    expect((await m.attributes(made.node)).size).toBe(0);
    await m.close(made);
    expect(m.platform.text('/a/one')).toBe('');
    expect(await m.cat('/a/one')).toBe('');
  });

  test('a listing that is older than a look does not bring the older file back', async () => {
    const folder = await m.node('/a');
    const node = await m.node('/a/one');
    elapse(60_000);
    const listing = hold(m.platform, 'list', 'end', '/a');
    const stating = m.attributes(node);
    await listing.reached;
    m.platform.put('/a/one', 'changed!', longAgo + 5000);
    await m.close(await m.fs.create(folder, 'one', forReading, 0o644, someone));
    listing.release();
    expect((await stating).size).toBe(8);
    expect(await m.cat('/a/one')).toBe('changed!');
  });

  test('a listing of a folder that is renamed meanwhile is asked for at its new place', async () => {
    const folder = await m.node('/a');
    elapse(60_000);
    const listing = hold(m.platform, 'list', 'start', '/a');
    const opening = m.fs.opendir(folder, someone);
    await listing.reached;
    await m.rename('/a', '/b');
    listing.release();
    expect(names(m, folder, await opening)).toEqual(['one', 'two']);
  });

  test('a look below a folder that is renamed meanwhile is no ENOENT', async () => {
    const folder = await m.node('/a');
    const look = hold(m.platform, 'stat', 'start', '/a/one');
    const creating = m.fs.create(folder, 'one', forReading, 0o644, someone);
    await look.reached;
    await m.rename('/a', '/b');
    look.release();
    const opened = await creating;
    expect((await m.read(opened)).toString()).toBe('one');
    expect(m.platform.text('/b/one')).toBe('one');
  });
});

describe('a mutation that fails drops the listing', () => {
  test.each(['start', 'end'] as const)('rename, mkdir, rmdir, upload failing at their %s: the platform is asked before the names are believed', async (stage) => {
    m.platform.putFolder('/a/d', longAgo);
    const expected = (): string[] => m.platform.tree().filter((path) => path.startsWith('/a/') && path !== '/a/')
      .map((path) => path.replace('/a/', '').replace('/', '')).sort();
    const attempts: [() => Promise<void>, Parameters<Mount['platform']['failNext']>[0]][] = [
      [() => m.rename('/a/one', '/a/un'), 'move'],
      [() => m.mkdir('/a/e'), 'createFolder'],
      [() => m.rmdir('/a/d'), 'removeFolder'],
      [() => m.save('/a/two', 'new'), 'write'],
      [() => m.save('/a/three', 'new'), 'write'],
    ];
    for (const [attempt, member] of attempts) {
      await m.names('/a');
      m.platform.failNext(member, 'EIO', { stage });
      expect(await errnoOf(attempt())).toBe('EIO');
      expect(await m.names('/a')).toEqual(expected());
      for (const name of expected()) expect(await m.exists(`/a/${name}`)).toBe(true);
      for (const name of ['one', 'un', 'd', 'e', 'two', 'three']) expect(await m.exists(`/a/${name}`)).toBe(expected().includes(name));
      m.platform.hook = undefined;
    }
  });

  test('also when it was interrupted: it may have happened', async () => {
    await m.names('/a');
    const { parent } = await m.split('/a/one');
    const move = hold(m.platform, 'move', 'end');
    const program = interruptible();
    const renaming = errnoOf(m.fs.rename(parent, 'one', parent, 'un', { noReplace: false }, program));
    await move.reached;
    program.interrupt();
    expect(await renaming).toBe('EINTR');
    expect(await m.exists('/a/one')).toBe(false);
    expect(await m.exists('/a/un')).toBe(true);
  });

  test('who waits for a listing that such a failure overtook gets a newer one', async () => {
    const folder = await m.node('/a');
    elapse(60_000);
    const listing = hold(m.platform, 'list', 'end', '/a');
    const opening = m.fs.opendir(folder, someone);
    await listing.reached;
    m.platform.failNext('createFolder', 'EIO', { stage: 'end' });
    expect(await errnoOf(m.fs.mkdir(folder, 'd', 0o755, someone))).toBe('EIO');
    listing.release();
    expect(names(m, folder, await opening)).toEqual(['d', 'one', 'two']);
  });
});

describe('a mutation never decides ENOENT, EEXIST or ENOTEMPTY from the cache alone', () => {
  beforeEach(async () => {
    m.platform.putFolder('/a/d', longAgo);
    await m.names('/a');
    await m.names('/a/d');
  });

  test('rename of a file that came since the listing', async () => {
    m.platform.put('/a/late', 'late', longAgo);
    await m.rename('/a/late', '/a/now');
    expect(m.platform.text('/a/now')).toBe('late');
  });

  test('mkdir where a folder went, or came, since the listing', async () => {
    m.platform.remove('/a/d');
    const { parent } = await m.split('/a/d');
    await m.fs.mkdir(parent, 'd', 0o755, someone);
    expect(m.platform.tree()).toContain('/a/d/');
    m.platform.putFolder('/a/e');
    expect(await errnoOf(m.mkdir('/a/e'))).toBe('EEXIST');
    expect(await m.exists('/a/e')).toBe(true);
  });

  test('rmdir where a file came, or went, since the listing', async () => {
    m.platform.put('/a/d/late', 'late', longAgo);
    expect(await errnoOf(m.rmdir('/a/d'))).toBe('ENOTEMPTY');
    expect(await m.names('/a/d')).toEqual(['late']);
    m.platform.remove('/a/d/late');
    await m.rmdir('/a/d');
    expect(m.platform.tree()).not.toContain('/a/d/');
  });

  test('rmdir with an unsent file inside: ENOTEMPTY, though the platform has nothing there', async () => {
    const file = await m.open('/a/d/new', exclusively, { create: true });
    expect(await errnoOf(m.rmdir('/a/d'))).toBe('ENOTEMPTY');
    await m.close(file);
    expect(m.platform.text('/a/d/new')).toBe('');
  });

  test('O_EXCL looks on the server', async () => {
    m.platform.put('/a/late', 'late', longAgo);
    expect(await errnoOf(m.open('/a/late', exclusively, { create: true }))).toBe('EEXIST');
    m.platform.remove('/a/one');
    const { parent } = await m.split('/a/one');
    const made = await m.fs.create(parent, 'one', exclusively, 0o644, someone);
    await m.close(made);
    expect(m.platform.text('/a/one')).toBe('');
  });

  test('create without O_TRUNC over a file unknown to the listing does not lose it', async () => {
    m.platform.put('/a/late', 'late', longAgo);
    const file = await m.open('/a/late', { ...forWriting, append: true }, { create: true });
    await m.write(file, 4, 'r');
    await m.close(file);
    expect(m.platform.text('/a/late')).toBe('later');
  });

  test('mknod of what came since the listing: EEXIST', async () => {
    const { parent } = await m.split('/a/late');
    m.platform.put('/a/late', 'late', longAgo);
    expect(await errnoOf(m.fs.mknod(parent, 'late', 0o644, someone))).toBe('EEXIST');
    await m.fs.mknod(parent, 'new', 0o644, someone);
    expect(m.platform.text('/a/new')).toBe('');
    expect((await m.stat('/a/new')).size).toBe(0);
  });

  test('mknod that fails leaves nothing', async () => {
    const { parent } = await m.split('/a/x');
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.fs.mknod(parent, 'x', 0o644, someone))).toBe('EDQUOT');
    expect(await m.exists('/a/x')).toBe(false);
    expect(await m.shutdown()).toEqual([]);
  });
});

describe('interrupts', () => {
  test('of a listing: EINTR; the request is aborted if nobody else waits, not otherwise', async () => {
    const folder = await m.node('/a');
    elapse(60_000);
    const listing = hold(m.platform, 'list', 'start', '/a');
    const one = interruptible();
    const two = interruptible();
    const results = [errnoOf(m.fs.opendir(folder, one)), errnoOf(m.fs.opendir(folder, two))];
    const call = await listing.reached;
    one.interrupt();
    await turns();
    expect(call.signal.aborted).toBe(false);
    two.interrupt();
    expect(await Promise.all(results)).toEqual(['EINTR', 'EINTR']);
    expect(call.signal.aborted).toBe(true);
    listing.release();
    expect(await m.names('/a')).toEqual(['one', 'two']);
  });
});

describe('names', () => {
  test('names that the platform could not keep are refused at once', async () => {
    m.platform.resetCounters();
    expect(await errnoOf(m.mkdir(`/${'x'.repeat(256)}`))).toBe('ENAMETOOLONG');
    expect(await errnoOf(m.save('/.amarre-mine', 'x'))).toBe('EINVAL');
    expect(await errnoOf(m.rename('/a/one', '/a/.amarre-mine'))).toBe('EINVAL');
    expect(m.platform.calls.createFolder + m.platform.calls.write + m.platform.calls.move).toBe(0);
  });
});

function names(mounted: Mount, node: number, handle: number): string[] {
  return [...mounted.fs.readdir(node, handle, 0)].map(({ name }) => name).filter((name) => !name.startsWith('.')).sort();
}
