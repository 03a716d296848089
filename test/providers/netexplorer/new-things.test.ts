/** What this mount has just made, on a platform whose listings lag behind; and what it costs to make much. (NetExplorer's page: what surprises) */
import { describe, expect, it } from 'vitest';
import type { Entry, Provider } from '../../../src/providers/provider.js';
import { bytesOf, contentOf, never, readAll, someTime } from '../subject.js';
import { namesIn, useSubjects, type SubjectOptions } from './subject.js';

const start = useSubjects({ connected: true });

const write = (provider: Provider, path: string, text: string): Promise<Entry> => provider.write({ path }, contentOf(Buffer.from(text)), { modified: someTime }, never);

describe('a new thing that the platform does not list yet', () => {
  const lagging: SubjectOptions = { emulator: { surprises: { hiddenMs: 60_000 } } };

  it('is listed here, and can be looked at, read, written to, moved and removed', async () => {
    const { provider, another } = await start(lagging);
    await provider.createFolder({ path: '/d' }, never);
    await write(provider, '/d/f', 'one');
    const other = another();
    await other.connect(never);
    expect(await namesIn(other, '/')).toEqual([]);
    expect(await namesIn(provider, '/')).toEqual(['d']);
    expect(await namesIn(provider, '/d')).toEqual(['f']);
    expect(await provider.stat({ path: '/d/f' }, never)).toMatchObject({ size: 3 });
    expect((await readAll(provider, '/d/f')).bytes.toString()).toBe('one');
    await write(provider, '/d/f', 'three');
    expect(await namesIn(provider, '/d')).toEqual(['f']);
    expect((await readAll(provider, '/d/f')).bytes.toString()).toBe('three');
    await provider.move({ path: '/d/f' }, { path: '/d/g' }, { replace: false }, never);
    expect(await namesIn(provider, '/d')).toEqual(['g']);
    await expect(provider.createFolder({ path: '/d/g' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    await expect(provider.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    await provider.removeFile({ path: '/d/g' }, never);
    expect(await namesIn(provider, '/d')).toEqual([]);
    await provider.removeFolder({ path: '/d' }, never);
    expect(await namesIn(provider, '/')).toEqual([]);
  });

  it('is not listed any more when somebody has removed it', async () => {
    const { provider, backstage } = await start(lagging);
    await write(provider, '/f', 'one');
    await write(provider, '/g', 'one');
    expect(await namesIn(provider, '/')).toEqual(['f', 'g']);
    await backstage.remove('/f');
    expect(await namesIn(provider, '/')).toEqual(['g']);
    await expect(provider.stat({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });
});

describe('a file that is still being transferred', () => {
  it('is waited for: read, written to, moved and removed as soon as that is over', async () => {
    const { provider, backstage } = await start({ emulator: { surprises: { transferringMs: 400 } } });
    await write(provider, '/f', 'one');
    expect((await readAll(provider, '/f')).bytes.toString()).toBe('one');
    await write(provider, '/f', 'three');
    await write(provider, '/f', 'four');
    await provider.move({ path: '/f' }, { path: '/g' }, { replace: false }, never);
    expect((await readAll(provider, '/g')).bytes.toString()).toBe('four');
    await write(provider, '/g', 'five');
    await provider.removeFile({ path: '/g' }, never);
    expect(await backstage.tree()).toEqual([]);
  });

  it('is told from one that somebody has locked, which is EBUSY at once', async () => {
    const { provider, emulator } = await start();
    await write(provider, '/f', 'one');
    await emulator.control.lockBy('/Commun/f', 'marie', { readable: false });
    await expect(readAll(provider, '/f', { version: (await provider.stat({ path: '/f' }, never)).version })).rejects.toMatchObject({ errno: 'EBUSY' });
    await expect(write(provider, '/f', 'two')).rejects.toMatchObject({ errno: 'EBUSY' });
    await expect(provider.move({ path: '/f' }, { path: '/g' }, { replace: false }, never)).rejects.toMatchObject({ errno: 'EBUSY' });
    await expect(provider.removeFile({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'EBUSY' });
    expect((await emulator.control.log()).filter(({ route }) => route === 'download').length).toBe(1);
  });
});

describe('many new files in one folder', () => {
  it('do not cost a listing each, though each name is looked for before', async () => {
    const { provider, emulator, backstage } = await start();
    await provider.createFolder({ path: '/d' }, never);
    await emulator.control.resetCounts();
    for (let at = 0; at < 60; at += 1) {
      await expect(provider.stat({ path: `/d/${at}` }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
      await write(provider, `/d/${at}`, `${at}`);
    }
    const listings = (await emulator.control.log()).filter(({ route }) => route === 'folder').length;
    expect(listings).toBeLessThan(30);
    expect((await namesIn(provider, '/d')).length).toBe(60);
    expect((await backstage.tree()).length).toBe(61);
  });

  it('one of which somebody else made meanwhile: his is the older version, and a folder or a move without replacing is EEXIST', async () => {
    const { provider, emulator, backstage } = await start();
    await provider.createFolder({ path: '/d' }, never);
    await write(provider, '/d/mine', 'mine');
    // Believed for a moment: neither of these is there.
    expect(await namesIn(provider, '/d')).toEqual(['mine']);
    await backstage.put('/d/his', bytesOf(10), someTime);
    await backstage.putFolder('/d/folder');
    await expect(provider.createFolder({ path: '/d/folder' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    await expect(provider.move({ path: '/d/mine' }, { path: '/d/his' }, { replace: false }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    await expect(provider.move({ path: '/d/mine' }, { path: '/d/folder' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EISDIR' });
    await provider.move({ path: '/d/mine' }, { path: '/d/his' }, { replace: true }, never);
    expect((await emulator.control.versionsOf('/Commun/d/his')).map(({ size }) => size)).toEqual([4, 10]);
    expect(await backstage.tree()).toEqual(['/d/', '/d/folder/', '/d/his']);
  });

  it('with names that the platform changes: another\'s stays, and the stray is gone', async () => {
    const { provider, backstage } = await start({ emulator: { surprises: { nameExists: 'renamed' } } });
    await write(provider, '/mine', 'mine');
    expect(await namesIn(provider, '/')).toEqual(['mine']);
    await backstage.put('/his', bytesOf(10), someTime);
    await backstage.putFolder('/folder');
    await expect(provider.createFolder({ path: '/folder' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    await expect(provider.move({ path: '/mine' }, { path: '/his' }, { replace: false }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    expect(await backstage.tree()).toEqual(['/folder/', '/his', '/mine']);
  });
});
