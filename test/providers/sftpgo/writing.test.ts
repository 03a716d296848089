/** Writing to SFTPGo. (SFTPGo's page: replacing a file safely) */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isHiddenName } from '../../../src/providers/hidden-names.js';
import type { Content, Entry, Provider } from '../../../src/providers/provider.js';
import { bytesOf, contentOf, never, someTime, soon } from '../subject.js';
import { startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  await subject.provider.connect(never);
  await subject.emulator.control.resetCounts();
  return subject;
}

const put = (provider: Provider, path: string, bytes: Uint8Array, modified = someTime, signal = never): Promise<Entry> =>
  provider.write({ path }, contentOf(bytes), { modified }, signal);

/** Method, route and names of each request, hidden names shown as `#`. */
async function requests(): Promise<string[]> {
  const short = (path: string | undefined): string => (path ?? '').replace(/\.amarre-[^/]+/, '#');
  return (await subject.emulator.control.log()).map(({ route, path, target }) =>
    `${route} ${short(path)}${target === undefined ? '' : ` -> ${short(target)}`}`);
}

async function hiddenThings(): Promise<string[]> {
  return (await subject.backstage.tree()).filter((path) => path.split('/').some(isHiddenName));
}

/** The old file is whole and nothing else is there, now or soon. */
async function expectOnly(path: string, bytes: Uint8Array): Promise<void> {
  await expect.poll(() => subject.backstage.tree(), soon).toEqual([path]);
  expect((await subject.backstage.get(path))?.equals(bytes)).toBe(true);
}

const old = bytesOf(5000);
const fresh = bytesOf(300_000, 3);

describe('an upload', () => {
  it('goes under a hidden name in the same folder, is looked at, and takes its place by a move', async () => {
    const { provider, root } = await start();
    await provider.createFolder({ path: '/d' }, never);
    await subject.emulator.control.resetCounts();
    await put(provider, '/d/f', fresh, someTime + 123);
    expect(await requests()).toEqual(['upload /d/#', 'head /d/#', 'move /d/# -> /d/f']);
    expect((await stat(join(root, 'd', 'f'))).mtimeMs).toBe(someTime + 123);
  });

  it('of a file with a name of 255 bytes has room for its hidden name', async () => {
    const { provider, backstage } = await start();
    const name = `/${'n'.repeat(255)}`;
    await put(provider, name, fresh);
    expect((await backstage.get(name))?.equals(fresh)).toBe(true);
  });

  it.each([0, 1, 2] as const)('cut in the middle is sent again, and the old file was whole all the time (upload_mode %i)', async (uploadMode) => {
    const { provider, backstage, emulator } = await start({ emulator: { uploadMode } });
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'upload', action: { kind: 'cutUpload', afterBytes: 100_000 } });
    await put(provider, '/f', fresh, someTime + 5000);
    await expect.poll(async () => (await backstage.tree()).filter((path) => !path.includes('.sftpgo-upload')), soon).toEqual(['/f']);
    expect((await backstage.get('/f'))?.equals(fresh)).toBe(true);
    const uploads = (await requests()).filter((line) => line.startsWith('upload'));
    expect(uploads.length).toBe(2);
  });

  it('that goes on breaking fails, leaves the old file whole and no hidden one', async () => {
    const { provider, backstage, emulator } = await start({ settings: { stallTimeout: 400 } });
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'upload', times: 0, action: { kind: 'cutUpload', afterBytes: 100_000 } });
    await expect(put(provider, '/f', fresh)).rejects.toMatchObject({ errno: 'EIO' });
    await expectOnly('/f', old);
  });

  it('never uses one hidden name twice: the server may still be writing to it', async () => {
    const { provider, emulator } = await start();
    await emulator.control.addRule({ route: 'upload', times: 2, action: { kind: 'loseAnswer' } });
    await put(provider, '/f', fresh);
    const names = (await emulator.control.log()).filter(({ route }) => route === 'upload').map(({ path }) => path);
    expect(names.length).toBe(3);
    expect(new Set(names).size).toBe(3);
    await expectOnly('/f', fresh);
  });

  it('is not believed by its 201: a file that is not there, or shorter, is sent again', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'upload', action: { kind: 'answer', status: 201, body: { message: 'Upload completed' } } });
    await put(provider, '/f', fresh);
    await expectOnly('/f', fresh);
    expect((await requests()).filter((line) => line.startsWith('upload')).length).toBe(2);
  });

  it('that a server goes on lying about is EIO, and the old file is whole', async () => {
    const { provider, backstage, emulator } = await start({ settings: { stallTimeout: 300 } });
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'upload', times: 0, action: { kind: 'answer', status: 201, body: { message: 'Upload completed' } } });
    await expect(put(provider, '/f', fresh)).rejects.toMatchObject({ errno: 'EIO' });
    await expect(put(provider, '/f', fresh)).rejects.toThrow(/said that it holds the upload/);
    await expectOnly('/f', old);
  });

  it('stands still: it is broken off and sent again', async () => {
    const { provider, emulator } = await start({ settings: { stallTimeout: 400, serverTimeout: 1_500 } });
    await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 1000 } });
    const large = bytesOf(8_000_000);
    await put(provider, '/f', large);
    await emulator.control.removeRules();
    await expectOnly('/f', large);
  });

  it('whose end takes the server long is waited for', async () => {
    const { provider, emulator } = await start({ settings: { stallTimeout: 200, serverTimeout: 5_000 } });
    await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'answer' } });
    setTimeout(() => {
      void emulator.control.removeRules();
    }, 700);
    await put(provider, '/f', fresh);
    expect((await requests()).filter((line) => line.startsWith('upload')).length).toBe(1);
  });

  it('interrupted before the move leaves the old file, and the hidden one goes', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    for (const route of ['upload', 'head']) {
      await emulator.control.addRule({ route, action: { kind: 'stall', at: route === 'upload' ? 'uploadBody' : 'request', ...(route === 'upload' ? { afterBytes: 1000 } : {}) } });
      const abort = new AbortController();
      setTimeout(() => {
        abort.abort();
      }, 150);
      await expect(put(provider, '/f', fresh, someTime, abort.signal)).rejects.toMatchObject({ errno: 'EINTR' });
      await emulator.control.removeRules();
    }
    await expectOnly('/f', old);
  });

  it('interrupted while the move is under way is waited for: old or new, never neither', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'move', action: { kind: 'slow', latencyMs: 300 } });
    const abort = new AbortController();
    setTimeout(() => {
      abort.abort();
    }, 200);
    await put(provider, '/f', fresh, someTime, abort.signal);
    await expectOnly('/f', fresh);
  });
});

describe('a move whose answer is lost', () => {
  it('and that was done is found done', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'move', action: { kind: 'loseAnswer' } });
    await put(provider, '/f', fresh);
    await expectOnly('/f', fresh);
    expect((await requests()).filter((line) => line.startsWith('move')).length).toBe(1);
  });

  it('and that was not done is sent again', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'move', action: { kind: 'close' } });
    await put(provider, '/f', fresh);
    await expectOnly('/f', fresh);
  });

  it('and of which nobody can tell is EIO, said so', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    await emulator.control.addRule({ route: 'move', action: { kind: 'loseAnswer' } });
    const writing = put(provider, '/f', fresh);
    writing.catch(() => undefined);
    await emulator.control.addRule({ route: 'head', path: '/f', action: { kind: 'slow', latencyMs: 300 } });
    await expect.poll(async () => (await requests()).some((line) => line === 'head /f')).toBe(true);
    await backstage.remove('/f');
    await expect(writing).rejects.toMatchObject({ errno: 'EIO' });
    await expect(writing).rejects.toThrow(/does not tell whether it was done/);
  });
});

describe('quota', () => {
  it('used up is EDQUOT, the old file is whole, and the hidden one is removed', async () => {
    const { provider, backstage, emulator } = await start({ emulator: { quotaBytes: 1_000_000 } });
    await put(provider, '/f', bytesOf(600_000));
    await expect(put(provider, '/f', bytesOf(600_000, 1), someTime + 5000)).rejects.toMatchObject({ errno: 'EDQUOT' });
    await expectOnly('/f', bytesOf(600_000));
    await emulator.control.changeUser('u', { usedBytes: 1_000_000 });
    await expect(put(provider, '/g', bytesOf(0))).rejects.toMatchObject({ errno: 'EDQUOT' });
    expect(await backstage.tree()).toEqual(['/f']);
  });

  it('a file larger than the server allows is EDQUOT, one larger than a proxy allows EFBIG', async () => {
    const { provider, another, emulator } = await start();
    await expect(put(another({ user: 'maxsize' }), '/f', bytesOf(2000))).rejects.toMatchObject({ errno: 'EDQUOT' });
    await emulator.control.addRule({ route: 'upload', action: { kind: 'answer', status: 413, headers: { 'content-type': 'text/html' }, body: '<title>413 Request Entity Too Large</title>' } });
    await expect(put(provider, '/f', fresh)).rejects.toMatchObject({ errno: 'EFBIG' });
    await expect.poll(() => subject.backstage.tree(), soon).toEqual([]);
  });
});

describe('rights', () => {
  it('a user who may not overwrite makes new files and is refused others, which stay whole', async () => {
    const { another, backstage } = await start();
    await backstage.put('/f', old, someTime);
    const provider = another({ user: 'no_overwrite' });
    await put(provider, '/new', fresh);
    await expect(put(provider, '/f', fresh)).rejects.toMatchObject({ errno: 'EACCES' });
    expect((await backstage.get('/f'))?.equals(old)).toBe(true);
    expect((await backstage.get('/new'))?.equals(fresh)).toBe(true);
    await expect.poll(() => backstage.tree(), soon).toEqual(['/f', '/new']);
  });

  it('a user who may not rename makes new files directly, once that is known at once', async () => {
    const { another, backstage, emulator } = await start();
    await backstage.put('/f', old, someTime);
    const provider = another({ user: 'no_rename' });
    await put(provider, '/one', fresh);
    await expect.poll(() => hiddenThings(), soon).toEqual([]);
    await emulator.control.resetCounts();
    await put(provider, '/two', fresh);
    expect(await requests()).toEqual(['head /two', 'upload /two', 'head /two']);
    await expect(put(provider, '/f', fresh)).rejects.toMatchObject({ errno: 'EACCES' });
    expect((await backstage.get('/f'))?.equals(old)).toBe(true);
    expect((await backstage.get('/two'))?.equals(fresh)).toBe(true);
  });

  it('half of a file made directly is deleted after a cut, and where even that is refused it is said', async () => {
    const { another, backstage, emulator, log } = await start({ settings: { stallTimeout: 300 } });
    const provider = another({ user: 'no_rename' });
    await put(provider, '/one', fresh);
    await emulator.control.addRule({ route: 'upload', times: 0, action: { kind: 'cutUpload', afterBytes: 100_000 } });
    await expect(put(provider, '/two', fresh)).rejects.toMatchObject({ errno: 'EIO' });
    expect(await backstage.get('/two')).toBeUndefined();
    await emulator.control.addRule({ route: 'delete', times: 0, action: { kind: 'answer', status: 403, headers: { 'content-type': 'application/json' }, body: { error: 'permission denied' } } });
    await expect(put(provider, '/three', fresh)).rejects.toMatchObject({ errno: 'EIO' });
    expect(log.some(({ msg }) => msg.startsWith('a part of a file that could not be sent'))).toBe(true);
    await emulator.control.removeRules();
  });

  it('a direct upload that the server refuses deletes nothing: what stands there is not ours', async () => {
    const { another, backstage, emulator } = await start();
    const provider = another({ user: 'no_rename' });
    await put(provider, '/one', fresh);
    // Somebody made it between the look and the upload: the look still says that nothing is there.
    await backstage.put('/two', old, someTime);
    const json = { 'content-type': 'application/json' };
    await emulator.control.addRule({ route: 'head', path: '/two', action: { kind: 'answer', status: 404, headers: json, body: { error: 'file does not exist' } } });
    await emulator.control.addRule({ route: 'upload', action: { kind: 'answer', status: 403, headers: json, body: { error: 'permission denied' } } });
    await expect(put(provider, '/two', fresh)).rejects.toMatchObject({ errno: 'EACCES' });
    expect((await backstage.get('/two'))?.equals(old)).toBe(true);
  });

  it('a user who may not set times gets the file, with the time of the upload, and it is told', async () => {
    const { another, log } = await start();
    const provider = another({ user: 'no_chtimes' });
    const entry = await put(provider, '/f', fresh);
    expect(entry.size).toBe(fresh.length);
    expect(entry.modified).toBe((await provider.stat({ path: '/f' }, never)).modified);
    expect(entry.modified).not.toBe(someTime);
    expect(log.filter(({ msg }) => msg.includes('does not take modification times')).length).toBe(1);
    await expect(provider.setModified({ path: '/f' }, entry, someTime, never)).rejects.toMatchObject({ errno: 'EPERM' });
  });

  it('read-only: nothing can be done, and nothing is', async () => {
    const { another, backstage } = await start();
    await backstage.put('/f', old, someTime);
    await backstage.putFolder('/d');
    const provider = another({ user: 'ro' });
    const current = await provider.stat({ path: '/f' }, never);
    for (const attempt of [
      () => put(provider, '/g', fresh), () => put(provider, '/f', fresh), () => provider.createFolder({ path: '/e' }, never),
      () => provider.removeFile({ path: '/f' }, never), () => provider.removeFolder({ path: '/d' }, never),
      () => provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, never), () => provider.park({ path: '/f' }, never),
    ]) await expect(attempt()).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(provider.setModified({ path: '/f' }, current, 0, never)).rejects.toMatchObject({ errno: 'EPERM' });
    expect(await backstage.tree()).toEqual(['/d/', '/f']);
  });
});

describe('a large refused upload', () => {
  it('is answered although the sending breaks: the reason is told', async () => {
    const { provider, another } = await start();
    const large: Content = {
      size: 64 * 2 ** 20,
      async *open() {
        for (let piece = 0; piece < 64; piece += 1) {
          await Promise.resolve();
          yield Buffer.alloc(2 ** 20);
        }
      },
    };
    await expect(provider.write({ path: '/no/f' }, large, { modified: someTime }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(another({ user: 'ro' }).write({ path: '/f' }, large, { modified: someTime }, never)).rejects.toMatchObject({ errno: 'EACCES' });
  });
});

describe('two writers', () => {
  it('of one file leave the one or the other, whole', async () => {
    const { provider, another, backstage } = await start();
    const other = another();
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([put(provider, '/f', bytesOf(200_000, 1)), put(other, '/f', bytesOf(150_000, 2))]);
      const found = await backstage.get('/f');
      expect([bytesOf(200_000, 1), bytesOf(150_000, 2)].some((bytes) => found?.equals(bytes))).toBe(true);
    }
  });
});
