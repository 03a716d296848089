/** Folders, deletions and moves on SFTPGo, and answers that are lost. (SFTPGo's page: directories, files, statuses) */
import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bytesOf, listAll, never, someTime } from '../subject.js';
import { startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  await subject.provider.connect(never);
  await subject.emulator.control.resetCounts();
  return subject;
}

async function routes(): Promise<string[]> {
  return (await subject.emulator.control.log()).map(({ route }) => route);
}

describe('what costs one request', () => {
  it('making a folder, deleting a file, moving with replace, setting a time', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    const current = await provider.stat({ path: '/f' }, never);
    await subject.emulator.control.resetCounts();
    await provider.createFolder({ path: '/d' }, never);
    await provider.setModified({ path: '/f' }, current, someTime + 1, never);
    await provider.move({ path: '/f' }, { path: '/d/g' }, { replace: true }, never);
    await provider.removeFile({ path: '/d/g' }, never);
    expect(await routes()).toEqual(['mkdir', 'metadata', 'move', 'delete']);
  });

  it('and removing a folder two: it is looked into first', async () => {
    const { provider, backstage } = await start();
    await backstage.putFolder('/d');
    await provider.removeFolder({ path: '/d' }, never);
    expect(await routes()).toEqual(['list', 'rmdir']);
  });
});

describe('a folder is never removed with what is in it', () => {
  it('not when its listing fails or is cut off', async () => {
    const { provider, backstage, emulator } = await start({ settings: { stallTimeout: 300 } });
    await backstage.put('/d/f', bytesOf(10), someTime);
    for (const action of [
      { kind: 'answer', status: 503 }, { kind: 'cutResponse', afterBytes: 1 }, { kind: 'close' },
      { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
    ] as const) {
      await emulator.control.addRule({ route: 'list', times: 0, action });
      await expect(provider.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'EIO' });
      await emulator.control.removeRules();
    }
    expect(await backstage.tree()).toEqual(['/d/', '/d/f']);
    expect(await routes()).not.toContain('rmdir');
  });

  it('not when what is in it is not shown', async () => {
    const { provider, backstage, root } = await start();
    await mkdir(join(root, 'd', 'back\\slash'), { recursive: true });
    expect(await listAll(provider, '/d')).toEqual([]);
    await expect(provider.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    expect(await backstage.tree()).toEqual(['/d/', '/d/back\\slash/']);
  });

  it('not by moving a folder over it', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/full/f', bytesOf(10), someTime);
    await backstage.putFolder('/d');
    await expect(provider.move({ path: '/d' }, { path: '/full' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    expect(await backstage.tree()).toEqual(['/d/', '/full/', '/full/f']);
  });

  it('and a move that is refused without a clear look at both is no reason to copy', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.putFolder('/d');
    await backstage.putFolder('/e');
    for (const route of ['head', 'get']) {
      await emulator.control.addRule({ route, times: 0, action: { kind: 'answer', status: 500, headers: { 'content-type': 'text/html' }, body: 'down' } });
    }
    await expect(provider.move({ path: '/d' }, { path: '/e' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EIO' });
    expect(await backstage.tree()).toEqual(['/d/', '/e/']);
  });

  it('and the root of the drive is neither removed nor moved', async () => {
    const { provider } = await start({ base: '/base' });
    await expect(provider.removeFolder({ path: '/' }, never)).rejects.toMatchObject({ errno: 'EBUSY' });
    await expect(provider.move({ path: '/' }, { path: '/x' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EBUSY' });
  });
});

describe('a folder over an empty folder', () => {
  it('whose second half fails gives the empty one back', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/f', bytesOf(10), someTime);
    await backstage.putFolder('/e');
    await emulator.control.addRule({ route: 'move', skip: 1, action: { kind: 'answer', status: 403, headers: { 'content-type': 'application/json' }, body: { error: 'permission denied' } } });
    await expect(provider.move({ path: '/d' }, { path: '/e' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EACCES' });
    expect(await backstage.tree()).toEqual(['/d/', '/d/f', '/e/']);
  });
});

describe('an answer that is lost is looked for, not guessed', () => {
  it.each(['loseAnswer', 'close'] as const)('making a folder (%s)', async (kind) => {
    const { provider, backstage, emulator } = await start();
    await emulator.control.addRule({ route: 'mkdir', action: { kind } });
    expect(await provider.createFolder({ path: '/d' }, never)).toMatchObject({ name: 'd', kind: 'folder' });
    expect(await backstage.tree()).toEqual(['/d/']);
    expect((await routes()).filter((route) => route === 'mkdir').length).toBe(kind === 'loseAnswer' ? 1 : 2);
  });

  it('a folder that was there before is EEXIST all the same', async () => {
    const { provider, backstage, emulator, root } = await start();
    await backstage.putFolder('/d');
    await backstage.put('/f', bytesOf(1), someTime);
    await utimes(join(root, 'd'), new Date(someTime), new Date(someTime));
    for (const path of ['/d', '/f']) {
      await emulator.control.addRule({ route: 'mkdir', action: { kind: 'loseAnswer' } });
      await expect(provider.createFolder({ path }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
    }
  });

  it.each(['loseAnswer', 'close'] as const)('deleting a file and a folder (%s)', async (kind) => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await backstage.putFolder('/d');
    await emulator.control.addRule({ route: 'delete', action: { kind } });
    await emulator.control.addRule({ route: 'rmdir', action: { kind } });
    await provider.removeFile({ path: '/f' }, never);
    await provider.removeFolder({ path: '/d' }, never);
    expect(await backstage.tree()).toEqual([]);
  });

  it.each(['loseAnswer', 'close'] as const)('moving a file and a folder (%s)', async (kind) => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await backstage.put('/d/below', bytesOf(10), someTime);
    await backstage.put('/g', bytesOf(20), someTime);
    await listAll(provider, '/');
    await emulator.control.addRule({ route: 'move', action: { kind } });
    await provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, never);
    await emulator.control.addRule({ route: 'move', action: { kind } });
    await provider.move({ path: '/d' }, { path: '/e' }, { replace: false }, never);
    expect(await backstage.tree()).toEqual(['/e/', '/e/below', '/g']);
    expect((await backstage.get('/g'))?.length).toBe(10);
  });

  it('a move of something that somebody deleted meanwhile does not pass for done because the target is there', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await backstage.put('/g', bytesOf(20), someTime);
    await listAll(provider, '/');
    await backstage.remove('/f');
    await emulator.control.addRule({ route: 'move', action: { kind: 'close' } });
    await expect(provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EIO' });
    expect((await backstage.get('/g'))?.length).toBe(20);
  });

  it('a gateway that gives up is a lost answer', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await emulator.control.addRule({ route: 'move', action: { kind: 'answer', status: 504, headers: { 'content-type': 'text/html' }, body: '<h1>Gateway Time-out</h1>' } });
    await provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, never);
    expect(await backstage.tree()).toEqual(['/g']);
    expect((await routes()).filter((route) => route === 'move').length).toBe(2);
  });

  it('a proxy\'s page with 200 is no answer of the server', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await emulator.control.addRule({ route: 'delete', action: { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<title>Sign in</title>' } });
    await expect(provider.removeFile({ path: '/f' }, never)).rejects.toThrow(/in the platform.s place.*Sign in/);
    expect(await backstage.tree()).toEqual(['/f']);
  });
});

describe('a server that does not offer a call', () => {
  it.each(['mkdir', 'delete', 'move'])('%s is EPERM, in words', async (route) => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await emulator.control.addRule({ route, times: 0, action: { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>404 Not Found</h1>' } });
    const attempt = route === 'mkdir' ? provider.createFolder({ path: '/d' }, never)
      : route === 'delete' ? provider.removeFile({ path: '/f' }, never) : provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, never);
    await expect(attempt).rejects.toMatchObject({ errno: 'EPERM' });
    await expect(attempt).rejects.toThrow(/does not offer this/);
  });
});
