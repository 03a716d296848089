/** Listing NetExplorer, each of its surprises. (NetExplorer's page: routes, what surprises) */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SurpriseChange } from '../../../src/emulators/netexplorer/surprises.js';
import type { Entry, ListedFolder, Provider } from '../../../src/providers/provider.js';
import { bytesOf, listAll, never, someTime } from '../subject.js';
import { namesIn, useSubjects, type NetexplorerSubject, type SubjectOptions } from './subject.js';

const start = useSubjects({ connected: true });

async function tree(provider: Provider, path: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  if (provider.listTree === undefined) throw new Error('it lists no trees');
  for await (const { below, entries } of provider.listTree({ path }, never)) found[below] = entries.map(({ name, kind }) => (kind === 'folder' ? `${name}/` : name)).sort();
  return found;
}

describe('a folder', () => {
  const surprises: Record<string, SurpriseChange> = {
    'that is as the page says': {},
    'with children of another folder': { wrongChildren: true },
    'whose content is one list': { bareArray: 'content' },
    'that is one list': { bareArray: 'answer' },
    'that is one list with others\' children': { bareArray: 'answer', wrongChildren: true },
    'with strings for ids': { idsAsStrings: true },
    'with nom for name': { nameField: 'nom' },
    'with md5 for hash': { hashField: 'md5' },
    'with no sums': { hashField: 'none' },
    'without optional fields': { sparse: true },
    'with all of it': { wrongChildren: true, bareArray: 'content', idsAsStrings: true, nameField: 'nom', hashField: 'md5', sparse: true },
  };
  it.each(Object.entries(surprises))('%s is listed, whole, and looked at', async (_name, change) => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/file', bytesOf(10), someTime);
    await backstage.put('/d/other', bytesOf(0), someTime);
    await backstage.putFolder('/d/sub');
    await backstage.put('/d/sub/below', bytesOf(1), someTime);
    await backstage.put('/e/stranger', bytesOf(1), someTime);
    await backstage.putFolder('/empty');
    await emulator.control.surprise(change);
    expect(await namesIn(provider, '/d')).toEqual(['file', 'other', 'sub']);
    expect(await namesIn(provider, '/empty')).toEqual([]);
    expect(await namesIn(provider, '/')).toEqual(['d', 'e', 'empty']);
    const listed = (await listAll(provider, '/d')).find(({ name }) => name === 'file');
    expect(listed).toMatchObject({ kind: 'file', size: 10, modified: someTime });
    for (const path of ['/d/file', '/d/sub']) expect((await provider.stat({ path }, never)).name).toBe(path.slice(3));
    expect((await provider.stat({ path: '/d/file' }, never)).version).toBe(listed?.version);
  });

  it('without its content is asked for again, and is never an empty one', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/file', bytesOf(10), someTime);
    await namesIn(provider, '/');
    await emulator.control.surprise({ withoutContent: true });
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
    await expect(provider.stat({ path: '/d/none' }, never)).rejects.toMatchObject({ errno: 'EIO' });
    await expect(tree(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
    setTimeout(() => void emulator.control.surprise({ withoutContent: false }), 200);
    expect(await namesIn(provider, '/d')).toEqual(['file']);
  });

  it('whose listing breaks off is asked for again, and is never a shorter one', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.together?.(async (each) => {
      for (let at = 0; at < 50; at += 1) await each.put(`/d/${at}`, bytesOf(1), someTime);
    });
    await namesIn(provider, '/');
    await emulator.control.addRule({ route: 'folder', times: 2, action: { kind: 'cutResponse', afterBytes: 5000 } });
    expect((await namesIn(provider, '/d')).length).toBe(50);
    await emulator.control.addRule({ route: 'folder', times: 0, action: { kind: 'cutResponse', afterBytes: 5000 } });
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
  }, 20_000);

  it('is waited for where the platform has had too many requests', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/file', bytesOf(10), someTime);
    await emulator.control.addRule({ times: 3, action: { kind: 'answer', status: 429, headers: { 'content-type': 'application/json' }, body: { error: 'Trop de requêtes' } } });
    expect(await namesIn(provider, '/')).toEqual(['file']);
  });

  it('that answers 500, or a page of a proxy, is EIO and not empty', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/file', bytesOf(10), someTime);
    await namesIn(provider, '/d');
    const page = { kind: 'answer', headers: { 'content-type': 'text/html' }, body: '<html><title>Sign in</title></html>' } as const;
    for (const status of [200, 404, 403]) {
      const rule = await emulator.control.addRule({ times: 0, route: 'folder', action: { ...page, status } });
      await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
      await emulator.control.removeRules(rule);
    }
  });

  it('that was deleted and made again elsewhere is found anew; one that moved is not taken for what is at its place', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/d/file', bytesOf(10), someTime);
    expect(await namesIn(provider, '/d')).toEqual(['file']);
    await backstage.remove('/d');
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'ENOENT' });
    await backstage.put('/d/new', bytesOf(10), someTime);
    expect(await namesIn(provider, '/d')).toEqual(['new']);
  });

  it('that somebody renamed is not shown under its old name, nor is one that took its place', async () => {
    const { provider, backstage, root, emulator } = await start();
    await backstage.put('/d/sub/file', bytesOf(10), someTime);
    expect(await namesIn(provider, '/d/sub')).toEqual(['file']);
    await rename(join(root, 'd/sub'), join(root, 'd/elsewhere'));
    await mkdir(join(root, 'd/sub'));
    await emulator.control.adopt();
    expect(await namesIn(provider, '/d/sub')).toEqual([]);
    expect(await namesIn(provider, '/d/elsewhere')).toEqual(['file']);
  });

  it('no longer knows what its last listing did not show', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/file', bytesOf(10), someTime);
    const { size } = await provider.stat({ path: '/d/file' }, never);
    expect(size).toBe(10);
    await backstage.remove('/d/file');
    expect(await namesIn(provider, '/d')).toEqual([]);
    // A platform that goes on answering by the number, as for what lies in the trash.
    await emulator.control.resetCounts();
    await expect(provider.stat({ path: '/d/file' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    expect((await emulator.control.log()).map(({ route }) => route)).toEqual(['folder']);
  });

  it('keeps temporary things to itself', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/.amarre-abcdefgh-018bcfe56800-000001', bytesOf(1), someTime);
    await backstage.put('/shown', bytesOf(1), someTime);
    expect(await namesIn(provider, '/')).toEqual(['shown']);
    await expect(provider.stat({ path: '/.amarre-abcdefgh-018bcfe56800-000001' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });
});

describe('sizes that are not told', () => {
  it('are unsure in a listing, and a look tells them', async () => {
    const { provider, backstage, emulator } = await start({ emulator: { surprises: { sizeMissing: true } } });
    await backstage.put('/file', bytesOf(12_345), someTime);
    await backstage.put('/empty', bytesOf(0), someTime);
    const file = (await listAll(provider, '/')).find(({ name }) => name === 'file');
    expect(file).toMatchObject({ size: undefined, unsure: true });
    expect(await provider.stat({ path: '/file' }, never)).toMatchObject({ size: 12_345 });
    expect(await provider.stat({ path: '/empty' }, never)).toMatchObject({ size: 0 });
    // What is known is not asked for again.
    await emulator.control.resetCounts();
    expect((await provider.stat({ path: '/file' }, never)).unsure).toBeUndefined();
    expect((await emulator.control.log()).map(({ route }) => route)).toEqual(['versions']);
  });
});

describe('a tree', () => {
  async function withTree(options: SubjectOptions = {}): Promise<NetexplorerSubject> {
    const subject = await start(options);
    await subject.backstage.together?.(async (each) => {
      await each.put('/d/one', bytesOf(1), someTime);
      await each.put('/d/sub/two', bytesOf(2), someTime);
      await each.put('/d/sub/deep/three', bytesOf(3), someTime);
      await each.putFolder('/d/empty');
    });
    return subject;
  }
  const whole = { '': ['empty/', 'one', 'sub/'], 'sub': ['deep/', 'two'], 'sub/deep': ['three'], 'empty': [] };

  it('comes in one request', async () => {
    const { provider, emulator } = await withTree();
    await namesIn(provider, '/');
    await emulator.control.resetCounts();
    expect(await tree(provider, '/d')).toEqual(whole);
    expect((await emulator.control.log()).map(({ route }) => route)).toEqual(['folder']);
    expect(await tree(provider, '/')).toMatchObject({ '': ['d/'], 'd/sub': ['deep/', 'two'] });
  });

  it.each<[string, SurpriseChange]>([
    ['bare lists', { bareArray: 'content' }], ['other folders\' children', { wrongChildren: true }], ['strings, nom and md5', { idsAsStrings: true, nameField: 'nom', hashField: 'md5', sparse: true }],
  ])('is whole with %s', async (_name, change) => {
    const { provider, emulator } = await withTree();
    await emulator.control.surprise(change);
    expect(await tree(provider, '/d')).toEqual(whole);
  });

  it('shows what list shows', async () => {
    const { provider } = await withTree();
    const all: ListedFolder[] = [];
    for await (const each of provider.listTree?.({ path: '/d' }, never) ?? []) all.push(each);
    for (const { below, entries } of all) {
      const plain = (entry: Entry): object => ({ ...entry, observed: 0 });
      expect(entries.map(plain)).toEqual((await listAll(provider, below === '' ? '/d' : `/d/${below}`)).map(plain));
    }
    expect(all.length).toBe(4);
  });

  it('of nothing is ENOENT, of a file ENOTDIR; one that breaks off fails, or is asked for again', async () => {
    const { provider, emulator } = await withTree();
    await expect(tree(provider, '/no')).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(tree(provider, '/d/one')).rejects.toMatchObject({ errno: 'ENOTDIR' });
    await emulator.control.addRule({ route: 'folder', times: 1, action: { kind: 'cutResponse', afterBytes: 20 } });
    expect(await tree(provider, '/d')).toEqual(whole);
  });

  it('can be given up', async () => {
    const { provider } = await withTree();
    for (let time = 0; time < 10; time += 1) {
      for await (const each of provider.listTree?.({ path: '/d' }, never) ?? []) {
        expect(each.entries).toBeDefined();
        break;
      }
    }
    expect(await namesIn(provider, '/d')).toEqual(['empty', 'one', 'sub']);
  });

  it('of the platform\'s top holds the root folders and all below them', async () => {
    const { another } = await withTree({ base: '/' });
    const provider = another({ base: '/' });
    await provider.connect(never);
    expect(Object.keys(await tree(provider, '/')).length).toBeGreaterThan(2);
  });
});
