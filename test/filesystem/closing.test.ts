/** What FLUSH, FSYNC and RELEASE must have done before they say yes: promise 1, line by line. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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
