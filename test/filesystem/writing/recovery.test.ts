/** Promise 4: what was staged and not sent is found at the next start, told, and sent where that loses nothing. */
import { copyFile, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FsError } from '../../../src/errors.js';
import type { UnsentFile } from '../../../src/filesystem/filesystem.js';
import { sendLeftovers } from '../../../src/filesystem/writing/recovery.js';
import { silentLog } from '../../../src/observe/log.js';
import { openStaging } from '../../../src/storage/staging.js';
import { emptying, errnoOf, exclusively, forWriting, longAgo, mount, type Mount, type OpenedFile } from '../harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount({ instance: 'dead00000001' });
  m.platform.put('/f', 'old', longAgo);
});
afterEach(async () => { await m.end(); });

/** The next mount's start. */
async function recover(signal = new AbortController().signal): Promise<readonly UnsentFile[]> {
  const staging = await openStaging({ folder: join(m.folder, 'staging'), instance: 'next00000001', isDead: (id) => id.startsWith('dead'), log: silentLog() });
  try {
    return await sendLeftovers(m.platform, staging.leftovers, silentLog(), signal);
  } finally {
    await staging.close();
  }
}

/** As `kill -9` leaves it: what lies on the disk now, found by the next mount under a dead one's name. */
async function kill(): Promise<void> {
  const staging = join(m.folder, 'staging');
  await mkdir(join(staging, 'deadcopy0001'));
  for (const name of await readdir(join(staging, 'dead00000001'))) {
    await copyFile(join(staging, 'dead00000001', name), join(staging, 'deadcopy0001', name));
  }
  await rm(join(staging, 'dead00000001'), { recursive: true });
}

const left = async (): Promise<string[]> => (await readdir(join(m.folder, 'staging'), { recursive: true })).filter((name) => name.includes('.'));

async function keep(path: string, content: string, error: 'EDQUOT' | 'EIO' = 'EDQUOT', stage: 'start' | 'end' = 'start'): Promise<void> {
  m.platform.failNext('write', error, { stage });
  expect(await errnoOf(m.save(path, content))).toBe(error);
}

describe('a file that is open still, with all of it on the platform', () => {
  test('is nothing to tell of after a kill', async () => {
    const file = await m.open('/open', emptying, { create: true });
    await m.write(file, 0, 'all of it');
    await m.fsync(file);
    await kill();
    expect(await recover()).toEqual([]);
    expect(await left()).toEqual([]);
    expect(m.platform.text('/open')).toBe('all of it');
  });

  test.each<[string, (file: OpenedFile) => Promise<void>]>([
    ['written', (file) => m.write(file, 9, ', and more')], ['cut', (file) => m.set('/open', { size: 3 }, file)],
  ])('is told when it was %s since', async (_what, change) => {
    const file = await m.open('/open', emptying, { create: true });
    await m.write(file, 0, 'all of it');
    await m.fsync(file);
    await change(file);
    await kill();
    expect(await recover()).toMatchObject([{ path: '/open' }]);
    expect(m.platform.text('/open')).toBe('all of it');
  });
});

describe('a file that could not be sent', () => {
  test('is sent where the platform still has the version it was made from, with its time, and let go', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'new');
    await m.set('/f', { mtime: longAgo + 5000 }, file);
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.close(file))).toBe('EDQUOT');
    await kill();
    expect(await recover()).toEqual([]);
    expect(m.platform.text('/f')).toBe('new');
    expect(m.platform.modified('/f')).toBe(longAgo + 5000);
    expect(await left()).toEqual([]);
    expect(await readdir(join(m.folder, 'staging'))).toEqual([]);
  });

  test('a new one is sent where nothing has its name', async () => {
    await keep('/new', 'content');
    await kill();
    expect(await recover()).toEqual([]);
    expect(m.platform.text('/new')).toBe('content');
  });

  test('an empty one, too', async () => {
    m.platform.failNext('write', 'EACCES');
    await m.close(await m.open('/empty', exclusively, { create: true }));
    await kill();
    expect(await recover()).toEqual([]);
    expect(m.platform.text('/empty')).toBe('');
  });

  test('an append whose rest could be fetched is whole and sent', async () => {
    const file = await m.open('/f', forWriting);
    await m.write(file, 3, '+');
    m.platform.failNext('write', 'EDQUOT', { stage: 'commit' });
    expect(await errnoOf(m.close(file))).toBe('EDQUOT');
    await kill();
    expect(await recover()).toEqual([]);
    expect(m.platform.text('/f')).toBe('old+');
  });

  test.each<[string, () => void]>([
    ['changed since', () => m.platform.put('/f', 'by somebody else', longAgo + 9000)],
    ['deleted since', () => m.platform.remove('/f')],
    ['a folder now', () => { m.platform.remove('/f'); m.platform.putFolder('/f'); }],
  ])('stays where it is and is told with path and place, where the platform\'s was %s', async (_how, change) => {
    await keep('/f', 'new content');
    change();
    const before = m.platform.tree();
    await kill();
    const [told, ...others] = await recover();
    expect(others).toEqual([]);
    expect(told).toMatchObject({ path: '/f', size: 11 });
    expect(told?.reason).toContain('not sent since');
    expect(await readFile(told?.kept ?? '', 'utf8')).toBe('new content');
    expect(m.platform.tree()).toEqual(before);
    expect(m.platform.text('/f')).not.toBe('new content');
    // And at every start until a person takes it away.
    expect(await recover()).toHaveLength(1);
  });

  test('a new one stays where something has its name now', async () => {
    await keep('/new', 'content');
    m.platform.put('/new', 'by somebody else', longAgo);
    await kill();
    expect((await recover()).map(({ path }) => path)).toEqual(['/new']);
    expect(m.platform.text('/new')).toBe('by somebody else');
  });

  test('one that came through though its answer was lost is let go; of other bytes it stays', async () => {
    await keep('/f', 'new', 'EIO', 'end');
    await keep('/g', 'abc', 'EIO', 'end');
    expect([m.platform.text('/f'), m.platform.text('/g')]).toEqual(['new', 'abc']);
    m.platform.put('/g', 'xyz', m.platform.modified('/g'));
    await kill();
    expect((await recover()).map(({ path }) => path)).toEqual(['/g']);
    expect([m.platform.text('/f'), m.platform.text('/g')]).toEqual(['new', 'xyz']);
  });

  test('of several of one file the newest is sent, the others stay', async () => {
    await keep('/f', 'first');
    await keep('/f', 'second');
    await kill();
    for (const name of await readdir(join(m.folder, 'staging', 'deadcopy0001'))) {
      if (!name.endsWith('.data')) continue;
      const path = join(m.folder, 'staging', 'deadcopy0001', name);
      const time = (await readFile(path, 'utf8')) === 'second' ? 2_000_000 : 1_000_000;
      await utimes(path, time, time);
    }
    const told = await recover();
    expect(m.platform.text('/f')).toBe('second');
    expect(await Promise.all(told.map(({ kept }) => readFile(kept, 'utf8')))).toEqual(['first']);
  });

  test('a failure to send it again, or to look, is told with what it said, and the next start tries again', async () => {
    await keep('/f', 'new');
    await kill();
    m.platform.failNext('write', new FsError('EDQUOT', 'the quota is full still'));
    expect((await recover())[0]?.reason).toContain('the quota is full still');
    m.platform.failNext('stat', new FsError('EIO', 'the server is silent'));
    expect((await recover())[0]?.reason).toContain('the server is silent');
    expect(m.platform.text('/f')).toBe('old');
    expect(await recover()).toEqual([]);
    expect(m.platform.text('/f')).toBe('new');
  });

  test('a start that is given up lists what it did not try', async () => {
    await keep('/f', 'new');
    await keep('/g', 'new');
    await kill();
    expect((await recover(AbortSignal.abort())).map(({ path }) => path).sort()).toEqual(['/f', '/g']);
    expect(m.platform.text('/f')).toBe('old');
  });

  test('data that is shorter than its note says is not sent as if it were whole', async () => {
    await keep('/f', 'new content');
    await kill();
    const [name = ''] = (await left()).filter((path) => path.endsWith('.data'));
    await truncate(join(m.folder, 'staging', name), 4);
    const told = await recover();
    expect(told[0]?.reason).toContain('4 bytes are left of 11');
    expect(m.platform.text('/f')).toBe('old');
  });
});

describe('a file that a program was writing when the mount died', () => {
  test('is never sent as if it were whole; it stays and is told', async () => {
    const file = await m.open('/f', emptying);
    await m.write(file, 0, 'half of it');
    await kill();
    const told = await recover();
    expect(told).toMatchObject([{ path: '/f', size: 10, reason: 'was being written when the mount died' }]);
    expect(await readFile(told[0]?.kept ?? '', 'utf8')).toBe('half of it');
    expect(m.platform.text('/f')).toBe('old');
  });

  test('missing extents are recorded, and told', async () => {
    m.platform.put('/large', Buffer.alloc(1_000_000, 1), longAgo);
    const file = await m.open('/large', forWriting);
    await m.write(file, 500_000, 'abc');
    m.platform.failNext('read', 'EACCES', { times: 9 });
    expect(await errnoOf(m.close(file))).toBe('EACCES');
    await kill();
    const [name = ''] = (await left()).filter((path) => path.endsWith('.json'));
    const note: unknown = JSON.parse(await readFile(join(m.folder, 'staging', name), 'utf8'));
    expect(note).toMatchObject({ state: 'kept', size: 1_000_000, missing: [[0, 500_000], [500_003, 1_000_000]] });
    const told = await recover();
    expect(told[0]?.reason).toContain('holds only what was written');
    expect(Buffer.from(m.platform.get('/large') ?? []).equals(Buffer.alloc(1_000_000, 1))).toBe(true);
  });
});

describe('data without a readable note', () => {
  test.each<[string, (folder: string) => Promise<void>]>([
    ['no note', (folder) => rm(join(folder, '1.json'))],
    ['a torn note', (folder) => writeFile(join(folder, '1.json'), '{"path": "/f", "sta')],
    ['a note of another kind', (folder) => writeFile(join(folder, '1.json'), '{"path": 7}')],
  ])('%s: it is told, and not lost', async (_how, spoil) => {
    await keep('/f', 'new content');
    await kill();
    await spoil(join(m.folder, 'staging', 'deadcopy0001'));
    const told = await recover();
    expect(told).toHaveLength(1);
    expect(told[0]?.size).toBe(11);
    expect(await readFile(told[0]?.kept ?? '', 'utf8')).toBe('new content');
    expect(m.platform.text('/f')).toBe('old');
  });
});

test('what close or fsync had acknowledged is on the platform, whatever is left', async () => {
  const file = await m.open('/f', emptying);
  await m.write(file, 0, 'acknowledged');
  await m.fsync(file);
  await m.write(file, 0, 'UNKNOWN');
  await kill();
  expect(m.platform.text('/f')).toBe('acknowledged');
  expect((await recover()).map(({ path }) => path)).toEqual(['/f']);
  expect(m.platform.text('/f')).toBe('acknowledged');
});
