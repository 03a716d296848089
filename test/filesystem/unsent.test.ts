/** What a close could not send: tried again, kept, told, let go when it has arrived after all. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FsError } from '../../src/errors.js';
import { StagedFile } from '../../src/storage/staging.js';
import { emptying, errnoOf, exclusively, forBoth, forReading, forWriting, hold, interruptible, longAgo, mount, someone, turns, type Mount } from './harness.js';

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

  test('who opens it again while it is being kept never hears success for what was not sent', async () => {
    const first = await m.open('/new', forWriting, { create: true });
    await m.write(first, 0, 'content');
    m.platform.failNext('write', 'EACCES', { times: 99 });
    expect(await errnoOf(m.flush(first))).toBe('EACCES');
    let goOn: () => void = () => undefined;
    const disk = new Promise<void>((resolve) => { goOn = resolve; });
    const kept = vi.spyOn(StagedFile.prototype, 'keep').mockImplementation(async () => {
      await disk;
      throw new FsError('ENOSPC', 'no room for the note');
    });
    const releasing = m.release(first);
    await vi.waitFor(() => {
      expect(kept).toHaveBeenCalled();
    });
    // The kernel still has the node from its last look. At ESTALE it looks the name up anew.
    expect(await errnoOf(m.fs.open(first.node, emptying, someone))).toBe('ESTALE');
    goOn();
    await releasing;
    expect(await m.exists('/new')).toBe(false);
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

  test('a change in the middle, though the rest of the older version was not fetched when it failed', async () => {
    m.platform.put('/f', '0123456789', longAgo);
    const change = async (text: string): Promise<void> => {
      const file = await m.open('/f', forBoth);
      await m.write(file, 4, text);
      await m.close(file);
    };
    m.platform.failNext('read', 'EIO', { times: 2 });
    expect([await errnoOf(change('ab')), await errnoOf(change('xy'))]).toEqual(['EIO', 'EIO']);
    await change('ab');
    const left = await m.shutdown();
    expect(await Promise.all(left.map(({ kept }) => readFile(kept, 'utf8')))).toEqual([expect.stringContaining('xy')]);
  });
});
