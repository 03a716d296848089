/** Reading: how many requests, how far ahead, how much memory, and what an interrupt ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import { errnoOf, forReading, hold, interruptible, longAgo, mount, someone, turns, type Mount, type OpenedFile } from './harness.js';
import type { Call, MemoryProvider } from '../support/memory-provider.js';

const block = 128 * 1024;
const mega = 1024 * 1024;

/** Bytes that tell their place. */
function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

let m: Mount;
beforeEach(async () => {
  m = await mount({ provider: { chunkSize: 50_000 } });
});
afterEach(async () => { await m.end(); });

/** The ranges asked for, in blocks. */
function ranges(platform: MemoryProvider): [number, number][] {
  const asked: [number, number][] = [];
  const previous = platform.hook;
  platform.hook = async (call) => {
    await previous?.(call);
    if (call.member === 'read' && call.stage === 'start') asked.push([(call.start ?? 0) / block, (call.end ?? 0) / block]);
  };
  return asked;
}

async function opened(path: string, content: Buffer): Promise<OpenedFile> {
  m.platform.put(path, content, longAgo);
  return await m.open(path, forReading);
}

describe('requests', () => {
  test.each([1, 4096, block, block + 1, 5 * block + 17, mega])('a file of %d bytes is one request', async (size) => {
    const content = pattern(size);
    const file = await opened('/f', content);
    const pieces: Buffer[] = [];
    for (let at = 0; at < size; at += block) pieces.push(await m.read(file, at, block));
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect(m.platform.calls.read).toBe(1);
    expect(m.platform.bytesRead).toBe(size);
    await m.close(file);
  });

  test('an empty file, and a read at the end: no request', async () => {
    m.platform.put('/f', pattern(1000), longAgo);
    const empty = await opened('/empty', Buffer.alloc(0));
    expect(await m.read(empty)).toHaveLength(0);
    const file = await opened('/f', pattern(1000));
    expect(await m.read(file, 1000, 10)).toHaveLength(0);
    expect(await m.read(file, 5000, 10)).toHaveLength(0);
    expect(m.platform.calls.read).toBe(0);
    await m.close(empty);
    await m.close(file);
  });

  test('a block is fetched once however many readers ask', async () => {
    const one = await opened('/f', pattern(100_000));
    const two = await m.open('/f', forReading);
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) => m.read(i % 2 === 0 ? one : two, i * 1000, 1000)));
    expect(Buffer.concat(all).equals(pattern(40_000))).toBe(true);
    expect(m.platform.calls.read).toBe(1);
    await m.close(one);
    await m.close(two);
  });

  test('bytes are given as they arrive, not when their block is whole', async () => {
    const file = await opened('/f', pattern(block));
    const rest = hold(m.platform, 'read', 'end');
    m.platform.hook = ((before) => async (call: Call) => {
      if (call.member === 'read' && call.stage === 'chunk' && call.offset === 50_000) await rest.reached;
      await before?.(call);
    })(m.platform.hook);
    expect((await m.read(file, 0, 4096)).equals(pattern(4096))).toBe(true);
    await m.release(file);
  });

  test('a body that breaks in the middle goes on from there', async () => {
    const content = pattern(6 * block);
    const file = await opened('/f', content);
    let breaks = 3;
    m.platform.hook = (call) => {
      if (call.member !== 'read' || call.stage !== 'chunk' || (call.offset ?? 0) < 100_000 || breaks === 0) return;
      breaks -= 1;
      throw new FsError('EIO', 'the connection broke', { retryable: true });
    };
    expect((await m.read(file, 0, content.length)).equals(content)).toBe(true);
    expect(m.platform.calls.read).toBe(4);
    expect(m.platform.bytesRead).toBe(content.length);
    await m.close(file);
  });

  test('one that breaks before its first byte is an error, and the next read asks again', async () => {
    const file = await opened('/f', pattern(1000));
    m.platform.failNext('read', new FsError('EIO', 'the connection broke', { retryable: true }), { stage: 'chunk' });
    expect(await errnoOf(m.read(file))).toBe('EIO');
    expect((await m.read(file)).equals(pattern(1000))).toBe(true);
    await m.close(file);
  });

  test('what came before a break that cannot be mended is given, what is behind it is the error', async () => {
    const file = await opened('/f', pattern(6 * block));
    m.platform.hook = (call) => {
      if (call.member === 'read' && call.stage === 'chunk' && (call.start ?? 0) + (call.offset ?? 0) >= 3 * block) throw new FsError('EACCES', 'no more');
    };
    expect((await m.read(file, 0, 3 * block)).equals(pattern(3 * block))).toBe(true);
    expect(await errnoOf(m.read(file, 4 * block, 10))).toBe('EACCES');
    await m.close(file);
  });

  test('a renamed file reads on', async () => {
    const content = pattern(40 * block);
    const file = await opened('/f', content);
    expect((await m.read(file, 0, 10)).equals(content.subarray(0, 10))).toBe(true);
    await m.rename('/f', '/g');
    expect((await m.read(file, 35 * block, 10)).equals(content.subarray(35 * block, 35 * block + 10))).toBe(true);
    await m.close(file);
  });

  test('a rename and a time set while the request is on its way', async () => {
    const content = pattern(40 * block);
    const file = await opened('/f', content);
    const get = hold(m.platform, 'read', 'start');
    const reading = m.read(file, 0, 10);
    await get.reached;
    await m.rename('/f', '/g');
    await m.set('/g', { mtime: longAgo - 10_000 });
    get.release();
    expect((await reading).equals(content.subarray(0, 10))).toBe(true);
    await m.close(file);
  });
});

describe('reading in order is read ahead, with a window that grows', () => {
  test('few requests for a large file, and each byte once', async () => {
    const content = pattern(48 * mega);
    const file = await opened('/f', content);
    const asked = ranges(m.platform);
    for (let at = 0; at < content.length; at += mega) {
      expect((await m.read(file, at, mega)).equals(content.subarray(at, at + mega))).toBe(true);
      await turns();
    }
    expect(m.platform.bytesRead).toBe(content.length);
    expect(asked.length).toBeLessThan(16);
    const sizes = asked.map(([from, to]) => to - from);
    expect(Math.max(...sizes.slice(0, 2))).toBeLessThan(Math.max(...sizes));
    await m.close(file);
  });

  test('each byte once, too, where requests end within blocks and overtake each other', async () => {
    const content = pattern(8 * mega);
    const file = await opened('/f', content);
    const step = 200_000;
    for (let at = 0; at < content.length; at += 2 * step) {
      for (const offset of at === 0 ? [at, at + step] : [at + step, at]) {
        expect((await m.read(file, offset, step)).equals(content.subarray(offset, offset + step))).toBe(true);
      }
      await turns();
    }
    expect(m.platform.bytesRead).toBe(content.length);
    await m.close(file);
  });

  test('each byte once, too, where two read side by side and the kernel asks for each page in the name of either', async () => {
    const content = pattern(24 * mega);
    const [one, other] = [await opened('/f', content), await m.open('/f', forReading)];
    for (let at = 0; at < content.length; at += 4 * mega) {
      // What is asked last is needed first: the readers have come by each other.
      for (const [file, offset] of [[one, at], [other, at + mega], [one, at + 3 * mega], [other, at + 2 * mega]] as const) {
        expect((await m.read(file, offset, mega)).equals(content.subarray(offset, offset + mega))).toBe(true);
        await turns();
      }
    }
    expect(m.platform.bytesRead).toBe(content.length);
    await m.close(one);
    await m.close(other);
  });

  test('what the kernel was given and has let go of is read ahead again', async () => {
    const content = pattern(24 * mega);
    const file = await opened('/f', content);
    const asked = ranges(m.platform);
    for (const round of [1, 2]) {
      for (let at = 0; at < content.length; at += block) {
        expect((await m.read(file, at, block)).equals(content.subarray(at, at + block))).toBe(true);
        await turns();
      }
      expect(m.platform.bytesRead).toBe(round * content.length);
      expect(asked.splice(0).length).toBeLessThan(16);
    }
    await m.close(file);
  });

  test('the reader does not wait for what was asked ahead', async () => {
    const content = pattern(8 * mega);
    const file = await opened('/f', content);
    await m.read(file, 0, mega);
    await turns();
    const before = m.platform.calls.read;
    m.platform.hook = (call) => {
      if (call.member === 'read' && call.stage === 'start') throw new FsError('EIO', 'too late');
    };
    // The next mebibyte is here already.
    expect((await m.read(file, mega, mega / 2)).equals(content.subarray(mega, mega * 1.5))).toBe(true);
    expect(before).toBeGreaterThan(0);
    await m.release(file);
  });

  test('requests that overtake each other are in order still', async () => {
    const content = pattern(16 * mega);
    const file = await opened('/f', content);
    for (let at = 0; at < content.length; at += 4 * block) {
      const offsets = [at + 2 * block, at, at + 3 * block, at + block];
      const parts = await Promise.all(offsets.map((offset) => m.read(file, offset, block)));
      for (const [i, part] of parts.entries()) expect(part.equals(content.subarray(offsets[i], (offsets[i] ?? 0) + block))).toBe(true);
    }
    expect(m.platform.bytesRead).toBe(content.length);
    expect(m.platform.calls.read).toBeLessThan(12);
    await m.close(file);
  });

  test('random reads do not prefetch', async () => {
    const content = pattern(64 * mega);
    const file = await opened('/f', content);
    const asked = ranges(m.platform);
    for (const at of [40, 10, 55, 25, 5, 60, 33, 18]) {
      const offset = at * mega + 5000;
      expect((await m.read(file, offset, 4096)).equals(content.subarray(offset, offset + 4096))).toBe(true);
    }
    expect(asked.map(([from, to]) => to - from)).toEqual(asked.map(() => 1));
    expect(m.platform.bytesRead).toBeLessThanOrEqual(8 * block);
    await m.close(file);
  });
});

describe('interrupts', () => {
  test('a read: EINTR; the HTTP request is aborted if nobody else waits for its blocks', async () => {
    const file = await opened('/f', pattern(block));
    const get = hold(m.platform, 'read', 'chunk');
    const program = interruptible();
    const reading = errnoOf(m.read(file, 0, 10, program));
    const call = await get.reached;
    program.interrupt();
    expect(await reading).toBe('EINTR');
    expect(call.signal.aborted).toBe(true);
    get.release();
    expect((await m.read(file, 0, 8)).equals(pattern(8))).toBe(true);
    await m.close(file);
  });

  test('not if somebody else waits, whoever began it, until he goes too', async () => {
    const one = await opened('/f', pattern(block));
    const two = await m.open('/f', forReading);
    const get = hold(m.platform, 'read', 'chunk');
    const programs = [interruptible(1), interruptible(2)] as const;
    const first = errnoOf(m.read(one, 0, 10, programs[0]));
    const second = errnoOf(m.read(two, 0, 10, programs[1]));
    const call = await get.reached;
    programs[0].interrupt();
    expect(await first).toBe('EINTR');
    expect(call.signal.aborted).toBe(false);
    programs[1].interrupt();
    expect(await second).toBe('EINTR');
    expect(call.signal.aborted).toBe(true);
    get.release();
    await m.close(one);
    await m.close(two);
  });

  test('the other\'s read gets its bytes', async () => {
    const one = await opened('/f', pattern(block));
    const two = await m.open('/f', forReading);
    const get = hold(m.platform, 'read', 'chunk');
    const program = interruptible();
    const first = errnoOf(m.read(one, 0, 10, program));
    const second = m.read(two, 0, 10);
    await get.reached;
    program.interrupt();
    expect(await first).toBe('EINTR');
    await m.release(one);
    get.release();
    expect((await second).equals(pattern(12).subarray(0, 10))).toBe(true);
    expect(m.platform.calls.read).toBe(1);
    await m.close(two);
  });

  test('Ctrl-C on a buffered cat: READ, then only FLUSH; the FLUSH cancels the program\'s own reads', async () => {
    const file = await opened('/f', pattern(block));
    const get = hold(m.platform, 'read', 'chunk');
    const reading = errnoOf(m.read(file, 0, 10));
    const call = await get.reached;
    await m.flush(file);
    expect(await reading).toBe('EINTR');
    expect(call.signal.aborted).toBe(true);
    get.release();
    await m.release(file);
  });

  test('unless other processes hold the file: their reads go on', async () => {
    const file = await opened('/f', pattern(block));
    const get = hold(m.platform, 'read', 'chunk');
    const other = interruptible(9999);
    const reading = m.read(file, 0, 4, other);
    await get.reached;
    await m.flush(file);
    get.release();
    expect((await reading).equals(pattern(4))).toBe(true);
    await m.release(file);
  });

  test('what was asked ahead ends with the last who counted on it', async () => {
    const one = await opened('/f', pattern(8 * mega));
    const two = await m.open('/f', forReading);
    await m.read(one, 0, block);
    const get = hold(m.platform, 'read', 'start');
    await m.read(one, 7 * block, block);
    const ahead = await get.reached;
    const reading = m.read(two, 9 * block, block);
    await turns();
    await m.close(one);
    expect(ahead.signal.aborted).toBe(false);
    get.release();
    expect(await reading).toHaveLength(block);
    await m.close(two);
  });
});

describe('memory', () => {
  /** At most so many requests at once, as a provider has it. */
  function limit(platform: MemoryProvider, atOnce: number): void {
    const open = new Set<AbortSignal>();
    const queue: (() => void)[] = [];
    platform.hook = async ({ member, stage, signal }) => {
      if (member !== 'read') return;
      if (stage === 'start') {
        while (open.size >= atOnce) await new Promise<void>((resolve) => queue.push(resolve));
        open.add(signal);
      }
      if (stage === 'end') {
        open.delete(signal);
        queue.shift()?.();
      }
      await turns();
    };
  }

  test('200 open files read in order: what is on its way and ahead stays within the budget, and next to nothing comes twice', async () => {
    await m.end();
    m = await mount({ settings: { memory: 16 * mega }, provider: { chunkSize: block } });
    const content = pattern(mega);
    const files = await Promise.all(Array.from({ length: 200 }, (_, i) => opened(`/${i}`, content)));
    const asked = { now: 0, most: 0 };
    const underWay = new Map<AbortSignal, number>();
    m.platform.hook = ({ member, stage, start = 0, end = 0, offset = 0, signal }) => {
      if (member !== 'read') return;
      underWay.set(signal, end - start - offset);
      if (stage === 'end') underWay.delete(signal);
      asked.most = Math.max(asked.most, [...underWay.values()].reduce((sum, bytes) => sum + bytes, 0));
    };
    for (let at = 0; at < mega; at += block) {
      const parts = await Promise.all(files.map((file) => m.read(file, at, block)));
      expect(parts.every((part) => part.equals(content.subarray(at, at + block)))).toBe(true);
    }
    // Half of the budget ahead, and a block for each who waits.
    expect(asked.most).toBeLessThanOrEqual(8 * mega + 200 * block);
    // The 200 blocks that are waited for at once are three times what is kept: some of what was ahead must go.
    expect(m.platform.bytesRead).toBeLessThan(200 * mega * 1.1);
    await Promise.all(files.map((file) => m.close(file)));
  }, 60_000);

  test('several large files read side by side: no block is fetched twice', async () => {
    await m.end();
    m = await mount({ settings: { memory: 16 * mega }, provider: { chunkSize: block } });
    limit(m.platform, 6);
    const content = pattern(12 * mega);
    const files = await Promise.all(Array.from({ length: 5 }, (_, i) => opened(`/${i}`, content)));
    await Promise.all(files.map(async (file) => {
      for (let at = 0; at < content.length; at += block) {
        expect((await m.read(file, at, block)).equals(content.subarray(at, at + block))).toBe(true);
      }
    }));
    expect(m.platform.bytesRead).toBe(5 * content.length);
    await Promise.all(files.map((file) => m.close(file)));
  }, 60_000);

  test('cancelled fetches give back what they were counted for', async () => {
    await m.end();
    m = await mount({ settings: { memory: 16 * mega } });
    const content = pattern(16 * mega);
    m.platform.put('/f', content, longAgo);
    for (let round = 0; round < 20; round += 1) {
      const get = hold(m.platform, 'read', 'start');
      const file = await m.open('/f', forReading);
      const program = interruptible();
      const reading = errnoOf(m.read(file, 0, mega, program));
      await get.reached;
      program.interrupt();
      expect(await reading).toBe('EINTR');
      await m.close(file);
      get.release();
      m.platform.hook = undefined;
    }
    // There is room ahead as at the beginning.
    const asked = ranges(m.platform);
    const file = await m.open('/f', forReading);
    await m.read(file, 0, block);
    await turns();
    expect(asked[0]).toEqual([0, 9]);
    await m.close(file);
  });

  test('nothing is left under way when all are closed', async () => {
    const file = await opened('/f', pattern(32 * mega));
    for (let at = 0; at < 4 * mega; at += mega) await m.read(file, at, mega);
    await m.close(file);
    await turns();
    expect(m.platform.inFlight).toBe(0);
  });
});

test('a read that the program gives up by another signal than its own does not fail others on the handle', async () => {
  const file = await opened('/f', pattern(64 * block));
  const get = hold(m.platform, 'read', 'chunk');
  const program = interruptible();
  const given = errnoOf(m.read(file, 0, block, program));
  const kept = m.fs.read(file.node, file.handle, block, block, someone);
  await get.reached;
  program.interrupt();
  expect(await given).toBe('EINTR');
  get.release();
  expect(Buffer.concat(await kept).equals(pattern(2 * block).subarray(block))).toBe(true);
  await m.close(file);
});
