/** copy_file_range: what the platform is to copy by itself, and what becomes of it until it has. */
import { afterEach, describe, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import { elapse, emptying, errnoOf, exclusively, forBoth, forReading, forWriting, hold, interruptible, longAgo, mount, turns, type Mount, type OpenedFile } from './harness.js';

let m: Mount;
afterEach(() => m.end());

const content = 'what is to be copied';
const size = content.length;

/** A mount with `/from`, and what cp opens: the one to read, the other to write. */
async function begin(options: Parameters<typeof mount>[0] = {}): Promise<{ from: OpenedFile; to: OpenedFile }> {
  m = await mount(options);
  m.platform.put('/from', content, longAgo);
  const from = await m.open('/from', forReading);
  return { from, to: await m.open('/to', exclusively, { create: true }) };
}

const copy = (from: OpenedFile, to: OpenedFile, length = size, ...offsets: number[]): Promise<number> => m.copyRange(from, to, length, ...offsets);

/** No byte has gone through this machine. */
function expectNothingMoved(): void {
  expect([m.platform.bytesRead, m.platform.bytesWritten]).toEqual([0, 0]);
}

describe('a whole file', () => {
  test('is copied by the platform at FLUSH, and not before', async () => {
    const { from, to } = await begin();
    expect(await copy(from, to)).toBe(size);
    expect(m.platform.calls.copy).toBe(0);
    expect(m.platform.tree()).toEqual(['/from']);
    await m.flush(to);
    expect(m.platform.text('/to')).toBe(content);
    await m.release(to);
    await m.close(from);
    expect(m.platform.calls.copy).toBe(1);
    expectNothingMoved();
    expect(await m.cat('/to')).toBe(content);
  });

  test('comes in pieces', async () => {
    const { from, to } = await begin();
    expect(await copy(from, to, 8)).toBe(8);
    expect(await copy(from, to, size - 8, 8)).toBe(size - 8);
    await m.close(to);
    expect(m.platform.text('/to')).toBe(content);
    expectNothingMoved();
  });

  test('that was kept here before, since it could not be sent, is kept no longer', async () => {
    const { from, to } = await begin();
    await m.release(to);
    m.platform.failNext('write', 'EDQUOT', { times: 9 });
    const [same, other] = [await m.open('/same', forWriting, { create: true }), await m.open('/other', forWriting, { create: true })];
    await m.write(same, 0, content);
    await m.write(other, 0, content.toUpperCase());
    for (const file of [same, other]) {
      expect(await errnoOf(m.flush(file))).toBe('EDQUOT');
      await m.release(file);
    }
    m.platform.hook = undefined;
    for (const path of ['/same', '/other']) {
      const target = await m.open(path, exclusively, { create: true });
      await copy(from, target);
      await m.close(target);
      expect(m.platform.text(path)).toBe(content);
    }
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/other']);
  });

  test('over an older one, which stands until the copy is whole', async () => {
    const { from } = await begin();
    await m.save('/older', 'older');
    m.platform.resetCounters();
    const to = await m.open('/older', emptying);
    await copy(from, to);
    const held = hold(m.platform, 'copy', 'commit');
    const closing = m.close(to);
    await held.reached;
    expect(m.platform.text('/older')).toBe('older');
    held.release();
    await closing;
    expect(m.platform.text('/older')).toBe(content);
    expectNothingMoved();
  });

  test.each(['fsync', 'release', 'rename', 'shutdown'] as const)('is sent at %s, too', async (how) => {
    const { from, to } = await begin();
    await copy(from, to);
    if (how === 'fsync') await m.fsync(to);
    if (how === 'release') await m.release(to);
    if (how === 'rename') await m.rename('/to', '/moved');
    if (how === 'shutdown') expect(await m.shutdown()).toEqual([]);
    expect(m.platform.text(how === 'rename' ? '/moved' : '/to')).toBe(content);
    expectNothingMoved();
  });

  test('has the time that is set before its close, and that of the copying where none is', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    await m.set('/to', { mtime: longAgo - 5000 }, to);
    await m.close(to);
    expect(m.platform.modified('/to')).toBe(longAgo - 5000);
    expect((await m.stat('/to')).mtime).toBe(longAgo - 5000);
    const other = await m.open('/other', exclusively, { create: true });
    await copy(from, other);
    await m.close(other);
    expect(m.platform.modified('/other')).toBeGreaterThan(longAgo);
  });

  test('is seen and read before it is copied, and by other handles', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    expect((await m.stat('/to')).size).toBe(size);
    expect(await m.cat('/to')).toBe(content);
    await m.close(to);
    expect(m.platform.calls.copy).toBe(1);
    expect(await m.cat('/to')).toBe(content);
  });

  test('is read on by who has it open, when it is its own file, whatever becomes of the source', async () => {
    const { from } = await begin();
    const to = await m.open('/both', { ...forBoth, exclusive: true }, { create: true });
    await copy(from, to);
    expect((await m.read(to, 0, 4)).toString()).toBe('what');
    await m.flush(to);
    await m.close(from);
    await m.unlink('/from');
    expect((await m.read(to)).toString()).toBe(content);
    await m.write(to, 0, 'W');
    await m.close(to);
    expect(m.platform.text('/both')).toBe(`W${content.slice(1)}`);
  });
});

describe('what is not a whole copy any more is sent', () => {
  test.each<[string, (to: OpenedFile) => Promise<unknown>, string]>([
    ['a write in the middle', (to) => m.write(to, 5, 'WAS'), `what WAS${content.slice(8)}`],
    ['a write behind the end', (to) => m.write(to, size, '!'), `${content}!`],
    ['a cut', (to) => m.set('/to', { size: 7 }, to), content.slice(0, 7)],
    ['a cut and a growth', async (to) => { await m.set('/to', { size: 4 }, to); await m.set('/to', { size: 6 }, to); }, 'what\0\0'],
    ['a growth', (to) => m.set('/to', { size: size + 2 }, to), `${content}\0\0`],
    ['a cut to nothing', (to) => m.set('/to', { size: 0 }, to), ''],
  ])('%s', async (_what, change, expected) => {
    const { from, to } = await begin();
    await copy(from, to);
    await change(to);
    expect(await m.cat('/to')).toBe(expected);
    await m.close(to);
    expect(m.platform.text('/to')).toBe(expected);
    expect(m.platform.calls.copy).toBe(0);
  });

  test('a part of a file', async () => {
    const { from, to } = await begin();
    expect(await copy(from, to, 4)).toBe(4);
    await m.close(to);
    expect(m.platform.text('/to')).toBe('what');
    expect(m.platform.calls.copy).toBe(0);
  });

  test('what the platform refuses to copy', async () => {
    const { from, to } = await begin();
    m.platform.failNext('copy', 'EOPNOTSUPP');
    await copy(from, to);
    await m.close(to);
    expect(m.platform.text('/to')).toBe(content);
    expect(m.platform.calls.write).toBe(1);
  });

  test('a write has room on this machine for what was to be copied, or is ENOSPC', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    m.staging.ensureRoom = () => Promise.reject(new FsError('ENOSPC', 'no room'));
    expect(await errnoOf(m.write(to, 0, 'W'))).toBe('ENOSPC');
    await m.close(to);
    expect(m.platform.text('/to')).toBe(content);
  });
});

describe('EOPNOTSUPP, whereupon the kernel reads and writes', () => {
  test.each<[string, (from: OpenedFile, to: OpenedFile) => Promise<unknown>]>([
    ['not from the start', (from, to) => copy(from, to, 5, 5, 0)],
    ['not to the start', (from, to) => copy(from, to, 5, 0, 5)],
    ['a gap between two pieces', async (from, to) => { await copy(from, to, 4); return await copy(from, to, 4, 8); }],
    ['onto what was written', async (from, to) => { await m.write(to, 0, 'mine'); return await copy(from, to); }],
    ['behind what was written', async (from, to) => { await m.write(to, 0, 'mine'); return await copy(from, to, size - 4, 4); }],
    ['into itself', async (_from, to) => await copy(to, to, 4)],
    ['of a file with unsent changes', async (_from, to) => {
      const source = await m.open('/unsent', { ...forBoth, exclusive: true }, { create: true });
      await m.write(source, 0, content);
      return await copy(source, to);
    }],
    ['of a deleted file', async (from, to) => { await m.unlink('/from'); return await copy(from, to); }],
    ['of two files in a row', async (from, to) => {
      m.platform.put('/second', `${content}, and more`, longAgo);
      elapse(20_000);
      await copy(from, to);
      return await copy(await m.open('/second', forReading), to, 10, size);
    }],
  ])('%s', async (_what, work) => {
    const { from, to } = await begin();
    expect(await errnoOf(work(from, to))).toBe('EOPNOTSUPP');
    expect(m.platform.calls.copy).toBe(0);
  });

  test('where the platform copies nothing', async () => {
    const { from, to } = await begin({ provider: { traits: { serverSideCopy: false } } });
    expect(await errnoOf(copy(from, to))).toBe('EOPNOTSUPP');
  });

  test('of a file that is found to be longer than the kernel believes: it would copy half of it', async () => {
    const { from, to } = await begin();
    m.platform.put('/from', `${content}, and more`, longAgo + 5000);
    elapse(2000);
    expect(await errnoOf(copy(from, to))).toBe('EOPNOTSUPP');
    // The kernel asks anew before it reads on.
    const { size: now } = await m.stat('/from');
    expect(await copy(from, to, now)).toBe(now);
    await m.close(to);
    expect(m.platform.text('/to')).toBe(`${content}, and more`);
  });
});

describe('the source, between the plan and the FLUSH', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['is renamed', () => m.rename('/from', '/elsewhere')],
    ['goes with its folder', async () => { await m.mkdir('/folder'); await m.rename('/from', '/folder/from'); await m.rename('/folder', '/other'); }],
    ['is deleted', () => m.unlink('/from')],
    ['is written anew', () => m.save('/from', 'another content')],
    ['is cut', () => m.set('/from', { size: 3 })],
    ['is replaced', async () => { await m.save('/new', 'another content'); await m.rename('/new', '/from'); }],
    ['is dated', () => m.set('/from', { mtime: longAgo + 100_000 })],
  ])('%s here: the copy is of what it was', async (_what, change) => {
    const { from, to } = await begin();
    await copy(from, to);
    await m.close(from);
    await change();
    await m.close(to);
    expect(m.platform.text('/to')).toBe(content);
    expect(m.platform.tree({ hidden: true }).filter((path) => path.includes('.amarre'))).toEqual([]);
  });

  test('is another on the platform: the close says ESTALE, and the older target stays', async () => {
    const { from } = await begin();
    await m.save('/older', 'older');
    const to = await m.open('/older', emptying);
    await copy(from, to);
    m.platform.put('/from', 'what somebody else wrote', longAgo + 60_000);
    expect(await errnoOf(m.flush(to))).toBe('ESTALE');
    await m.release(to);
    expect(m.platform.text('/older')).toBe('older');
    expect(await m.cat('/older')).toBe('older');
    // Nothing of it was on this machine: there is nothing to be kept.
    expect(await m.shutdown()).toEqual([]);
  });

  test('is renamed while the platform copies', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    const held = hold(m.platform, 'copy', 'commit');
    const closing = m.close(to);
    await held.reached;
    const renaming = m.rename('/from', '/elsewhere');
    await turns();
    expect(m.platform.calls.move).toBe(0);
    held.release();
    await Promise.all([closing, renaming]);
    expect([m.platform.text('/to'), m.platform.text('/elsewhere')]).toEqual([content, content]);
  });
});

describe('the target, before its FLUSH', () => {
  test('is deleted: nothing is copied', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    await m.unlink('/to');
    await m.close(to);
    expect(m.platform.calls.copy).toBe(0);
    expect(m.platform.tree()).toEqual(['/from']);
  });

  test('is replaced by another file', async () => {
    const { from, to } = await begin();
    await m.save('/other', 'other');
    await copy(from, to);
    await m.rename('/other', '/to');
    await m.close(to);
    expect(m.platform.text('/to')).toBe('other');
  });

  test('is written by two handles: the one copies, the other writes behind', async () => {
    const { from, to } = await begin();
    const second = await m.open('/to', forWriting);
    await copy(from, to);
    await m.write(second, size, '!');
    await m.close(to);
    await m.close(second);
    expect(m.platform.text('/to')).toBe(`${content}!`);
  });

  test('is emptied and copied anew', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    await m.set('/to', { size: 0 }, to);
    await copy(from, to);
    await m.close(to);
    expect(m.platform.text('/to')).toBe(content);
    expect(m.platform.calls.copy).toBe(1);
  });
});

describe('a copy that fails', () => {
  test.each(['EDQUOT', 'EACCES', 'EIO'] as const)('%s: the close says so, the older target is whole, and another close tries again', async (errno) => {
    const { from } = await begin();
    await m.save('/older', 'older');
    const to = await m.open('/older', emptying);
    await copy(from, to);
    m.platform.failNext('copy', errno, { stage: 'commit' });
    expect(await errnoOf(m.flush(to))).toBe(errno);
    expect(m.platform.text('/older')).toBe('older');
    await m.flush(to);
    expect(m.platform.text('/older')).toBe(content);
    await m.release(to);
  });

  test('that is interrupted leaves the older target, and no file to be sent', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    const held = hold(m.platform, 'copy', 'commit');
    const program = interruptible();
    const closing = errnoOf(m.flush(to, program));
    await held.reached;
    program.interrupt();
    expect(await closing).toBe('EINTR');
    held.release();
    await m.release(to);
    expect(m.platform.tree()).toEqual(['/from']);
    expect(await m.exists('/to')).toBe(false);
    expect(await m.shutdown()).toEqual([]);
  });

  test('at RELEASE alone is told at the next open', async () => {
    const { from } = await begin();
    await m.save('/older', 'older');
    const to = await m.open('/older', emptying);
    await copy(from, to);
    m.platform.failNext('copy', 'EDQUOT');
    await m.release(to);
    expect(await errnoOf(m.open('/older', forReading))).toBe('EDQUOT');
    expect(await m.cat('/older')).toBe('older');
  });

  test('at the end of the mount is listed', async () => {
    const { from, to } = await begin();
    await copy(from, to);
    m.platform.failNext('copy', 'EDQUOT');
    expect(await m.shutdown()).toMatchObject([{ path: '/to', size }]);
  });
});
