/** Hidden files on SFTPGo: never shown, cleaned up when their mount is dead. (SFTPGo's page: replacing a file safely) */
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { formatHiddenName } from '../../../src/providers/hidden-names.js';
import { untilStalled } from '../../support/control.js';
import { bytesOf, contentOf, listAll, never, readAll, someTime, soon } from '../subject.js';
import { startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

const day = 24 * 3600 * 1000;
const instances = { own: 'ownown', isDead: (id: string) => id === 'deadone' };

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject({ ...options, settings: { instances, ...options.settings } });
  await subject.provider.connect(never);
  return subject;
}

/** Puts a hidden file of that instance there, made and last written so many days ago. */
async function leave(folder: string, instance: string, ageInDays: number, sequence = 1): Promise<string> {
  const time = Date.now() - ageInDays * day;
  const path = `${folder === '/' ? '' : folder}/${formatHiddenName({ instance, time, sequence })}`;
  await subject.backstage.put(path, bytesOf(100), time);
  return path;
}

describe('leftovers', () => {
  it('of our own dead mounts go when a listing shows them, and it is told', async () => {
    const { provider, backstage, log } = await start();
    await backstage.put('/d/f', bytesOf(1), someTime);
    for (let at = 0; at < 5; at += 1) await leave('/d', 'deadone', 0, at);
    expect((await listAll(provider, '/d')).map(({ name }) => name)).toEqual(['f']);
    await expect.poll(() => backstage.tree(), soon).toEqual(['/d/', '/d/f']);
    // What is gone from the disk is told when the server's answer has come.
    await expect.poll(() => log.filter(({ msg }) => msg.includes('earlier mount left behind')).length, soon).toBe(5);
  });

  it('of others go after seven days, and are hidden until then', async () => {
    const { provider, backstage } = await start();
    const young = await leave('/', 'another', 6);
    await leave('/', 'another', 8, 2);
    const own = await leave('/', 'ownown', 30, 3);
    expect(await listAll(provider, '/')).toEqual([]);
    await expect.poll(() => backstage.tree(), soon).toEqual([young, own].sort());
    for (const path of [young, own]) await expect(provider.stat({ path }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  it('a parked file of another machine keeps its content\'s old time, and stays', async () => {
    const { provider, backstage, root } = await start();
    const parked = await leave('/', 'another', 1);
    await utimes(join(root, parked), new Date(someTime), new Date(someTime));
    await listAll(provider, '/');
    await provider.close();
    expect(await backstage.tree()).toEqual([parked]);
  });

  it('do not keep a folder from being removed, those of living mounts do', async () => {
    const { provider, backstage } = await start();
    await backstage.putFolder('/d');
    await leave('/d', 'deadone', 0);
    await provider.removeFolder({ path: '/d' }, never);
    await backstage.putFolder('/e');
    const living = await leave('/e', 'another', 1);
    await expect(provider.removeFolder({ path: '/e' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    expect(await backstage.tree()).toEqual(['/e/', living]);
  });

  it('that may not be deleted are tried once, told, and do no harm', async () => {
    const { another, backstage, emulator, log } = await start();
    await leave('/', 'deadone', 0);
    const provider = another({ user: 'ro' });
    for (let time = 0; time < 3; time += 1) expect(await listAll(provider, '/')).toEqual([]);
    await provider.close();
    expect((await emulator.control.state()).counts['delete']).toBe(1);
    expect(log.some(({ msg }) => msg === 'a temporary file could not be deleted')).toBe(true);
    expect((await backstage.tree()).length).toBe(1);
  });

  it('folders and people\'s own files of a similar name are not touched, and shown', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/.amarre-notes', bytesOf(1), someTime);
    await backstage.put(`/${formatHiddenName({ instance: 'deadone', time: 0, sequence: 1 })}/precious`, bytesOf(1), someTime);
    const before = await backstage.tree();
    expect((await listAll(provider, '/')).map(({ name }) => name)).toEqual(['.amarre-notes']);
    await provider.close();
    expect(await backstage.tree()).toEqual(before);
  });
});

describe('two mounts on one remote', () => {
  /** Another mount of this machine or another, with a word on who has died. */
  const neighbour = (isDead: (id: string) => boolean): SubjectOptions => ({ settings: { instances: { own: 'neighbour', isDead } } });

  it('what one uploads slowly the other neither deletes nor shows, nor does it remove the folder', async () => {
    const { provider, another, backstage, emulator } = await start();
    await backstage.putFolder('/d');
    const other = another(neighbour((id) => id === 'deadone'));
    await other.connect(never);
    await leave('/d', 'deadone', 0);
    const rule = await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 100_000 } });
    const upload = provider.write({ path: '/d/f' }, contentOf(bytesOf(300_000)), { modified: someTime }, never);
    await untilStalled(emulator.control);
    expect(await listAll(other, '/d')).toEqual([]);
    await expect.poll(async () => (await emulator.control.state()).counts['delete'], soon).toBe(1);
    await expect(other.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    await other.close();
    await emulator.control.removeRules(rule);
    await upload;
    expect(await backstage.tree()).toEqual(['/d/', '/d/f']);
    expect(await backstage.get('/d/f')).toEqual(bytesOf(300_000));
  });

  it('a file that is deleted and still open on one stays readable while the other cleans up', async () => {
    const { provider, another, backstage } = await start();
    await backstage.put('/f', bytesOf(100), someTime);
    const parked = await provider.park({ path: '/f' }, never);
    const other = another(neighbour(() => false));
    await other.connect(never);
    expect(await listAll(other, '/')).toEqual([]);
    await other.close();
    expect((await readAll(provider, parked.path)).bytes).toEqual(bytesOf(100));
    await provider.removeFile(parked, never);
  });

  it('an upload that lasts longer than seven days is no leftover: the server shows that it grows', async () => {
    const { provider, backstage, root } = await start();
    const path = await leave('/', 'neighbour', 9);
    await utimes(join(root, path), new Date(), new Date());
    await listAll(provider, '/');
    await provider.close();
    expect(await backstage.tree()).toEqual([path]);
  });

  it.each([
    { clock: 'is ten days behind this machine\'s', days: -10, age: 8, stays: true },
    { clock: 'is ten days ahead of this machine\'s', days: 10, age: 0, stays: false },
  ])('ages go by the server\'s clock: one that $clock', async ({ days, age, stays }) => {
    const { provider, backstage, emulator } = await start();
    const path = await leave('/', 'neighbour', age);
    const listed = [{ name: path.slice(1), size: 100, mode: 0o644, last_modified: new Date(Date.now() - age * day).toISOString() }];
    await emulator.control.addRule({ route: 'list', action: {
      kind: 'answer', status: 200, body: listed, headers: { 'content-type': 'application/json', date: new Date(Date.now() + days * day).toUTCString() },
    } });
    expect(await listAll(provider, '/')).toEqual([]);
    await provider.close();
    expect(await backstage.tree()).toEqual(stays ? [path] : []);
  });
});

describe('an upload that was cut off', () => {
  it('and whose file appears only after it was to be deleted is deleted all the same', async () => {
    const { provider, backstage, emulator } = await start();
    // The server is slow to begin: the deletion overtakes it.
    await emulator.control.addRule({ route: 'upload', action: { kind: 'slow', latencyMs: 150 } });
    const abort = new AbortController();
    const slow = {
      size: 1_000_000,
      async *open() {
        yield bytesOf(500_000);
        abort.abort();
        await Promise.resolve();
        yield bytesOf(500_000);
      },
    };
    await expect(provider.write({ path: '/f' }, slow, { modified: someTime }, abort.signal)).rejects.toMatchObject({ errno: 'EINTR' });
    await expect.poll(async () => (await emulator.control.state()).counts['delete'] ?? 0, soon).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect.poll(() => backstage.tree(), soon).toEqual([]);
  });

  it('is looked after at the end, too', async () => {
    const { provider, backstage, emulator } = await start();
    await emulator.control.addRule({ route: 'delete', action: { kind: 'answer', status: 404, headers: { 'content-type': 'application/json' }, body: { error: 'file does not exist' } } });
    await emulator.control.addRule({ route: 'upload', times: 1, action: { kind: 'loseAnswer' } });
    await provider.write({ path: '/f' }, { size: 5, async *open() { await Promise.resolve(); yield bytesOf(5); } }, { modified: someTime }, never);
    await provider.close();
    expect(await backstage.tree()).toEqual(['/f']);
  });
});

describe('parking', () => {
  it('goes to the root of the drive, so that the folder can be removed', async () => {
    const { provider, backstage } = await start({ base: '/base' });
    await backstage.put('/a/b/f', bytesOf(10), someTime);
    const parked = await provider.park({ path: '/a/b/f' }, never);
    expect(parked.path).toMatch(/^\/\.amarre-ownown-[^/]+$/);
    await provider.removeFolder({ path: '/a/b' }, never);
    await provider.removeFile(parked, never);
    expect(await backstage.tree()).toEqual(['/a/']);
  });

  it('whose answer is lost is found done', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await emulator.control.addRule({ route: 'move', action: { kind: 'loseAnswer' } });
    await provider.removeFile(await provider.park({ path: '/f' }, never), never);
    expect(await backstage.tree()).toEqual([]);
  });

  it('and into the file\'s own folder where the root may not be written', async () => {
    const { another, backstage } = await start({
      emulator: { users: { cellar: { rights: ['list', 'download'], folderRights: { '/cellar': ['list', 'download', 'upload', 'overwrite', 'delete', 'rename', 'create_dirs', 'chtimes', 'copy'] } } } },
    });
    await backstage.put('/cellar/f', bytesOf(10), someTime);
    const provider = another({ user: 'cellar' });
    const parked = await provider.park({ path: '/cellar/f' }, never);
    expect(parked.path).toMatch(/^\/cellar\/\.amarre-ownown-/);
    await provider.removeFile(parked, never);
  });
});
