/** What NetExplorer says of rights, rooms, locks and the account. (NetExplorer's page: objects, routes) */
import { describe, expect, it } from 'vitest';
import { narrowest } from '../../../src/providers/netexplorer/quotas.js';
import { readShared } from '../../../src/providers/netexplorer/roots.js';
import { bytesOf, listAll, never, readAll, someTime } from '../subject.js';
import { namesIn, useSubjects } from './subject.js';

const start = useSubjects({ connected: false });

describe('the top', () => {
  it('holds the root folders, and those that others share; one without a number is left out, and said', async () => {
    const { another, backstage, log } = await start({
      emulator: { users: { u: { roots: [{ path: '/Commun' }, { path: '/Commun/of marie', type: 'shared' }, { path: '/Commun/lost', type: 'shared', withoutId: true }] } } },
    });
    await backstage.put('/of marie/file', bytesOf(5), someTime);
    await backstage.putFolder('/lost');
    const provider = another({ base: '/' });
    await provider.connect(never);
    expect(await namesIn(provider, '/')).toEqual(['Commun', 'of marie']);
    expect(await namesIn(provider, '/of marie')).toEqual(['file']);
    expect((await readAll(provider, '/of marie/file')).bytes.equals(bytesOf(5))).toBe(true);
    expect(await provider.stat({ path: '/of marie' }, never)).toMatchObject({ kind: 'folder', name: 'of marie' });
    expect(log.some(({ msg, leftOut }) => msg.startsWith('left out of the top folder') && JSON.stringify(leftOut) === '["lost"]')).toBe(true);
    const below = another({ base: '/of marie' });
    await below.connect(never);
    expect(await namesIn(below, '/')).toEqual(['file']);
  });

  it('is that of an older platform, too, which has no list of what is shared', async () => {
    const { another, backstage } = await start({ emulator: { hasRoots: false } });
    await backstage.put('/file', bytesOf(5), someTime);
    const provider = another({ base: '/' });
    await provider.connect(never);
    expect(await namesIn(provider, '/')).toEqual(['Commun']);
    expect(await namesIn(provider, '/Commun')).toEqual(['file']);
  });

  it("of the drive has the rights of its folder, which no listing shows", async () => {
    const { provider, emulator } = await start();
    await emulator.control.setRights('/Commun', ['read', 'download']);
    await provider.connect(never);
    expect(provider.baseRights?.()).toEqual({ read: true, write: false, remove: false });
  });

  it('keeps no files: that is known before data moves', async () => {
    const { another, provider } = await start();
    const top = another({ base: '/' });
    await top.connect(never);
    await provider.connect(never);
    expect(top.learntRefusal?.('make', { path: '/file' })?.errno).toBe('EACCES');
    expect(top.learntRefusal?.('make', { path: '/Commun/file' })).toBeUndefined();
    expect(provider.learntRefusal?.('make', { path: '/file' })).toBeUndefined();
  });

  it('is asked for the drive\'s folder once, with words where it is none', async () => {
    const { another, backstage } = await start();
    await backstage.put('/file', bytesOf(5), someTime);
    for (const [base, errno] of [['/no', 'ENOENT'], ['/Commun/no', 'ENOENT'], ['/Commun/file', 'ENOTDIR'], ['/Commun/file/x', 'ENOTDIR']] as const) {
      await expect(another({ base }).connect(never)).rejects.toMatchObject({ errno });
    }
  });

  it.each([
    [[{ type: 'shared', id: 5, name: 'a' }, { type: 'common', id: 6, name: 'b' }], ['a'], []],
    [[{ type: 'shared', name: 'a' }], [], ['a']],
    [[{ type: 'shared', name: 'a', content: [{ id: 7, name: 'in a' }, { name: 'lost' }] }], ['in a'], ['lost']],
    [[{ type: 'shared', name: 'a', content: { folders: [{ id: '7', nom: 'in a' }], files: [] } }], ['in a'], []],
    [{ objects: [{ type: 'shared', id: 5, name: 'a' }] }, ['a'], []],
  ])('of %j shows %j', (value, shown, leftOut) => {
    expect(readShared(value)?.folders.map(({ name }) => name)).toEqual(shown);
    expect(readShared(value)?.leftOut).toEqual(leftOut);
  });
});

describe('rights', () => {
  it('are what the vendor says they are', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/f', bytesOf(5), someTime);
    await provider.connect(never);
    for (const [given, file, folder] of [
      [['read'], { read: false, write: false, remove: false }, { read: true, write: false, remove: false }],
      [['read', 'download'], { read: true, write: false, remove: false }, { read: true, write: false, remove: false }],
      [['read', 'download', 'edit'], { read: true, write: true, remove: false }, { read: true, write: false, remove: false }],
      [['read', 'download', 'write', 'delete'], { read: true, write: true, remove: true }, { read: true, write: true, remove: true }],
    ] as const) {
      await emulator.control.setRights('/Commun/d', given);
      expect((await provider.stat({ path: '/d' }, never)).rights).toEqual(folder);
      expect((await provider.stat({ path: '/d/f' }, never)).rights).toEqual(file);
      expect((await listAll(provider, '/d'))[0]?.rights).toEqual(file);
      expect((await listAll(provider, '/')).find(({ name }) => name === 'd')?.rights).toEqual(folder);
    }
  });
});

describe('locks', () => {
  it('of others are told with their owner, one\'s own are not', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(5), someTime);
    await provider.connect(never);
    const lockedBy = async (): Promise<unknown[]> => [(await provider.stat({ path: '/f' }, never)).lockedBy, (await listAll(provider, '/'))[0]?.lockedBy];
    expect(await lockedBy()).toEqual([undefined, undefined]);
    await emulator.control.lockBy('/Commun/f', 'marie');
    expect(await lockedBy()).toEqual(['marie', 'marie']);
    const current = await provider.stat({ path: '/f' }, never);
    expect((await provider.attributes?.({ path: '/f' }, current, never))?.get('lock')).toBe('marie');
    await emulator.control.lockBy('/Commun/f', 'u');
    expect(await lockedBy()).toEqual([undefined, undefined]);
  });
});

describe('the room', () => {
  it('is the narrowest of platform, user and folder', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(500), someTime);
    await provider.connect(never);
    expect(await provider.quota(never)).toBeUndefined();
    await emulator.control.setQuota({ platform: 1_000_000 });
    expect(await provider.quota(never)).toEqual({ total: 1_000_000, used: 500 });
    await emulator.control.setQuota({ users: { marie: 10, u: 10_000 } });
    expect(await provider.quota(never)).toMatchObject({ total: 10_000 });
    await emulator.control.setQuota({ folders: { '/Commun': 2_000 } });
    expect(await provider.quota(never)).toEqual({ total: 2_000, used: 500 });
    await emulator.control.surprise({ noQuota: 'entry' });
    expect(await provider.quota(never)).toEqual({ total: 2_000, used: 500 });
  });

  it.each([
    [{ platform: { quota: null, used: 5 }, user: { quota: null, used: 5 }, folder: null }, undefined],
    [{ platform: null }, undefined],
    [{ platform: { quota: 100, used: 5 }, user: { quota: '50', used: '20' } }, { total: 50, used: 20 }],
    [{ platform: { quota: 100, used: 95 }, user: { quota: 50, used: 20 } }, { total: 100, used: 95 }],
    [{ user: { quota: 50, used: 80 } }, { total: 50, used: 50 }],
    [{ user: { quota: 0, used: 80 }, folder: { quota: -1, used: 3 } }, undefined],
    [[], undefined], ['x', undefined],
  ])('of %j is %j', (value, quota) => {
    expect(narrowest(value)).toEqual(quota);
  });

  it('is not told by a platform that does not say, and nothing fails', async () => {
    const { provider, emulator } = await start();
    await provider.connect(never);
    await emulator.control.addRule({ route: 'quotas', times: 0, action: { kind: 'answer', status: 403, headers: { 'content-type': 'application/json' }, body: { error: 'Non' } } });
    expect(await provider.quota(never)).toBeUndefined();
  });
});

describe('attributes', () => {
  it('are those of the file, and of the folder that purges it', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/d/f', bytesOf(500), someTime);
    await emulator.control.setPurge('/Commun/d', 30);
    await provider.connect(never);
    const seen = (await emulator.control.objects())['/Commun/d/f'];
    const of = async (path: string): Promise<Record<string, string>> =>
      Object.fromEntries(await provider.attributes?.({ path }, await provider.stat({ path }, never), never) ?? []);
    expect(await of('/d/f')).toMatchObject({ 'id': String(seen?.id), 'guid': seen?.guid, 'md5': seen?.md5, 'version': '1', 'owner': 'marie', 'purge-days': '30' });
    await emulator.control.addRule({ route: 'infos', action: { kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: { annotations: [{}, {}], length: 12, author: 'Zoé', title: '' } } });
    expect(await of('/d/f')).toMatchObject({ annotations: '2', pages: '12', author: 'Zoé' });
    await emulator.control.addRule({ route: 'infos', action: { kind: 'answer', status: 404, headers: { 'content-type': 'application/json' }, body: { error: 'Introuvable' } } });
    expect(Object.keys(await of('/d/f'))).not.toContain('pages');
    expect(await of('/d')).toMatchObject({ 'id': String((await emulator.control.objects())['/Commun/d']?.id), 'purge-days': '30' });
    expect(Object.keys(await of('/'))).toContain('id');
    await expect(provider.attributes?.({ path: '/no' }, await provider.stat({ path: '/d' }, never), never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });
});

describe('what the platform cannot do', () => {
  it('is said once, when the drive is mounted', async () => {
    const { provider, log } = await start({ emulator: { surprises: { features: { trash: false, versioning: false } } } });
    await provider.connect(never);
    const warnings = log.filter(({ level }) => level >= 40).map(({ msg }) => msg);
    expect(warnings).toEqual(['the platform has no trash: what is deleted here is gone', 'the platform keeps no versions: what is overwritten here is gone']);
  });

  it('is what the services are missing', async () => {
    const { provider } = await start({ emulator: { surprises: { features: { trash: false, versioning: false } } } });
    await provider.connect(never);
    expect(Object.keys(provider.services ?? {}).sort()).toEqual(['depositLinks', 'history', 'shareLinks']);
  });

  it('besides, of locks and versions in place, is told to who asks the log for more', async () => {
    const { provider, log } = await start({ emulator: { surprises: { features: { lock: false, lock_read: false, edit: false } } } });
    await provider.connect(never);
    const told = log.filter(({ level }) => level === 30).map(({ msg }) => msg);
    for (const words of ['locks nothing', 'keeps nobody from reading', 'does not let versions be changed']) expect(told.filter((msg) => msg.includes(words))).toHaveLength(1);
    expect(Object.keys(provider.services ?? {}).sort()).toEqual(['depositLinks', 'history', 'shareLinks', 'trash', 'versions']);
  });

  it('is not known of a platform that does not tell, which is no failure', async () => {
    const { provider, emulator, backstage } = await start();
    for (const route of ['public-config', 'account', 'roots']) {
      await emulator.control.addRule({ route, times: 0, action: { kind: 'answer', status: 404, headers: { 'content-type': 'application/json' }, body: { error: 'Introuvable' } } });
    }
    await backstage.put('/f', bytesOf(5), someTime);
    await provider.connect(never);
    expect(await namesIn(provider, '/')).toEqual(['f']);
  });
});
