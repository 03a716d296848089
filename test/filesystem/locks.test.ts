/** Locks on the platform: what is open for writing is locked there, what somebody else has locked is not opened for writing. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { collectingLog } from '../support/collecting-log.js';
import { MemoryProvider } from '../support/memory-provider.js';
import {
  elapse, emptying, errnoOf, exclusively, forAppending, forBoth, forWriting, hold, interruptible, longAgo, mount, mountOn, turns, type Mount, type MountChoices,
} from './harness.js';

let m: Mount;
let told = collectingLog();
afterEach(async () => {
  await m.end();
  told = collectingLog();
});

async function start(choices: MountChoices = {}): Promise<void> {
  m = await mount({ log: told.log, ...choices, provider: { locks: true, ...choices.provider } });
  m.platform.put('/f', 'content', longAgo);
  m.platform.put('/g', 'other', longAgo);
  await m.names('/');
  m.platform.resetCounters();
}

describe('a file that is open for writing', () => {
  test.each([['writing', forWriting], ['both', forBoth], ['appending', forAppending], ['emptying', emptying]])('(%s) is locked from the open until it is closed and sent', async (_how, flags) => {
    await start();
    const file = await m.open('/f', flags);
    expect(m.platform.lockOf('/f')).toBe('us');
    await m.write(file, 0, 'changed');
    await m.flush(file);
    expect(m.platform.lockOf('/f')).toBe('us');
    await m.release(file);
    expect(m.platform.lockOf('/f')).toBeUndefined();
    expect(m.platform.log.map((call) => call.split(' ')[0]).filter((member) => member !== 'stat' && member !== 'read')).toEqual(['lock', 'write', 'unlock']);
  });

  test('is locked for all its writers together: one request, and the last one gives it back', async () => {
    await start();
    const held = hold(m.platform, 'lock');
    const opening = [m.open('/f', forWriting), m.open('/f', forWriting)];
    await held.reached;
    held.release();
    const [one, two] = await Promise.all(opening);
    if (one === undefined || two === undefined) throw new Error('not opened');
    const three = await m.open('/f', forBoth);
    await m.close(one);
    await m.close(two);
    expect([m.platform.lockOf('/f'), m.platform.calls.lock, m.platform.calls.unlock]).toEqual(['us', 1, 0]);
    await m.close(three);
    expect([m.platform.lockOf('/f'), m.platform.calls.unlock]).toEqual([undefined, 1]);
  });

  test('who opens it while the lock is being given back waits, and locks it anew', async () => {
    await start();
    const first = await m.open('/f', forWriting);
    const held = hold(m.platform, 'unlock');
    const closing = m.close(first);
    await held.reached;
    const opening = m.open('/f', forWriting);
    await turns();
    expect(m.platform.calls.lock).toBe(1);
    held.release();
    await closing;
    const second = await opening;
    expect([m.platform.lockOf('/f'), m.platform.calls.lock]).toEqual(['us', 2]);
    await m.close(second);
    expect(m.platform.lockOf('/f')).toBeUndefined();
  });

  test('for reading alone, and for what the platform does not have yet, nothing is asked', async () => {
    await start();
    expect(await m.cat('/f')).toBe('content');
    await m.save('/new', 'made');
    const file = await m.open('/newer', exclusively, { create: true });
    await m.close(file);
    expect([m.platform.calls.lock, m.platform.calls.unlock]).toEqual([0, 0]);
  });

  test('that could not be sent is given back all the same', async () => {
    await start();
    m.platform.failNext('write', 'EDQUOT', { times: 9 });
    expect(await errnoOf(m.save('/f', 'too much'))).toBe('EDQUOT');
    expect([m.platform.lockOf('/f'), m.platform.text('/f')]).toEqual([undefined, 'content']);
  });

  test('one who is interrupted while it is locked leaves no lock behind', async () => {
    await start();
    const node = await m.node('/f');
    const held = hold(m.platform, 'lock', 'end');
    const impatient = interruptible();
    const opening = errnoOf(m.fs.open(node, forWriting, impatient));
    await held.reached;
    expect(m.platform.lockOf('/f')).toBe('us');
    impatient.interrupt();
    expect(await opening).toBe('EINTR');
    held.release();
    await expect.poll(() => m.platform.lockOf('/f')).toBeUndefined();
    await m.save('/f', 'goes on');
  });
});

describe('a file that somebody else has locked', () => {
  test('cannot be opened for writing, cut or replaced: EBUSY, and the log names who; reading goes on', async () => {
    await start();
    m.platform.lockFor('/f', 'bob');
    for (const flags of [forWriting, forBoth, forAppending, emptying]) expect(await errnoOf(m.open('/f', flags))).toBe('EBUSY');
    expect(await m.cat('/f')).toBe('content');
    expect(told.lines.filter((line) => line.msg.startsWith('somebody else'))).toHaveLength(4);
    expect(told.lines).toContainEqual(expect.objectContaining({ level: 40, path: '/f', reason: '/f is locked by bob' }));
    expect([m.platform.calls.write, m.platform.lockOf('/f')]).toEqual([0, 'bob']);
    m.platform.lockFor('/f', undefined);
    await m.save('/f', 'free again');
  });

  test('known from a listing it is refused without a request, also where nothing is locked from here', async () => {
    await start({ settings: { lockOnWrite: 'off' } });
    m.platform.lockFor('/f', 'bob');
    elapse(11_000);
    await m.names('/');
    m.platform.resetCounters();
    expect(await errnoOf(m.open('/f', forWriting))).toBe('EBUSY');
    expect(await errnoOf(m.set('/f', { size: 2 }))).toBe('EBUSY');
    expect(await errnoOf(m.rename('/g', '/f'))).toBe('EBUSY');
    expect(m.platform.log).toEqual([]);
    expect(Buffer.from(await m.fs.getxattr(await m.node('/f'), 'user.amarre.lock', { pid: 1, uid: 0, gid: 0, signal: new AbortController().signal })).toString()).toBe('bob');
  });

  test('and replaced since then it is looked up anew, and not busy', async () => {
    await start({ provider: { traits: { stableIds: true } } });
    m.platform.lockFor('/f', 'bob');
    elapse(11_000);
    await m.names('/');
    const node = await m.node('/f');
    m.platform.remove('/f');
    m.platform.put('/f', 'another');
    elapse(5000);
    expect(await errnoOf(m.fs.open(node, forWriting, interruptible()))).toBe('ESTALE');
    await m.save('/f', 'free');
    expect(m.platform.text('/f')).toBe('free');
  });

  test('where the listing is not of this moment a look decides', async () => {
    await start();
    m.platform.lockFor('/f', 'bob');
    elapse(11_000);
    await m.names('/');
    const node = await m.node('/f');
    m.platform.lockFor('/f', undefined);
    elapse(5000);
    const opened = await m.fs.open(node, forWriting, { pid: 1, uid: 0, gid: 0, signal: new AbortController().signal });
    expect(m.platform.lockOf('/f')).toBe('us');
    await m.close({ node, ...opened });
  });
});

describe('names that change meanwhile', () => {
  test('the lock goes with a rename', async () => {
    await start();
    const file = await m.open('/f', forWriting);
    await m.rename('/f', '/h');
    expect(m.platform.lockOf('/h')).toBe('us');
    await m.close(file);
    expect(m.platform.lockOf('/h')).toBeUndefined();
  });

  test('and with its folder', async () => {
    await start();
    m.platform.put('/d/in', 'inside', longAgo);
    elapse(11_000);
    const file = await m.open('/d/in', forWriting);
    await m.rename('/d', '/e');
    await m.close(file);
    expect([m.platform.text('/e/in'), m.platform.lockOf('/e/in')]).toEqual(['inside', undefined]);
  });

  test('who closes a file while its lock follows a rename leaves none', async () => {
    await start();
    const file = await m.open('/f', forWriting);
    const held = hold(m.platform, 'lock', 'start', '/h');
    const renaming = m.rename('/f', '/h');
    await held.reached;
    const closing = m.close(file);
    await turns();
    held.release();
    await Promise.all([renaming, closing]);
    expect([m.platform.lockOf('/h'), await readdir(join(m.folder, 'locks', 'test00000001'))]).toEqual([undefined, []]);
    await m.save('/h', 'goes on');
  });

  test.each(['start', 'end'] as const)('a lock that is being given back goes, though the file is renamed meanwhile (%s)', async (stage) => {
    await start();
    const file = await m.open('/f', forWriting);
    const held = hold(m.platform, 'unlock', stage);
    const closing = m.close(file);
    await held.reached;
    const renaming = m.rename('/f', '/h');
    await turns();
    held.release();
    await Promise.all([closing, renaming]);
    expect([m.platform.text('/h'), m.platform.lockOf('/h')]).toEqual(['content', undefined]);
  });

  test('and though the folder that it is in is', async () => {
    await start();
    m.platform.put('/d/in', 'inside', longAgo);
    elapse(11_000);
    const file = await m.open('/d/in', forWriting);
    const held = hold(m.platform, 'unlock');
    const closing = m.close(file);
    await held.reached;
    const renaming = m.rename('/d', '/e');
    await turns();
    held.release();
    await Promise.all([closing, renaming]);
    expect(m.platform.lockOf('/e/in')).toBeUndefined();
  });

  test.each(['start', 'end'] as const)('a file that is deleted while it is being opened for writing is there for who opened it, and leaves no lock (%s)', async (stage) => {
    await start();
    const node = await m.node('/f');
    const held = hold(m.platform, 'lock', stage);
    const opening = m.fs.open(node, forBoth, interruptible());
    await held.reached;
    const deleting = m.unlink('/f');
    await turns();
    held.release();
    await deleting;
    const file = { node, ...await opening };
    expect([(await m.read(file)).toString(), m.platform.tree()]).toEqual(['content', ['/g']]);
    expect(await readdir(join(m.folder, 'locks', 'test00000001'))).toEqual([]);
    await m.close(file);
    expect(m.platform.tree({ hidden: true })).toEqual(['/g']);
  });

  test('who opens a file while its last writer gives the lock back, and it is deleted, finds it deleted', async () => {
    await start();
    const file = await m.open('/f', forWriting);
    const held = hold(m.platform, 'unlock');
    const closing = m.close(file);
    await held.reached;
    const opening = errnoOf(m.fs.open(file.node, forBoth, interruptible()));
    const deleting = m.unlink('/f');
    await turns();
    held.release();
    await Promise.all([closing, deleting]);
    expect([await opening, m.platform.tree({ hidden: true }), m.fs.report().openFiles]).toEqual(['ESTALE', ['/g'], 0]);
    expect(await readdir(join(m.folder, 'locks', 'test00000001'))).toEqual([]);
  });

  test('over a file that is open for writing, as rsync and editors do: its lock does not stay on the new one', async () => {
    await start();
    const file = await m.open('/f', forWriting);
    await m.save('/.f.tmp', 'saved by an editor');
    await m.rename('/.f.tmp', '/f');
    m.platform.log.splice(0);
    expect([m.platform.text('/f'), m.platform.lockOf('/f')]).toEqual(['saved by an editor', undefined]);
    await errnoOf(m.close(file));
    expect(m.platform.log).toEqual([]);
  });

  test('a platform that makes a new version of the target, with its lock, gets that back too', async () => {
    // The target keeps its place, id and lock, and gets the content.
    const versions = new MemoryProvider({ clock: () => Date.now(), locks: true });
    const plain = versions.move.bind(versions);
    versions.move = async (from, to, options, signal) => {
      const lock = versions.lockOf(to.path);
      const entry = await plain(from, to, options, signal);
      versions.lockFor(to.path, lock);
      return entry;
    };
    await start({ platform: versions });
    const target = await m.open('/f', forWriting);
    await m.rename('/g', '/f');
    expect(m.platform.lockOf('/f')).toBeUndefined();
    await errnoOf(m.close(target));
    // And where the one that takes its place is open itself, it has the lock.
    m.platform.put('/h', 'third', longAgo);
    elapse(11_000);
    const other = await m.open('/f', forWriting);
    const mover = await m.open('/h', forWriting);
    await m.rename('/h', '/f');
    await errnoOf(m.close(other));
    expect(m.platform.lockOf('/f')).toBe('us');
    await m.close(mover);
    expect(m.platform.lockOf('/f')).toBeUndefined();
  });

  test('a file that is deleted while it is open takes no lock along', async () => {
    await start();
    const file = await m.open('/f', forWriting);
    await m.unlink('/f');
    expect(m.platform.log.filter((call) => /^(unlock|park)/.test(call))).toEqual(['unlock /f', expect.stringMatching(/^park/)]);
    await m.close(file);
    expect(m.platform.tree({ hidden: true })).toEqual(['/g']);
  });
});

describe('a platform that cannot, or does not', () => {
  test('auto goes on without, asks no more where nothing is locked at all, and notes nothing', async () => {
    await start();
    m.platform.failNext('lock', 'EOPNOTSUPP');
    await m.save('/f', 'one');
    await m.save('/f', 'two');
    expect([m.platform.calls.lock, m.platform.calls.unlock, m.platform.text('/f')]).toEqual([1, 0, 'two']);
    expect(told.lines.filter(({ level }) => level > 20)).toEqual([]);
  });

  test('auto writes a file that could not be locked, and says so; what may have been locked is given back', async () => {
    await start();
    m.platform.failNext('lock', 'EIO', { stage: 'end' });
    await m.save('/f', 'one');
    expect([m.platform.text('/f'), m.platform.lockOf('/f')]).toEqual(['one', undefined]);
    expect(told.lines).toContainEqual(expect.objectContaining({ level: 40, path: '/f', errno: 'EIO' }));
  });

  test('on opens nothing for writing that it could not lock', async () => {
    await start({ settings: { lockOnWrite: 'on' } });
    m.platform.failNext('lock', 'EIO');
    expect(await errnoOf(m.open('/f', forWriting))).toBe('EIO');
    m.platform.failNext('lock', 'EOPNOTSUPP');
    expect(await errnoOf(m.open('/f', forWriting))).toBe('EOPNOTSUPP');
    expect(await m.cat('/f')).toBe('content');
    await m.save('/new', 'made');
  });

  test('on, where the platform has no locks', async () => {
    await start({ settings: { lockOnWrite: 'on' }, provider: { locks: false } });
    expect(await errnoOf(m.open('/f', forWriting))).toBe('EOPNOTSUPP');
  });

  test('off asks nothing', async () => {
    await start({ settings: { lockOnWrite: 'off' } });
    await m.save('/f', 'one');
    expect([m.platform.calls.lock, m.platform.calls.unlock]).toEqual([0, 0]);
  });
});

describe('the end of a mount', () => {
  test('gives back what programs still have open', async () => {
    await start();
    await m.open('/f', forWriting);
    await m.open('/g', forWriting);
    await m.shutdown();
    expect([m.platform.lockOf('/f'), m.platform.lockOf('/g')]).toEqual([undefined, undefined]);
  });

  test('a lock that could not be given back goes at the next start, and stops nobody meanwhile', async () => {
    await start();
    m.platform.failNext('unlock', 'EIO', { times: 2 });
    await m.save('/f', 'changed');
    expect(m.platform.lockOf('/f')).toBe('us');
    await m.save('/g', 'changed');
    expect(m.platform.lockOf('/g')).toBe('us');
    await m.save('/g', 'once more');
    expect([m.platform.lockOf('/f'), m.platform.lockOf('/g')]).toEqual(['us', undefined]);
    const { next } = await m.remount();
    m = next;
    expect(m.platform.lockOf('/f')).toBeUndefined();
    expect(await readdir(join(m.folder, 'locks'))).toEqual([]);
  });

  test('a crash leaves a lock that does not stop the next mount, which gives it back', async () => {
    await start();
    await m.open('/f', forWriting);
    const { platform, folder } = m;
    expect(await readdir(join(folder, 'locks'))).toEqual(['test00000001']);
    const other = await mountOn(platform, { folder, instance: 'test00000002' });
    expect(platform.lockOf('/f')).toBeUndefined();
    await other.save('/f', 'by the next');
    expect(platform.text('/f')).toBe('by the next');
    await other.shutdown();
  });
});
