/** `.versions` and `.trash` in the tree: what stands there, what can be read and what cannot be done. */
import { afterEach, describe, expect, test } from 'vitest';
import type { NetexplorerOptions } from '../../../src/emulators/start.js';
import { readFile } from '../../../src/providers/netexplorer/objects.js';
import { namedTrash, namedVersions, placeOf } from '../../../src/providers/netexplorer/shown-places.js';
import type { Entry, Provider } from '../../../src/providers/provider.js';
import { contentOf, listAll, never, readAll, testSettings } from '../subject.js';
import { startSubject, type NetexplorerSubject } from './subject.js';

let subject: NetexplorerSubject | undefined;
afterEach(async () => {
  await subject?.close();
  subject = undefined;
});

/** The platform's time at the test's beginning; each version is a minute younger than the one before. */
const begin = Date.UTC(2026, 10, 22, 10);

/** An asymmetric matcher is of no type that strict code may use. */
const sometime: unknown = expect.any(Number);

interface Started extends NetexplorerSubject {
  /** A version written by another user, a minute later. */
  readonly writeOver: (path: string, content: string) => Promise<void>;
}

async function start(emulator: NetexplorerOptions = {}): Promise<Started> {
  const started = await startSubject({ emulator: { now: () => begin, ...emulator }, settings: { netexplorer: { ...testSettings.netexplorer, showVersions: true } } });
  subject = started;
  await started.provider.connect(never);
  const writeOver = async (path: string, content: string): Promise<void> => {
    await started.emulator.control.advance(60_000);
    await started.emulator.control.writeAs(`/Commun${path}`, content);
  };
  return { ...started, writeOver };
}

const names = async (provider: Provider, path: string): Promise<string[]> => (await listAll(provider, path)).map(({ name }) => name).toSorted();

async function put(provider: Provider, path: string, text: string): Promise<Entry> {
  return provider.write({ path }, contentOf(Buffer.from(text)), { modified: begin }, never);
}

describe('.versions', () => {
  test('has a folder for each file, and in it each version with its own bytes, size and time', async () => {
    const { provider, writeOver } = await start();
    await provider.createFolder({ path: '/sub' }, never);
    await put(provider, '/sub/report.txt', 'one');
    await writeOver('/sub/report.txt', 'the second');
    await writeOver('/sub/report.txt', 'third');
    await put(provider, '/sub/other.txt', 'x');
    await provider.createFolder({ path: '/sub/below' }, never);

    expect(await names(provider, '/sub/.versions')).toEqual(['other.txt', 'report.txt']);
    const kept = (await listAll(provider, '/sub/.versions/report.txt')).toSorted((one, other) => (one.name < other.name ? -1 : 1));
    expect(kept.map(({ name, size, modified }) => [name, size, modified])).toEqual([
      ['2026-11-22_10-00-00Z', 3, begin], ['2026-11-22_10-01-00Z', 10, begin + 60_000], ['2026-11-22_10-02-00Z', 5, begin + 120_000],
    ]);
    const contents = await Promise.all(kept.map(async ({ name }) => (await readAll(provider, `/sub/.versions/report.txt/${name}`)).bytes.toString()));
    expect(contents).toEqual(['one', 'the second', 'third']);
    // What a listing says and what a look says is the same: else a backup would read all again.
    for (const entry of kept) expect(await provider.stat({ path: `/sub/.versions/report.txt/${entry.name}` }, never)).toMatchObject({ ...entry, observed: sometime });
    expect(new Set(kept.map(({ id }) => id)).size).toBe(3);
    expect((await readAll(provider, '/sub/.versions/report.txt/2026-11-22_10-01-00Z', { start: 4, end: 7, version: kept[1]?.version })).bytes.toString()).toBe('sec');
  });

  test('is in no listing and no walk, and found by whoever names it', async () => {
    const { provider } = await start();
    await provider.createFolder({ path: '/sub' }, never);
    await put(provider, '/sub/report.txt', 'one');
    expect(await names(provider, '/')).toEqual(['sub']);
    expect(await names(provider, '/sub')).toEqual(['report.txt']);
    const walked: string[] = [];
    for await (const { below, entries } of provider.listTree?.({ path: '/' }, never) ?? []) walked.push(below, ...entries.map(({ name }) => name));
    expect(walked.toSorted()).toEqual(['', 'report.txt', 'sub', 'sub']);
    for (const path of ['/.versions', '/sub/.versions', '/.trash']) {
      expect(provider.isUnlisted?.({ path })).toBe(true);
      expect(await provider.stat({ path }, never)).toMatchObject({ kind: 'folder', name: path.slice(path.lastIndexOf('/') + 1), rights: { read: true, remove: false } });
    }
    for (const path of ['/sub/.trash', '/sub', '/sub/report.txt', '/versions']) expect(provider.isUnlisted?.({ path })).toBe(false);
    for (const path of ['/nosuch/.versions', '/.versions/nosuch', '/.versions/sub', '/sub/.versions/report.txt/yesterday', '/sub/.versions/report.txt/a/b', '/.trash/nosuch', '/.trash/a/b']) {
      await expect(provider.stat({ path }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    }
  });

  test('costs nothing while nobody enters it', async () => {
    const { provider, another, emulator } = await start();
    await provider.createFolder({ path: '/sub' }, never);
    await put(provider, '/sub/report.txt', 'one');
    const work = async (one: Provider): Promise<number> => {
      await one.connect(never);
      await emulator.control.resetCounts();
      await listAll(one, '/');
      await listAll(one, '/sub');
      await readAll(one, '/sub/report.txt');
      return (await emulator.control.state()).total;
    };
    expect(await work(another())).toBe(await work(another({ settings: { netexplorer: { ...testSettings.netexplorer, showVersions: false } } })));
  });

  test('an older version is the same after a newer one; one that is replaced in place is another, and ESTALE for who reads it', async () => {
    const { provider, writeOver, emulator } = await start();
    await put(provider, '/report.txt', 'one');
    const [first] = await listAll(provider, '/.versions/report.txt');
    await writeOver('/report.txt', 'two');
    const after = await listAll(provider, '/.versions/report.txt');
    expect(after.find(({ name }) => name === first?.name)).toMatchObject({ version: first?.version, id: first?.id, modified: first?.modified });
    const present = after.find(({ name }) => name !== first?.name);
    const path = `/.versions/report.txt/${present?.name ?? ''}`;
    await emulator.control.replaceInPlace('/Commun/report.txt', 'TWO');
    await expect(readAll(provider, path, { version: present?.version })).rejects.toMatchObject({ errno: 'ESTALE' });
    expect((await provider.stat({ path }, never)).version).not.toBe(present?.version);
    expect((await readAll(provider, `/.versions/report.txt/${first?.name ?? ''}`, { version: first?.version })).bytes.toString()).toBe('one');
  });

  test('on a platform that does not say sizes a look does', async () => {
    const { provider, writeOver } = await start({ surprises: { sizeMissing: true } });
    await put(provider, '/report.txt', 'one');
    await writeOver('/report.txt', 'the second');
    const kept = await listAll(provider, '/.versions/report.txt');
    const sizes = await Promise.all(kept.map(async ({ name }) => (await provider.stat({ path: `/.versions/report.txt/${name}` }, never)).size));
    expect(sizes.toSorted()).toEqual([10, 3]);
    expect((await readAll(provider, '/.versions/report.txt/2026-11-22_10-00-00Z')).bytes.toString()).toBe('one');
  });

  test('nothing in it can be changed, and its name cannot be taken', async () => {
    const { provider, emulator } = await start();
    await put(provider, '/report.txt', 'one');
    const [version] = await listAll(provider, '/.versions/report.txt');
    if (version === undefined) throw new Error('no version');
    const path = `/.versions/report.txt/${version.name}`;
    expect(version.rights).toEqual({ read: true, write: false, remove: false });
    await emulator.control.resetCounts();
    const before = await emulator.control.objects();
    for (const change of [
      put(provider, path, 'x'), put(provider, '/.versions/x', 'x'), put(provider, '/.trash/x', 'x'), provider.createFolder({ path: '/.versions' }, never),
      provider.createFolder({ path: '/.trash' }, never), provider.removeFile({ path }, never), provider.removeFolder({ path: '/.versions/report.txt' }, never), provider.park({ path }, never),
      provider.move({ path }, { path: '/x' }, { replace: false }, never), provider.move({ path: '/report.txt' }, { path: '/.versions/x' }, { replace: true }, never),
      provider.setModified({ path }, version, begin, never), provider.lock?.({ path }, never),
    ]) await expect(change).rejects.toMatchObject({ errno: 'EROFS' });
    expect(provider.refuseName('.versions')).toMatchObject({ errno: 'EPERM' });
    expect(provider.learntRefusal?.('make', { path: '/.trash/x' })).toMatchObject({ errno: 'EROFS' });
    expect(provider.learntRefusal?.('make', { path: '/x' })).toBeUndefined();
    expect(await emulator.control.objects()).toEqual(before);
  });

  test('what the platform itself has under the name is left alone, and told once', async () => {
    const { provider, another, log, emulator } = await start();
    const plain = another({ settings: { netexplorer: testSettings.netexplorer } });
    await plain.connect(never);
    await plain.createFolder({ path: '/.versions' }, never);
    await put(plain, '/.versions/own.txt', 'own');
    await put(plain, '/.trash', 'a file of that name');
    await put(plain, '/report.txt', 'one');
    expect(await names(provider, '/')).toEqual(['report.txt']);
    expect(await names(provider, '/')).toEqual(['report.txt']);
    expect(await names(provider, '/.versions')).toEqual(['.trash', 'report.txt']);
    expect(log.filter(({ msg }) => msg.includes('--show-versions')).map((line) => line['path'])).toEqual(['/.versions', '/.trash']);
    await expect(provider.removeFolder({ path: '/.versions' }, never)).rejects.toMatchObject({ errno: 'EROFS' });
    expect(Object.keys(await emulator.control.objects())).toContain('/Commun/.versions/own.txt');
  });
});

describe('.trash', () => {
  test('shows what was deleted, and gives it back to whoever moves it out; not its bytes, which the platform gives nobody', async () => {
    const { provider, emulator } = await start();
    await provider.createFolder({ path: '/sub' }, never);
    for (const text of ['one', 'second']) {
      await put(provider, '/report.txt', text);
      await provider.removeFile({ path: '/report.txt' }, never);
      await emulator.control.advance(60_000);
    }
    const [first, second] = (await listAll(provider, '/.trash')).toSorted((one, other) => (one.modified ?? 0) - (other.modified ?? 0));
    expect(first).toMatchObject({ name: 'report.txt', kind: 'file', size: 3, modified: begin });
    expect(second?.name).toMatch(/^report \(\d+\)\.txt$/);
    expect(await provider.stat({ path: '/.trash/report.txt' }, never)).toMatchObject({ ...first, observed: sometime });
    await expect(readAll(provider, '/.trash/report.txt')).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(provider.removeFile({ path: '/.trash/report.txt' }, never)).rejects.toMatchObject({ errno: 'EROFS' });

    const back = await provider.move({ path: '/.trash/report.txt' }, { path: '/sub/back.txt' }, { replace: false }, never);
    expect(back).toMatchObject({ name: 'back.txt', kind: 'file', size: 3 });
    expect((await readAll(provider, '/sub/back.txt')).bytes.toString()).toBe('one');
    expect(await names(provider, '/.trash')).toEqual(['report.txt']);
    await put(provider, '/report.txt', 'a third');
    await expect(provider.move({ path: '/.trash/report.txt' }, { path: '/report.txt' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    expect((await readAll(provider, '/report.txt')).bytes.toString()).toBe('a third');
  });

  test('is not there where the platform has none', async () => {
    const { provider } = await start({ surprises: { features: { trash: false } } });
    expect(provider.isUnlisted?.({ path: '/.trash' })).toBe(false);
    await expect(provider.stat({ path: '/.trash' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(listAll(provider, '/.trash')).rejects.toMatchObject({ errno: 'ENOENT' });
  });
});

test.each([
  ['/', { kind: 'tree' }], ['/a/b', { kind: 'tree' }], ['/a/.trash', { kind: 'tree' }], ['/.versionsx', { kind: 'tree' }],
  ['/.versions', { kind: 'versions', folder: '/' }], ['/a/b/.versions', { kind: 'versions', folder: '/a/b' }],
  ['/.versions/f', { kind: 'file', file: '/f' }], ['/a/.versions/f', { kind: 'file', file: '/a/f' }],
  ['/a/.versions/f/d', { kind: 'version', file: '/a/f', name: 'd' }], ['/a/.versions/f/d/e', { kind: 'nothing' }],
  ['/.trash', { kind: 'trash' }], ['/.trash/x', { kind: 'trashed', name: 'x' }], ['/.trash/x/y', { kind: 'nothing' }],
])('%s leads to %o', (path, place) => {
  expect(placeOf(path)).toEqual(place);
});

test('several versions of one second have names of their own, the oldest the plain one', () => {
  const at = (id: number, creation?: string) => readFile({ id, name: 'f', creation });
  const files = [at(4), at(3, '2026-01-01T01:00:00+01:00'), at(2, '2026-01-01T00:00:00Z'), at(1, '2025-06-01T12:34:56+02:00')].filter((file) => file !== undefined);
  expect([...namedVersions(files)].map(([name, { id }]) => [name, id])).toEqual([
    ['2025-06-01_10-34-56Z', '1'], ['2026-01-01_00-00-00Z', '2'], ['2026-01-01_00-00-00Z-3', '3'], ['version-4', '4'],
  ]);
});

test('things of one name in the trash keep their names when another comes', () => {
  const thing = (id: string, name: string, deleted: number, kind: 'file' | 'folder' = 'file') => ({ id, name, kind, deleted, size: 1, owner: undefined });
  const things = [thing('9', 'a.txt', 30), thing('7', 'a.txt', 10), thing('8', '.rc', 20), thing('5', '.rc', 5), thing('1', '..', 1), thing('2', 'd.x', 1, 'folder'), thing('3', 'd.x', 2, 'folder')];
  expect(Object.fromEntries([...namedTrash(things)].map(([name, { id }]) => [name, id]))).toEqual({
    'a.txt': '7', 'a (9).txt': '9', '.rc': '5', '.rc (8)': '8', 'd.x': '2', 'd.x (3)': '3',
  });
});
