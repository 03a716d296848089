/** Whole trees in one answer: what a walk costs, what it shows, and what own changes, failures and little memory do to it. */
import { afterEach, describe, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import type { NodeId } from '../../src/filesystem/filesystem.js';
import { elapse, errnoOf, hold, interruptible, longAgo, mount, someone, turns, type Mount, type MountChoices } from './harness.js';

let m: Mount;
afterEach(async () => {
  await m.end();
});

async function start(paths: readonly string[], choices: MountChoices = {}): Promise<void> {
  m = await mount({ ...choices, provider: { trees: true, ...choices.provider } });
  for (const path of paths) {
    if (path.endsWith('/')) m.platform.putFolder(path.slice(0, -1), longAgo);
    else m.platform.put(path, 'content', longAgo);
  }
}

/** What `find` does: opens a folder, reads all its names as READDIRPLUS gives them, and goes down. Every path, in order. */
async function find(path = '/', before: (path: string) => Promise<void> = () => Promise.resolve(), node?: NodeId): Promise<string[]> {
  await before(path);
  const at = node ?? await m.node(path);
  const handle = await m.fs.opendir(at, someone);
  const folders: { readonly path: string; readonly node: NodeId }[] = [];
  const found: string[] = [];
  for (const entry of m.fs.readdir(at, handle, 0)) {
    if (entry.name === '.' || entry.name === '..') continue;
    const below = `${path === '/' ? '' : path}/${entry.name}`;
    found.push(entry.kind === 'folder' ? `${below}/` : below);
    const reply = m.fs.lookupListed(at, handle, entry);
    if (entry.kind === 'folder') folders.push({ path: below, node: reply?.node ?? await m.node(below) });
  }
  m.fs.releasedir(at, handle);
  for (const folder of folders) found.push(...await find(folder.path, before, folder.node));
  return found;
}

/** Folders of folders of folders, two files in each. */
function tree(width: number, depth: number, path = ''): string[] {
  if (depth === 0) return [`${path}/one`, `${path}/two`];
  return [`${path}/one`, `${path}/two`, ...Array.from({ length: width }, (_, i) => tree(width, depth - 1, `${path}/d${i}`)).flat()];
}

const small = tree(3, 3);
const foldersOfSmall = 40;

async function foundAll(): Promise<void> {
  expect((await find()).sort()).toEqual(m.platform.tree());
}

describe('a walk', () => {
  test('through 50,000 entries in 5,000 folders costs three listings and one answer', async () => {
    await start([], { settings: { memory: 256 * 1024 * 1024 } });
    for (let i = 0; i < 5000; i += 1) for (let j = 0; j < 9; j += 1) m.platform.put(`/top${i % 50}/folder-${i}/file-with-an-ordinary-name-${j}.txt`, 'x', longAgo);
    m.platform.resetCounters();
    expect(await find()).toHaveLength(50_050);
    expect([m.platform.calls.listTree, m.platform.calls.list, m.platform.calls.stat]).toEqual([1, 3, 0]);
    expect(m.platform.log).toEqual(['list /', 'list /top0', 'list /top0/folder-0', 'listTree /']);
  });

  test('shows what single listings show', async () => {
    await start(small);
    await foundAll();
    expect([m.platform.calls.listTree, m.platform.calls.list]).toEqual([1, 3]);
  });

  test('a second one soon after it asks nothing, and one when --dir-ttl is over asks the same again', async () => {
    await start(small);
    await foundAll();
    m.platform.resetCounters();
    await foundAll();
    expect(m.platform.log).toEqual([]);
    elapse(30_000);
    await foundAll();
    expect([m.platform.calls.listTree, m.platform.calls.list]).toEqual([1, 3]);
  });

  test('where the platform has no such answer every folder is listed', async () => {
    await start(small, { provider: { trees: false } });
    await foundAll();
    expect(m.platform.calls.list).toBe(foldersOfSmall);
  });

  test('where listings are not kept every folder is listed', async () => {
    await start(small, { settings: { dirTtl: 0 } });
    await foundAll();
    expect([m.platform.calls.listTree, m.platform.calls.list]).toEqual([0, foldersOfSmall]);
  });

  test('ls of two folders asks for two listings', async () => {
    await start(small);
    await m.names('/d0');
    await m.names('/d1');
    expect(m.platform.calls.listTree).toBe(0);
  });
});

describe('a walk that goes on for longer than --dir-ttl', () => {
  test('a minute on one answer, one folder after the other', async () => {
    await start(small);
    await find('/', async () => { await turns(); elapse(1000); });
    expect(m.platform.calls.listTree).toBe(1);
    expect(m.platform.calls.list).toBeLessThan(12);
  });

  test('longer: one new answer a minute', async () => {
    await start(tree(3, 4));
    await find('/', async () => { await turns(); elapse(1900); });
    // 121 folders, 230 seconds.
    expect(m.platform.calls.listTree).toBe(4);
    expect(m.platform.calls.list).toBeLessThan(30);
  });

  test('when it has stopped, a folder that it did not come to is listed anew', async () => {
    await start(small);
    for (const path of ['/', '/d0', '/d0/d0', '/d0/d1']) await m.names(path);
    expect(m.platform.calls.listTree).toBe(1);
    m.platform.put('/d2/d2/new', 'x');
    elapse(11_000);
    expect(await m.names('/d2/d2')).toContain('new');
  });

  test('a folder that it came to is as old afterwards as the others are', async () => {
    await start(small);
    for (const path of ['/', '/d0', '/d0/d0', '/d0/d1', '/d1']) await m.names(path);
    elapse(9000);
    await m.names('/d2');
    m.platform.put('/d1/new', 'x');
    elapse(9000);
    expect(await m.names('/d1')).toContain('new');
  });
});

describe('while the answer is under way', () => {
  /** Opens what shows a walk, and holds the answer behind so many folders. */
  async function held(folders: number): Promise<{ readonly release: () => void; readonly walking: Promise<string[]> }> {
    await start(small);
    for (const path of ['/', '/d0', '/d0/d0']) await m.names(path);
    m.platform.resetCounters();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => { release = resolve; });
    let come = 0;
    m.platform.hook = async (call) => {
      if (call.member !== 'listTree' || call.stage !== 'chunk') return;
      come += 1;
      if (come > folders) await released;
    };
    const walking = m.names('/d0/d1');
    while (come <= folders) await turns();
    return { release, walking };
  }

  test('who wants a folder of it waits and asks nothing; who wants one that has come has it at once', async () => {
    const { release, walking } = await held(14);
    // /d0 and all below it has come, /d1 has not.
    expect(await walking).toEqual(['d0', 'd1', 'd2', 'one', 'two']);
    expect(await m.names('/d0/d2')).toEqual(['d0', 'd1', 'd2', 'one', 'two']);
    let there = false;
    const waiting = m.names('/d2/d0').then((names) => { there = true; return names; });
    const known = m.exists('/d2/d1/two');
    await turns();
    expect(there).toBe(false);
    release();
    expect(await waiting).toHaveLength(5);
    expect(await known).toBe(true);
    expect(m.platform.log).toEqual(['listTree /']);
  });

  test('own changes show, whether the answer was read before or after them', async () => {
    const { release, walking } = await held(1);
    // The platform's answer is of a moment before: what it has told it has told, and what is to come is told without this.
    await m.save('/d0/made', 'x').catch(() => undefined);
    await m.unlink('/d0/one');
    await m.mkdir('/d0/folder');
    m.platform.remove('/d0/made');
    m.platform.remove('/d0/folder');
    m.platform.put('/d0/one', 'content', longAgo);
    release();
    await walking;
    expect(await m.names('/d0')).toEqual(['d0', 'd1', 'd2', 'folder', 'made', 'two']);
  });

  test('a folder that is renamed keeps what is in it, and its old name is nobody\'s', async () => {
    const { release, walking } = await held(1);
    await m.rename('/d1', '/moved');
    await m.mkdir('/d1');
    release();
    await walking;
    expect(await m.names('/d1')).toEqual([]);
    expect(await m.names('/moved')).toEqual(['d0', 'd1', 'd2', 'one', 'two']);
    expect(await m.names('/moved/d1')).toHaveLength(5);
    expect(await errnoOf(m.names('/d1/d1'))).toBe('ENOENT');
  });

  test('a change that fails makes a folder doubtful: it is listed by itself', async () => {
    const { release, walking } = await held(1);
    m.platform.failNext('removeFile', 'EIO');
    const { parent, name } = { parent: await m.node('/d0'), name: 'one' };
    expect(await errnoOf(m.fs.unlink(parent, name, someone))).toBe('EIO');
    m.platform.remove('/d0/one');
    expect(await m.names('/d0')).not.toContain('one');
    release();
    await walking;
    expect(await m.names('/d0')).not.toContain('one');
  });

  test('an answer that breaks off shows no folder as empty: the rest is listed one by one, and the whole not asked for again', async () => {
    await start(small);
    m.platform.hook = (call) => {
      if (call.member === 'listTree' && call.stage === 'chunk' && call.offset === 7) throw new FsError('EIO', 'broken off');
    };
    await foundAll();
    expect(m.platform.calls.listTree).toBe(1);
    expect(m.platform.calls.list).toBeGreaterThan(20);
  });

  test.each(['EIO', 'EACCES', 'ETIMEDOUT'] as const)('a platform that refuses (%s) is asked once, and every folder is listed', async (errno) => {
    await start(small);
    m.platform.failNext('listTree', errno, { times: 100 });
    await foundAll();
    expect([m.platform.calls.listTree, m.platform.calls.list]).toEqual([1, foldersOfSmall]);
  });

  test('a folder that the answer did not list is listed by itself', async () => {
    await start(small);
    const { listTree } = m.platform;
    if (listTree === undefined) throw new Error('no trees');
    Object.defineProperty(m.platform, 'listTree', {
      value: async function* (...parameters: Parameters<typeof listTree>) {
        for await (const folder of listTree(...parameters)) if (!folder.below.startsWith('d1')) yield folder;
      },
    });
    await foundAll();
    expect([m.platform.calls.listTree, m.platform.calls.list]).toEqual([1, 3 + 13]);
  });

  test('Ctrl-C ends it where nobody else waits, and the next walk is noticed anew', async () => {
    await start(small);
    for (const path of ['/', '/d0', '/d0/d0']) await m.names(path);
    const answer = hold(m.platform, 'listTree', 'chunk');
    const impatient = interruptible();
    const gone = errnoOf(m.fs.opendir(await m.node('/d0/d1'), impatient));
    const { signal } = await answer.reached;
    impatient.interrupt();
    expect(await gone).toBe('EINTR');
    await expect.poll(() => signal.aborted).toBe(true);
    answer.release();
    elapse(60_000);
    m.platform.resetCounters();
    await foundAll();
    expect([m.platform.calls.listTree, m.platform.inFlight]).toEqual([1, 0]);
  });

  test('that comes slowly keeps nobody waiting for long: ls of a folder that is still to come lists it by itself', async () => {
    await start(small);
    for (const path of ['/', '/d0', '/d0/d0']) await m.names(path);
    const answer = hold(m.platform, 'listTree', 'chunk');
    const walking = m.names('/d0/d1');
    await answer.reached;
    m.platform.put('/d2/young', 'x');
    expect(await m.names('/d2')).toEqual(['d0', 'd1', 'd2', 'one', 'two', 'young']);
    expect(m.platform.calls.list).toBeGreaterThan(3);
    await m.unlink('/d2/one');
    answer.release();
    await walking;
    expect(await m.names('/d2')).toEqual(['d0', 'd1', 'd2', 'two', 'young']);
    await foundAll();
    expect(m.platform.calls.listTree).toBe(1);
  });

  test('the end of the mount gives it up', async () => {
    const { walking, release } = await held(20);
    await walking;
    await m.shutdown();
    await expect.poll(() => m.platform.inFlight).toBe(0);
    release();
  });
});

describe('what was told of a tree and not opened yet', () => {
  async function told(): Promise<void> {
    await start(small);
    for (const path of ['/', '/d0', '/d0/d0', '/d0/d1']) await m.names(path);
    await expect.poll(() => m.platform.inFlight).toBe(0);
    m.platform.resetCounters();
  }

  test('own changes in it show', async () => {
    await told();
    await m.save('/d2/d2/made', 'x');
    await m.unlink('/d2/d2/one');
    expect(await m.names('/d2/d2')).toEqual(['d0', 'd1', 'd2', 'made', 'two']);
    expect(m.platform.calls.list).toBe(0);
  });

  test('is believed of no folder of another path, nor of a new one in its place', async () => {
    await told();
    await m.rename('/d2/d2', '/d2/moved');
    await m.mkdir('/d2/d2');
    await m.mkdir('/d2/d2/d0');
    expect([await m.names('/d2/d2'), await m.names('/d2/d2/d0')]).toEqual([['d0'], []]);
    expect(await m.names('/d2/moved/d0')).toEqual(['one', 'two']);
  });

  test('nor of one that others put in its place', async () => {
    await m.end().catch(() => undefined);
    await start(small, { provider: { traits: { stableIds: true } } });
    for (const path of ['/', '/d0', '/d0/d0', '/d0/d1']) await m.names(path);
    await m.node('/d2');
    m.platform.remove('/d2');
    m.platform.put('/d2/other', 'x');
    elapse(11_000);
    await m.names('/');
    expect(await m.names('/d2')).toEqual(['other']);
  });

  test('refresh forgets it', async () => {
    await told();
    m.platform.put('/d2/d2/d2/elsewhere', 'x');
    await m.fs.refresh('/d2');
    expect(await m.names('/d2/d2/d2')).toContain('elsewhere');
  });
});

describe('little memory', () => {
  test('what does not fit is dropped, listed one by one later, and the whole not asked for again and again', async () => {
    // Of some 1 MiB an eighth is for listings: a third of this tree.
    await start(tree(6, 3), { settings: { memory: 1 << 20 } });
    await foundAll();
    expect(m.fs.report().cache.listedNames).toBeLessThan(600);
    const folders = 259;
    expect(m.platform.calls.list).toBeLessThan(folders);
    expect(m.platform.calls.listTree).toBeLessThan(25);
  });

  test('the answer is not heard to its end', async () => {
    await start(tree(6, 3), { settings: { memory: 1 << 18 } });
    let told = 0;
    m.platform.hook = (call) => {
      if (call.member === 'listTree' && call.stage === 'chunk' && call.path === '/') told = call.offset ?? 0;
    };
    await foundAll();
    expect(told).toBeLessThan(30);
    expect(m.platform.inFlight).toBe(0);
  });
});
