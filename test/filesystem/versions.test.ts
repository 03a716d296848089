/** A read returns bytes of one version (promise 3), and a listing that was wrong is corrected. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deferred, elapse, errnoOf, exclusively, forAppending, forBoth, forReading, forWriting, hold, longAgo, mount, someone, turns, type Mount } from './harness.js';

const block = 128 * 1024;
const filled = (letter: string, size = 64 * block): Buffer => Buffer.alloc(size, letter);

let m: Mount;
beforeEach(async () => {
  m = await mount({ settings: { memory: 16 * 2 ** 20 } });
  m.platform.put('/f', filled('a'), longAgo);
  m.platform.put('/s', 'small', longAgo);
});
afterEach(async () => { await m.end(); });

/** The first byte at each offset, one READ each. */
async function letters(file: Awaited<ReturnType<Mount['open']>>, ...offsets: number[]): Promise<string> {
  let text = '';
  for (const offset of offsets) text += (await m.read(file, offset, 1)).toString();
  return text;
}

describe('a stale listing is corrected, not an error', () => {
  test('the answer to the first GET is the version; attributes and kernel are corrected from it', async () => {
    await m.names('/');
    m.platform.put('/f', filled('b', 80 * block), longAgo + 5000);
    const file = await m.open('/f', forReading);
    expect(await letters(file, 0, 79 * block)).toBe('bb');
    expect(await m.attributes(file.node)).toMatchObject({ size: 80 * block, mtime: longAgo + 5000 });
    expect(m.notices).toEqual([`attributes ${file.node}`]);
    await m.close(file);
  });

  test('the kernel has forgotten the size before it gets the bytes: it would end them where the older version ended', async () => {
    await m.names('/');
    m.platform.put('/s', 'small and grown', longAgo + 5000);
    const asked = deferred<number>();
    const forgotten = deferred<undefined>();
    m.fs.attachKernel({
      forgetAttributes: (node) => { asked.resolve(node); return forgotten.promise; },
      invalidateNode: () => undefined,
      invalidateEntry: () => undefined,
      expireEntry: () => Promise.resolve(),
    });
    const file = await m.open('/s', forReading);
    let answered = false;
    const reading = m.read(file).then((bytes) => { answered = true; return bytes; });
    expect(await asked.promise).toBe(file.node);
    await turns();
    expect(answered).toBe(false);
    forgotten.resolve(undefined);
    expect((await reading).toString()).toBe('small and grown');
    await m.close(file);
  });

  test('also where it became shorter', async () => {
    await m.names('/');
    m.platform.put('/s', 'sm', longAgo + 5000);
    expect(await m.cat('/s')).toBe('sm');
  });

  test('a file that is gone: ESTALE at the read, ENOENT at the next open', async () => {
    await m.names('/');
    m.platform.remove('/s');
    const file = await m.open('/s', forReading);
    expect(await errnoOf(m.read(file))).toBe('ESTALE');
    await m.close(file);
    expect(await m.exists('/s')).toBe(false);
  });

  test('OPEN costs no request', async () => {
    await m.names('/');
    m.platform.resetCounters();
    for (const how of [forReading, forWriting, forBoth, forAppending]) await m.close(await m.open('/s', how));
    expect(m.platform.log).toEqual([]);
  });

  test('an append to a file that grew on the server since it was listed appends at the real end', async () => {
    await m.names('/');
    m.platform.put('/s', 'small and grown', longAgo + 5000);
    elapse(2000);
    const file = await m.open('/s', forAppending);
    // The kernel believes in the listing's size.
    await m.write(file, 5, '!');
    await m.write(file, 6, '?');
    await m.close(file);
    expect(m.platform.text('/s')).toBe('small and grown!?');
    expect(m.notices).toContain(`node ${file.node}`);
    // What it believes since it wrote is as wrong, until it asks.
    const again = await m.fs.open(file.node, forAppending, someone);
    await m.write({ node: file.node, ...again }, 7, '+');
    await m.close({ node: file.node, ...again });
    expect(m.platform.text('/s')).toBe('small and grown!?+');
    const { size } = await m.stat('/s');
    const last = await m.open('/s', forAppending);
    await m.write(last, size, '.');
    await m.close(last);
    expect(m.platform.text('/s')).toBe('small and grown!?+.');
  });

  test('an append by somebody else while a program holds the file open for appending', async () => {
    const file = await m.open('/s', forAppending);
    await m.write(file, 5, '1');
    await m.fsync(file);
    expect(m.platform.text('/s')).toBe('small1');
    await m.close(file);
    m.platform.put('/s', 'small12', longAgo + 5000);
    elapse(2000);
    const next = await m.fs.open(file.node, forAppending, someone);
    await m.write({ node: file.node, ...next }, 6, '3');
    await m.close({ node: file.node, ...next });
    expect(m.platform.text('/s')).toBe('small123');
  });
});

describe('ESTALE once bytes of the older version were delivered, never a splice', () => {
  test('the next read of a block that is not cached', async () => {
    const file = await m.open('/f', forReading);
    expect(await letters(file, 40 * block)).toBe('a');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    expect(await errnoOf(letters(file, 0))).toBe('ESTALE');
    await m.close(file);
    const next = await m.open('/f', forReading);
    expect(next).toMatchObject({ keepCache: false, directIo: false });
    expect(await letters(next, 0, 10 * block)).toBe('bb');
    await m.close(next);
  });

  test('who opens it then gets the newer one at once, though the kernel asks for the name no more', async () => {
    const old = await m.open('/f', forReading);
    expect(await letters(old, 40 * block)).toBe('a');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    expect(await errnoOf(letters(old, 0))).toBe('ESTALE');
    const next = { node: old.node, ...await m.fs.open(old.node, forReading, someone) };
    expect(next.directIo).toBe(true);
    expect(await letters(next, 0, 10 * block)).toBe('bb');
    expect(await errnoOf(letters(old, 0))).toBe('ESTALE');
    await m.close(old);
    await m.close(next);
  });

  test('pages are shared between handles: what one has read binds the other', async () => {
    const one = await m.open('/f', forReading);
    const two = await m.open('/f', forReading);
    expect(await letters(one, 40 * block)).toBe('a');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    expect(await errnoOf(letters(two, 0))).toBe('ESTALE');
    await m.close(one);
    await m.close(two);
  });

  test('a new open while older readers are pinned is directIo, reads the new version, and they stay with theirs', async () => {
    const old = await m.open('/f', forReading);
    expect(await letters(old, 40 * block)).toBe('a');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    elapse(20_000);
    const fresh = await m.open('/f', forReading);
    // Past the pages, which stay as they are: to forget them the kernel would wait for the reads under way.
    expect(fresh).toMatchObject({ keepCache: true, directIo: true });
    expect(await letters(fresh, 0, 10 * block)).toBe('bb');
    expect(await errnoOf(letters(old, 0))).toBe('ESTALE');
    expect(await letters(fresh, 11 * block)).toBe('b');
    await m.close(old);
    m.platform.put('/f', filled('c'), longAgo + 9000);
    expect(await errnoOf(letters(fresh, 60 * block))).toBe('ESTALE');
    await m.close(fresh);
  });

  test('bytes of a listing that turned out wrong at the first GET are of one version', async () => {
    await m.names('/');
    const file = await m.open('/f', forReading);
    const get = hold(m.platform, 'read', 'chunk');
    const reading = m.read(file, 0, 2 * block);
    await get.reached;
    m.platform.put('/f', filled('b'), longAgo + 5000);
    get.release();
    expect((await reading).equals(filled('a', 2 * block))).toBe(true);
    expect(await errnoOf(m.read(file, 63 * block, block))).toBe('ESTALE');
    await m.close(file);
  });

  test('an answer that comes when the pages are of a newer version already is not put among them', async () => {
    const slow = await m.open('/f', forReading);
    const quick = await m.open('/f', forReading);
    const get = hold(m.platform, 'read', 'chunk');
    const reading = errnoOf(m.read(slow, 0, 10));
    await get.reached;
    const held = m.platform.hook;
    m.platform.hook = undefined;
    m.platform.put('/f', filled('b'), longAgo + 5000);
    elapse(20_000);
    await m.stat('/f');
    expect(await letters(quick, 40 * block)).toBe('b');
    m.platform.hook = held;
    get.release();
    expect(await reading).toBe('ESTALE');
    await m.close(slow);
    await m.close(quick);
  });

  test('replaced by another name on the server', async () => {
    const file = await m.open('/f', forReading);
    expect(await letters(file, 40 * block)).toBe('a');
    m.platform.put('/g', filled('g'), longAgo + 7000);
    m.platform.rename('/g', '/f');
    elapse(20_000);
    await m.names('/');
    expect(await errnoOf(letters(file, 0))).toBe('ESTALE');
    await m.close(file);
  });

  test('a program that has read the older version does not write into the newer', async () => {
    const file = await m.open('/f', forBoth);
    expect(await letters(file, 0)).toBe('a');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    elapse(20_000);
    await m.names('/');
    await m.stat('/f');
    expect(await errnoOf(m.write(file, 0, 'x'))).toBe('ESTALE');
    await m.close(file);
    expect(m.platform.get('/f')?.at(0)).toBe('b'.charCodeAt(0));
  });

  test('a pinned reader (tail -f) does not keep others from appending, and sees no byte of theirs', async () => {
    const reader = await m.open('/f', forReading);
    expect(await letters(reader, 0)).toBe('a');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    elapse(20_000);
    const writer = await m.open('/f', forAppending);
    expect(writer.directIo).toBe(true);
    await m.write(writer, 64 * block, 'END');
    expect(await errnoOf(letters(reader, 60 * block))).toBe('ESTALE');
    await m.flush(writer);
    expect(await errnoOf(letters(reader, 60 * block))).toBe('ESTALE');
    await m.release(writer);
    expect(await errnoOf(letters(reader, 60 * block))).toBe('ESTALE');
    await m.close(reader);
    expect(Buffer.from(m.platform.get('/f') ?? []).equals(Buffer.concat([filled('b'), Buffer.from('END')]))).toBe(true);
  });

  test('a writer\'s rest is of the version that he began with, or the close fails and nothing is changed', async () => {
    const file = await m.open('/f', forWriting);
    await m.write(file, 5, 'X');
    m.platform.put('/f', filled('b'), longAgo + 5000);
    expect(await errnoOf(m.flush(file))).toBe('ESTALE');
    await m.release(file);
    expect(Buffer.from(m.platform.get('/f') ?? []).equals(filled('b'))).toBe(true);
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/f']);
  });

  test('readers of changes that could not be sent get ESTALE, not the older bytes behind them', async () => {
    const reader = await m.open('/f', forReading);
    const writer = await m.open('/f', forWriting);
    await m.write(writer, 0, filled('n', 2 * block));
    expect(await letters(reader, 0)).toBe('n');
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.close(writer))).toBe('EDQUOT');
    expect(await errnoOf(letters(reader, block))).toBe('ESTALE');
    const next = await m.open('/f', forReading);
    expect(next.directIo).toBe(true);
    expect(await letters(next, 0, block)).toBe('aa');
    await m.close(reader);
    await m.close(next);
    const last = await m.open('/f', forReading);
    expect(last.directIo).toBe(false);
    await m.close(last);
  });

  test('a read that is under way when the changes are sent and let go is of what was sent', async () => {
    const reader = await m.open('/f', forReading);
    const writer = await m.open('/f', forWriting);
    await m.write(writer, 10 * block, filled('n', block));
    const get = hold(m.platform, 'read', 'start');
    const reading = m.read(reader, 9 * block, 3 * block);
    const closing = m.close(writer);
    await get.reached;
    get.release();
    const [bytes] = await Promise.all([reading, closing]);
    expect(bytes.equals(Buffer.concat([filled('a', block), filled('n', block), filled('a', block)]))).toBe(true);
    await turns();
    expect((await m.read(reader, 9 * block, 3 * block)).equals(bytes)).toBe(true);
    await m.close(reader);
  });
});

describe('the kernel\'s pages', () => {
  test('are kept across opens while the version is the same', async () => {
    const first = await m.open('/f', forReading);
    await letters(first, 0);
    await m.close(first);
    const second = await m.open('/f', forReading);
    expect(second.keepCache).toBe(true);
    await m.close(second);
  });

  test('need not be forgotten where the file was never open: two who open it at once do not wait for each other\'s reads', async () => {
    const [first, second] = await Promise.all([m.open('/f', forReading), m.open('/f', forReading)]);
    expect([first, second]).toMatchObject([{ keepCache: true, directIo: false }, { keepCache: true, directIo: false }]);
    await m.close(first);
    await m.close(second);
  });

  test('are not kept when it changed, or when somebody writes', async () => {
    const first = await m.open('/f', forReading);
    await letters(first, 0);
    await m.close(first);
    m.platform.put('/f', filled('b'), longAgo + 5000);
    elapse(20_000);
    const second = await m.open('/f', forReading);
    expect(second.keepCache).toBe(false);
    await letters(second, 0);
    await m.close(second);
    const writer = await m.open('/f', forWriting);
    await m.write(writer, 0, 'x');
    const third = await m.open('/f', forReading);
    expect(third).toMatchObject({ keepCache: false, directIo: false });
    await m.close(writer);
    await m.close(third);
  });

  test('survive a time that is set: the bytes are the same', async () => {
    m.platform.put('/g', filled('g', 2 * block + 1), longAgo);
    const first = await m.open('/g', forReading);
    await letters(first, 0);
    await m.set('/g', { mtime: longAgo + 3000 });
    expect(await letters(first, block)).toBe('g');
    await turns();
    await m.close(first);
    m.platform.resetCounters();
    const second = await m.open('/g', forReading);
    expect(second.keepCache).toBe(true);
    expect(await letters(second, 0, block)).toBe('gg');
    await m.close(second);
    expect(m.platform.calls.read).toBe(0);
  });
});

describe('a version less than 2 s old by the server\'s Date is not settled', () => {
  test('no KEEP_CACHE, and no cached block at the next open', async () => {
    const now = Date.now();
    m.platform.put('/u', 'first', now);
    expect(await m.cat('/u')).toBe('first');
    // In the same second and of the same length: the platform tells no other version.
    m.platform.put('/u', 'other', now);
    const file = await m.open('/u', forReading);
    expect(file.keepCache).toBe(false);
    expect((await m.read(file)).toString()).toBe('other');
    await m.close(file);
  });

  test('also while somebody else has it open: the new open bypasses his pages', async () => {
    const now = Date.now();
    m.platform.put('/u', 'first', now);
    const first = await m.open('/u', forReading);
    expect((await m.read(first)).toString()).toBe('first');
    m.platform.put('/u', 'other', now);
    const second = await m.open('/u', forReading);
    expect(second).toMatchObject({ keepCache: true, directIo: true });
    expect((await m.read(second)).toString()).toBe('other');
    await m.close(first);
    await m.close(second);
  });

  test('who only writes bypasses nobody\'s pages: a reader (tail -f) sees through them what he appends', async () => {
    const now = Date.now();
    m.platform.put('/log', 'first\n', now);
    const reader = await m.open('/log', forReading);
    expect((await m.read(reader)).toString()).toBe('first\n');
    const writer = await m.open('/log', forAppending);
    expect(writer).toMatchObject({ keepCache: true, directIo: false });
    await m.write(writer, 6, 'second\n');
    await m.close(writer);
    expect((await m.read(reader)).toString()).toBe('first\nsecond\n');
    await m.close(reader);
    expect(m.platform.text('/log')).toBe('first\nsecond\n');
  });

  test('a file that was just written and closed is opened with pages, as mmap wants them, though its RELEASE is under way', async () => {
    const file = await m.open('/new', exclusively, { create: true });
    await m.write(file, 0, 'mine');
    await m.flush(file);
    const releasing = m.release(file);
    const next = await m.open('/new', forReading);
    expect(next).toMatchObject({ keepCache: false, directIo: false });
    expect((await m.read(next)).toString()).toBe('mine');
    await releasing;
    await m.close(next);
  });

  test('who reads past the pages follows what is written, dated and sent here, as the others do', async () => {
    const now = Date.now();
    m.platform.put('/u', 'first', now);
    const first = await m.open('/u', forReading);
    expect((await m.read(first)).toString()).toBe('first');
    const second = await m.open('/u', forReading);
    expect(second.directIo).toBe(true);
    expect((await m.read(second)).toString()).toBe('first');
    for (const text of ['one', 'two']) {
      const writer = await m.open('/u', forAppending);
      await m.write(writer, (await m.stat('/u')).size, text);
      await m.fsync(writer);
      expect((await m.read(second)).toString()).toBe(m.platform.text('/u'));
      await m.close(writer);
      await m.set('/u', { mtime: longAgo });
      expect((await m.read(second)).toString()).toBe(m.platform.text('/u'));
      expect((await m.read(first)).toString()).toBe(m.platform.text('/u'));
    }
    m.platform.put('/u', 'by somebody else', longAgo + 5000);
    elapse(20_000);
    await m.stat('/u');
    expect(await errnoOf(m.read(second))).toBe('ESTALE');
    await m.close(first);
    await m.close(second);
  });

  test('nor is what was read then trusted when the version has grown old', async () => {
    const now = Date.now();
    m.platform.put('/u', 'first', now);
    expect(await m.cat('/u')).toBe('first');
    m.platform.put('/u', 'other', now);
    elapse(60_000);
    expect(await m.cat('/u')).toBe('other');
    // This was read when it was settled.
    m.platform.resetCounters();
    expect((await m.open('/u', forReading)).keepCache).toBe(true);
    expect(m.platform.calls.read).toBe(0);
  });
});
