/** Putting files on NetExplorer: each of its surprises, each refusal, and answers that are lost. (NetExplorer's page: upload, what surprises) */
import { describe, expect, it } from 'vitest';
import type { SurpriseChange } from '../../../src/emulators/netexplorer/surprises.js';
import type { Content } from '../../../src/providers/provider.js';
import { bytesOf, listAll, never, readAll, someTime, testSettings } from '../subject.js';
import { failure, refusal, useStages } from './stage.js';

const stage = useStages();
const replacing = { settings: { netexplorer: { ...testSettings.netexplorer, overwrite: 'replace' } } } as const;

describe('a file that is written', () => {
  it('is a new version of what is there, with the time that was asked for, to the second', async () => {
    const { write, versions, provider } = await stage();
    const first = await write('/f', 'one');
    const second = await write('/f', 'two!', someTime + 5_999);
    expect(second).toMatchObject({ name: 'f', size: 4, modified: someTime + 5_000, id: first.id });
    expect(second.version).not.toBe(first.version);
    expect((await versions('/f')).map(({ size }) => size)).toEqual([4, 3]);
    expect(await provider.stat({ path: '/f' }, never)).toMatchObject({ modified: someTime + 5_000, version: second.version });
  });

  it('with --overwrite replace has other bytes under the same number', async () => {
    const { write, versions, text } = await stage(replacing);
    const first = await write('/f', 'one');
    const [before] = await versions('/f');
    const second = await write('/f', 'two!');
    const after = await versions('/f');
    expect(after.map(({ id }) => id)).toEqual([before?.id]);
    expect([first.version === second.version, second.size, await text('/f')]).toEqual([false, 4, 'two!']);
  });

  const surprises: Record<string, SurpriseChange> = {
    'ids as strings, nom, md5': { idsAsStrings: true, nameField: 'nom', hashField: 'md5' },
    'no sums': { hashField: 'none' },
    'no sizes': { sizeMissing: true },
    'neither sums nor sizes nor what else is optional': { hashField: 'none', sizeMissing: true, sparse: true },
    'answers of 201': { createStatus: '201', folderChange: '201' },
    'OK for an answer to a replacement': { putAnswer: 'OK' },
    'nothing for an answer to a replacement': { putAnswer: 'nothing', deleteAnswer: 'OK' },
  };
  it.each(Object.entries(surprises))('is read back the same with %s', async (_name, change) => {
    for (const options of [{}, replacing]) {
      const { write, text, provider } = await stage({ ...options, emulator: { surprises: change } });
      await write('/f', 'the first');
      const entry = await write('/f', 'the second one');
      expect(entry).toMatchObject({ name: 'f', size: 14 });
      expect(await text('/f')).toBe('the second one');
      const seen = await provider.stat({ path: '/f' }, never);
      expect([seen.version, seen.size, seen.modified]).toEqual([entry.version, 14, entry.modified]);
      expect((await readAll(provider, '/f', { version: entry.version })).bytes.toString()).toBe('the second one');
      await provider.removeFile({ path: '/f' }, never);
      expect(await text('/f')).toBeUndefined();
    }
  });

  it('tells the time that the platform gave it where it takes none', async () => {
    const { write, provider } = await stage({ emulator: { surprises: { datesIgnored: true } } });
    const { modified } = await write('/f', 'one');
    expect(modified).toBeGreaterThan(someTime + 1000);
    expect((await provider.stat({ path: '/f' }, never)).modified).toBe(modified);
  });

  it('is there for this mount though the next listings do not show it', async () => {
    const { write, provider } = await stage({ emulator: { surprises: { hiddenMs: 60_000 } } });
    await write('/f', 'one');
    await provider.createFolder({ path: '/d' }, never);
    await write('/d/g', 'two');
    expect((await listAll(provider, '/')).map(({ name }) => name).sort()).toEqual(['d', 'f']);
    expect((await listAll(provider, '/d')).map(({ name }) => name)).toEqual(['g']);
    await write('/f', 'more');
    expect((await readAll(provider, '/f')).bytes.toString()).toBe('more');
  });

  it('waits while the platform has had too many requests', async () => {
    const { write, text } = await stage({ emulator: { surprises: { requestsPerSecond: 8 } } });
    for (const path of ['/a', '/b', '/c']) await write(path, path);
    expect([await text('/a'), await text('/c')]).toEqual(['/a', '/c']);
  });
});

describe('a name that is taken', () => {
  it.each(['403', '409', '422', 'renamed'] as const)('by a folder, answered %s: EISDIR for a file, EEXIST for a folder, and nothing of another name stays', async (nameExists) => {
    const { write, provider, backstage, emulator } = await stage({ emulator: { surprises: { nameExists } } });
    await backstage.putFolder('/d');
    expect(await failure(write('/d', 'x'))).toBe('EISDIR');
    expect(await failure(provider.createFolder({ path: '/d' }, never))).toBe('EEXIST');
    // Made by another when this mount has looked already.
    await listAll(provider, '/');
    const rule = await emulator.control.addRule({ route: 'create-folder', action: { kind: 'stall', at: 'request' } });
    const making = failure(provider.createFolder({ path: '/e' }, never));
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    await backstage.putFolder('/e');
    await emulator.control.removeRules(rule);
    expect(await making).toBe('EEXIST');
    expect(await backstage.tree()).toEqual(['/d/', '/e/']);
  });

  it.each(['403', '409', '422', 'renamed'] as const)('by a folder made while a file was on its way, answered %s, leaves the folder alone', async (nameExists) => {
    const { write, backstage, emulator } = await stage({ emulator: { surprises: { nameExists } } });
    const rule = await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'request' } });
    const writing = failure(write('/f', 'x'));
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    await backstage.putFolder('/f');
    await emulator.control.removeRules(rule);
    expect(['EISDIR', 'EEXIST']).toContain(await writing);
    expect(await backstage.tree()).toEqual(['/f/']);
  });

  it('is EEXIST, too, where much was looked up in vain just before', async () => {
    const { provider, backstage, emulator } = await stage();
    for (let at = 0; at < 12; at += 1) expect(await failure(provider.stat({ path: `/none${at}` }, never))).toBe('ENOENT');
    await emulator.control.addRule({ route: 'create-folder', action: { kind: 'loseAnswer' } });
    await expect(provider.createFolder({ path: '/mine' }, never)).resolves.toMatchObject({ name: 'mine' });
    for (let at = 0; at < 12; at += 1) expect(await failure(provider.stat({ path: `/none${at}` }, never))).toBe('ENOENT');
    const rule = await emulator.control.addRule({ route: 'create-folder', action: { kind: 'stall', at: 'request' } });
    const making = failure(provider.createFolder({ path: '/theirs' }, never));
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    await backstage.putFolder('/theirs');
    await emulator.control.removeRules(rule);
    expect(await making).toBe('EEXIST');
  });
});

describe('a refusal', () => {
  it.each([[403, 'EACCES'], [409, 'EACCES'], [422, 'EINVAL'], [423, 'EBUSY'], [404, 'ENOENT']] as const)('of %s where nothing has that name is %s, and nothing is there', async (status, errno) => {
    const { provider, strike, write, backstage } = await stage();
    await strike('upload', refusal(status));
    const said = await failure(write('/f', 'x'));
    expect(status === 409 ? ['EACCES', 'EEXIST'] : [errno]).toContain(said);
    await strike('create-folder', refusal(status));
    expect(await failure(provider.createFolder({ path: '/d' }, never))).toBe(errno);
    expect(await backstage.tree()).toEqual([]);
  });

  it.each(['413', '507', '403'] as const)('of %s for want of room is EDQUOT, and the old version is whole', async (fullQuota) => {
    for (const options of [{}, replacing]) {
      const { write, text, versions, emulator } = await stage({ ...options, emulator: { surprises: { fullQuota } } });
      await write('/f', 'old');
      await emulator.control.setQuota({ users: { u: 10 } });
      expect(await failure(write('/f', bytesOf(5000)))).toBe('EDQUOT');
      expect(await failure(write('/new', bytesOf(5000)))).toBe('EDQUOT');
      expect([await text('/f'), await text('/new'), (await versions('/f')).length]).toEqual(['old', undefined, 1]);
      await emulator.control.setQuota({ users: { u: 0 }, folders: { '/Commun': 10 } });
      expect(await failure(write('/f', bytesOf(5000)))).toBe('EDQUOT');
    }
  });
});

describe('rights', () => {
  it('tell the way before any data moves', async () => {
    for (const [rights, options, ways] of [
      [['write'], {}, { upload: 1 }], [['edit'], {}, { replace: 1 }], [['write', 'edit'], {}, { upload: 1 }],
      [['write'], replacing, { upload: 1 }], [['edit'], replacing, { replace: 1 }], [['write', 'edit'], replacing, { replace: 1 }],
    ] as const) {
      const { write, text, emulator, backstage } = await stage(options);
      await backstage.put('/f', Buffer.from('old'), someTime);
      await emulator.control.setRights('/Commun/f', ['read', 'download', ...rights]);
      await emulator.control.resetCounts();
      await write('/f', 'new');
      const { upload = 0, replace = 0 } = (await emulator.control.state()).counts;
      expect([rights, upload, replace]).toEqual([rights, 'upload' in ways ? 1 : 0, 'replace' in ways ? 1 : 0]);
      expect(await text('/f')).toBe('new');
    }
  });

  it('that are missing are EACCES without an upload', async () => {
    const { write, text, emulator, backstage, asked, provider } = await stage();
    await backstage.put('/f', Buffer.from('old'), someTime);
    await backstage.putFolder('/closed');
    await emulator.control.setRights('/Commun/f', ['read', 'download']);
    await emulator.control.setRights('/Commun/closed', ['read', 'download', 'edit']);
    await listAll(provider, '/');
    expect(await failure(write('/f', 'new'))).toBe('EACCES');
    expect(await failure(write('/closed/g', 'new'))).toBe('EACCES');
    expect(await failure(provider.createFolder({ path: '/closed/d' }, never))).toBe('EACCES');
    expect(await failure(provider.removeFile({ path: '/f' }, never))).toBe('EACCES');
    expect(await failure(provider.removeFolder({ path: '/closed' }, never))).toBe('EACCES');
    for (const route of ['upload', 'replace', 'create-folder', 'delete-file', 'delete-folder']) expect([route, await asked(route)]).toEqual([route, 0]);
    expect(await text('/f')).toBe('old');
  });

  it('to change a version are not used where the platform does not let versions be changed', async () => {
    const { write, text, emulator, backstage } = await stage({ ...replacing, emulator: { surprises: { features: { edit: false } } } });
    await backstage.put('/f', Buffer.from('old'), someTime);
    await write('/f', 'new');
    expect(await text('/f')).toBe('new');
    await emulator.control.setRights('/Commun/f', ['read', 'download', 'edit']);
    await emulator.control.resetCounts();
    expect(await failure(write('/f', 'newer'))).toBe('EACCES');
    expect((await emulator.control.state()).counts['replace'] ?? 0).toBe(0);
  });
});

describe('what arrives otherwise than it was sent', () => {
  /** Says one thing when it is first read, for its sum, and another when it is sent: as often as `wrong` says. */
  function lying(bytes: Buffer, wrong: number): Content {
    let reads = 0;
    return {
      size: bytes.length,
      async *open(start) {
        await Promise.resolve();
        reads += 1;
        const sent = Buffer.from(bytes);
        if (reads > 1 && reads <= 1 + wrong) sent.fill(0x21);
        yield sent.subarray(start);
      },
    };
  }

  it('is taken away and sent again; the old version is the present one meanwhile', async () => {
    const { write, text, versions, log } = await stage();
    await write('/f', 'old');
    const entry = await write('/f', lying(Buffer.from('the new one'), 1));
    expect([entry.size, await text('/f'), (await versions('/f')).map(({ size }) => size)]).toEqual([11, 'the new one', [11, 3]]);
    expect(log.some(({ msg }) => msg === 'an upload came out wrong and was taken away again')).toBe(true);
  });

  it('again and again is EIO; the old version is the present one, and a new file is not there', async () => {
    const { write, text, versions, emulator } = await stage({ settings: { stallTimeout: 300 } });
    await write('/f', 'old');
    expect(await failure(write('/f', lying(Buffer.from('the new one'), 1000)))).toBe('EIO');
    expect(await failure(write('/g', lying(Buffer.from('the new one'), 1000)))).toBe('EIO');
    expect([await text('/f'), await text('/g'), (await versions('/f')).length]).toEqual(['old', undefined, 1]);
    expect(await emulator.control.trash()).toEqual([]);
  });

  it('is not taken away with what another put there meanwhile', async () => {
    const { write, text, versions, emulator } = await stage({ settings: { stallTimeout: 300 } });
    // Another makes the file when this mount has seen that there is none.
    const rule = await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'request' } });
    const writing = failure(write('/f', lying(Buffer.from('mine, and wrong'), 1000)));
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    await emulator.control.writeAs('/Commun/f', 'theirs');
    await emulator.control.removeRules(rule);
    expect(await writing).toBe('EIO');
    expect([await text('/f'), (await versions('/f')).map(({ owner }) => owner)]).toEqual(['theirs', ['marie']]);
  });

  it('is not mistaken for what another wrote over it at once', async () => {
    const { write, text, versions, emulator, strike } = await stage();
    await write('/f', 'old');
    // The answer that shows nothing of the file makes the writer look: by then another version stands above.
    await emulator.control.surprise({ sparse: true, hashField: 'none', sizeMissing: true });
    await strike('file', { kind: 'stall', at: 'request' });
    const writing = write('/f', 'mine');
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    await emulator.control.writeAs('/Commun/f', 'theirs, longer');
    await emulator.control.removeRules();
    await writing;
    expect([await text('/f'), (await versions('/f')).map(({ owner }) => owner)]).toEqual(['theirs, longer', ['marie', 'u', 'u']]);
  });

  it('an upload that is answered with something that is no file is looked for, and not sent twice', async () => {
    const { write, versions, strike } = await stage();
    await strike('upload', { kind: 'cutResponse', afterBytes: 5 });
    await write('/f', 'content');
    expect((await versions('/f')).length).toBe(1);
    await strike('upload', { kind: 'answer', status: 200, headers: { 'content-type': 'text/plain' }, body: 'OK' });
    await write('/f', 'content 2');
    expect((await versions('/f')).map(({ size }) => size)).toEqual([9, 7]);
  });
});

describe('an answer that is lost', () => {
  it('of an upload or a folder: done once, and said so', async () => {
    for (const action of [{ kind: 'loseAnswer' }, { kind: 'close' }, { kind: 'cutResponse', afterBytes: 3 }] as const) {
      const { write, versions, strike, provider, backstage } = await stage();
      await strike('upload', action);
      expect(await write('/f', 'one')).toMatchObject({ size: 3 });
      await strike('upload', action);
      expect(await write('/f', 'two!')).toMatchObject({ size: 4 });
      expect((await versions('/f')).map(({ size }) => size)).toEqual([4, 3]);
      await strike('create-folder', action);
      await provider.createFolder({ path: '/d' }, never);
      await strike('delete-folder', action);
      await provider.removeFolder({ path: '/d' }, never);
      await strike('delete-file', action);
      await provider.removeFile({ path: '/f' }, never);
      expect(await backstage.tree()).toEqual([]);
    }
  });

  it('of a folder that no listing shows yet is no refusal', async () => {
    const { strike, provider, emulator } = await stage();
    await emulator.control.surprise({ hiddenMs: 700 });
    await strike('create-folder', { kind: 'loseAnswer' });
    await expect(provider.createFolder({ path: '/d' }, never)).resolves.toMatchObject({ name: 'd' });
  });

  it('of a replacement in place: the new bytes are there once', async () => {
    const { write, versions, text, strike } = await stage(replacing);
    await write('/f', 'one');
    for (const action of [{ kind: 'loseAnswer' }, { kind: 'close' }, { kind: 'cutUpload', afterBytes: 2 }] as const) {
      await strike('replace', action);
      await write('/f', `after ${action.kind}`);
      expect([await text('/f'), (await versions('/f')).length]).toEqual([`after ${action.kind}`, 1]);
    }
  });

  it('of every repetition is EIO, and the old version is whole or the new one', async () => {
    const { write, text, strike } = await stage({ settings: { stallTimeout: 300 } });
    await write('/f', 'old');
    await strike('upload', { kind: 'close' }, { times: 0 });
    expect(await failure(write('/f', 'new'))).toBe('EIO');
    expect(await text('/f')).toBe('old');
  });

  it('a replacement in place that stays half is said loudly, and its repetition mends it', async () => {
    const { write, text, strike, log, emulator } = await stage({ settings: { ...replacing.settings, stallTimeout: 300 }, emulator: { surprises: { cutPut: 'half' } } });
    await write('/f', bytesOf(300_000));
    const rule = await strike('replace', { kind: 'cutUpload', afterBytes: 100_000 }, { times: 0 });
    expect(await failure(write('/f', bytesOf(300_000, 1)))).toBe('EIO');
    expect(log.filter(({ msg }) => msg.startsWith('a replacement in place broke off')).length).toBe(1);
    await emulator.control.removeRules(rule);
    await write('/f', 'whole');
    expect(await text('/f')).toBe('whole');
  });
});

describe('an interrupt', () => {
  it('before an upload is there whole leaves the old version', async () => {
    const { write, text, provider, emulator } = await stage();
    await write('/f', 'old');
    const rule = await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 100_000 } });
    const interrupt = new AbortController();
    const content: Content = { size: 10_000_000, async *open() { for (let at = 0; at < 10; at += 1) yield await Promise.resolve(Buffer.alloc(1_000_000, at)); } };
    const writing = failure(provider.write({ path: '/f' }, content, { modified: someTime }, interrupt.signal));
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    interrupt.abort();
    expect(['EINTR', 'AbortError']).toContain(await writing);
    await emulator.control.removeRules(rule);
    expect(await text('/f')).toBe('old');
  });

  it('when all of it has gone out waits a moment for the answer, and hears that it is there', async () => {
    const { versions, provider, emulator } = await stage();
    const rule = await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'answer' } });
    const interrupt = new AbortController();
    const content: Content = { size: 3, async *open() { yield await Promise.resolve(Buffer.from('new')); } };
    const writing = provider.write({ path: '/f' }, content, { modified: someTime }, interrupt.signal);
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    interrupt.abort();
    await emulator.control.removeRules(rule);
    expect(await writing).toMatchObject({ size: 3 });
    expect((await versions('/f')).length).toBe(1);
  });
});

describe('a folder whose files the platform deletes after some days', () => {
  it('is told once, however much is written below it', async () => {
    const { write, backstage, emulator, provider, log } = await stage();
    await backstage.putFolder('/inbox/below');
    await emulator.control.setPurge('/Commun/inbox', 30);
    await listAll(provider, '/');
    for (const path of ['/inbox/a', '/inbox/b', '/inbox/below/c', '/other']) await write(path, 'x');
    const told = log.filter(({ msg }) => msg.startsWith('the platform deletes files of this folder'));
    expect(told).toMatchObject([{ folder: '/inbox', days: 30 }]);
  });

  it('is not written to with --no-purge-folders, nor moved into', async () => {
    const { write, backstage, emulator, provider, asked } = await stage({ settings: { netexplorer: { ...testSettings.netexplorer, purgeFolders: 'refuse' } } });
    await backstage.putFolder('/inbox/below');
    await backstage.put('/f', bytesOf(3), someTime);
    await emulator.control.setPurge('/Commun/inbox', 30);
    await emulator.control.resetCounts();
    await listAll(provider, '/');
    expect(await failure(write('/inbox/a', 'x'))).toBe('EPERM');
    expect(await failure(write('/inbox/below/a', 'x'))).toBe('EPERM');
    expect(await failure(provider.move({ path: '/f' }, { path: '/inbox/f' }, { replace: true }, never))).toBe('EPERM');
    expect([await asked('upload'), await asked('change-file')]).toEqual([0, 0]);
    expect(await backstage.tree()).toEqual(['/f', '/inbox/', '/inbox/below/']);
  });
});
