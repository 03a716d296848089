/** What FLUSH, FSYNC and RELEASE must have done before they say yes: promise 1, line by line. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FsError } from '../../src/errors.js';
import { StagedFile } from '../../src/storage/staging.js';
import {
  deferred, elapse, emptying, errnoOf, exclusively, forAppending, forBoth, forReading, forWriting, hold, interruptible, longAgo, mount, someone, turns, type Mount,
} from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/f', 'old', longAgo);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await m.end();
});

const sent = (): number => m.platform.calls.write;

describe('FLUSH sends when the inode has a WRITE or a new size not yet sent', () => {
  test('what is saved is on the platform when close returns', async () => {
    await m.save('/new.txt', 'hello');
    expect(m.platform.text('/new.txt')).toBe('hello');
    expect(await m.cat('/new.txt')).toBe('hello');
    expect(sent()).toBe(1);
  });

  test('an append fetches what was there and sends the whole', async () => {
    const file = await m.open('/f', forAppending);
    await m.write(file, 3, '!');
    await m.flush(file);
    expect(m.platform.text('/f')).toBe('old!');
    await m.release(file);
    expect(sent()).toBe(1);
  });

  test('a write in the middle is read back before the close, and sent with the rest around it', async () => {
    const file = await m.open('/f', forBoth);
    await m.write(file, 1, 'L');
    expect((await m.read(file)).toString()).toBe('oLd');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('oLd');
  });

  test('a new size through the handle', async () => {
    const file = await m.open('/f', forWriting);
    await m.set('/f', { size: 1 }, file);
    expect(m.platform.text('/f')).toBe('old');
    await m.flush(file);
    expect(m.platform.text('/f')).toBe('o');
    await m.release(file);
  });

  test('echo > existing: the FLUSH before the first byte sends nothing', async () => {
    const file = await m.open('/f', emptying);
    await m.flush(file);
    expect(m.platform.text('/f')).toBe('old');
    await m.write(file, 0, 'x\n');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('x\n');
    expect(sent()).toBe(1);
  });

  test('four FLUSHes, one before any data and two in the middle, send after each WRITE alone', async () => {
    const file = await m.open('/f', emptying);
    const seen: (string | undefined)[] = [];
    for (const text of ['', 'a\n', 'b\n', '']) {
      if (text !== '') await m.write(file, seen.length === 1 ? 0 : 2, text);
      await m.flush(file);
      seen.push(m.platform.text('/f'));
    }
    await m.release(file);
    expect(seen).toEqual(['old', 'a\n', 'a\nb\n', 'a\nb\n']);
    expect(sent()).toBe(2);
  });

  test('emptied again by another open, what was written before is no WRITE to send any more', async () => {
    const first = await m.open('/f', forWriting);
    await m.write(first, 0, 'unsent');
    const second = await m.open('/f', emptying);
    await m.flush(second);
    expect(m.platform.text('/f')).toBe('old');
    await m.write(second, 0, 'later');
    await m.close(second);
    expect(m.platform.text('/f')).toBe('later');
    await m.close(first);
    expect(sent()).toBe(1);
  });

  test('touch of a new file: OPEN, FLUSH, SETATTR, FLUSH sends it at the second FLUSH', async () => {
    const file = await m.open('/t', forWriting, { create: true });
    await m.flush(file);
    expect(m.platform.get('/t')).toBeUndefined();
    await m.fs.setattr(file.node, { mtime: 'now', atime: 'now' }, file.handle, someone);
    await m.flush(file);
    expect(m.platform.text('/t')).toBe('');
    await m.release(file);
    expect(sent()).toBe(1);
  });

  test('FLUSH of a clean inode makes no request, nor does a read-only one', async () => {
    expect(await m.cat('/f')).toBe('old');
    const file = await m.open('/f', forBoth);
    m.platform.resetCounters();
    await m.flush(file);
    await m.fsync(file);
    await m.release(file);
    expect(m.platform.log).toEqual([]);
  });

  test('FLUSH of a read-only handle does not send what another program is writing', async () => {
    const writer = await m.open('/f', forWriting);
    await m.write(writer, 0, 'half');
    const reader = await m.open('/f', forReading);
    await m.close(reader);
    expect(m.platform.text('/f')).toBe('old');
    await m.close(writer);
    expect(m.platform.text('/f')).toBe('half');
  });
});

describe('FSYNC and RELEASE send what no FLUSH has', () => {
  test(': > file is sent at RELEASE', async () => {
    const file = await m.open('/f', emptying);
    await m.flush(file);
    expect(m.platform.text('/f')).toBe('old');
    await m.release(file);
    expect(m.platform.text('/f')).toBe('');
  });

  test('fsync sends a file that was only created', async () => {
    const file = await m.open('/new', exclusively, { create: true });
    await m.flush(file);
    expect(m.platform.get('/new')).toBeUndefined();
    await m.fsync(file);
    expect(m.platform.text('/new')).toBe('');
    await m.close(file);
    expect(sent()).toBe(1);
  });

  test('pages written through mmap after the last close are sent at RELEASE', async () => {
    const file = await m.open('/f', forBoth);
    await m.flush(file);
    expect((await m.read(file)).toString()).toBe('old');
    await m.writePages(file, 0, 'MAP');
    expect(m.platform.text('/f')).toBe('old');
    await m.release(file);
    expect(m.platform.text('/f')).toBe('MAP');
  });

  test('mmap pages that come with a closed handle are sent when the next handle goes', async () => {
    const writer = await m.open('/f', forBoth);
    const reader = await m.open('/f', forReading);
    await m.close(writer);
    await m.writePages(writer, 0, 'MAP');
    await m.close(reader);
    expect(m.platform.text('/f')).toBe('MAP');
  });

  test('mmap pages that come when no handle is left are sent at once: no RELEASE will come', async () => {
    const writer = await m.open('/f', forBoth);
    await m.close(writer);
    await m.writePages(writer, 0, 'MAP');
    expect(m.platform.text('/f')).toBe('MAP');
  });

  test('a WRITE on a closed handle that is not from the page cache: EBADF', async () => {
    const writer = await m.open('/f', forBoth);
    await m.close(writer);
    expect(await errnoOf(m.write(writer, 0, 'x'))).toBe('EBADF');
  });

  test('a writer who comes and goes while the last one\'s RELEASE sends loses nothing', async () => {
    const first = await m.open('/f', emptying);
    const upload = hold(m.platform, 'write');
    const releasing = m.release(first);
    await upload.reached;
    const second = await m.open('/f', forWriting);
    const writing = m.writePages(second, 0, 'second');
    await turns();
    upload.release();
    await Promise.all([writing, releasing, writing.then(() => m.release(second))]);
    expect(m.platform.text('/f')).toBe('second');
    expect(await m.cat('/f')).toBe('second');
  });
});

describe('one upload an inode at a time', () => {
  test('a FLUSH meanwhile waits, and sends again only if there are newer writes', async () => {
    const one = await m.open('/f', forWriting);
    const two = await m.open('/f', forWriting);
    await m.write(one, 0, 'abc');
    const upload = hold(m.platform, 'write', 'commit');
    const flushes = [m.flush(one), m.flush(two), m.fsync(two)];
    await upload.reached;
    await turns();
    upload.release();
    await Promise.all(flushes);
    expect(sent()).toBe(1);
    expect(m.platform.text('/f')).toBe('abc');
    await m.close(one);
    await m.close(two);
    expect(sent()).toBe(1);
  });

  test('a write while an upload runs waits for it, goes into the next, and no upload is a mixture', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'aaaa');
    const upload = hold(m.platform, 'write', 'chunk');
    const first = m.flush(file);
    await upload.reached;
    const writing = m.write(file, 0, 'bb');
    await turns();
    upload.release();
    await first;
    expect(m.platform.text('/f')).toBe('aaaa');
    await writing;
    await m.close(file);
    expect(m.platform.text('/f')).toBe('bbaa');
    expect(sent()).toBe(2);
  });

  test('an upload that was given up has ended before the next one begins', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'first');
    let running = 0;
    let most = 0;
    // The platform is slow to hear that nobody waits any more.
    const real = m.platform.write.bind(m.platform);
    const begun = deferred<undefined>();
    vi.spyOn(m.platform, 'write').mockImplementation(async (...call) => {
      running += 1;
      most = Math.max(most, running);
      begun.resolve(undefined);
      await turns();
      try {
        return await real(...call);
      } finally {
        running -= 1;
      }
    });
    const program = interruptible();
    const flushing = errnoOf(m.flush(file, program));
    await begun.promise;
    program.interrupt();
    expect(await flushing).toBe('EINTR');
    await m.write(file, 0, 'second');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('second');
    expect(most).toBe(1);
  });

  test('truncate by path, interrupted, does not overtake the next one', async () => {
    const real = m.platform.write.bind(m.platform);
    let late = true;
    vi.spyOn(m.platform, 'write').mockImplementation(async (target, content, options, signal) => {
      // The first comes through although it was given up, and late.
      if (!late) return await real(target, content, options, signal);
      late = false;
      for (let i = 0; i < 10; i += 1) await turns();
      return await real(target, content, options, new AbortController().signal);
    });
    const node = await m.node('/f');
    const program = interruptible();
    const cutting = errnoOf(m.fs.setattr(node, { size: 2 }, undefined, program));
    await turns();
    program.interrupt();
    expect(await cutting).toBe('EINTR');
    await m.save('/f', 'second');
    expect(m.platform.text('/f')).toBe('second');
    await m.unlink('/f');
    for (let i = 0; i < 12; i += 1) await turns();
    expect(m.platform.tree()).toEqual([]);
  });
});

describe('a failed FLUSH keeps the data', () => {
  test.each(['FLUSH', 'FSYNC'])('the next %s tries again', async (next) => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'new');
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.flush(file))).toBe('EDQUOT');
    expect(m.platform.text('/f')).toBe('old');
    await (next === 'FLUSH' ? m.flush(file) : m.fsync(file));
    expect(m.platform.text('/f')).toBe('new');
    await m.release(file);
    expect(await m.shutdown()).toEqual([]);
  });

  test('the error is told to every FLUSH that waited for the upload', async () => {
    const one = await m.open('/f', emptying);
    const two = await m.open('/f', forWriting);
    await m.write(one, 0, 'new');
    const upload = hold(m.platform, 'write', 'commit');
    m.platform.failNext('write', 'EDQUOT', { stage: 'commit' });
    const results = Promise.all([errnoOf(m.flush(one)), errnoOf(m.flush(two))]);
    await upload.reached;
    upload.release();
    expect(await results).toEqual(['EDQUOT', 'EDQUOT']);
    await m.release(one);
    await m.release(two);
  });

  test('at the last RELEASE it is kept on disk with its note and in the list of shutdown', async () => {
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.save('/f', 'new content'))).toBe('EDQUOT');
    expect(m.platform.text('/f')).toBe('old');
    expect(await m.cat('/f')).toBe('old');
    expect((await m.stat('/f')).size).toBe(3);
    const [file, ...others] = await m.shutdown();
    expect(others).toEqual([]);
    expect(file).toMatchObject({ path: '/f', size: 11, reason: 'write made to fail' });
    expect(await readFile(file?.kept ?? '', 'utf8')).toBe('new content');
    const note: unknown = JSON.parse(await readFile(file?.kept.replace(/data$/, 'json') ?? '', 'utf8'));
    expect(note).toMatchObject({ path: '/f', state: 'kept', size: 11, missing: [] });
    expect(sent()).toBe(1);
  });

  test('a new file that could not be sent is not shown any more', async () => {
    m.platform.failNext('write', 'EACCES');
    expect(await errnoOf(m.save('/new', 'content'))).toBe('EACCES');
    expect(await m.names('/')).toEqual(['f']);
    expect(await m.exists('/new')).toBe(false);
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/new']);
  });

  test('a file of no bytes that could not be sent is kept, too', async () => {
    m.platform.failNext('write', 'EACCES');
    const file = await m.open('/new', exclusively, { create: true });
    await m.close(file);
    const [kept] = await m.shutdown();
    expect(kept).toMatchObject({ path: '/new', size: 0 });
    expect(await readFile(kept?.kept ?? '', 'utf8')).toBe('');
  });

  test.each(['FSYNC', 'FLUSH', 'OPEN'])('an error at RELEASE is told by the next %s, once', async (next) => {
    const reader = await m.open('/f', forReading);
    const writer = await m.open('/f', emptying);
    m.platform.failNext('write', 'EDQUOT');
    await m.release(writer);
    const tell = async (): Promise<void> => {
      if (next === 'FSYNC') await m.fsync(reader);
      else if (next === 'FLUSH') await m.flush(reader);
      else await m.close(await m.open('/f', forReading));
    };
    expect(await errnoOf(tell())).toBe('EDQUOT');
    expect(await errnoOf(tell())).toBe('none');
    await m.release(reader);
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/f']);
  });

  test('an error that close has told is not told again by OPEN', async () => {
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.save('/f', 'new'))).toBe('EDQUOT');
    expect(await m.cat('/f')).toBe('old');
  });

  test('an interrupted FLUSH has failed: the old version is whole, RELEASE keeps the data and does not try again', async () => {
    const upload = hold(m.platform, 'write', 'chunk');
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'new');
    const program = interruptible();
    const flushing = errnoOf(m.flush(file, program));
    await upload.reached;
    program.interrupt();
    expect(await flushing).toBe('EINTR');
    upload.release();
    await m.release(file);
    expect(m.platform.text('/f')).toBe('old');
    expect(sent()).toBe(1);
    expect((await m.shutdown()).map(({ path, size }) => [path, size])).toEqual([['/f', 3]]);
  });

  test('shutdown sends what is open and unsent, and keeps what it cannot send', async () => {
    for (const name of ['/a', '/b', '/c']) {
      const file = await m.open(name, exclusively, { create: true });
      await m.write(file, 0, `content of ${name}`);
    }
    m.platform.hook = ({ member, path }) => {
      if (member === 'write' && path === '/b') throw new FsError('EIO', 'no way');
    };
    expect((await m.shutdown()).map(({ path, reason }) => [path, reason])).toEqual([['/b', 'no way']]);
    expect(m.platform.text('/a')).toBe('content of /a');
    expect(m.platform.text('/c')).toBe('content of /c');
    expect(m.platform.get('/b')).toBeUndefined();
  });

  test('shutdown given up while uploads run keeps all, and nothing is on the platform', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'new');
    const upload = hold(m.platform, 'write', 'commit');
    const impatient = new AbortController();
    const ending = m.fs.shutdown(impatient.signal, false);
    await upload.reached;
    impatient.abort();
    expect((await ending).map(({ path }) => path)).toEqual(['/f']);
    upload.release();
    await turns();
    expect(m.platform.text('/f')).toBe('old');
  });

  test('what cannot even be noted on a full disk is listed all the same', async () => {
    vi.spyOn(StagedFile.prototype, 'keep').mockRejectedValue(new FsError('ENOSPC', 'no room'));
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.save('/f', 'new'))).toBe('EDQUOT');
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/f']);
  });
});

describe('kept files whose bytes the platform has after all are let go', () => {
  test('the same bytes sent later under the same path', async () => {
    m.platform.failNext('write', 'EDQUOT', { times: 2 });
    expect(await errnoOf(m.save('/f', 'first'))).toBe('EDQUOT');
    expect(await errnoOf(m.save('/f', 'other'))).toBe('EDQUOT');
    await m.save('/f', 'first');
    const left = await m.shutdown();
    expect(await Promise.all(left.map(({ kept }) => readFile(kept, 'utf8')))).toEqual(['other']);
  });

  test('a program that tries the same bytes again and again takes the disk once', async () => {
    m.platform.failNext('write', 'EDQUOT', { times: 5 });
    for (let i = 0; i < 5; i += 1) expect(await errnoOf(m.save('/f', 'the same'))).toBe('EDQUOT');
    expect(await m.shutdown()).toHaveLength(1);
  });

  test('other bytes of the same length, or under another name, stay', async () => {
    m.platform.failNext('write', 'EDQUOT', { times: 2 });
    await errnoOf(m.save('/f', 'abc'));
    await errnoOf(m.save('/g', 'abc'));
    await m.save('/f', 'abd');
    expect((await m.shutdown()).map(({ path }) => path).sort()).toEqual(['/f', '/g']);
  });
});

describe('limits', () => {
  test('staging disk full: ENOSPC at the WRITE, and the program may go on', async () => {
    const file = await m.open('/f', forWriting);
    vi.spyOn(StagedFile.prototype, 'write').mockRejectedValueOnce(new FsError('ENOSPC', 'no room'));
    expect(await errnoOf(m.write(file, 0, 'NEW'))).toBe('ENOSPC');
    await m.write(file, 0, 'N');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('Nld');
  });

  test('staging disk full: what an unsent rest would need is refused at the WRITE, not at the close', async () => {
    vi.spyOn(m.staging, 'ensureRoom').mockRejectedValue(new FsError('ENOSPC', 'no room'));
    const file = await m.open('/f', forAppending);
    expect(await errnoOf(m.write(file, 3, '!'))).toBe('ENOSPC');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('old');
    expect(sent()).toBe(0);
    await m.save('/f', 'emptied first, it needs no room for the old');
  });

  test('EFBIG: at the WRITE, at truncate, at FALLOCATE', async () => {
    await m.end();
    m = await mount({ provider: { traits: { maxFileSize: 100 } } });
    m.platform.put('/f', 'old', longAgo);
    const file = await m.open('/f', forWriting);
    expect(await errnoOf(m.write(file, 99, 'xx'))).toBe('EFBIG');
    expect(await errnoOf(m.set('/f', { size: 101 }))).toBe('EFBIG');
    expect(await errnoOf(m.set('/f', { size: 101 }, file))).toBe('EFBIG');
    expect(await errnoOf(m.fs.fallocate(file.node, file.handle, 0, 50, 51, someone))).toBe('EFBIG');
    await m.write(file, 99, 'x');
    await m.close(file);
    expect(m.platform.get('/f')?.length).toBe(100);
  });

  test('FALLOCATE mode 0 extends the size in staging, other modes are EOPNOTSUPP', async () => {
    const file = await m.open('/f', forWriting);
    await m.fs.fallocate(file.node, file.handle, 0, 0, 2, someone);
    expect((await m.stat('/f')).size).toBe(3);
    await m.fs.fallocate(file.node, file.handle, 0, 2, 4, someone);
    expect((await m.stat('/f')).size).toBe(6);
    expect(m.platform.text('/f')).toBe('old');
    expect(await errnoOf(m.fs.fallocate(file.node, file.handle, 3, 0, 1, someone))).toBe('EOPNOTSUPP');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('old\0\0\0');
  });

  test('a read-only mount: EROFS for everything that would change it', async () => {
    await m.end();
    m = await mount({ settings: { readOnly: true } });
    m.platform.put('/f', 'old', longAgo);
    m.platform.putFolder('/d');
    const attempts = [
      m.open('/f', forWriting), m.open('/new', exclusively, { create: true }), m.unlink('/f'), m.rmdir('/d'), m.mkdir('/e'),
      m.rename('/f', '/g'), m.set('/f', { size: 0 }), m.set('/f', { mtime: 0 }), m.set('/f', { mode: 0o600 }),
    ];
    expect(await Promise.all(attempts.map(errnoOf))).toEqual(attempts.map(() => 'EROFS'));
    expect(await m.cat('/f')).toBe('old');
  });
});

describe('truncate(2) by path has no close: it is sent before the reply', () => {
  test('shorter, longer, to nothing', async () => {
    await m.set('/f', { size: 2 });
    expect(m.platform.text('/f')).toBe('ol');
    await m.set('/f', { size: 4 });
    expect(m.platform.text('/f')).toBe('ol\0\0');
    m.platform.resetCounters();
    await m.set('/f', { size: 0 });
    expect(m.platform.text('/f')).toBe('');
    expect(m.platform.calls.read).toBe(0);
  });

  test('its failure is told, and the old version shows', async () => {
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.set('/f', { size: 2 }))).toBe('EDQUOT');
    expect(m.platform.text('/f')).toBe('old');
    expect((await m.stat('/f')).size).toBe(3);
    expect(await m.cat('/f')).toBe('old');
    expect(await m.shutdown()).toEqual([]);
  });

  test('with an open writer it goes out with his close', async () => {
    const file = await m.open('/f', forWriting);
    await m.set('/f', { size: 2 });
    expect(m.platform.text('/f')).toBe('old');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('ol');
  });

  test('a writer whose RELEASE is under way is none: its close has returned', async () => {
    const file = await m.open('/f', forWriting);
    await m.write(file, 0, 'new content');
    await m.flush(file);
    const releasing = m.release(file);
    await m.set('/f', { size: 3 });
    expect(m.platform.text('/f')).toBe('new');
    await releasing;
    expect(m.platform.text('/f')).toBe('new');
    expect(await m.shutdown()).toEqual([]);
  });

  test('two writers that go at once leave nothing unsent', async () => {
    const one = await m.open('/f', forWriting);
    const two = await m.open('/f', forWriting);
    await m.write(one, 0, 'new');
    await Promise.all([m.release(one), m.release(two)]);
    expect(m.platform.text('/f')).toBe('new');
    expect(await m.shutdown()).toEqual([]);
  });

  test('what was cut off reads as zeros when the file grows again', async () => {
    m.platform.put('/g', 'abcdefgh', longAgo);
    const file = await m.open('/g', forBoth);
    await m.write(file, 6, 'GH');
    await m.set('/g', { size: 3 }, file);
    await m.set('/g', { size: 8 }, file);
    expect((await m.read(file)).toString('latin1')).toBe('abc\0\0\0\0\0');
    await m.write(file, 12, 'z');
    await m.close(file);
    expect(m.platform.text('/g')).toBe('abc\0\0\0\0\0\0\0\0\0z');
  });

  test('only what is needed of an existing file is fetched', async () => {
    m.platform.put('/big', Buffer.alloc(3_000_000, 1), longAgo);
    const file = await m.open('/big', forWriting);
    await m.set('/big', { size: 1000 }, file);
    m.platform.resetCounters();
    await m.close(file);
    expect(m.platform.get('/big')?.length).toBe(1000);
    expect(m.platform.bytesRead).toBeLessThan(200_000);
  });
});

describe('a file that others deleted while it was open', () => {
  test.each([true, false])('a WRITE is ESTALE, not accepted and lost (written before: %s)', async (written) => {
    const file = await m.open('/f', forBoth);
    if (written) {
      await m.write(file, 0, 'NEW');
      await m.fsync(file);
    }
    m.platform.remove('/f');
    elapse(60_000);
    expect(await m.names('/')).toEqual([]);
    expect(await m.exists('/f')).toBe(false);
    expect(await errnoOf(m.write(file, 0, 'x'))).toBe('ESTALE');
    expect(await errnoOf(m.fs.setattr(file.node, { size: 0 }, file.handle, someone))).toBe('ESTALE');
    expect(await errnoOf(m.fs.open(file.node, emptying, someone))).toBe('ESTALE');
    await m.close(file);
    expect(m.platform.tree()).toEqual([]);
  });
});

describe('the mount taken from under a program that writes', () => {
  test('half of a copy is kept as such, and the old version stays', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'half of what');
    const [kept, ...others] = await m.fs.shutdown(AbortSignal.timeout(5000), true);
    expect(others).toEqual([]);
    expect(m.platform.text('/f')).toBe('old');
    expect(kept).toMatchObject({ path: '/f', size: 12 });
    expect(await readFile(kept?.kept ?? '', 'utf8')).toBe('half of what');
    const note: unknown = JSON.parse(await readFile(kept?.kept.replace(/data$/, 'json') ?? '', 'utf8'));
    expect(note).toMatchObject({ state: 'writing' });
  });

  test('a file that is only emptied keeps its old bytes on the platform', async () => {
    await m.open('/f', emptying);
    expect((await m.fs.shutdown(AbortSignal.timeout(5000), true)).map(({ path }) => path)).toEqual(['/f']);
    expect(m.platform.text('/f')).toBe('old');
  });
});
