/** A server that offers four services: named by the profile, or found by what is refused. (SFTPGo's page: what GEREDIS documents) */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { bytesOf, contentOf, listAll, never, readAll, someTime } from '../subject.js';
import { startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

async function start(options: SubjectOptions): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  return subject;
}

/** Routes that were asked since the last reset, each once. */
const routes = async () => [...new Set((await subject.emulator.control.log()).map(({ route }) => route))].sort();
const counts = async () => (await subject.emulator.control.state()).counts;
const put = (path: string, bytes: Buffer) => subject.provider.write({ path }, contentOf(bytes), { modified: someTime }, never);

const servers = [
  ['--profile geredis', { emulator: { refuseOthers: 404 }, settings: { profile: 'geredis' } }],
  ['403 found out', { emulator: { refuseOthers: 403 } }],
  ['404 found out', { emulator: { refuseOthers: 404 } }],
  ['405 found out', { emulator: { refuseOthers: 405 } }],
] as const satisfies readonly (readonly [string, SubjectOptions])[];

describe.each(servers)('%s', (name, options) => {
  const named = name.startsWith('--profile');

  it('lists, reads at every place, writes new files under their own name, and says no to the rest', async () => {
    const { provider, backstage } = await start(options);
    const content = Buffer.concat([bytesOf(700_000), randomBytes(400_000)]);
    await backstage.put('/d/ä "x";\n.bin', content, someTime);
    await backstage.put('/d/empty', Buffer.alloc(0), someTime);
    await provider.connect(never);
    expect((await listAll(provider, '/d')).map((entry) => entry.name).sort()).toEqual(['empty', 'ä "x";\n.bin']);
    const path = '/d/ä "x";\n.bin';
    const seen = await provider.stat({ path }, never);
    expect(seen).toMatchObject({ kind: 'file', size: content.length, modified: someTime });
    for (const [begin, end] of [[0, content.length], [0, 1], [650_000, 660_000], [content.length - 1, content.length + 5], [content.length, content.length + 1]] as const) {
      const { bytes } = await readAll(provider, path, { start: begin, end, version: seen.version });
      expect(bytes.equals(content.subarray(begin, end))).toBe(true);
    }
    expect((await readAll(provider, '/d/empty')).bytes.length).toBe(0);

    for (const target of ['/d/new', '/d/ö \'q" % ;.txt', '/d/none']) {
      const bytes = target === '/d/none' ? Buffer.alloc(0) : bytesOf(300_000);
      const entry = await put(target, bytes);
      expect(entry.size).toBe(bytes.length);
      expect((await backstage.get(target))?.equals(bytes)).toBe(true);
    }
    await expect(put('/d/line\nend', bytesOf(10))).rejects.toMatchObject({ errno: 'EINVAL' });
    // A form takes no time.
    expect((await stat(`${subject.root}/d/new`)).mtimeMs).toBeGreaterThan(someTime + 1000);

    const refused = name.startsWith('403') ? 'EACCES' : 'EPERM';
    for (const attempt of [
      () => provider.createFolder({ path: '/e' }, never), () => provider.removeFile({ path: '/d/new' }, never), () => provider.removeFolder({ path: '/d' }, never),
      () => provider.move({ path: '/d/new' }, { path: '/d/moved' }, { replace: true }, never),
    ]) await expect(attempt()).rejects.toSatisfy((error: { errno: string }) => error.errno === refused || error.errno === 'ENOTEMPTY');
    await expect(provider.setModified({ path: '/d/new' }, seen, someTime, never)).rejects.toMatchObject({ errno: 'EPERM' });
    expect((await backstage.tree()).filter((one) => one.includes('.amarre-'))).toEqual([]);
  });

  it('asks for nothing that it knows to be refused', async () => {
    const { provider, backstage, emulator } = await start(options);
    await backstage.put('/f', bytesOf(1000), someTime);
    await provider.connect(never);
    if (named) await emulator.control.resetCounts();
    const round = async (target: string) => {
      await readAll(provider, '/f');
      await provider.stat({ path: '/f' }, never);
      await put(target, bytesOf(1000));
      await provider.createFolder({ path: '/d' }, never).catch(() => undefined);
      await provider.removeFile({ path: '/f' }, never).catch(() => undefined);
    };
    await round('/one');
    if (!named) {
      expect((await counts())['streamzip']).toBe(1);
      await emulator.control.resetCounts();
    }
    await round('/two');
    expect(await routes()).toEqual(['form', 'list', 'streamzip']);
  });

  it('a file that is replaced while it is read is ESTALE or of one version; a zip that breaks off is asked for again', async () => {
    const { provider, backstage, emulator } = await start(options);
    const content = randomBytes(900_000);
    await backstage.put('/f', content, someTime);
    await provider.connect(never);
    const { version } = await provider.stat({ path: '/f' }, never);
    await emulator.control.addRule({ route: 'streamzip', action: { kind: 'cutResponse', afterBytes: 300_000 } });
    expect((await readAll(provider, '/f', { start: 200_000, end: 800_000, version })).bytes.equals(content.subarray(200_000, 800_000))).toBe(true);
    await backstage.put('/f', randomBytes(900_000), someTime + 5000);
    await expect(readAll(provider, '/f', { start: 0, end: 900_000, version })).rejects.toMatchObject({ errno: 'ESTALE' });
    await backstage.put('/f', randomBytes(1000), someTime);
    await expect(readAll(provider, '/f', { start: 0, end: 900_000, version })).rejects.toMatchObject({ errno: 'ESTALE' });
    await backstage.remove('/f');
    await expect(readAll(provider, '/f', { start: 0, end: 900_000, version })).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  it('a form that is cut off leaves the old file as it was, and no new one', async () => {
    const { provider, backstage, emulator } = await start({ ...options, settings: { ...('settings' in options ? options.settings : {}), stallTimeout: 300 } });
    const old = bytesOf(1000, 1);
    await backstage.put('/f', old, someTime);
    await provider.connect(never);
    await put('/learn', bytesOf(10));
    await emulator.control.addRule({ route: 'form', times: 0, action: { kind: 'cutUpload', afterBytes: 100_000 } });
    await expect(put('/f', bytesOf(500_000))).rejects.toMatchObject({ errno: 'EIO' });
    await expect(put('/new', bytesOf(500_000))).rejects.toMatchObject({ errno: 'EIO' });
    expect((await backstage.get('/f'))?.equals(old)).toBe(true);
    expect(await backstage.get('/new')).toBeUndefined();
    await emulator.control.removeRules();
    await put('/f', bytesOf(500_000));
    expect((await backstage.get('/f'))?.equals(bytesOf(500_000))).toBe(true);
  });
});

it('without the right to download a zip breaks off without a word: EACCES, and asked no more for a while', async () => {
  const { provider, backstage, emulator } = await start({ user: 'no_download', settings: { profile: 'geredis' } });
  await backstage.put('/f', bytesOf(1000), someTime);
  await provider.connect(never);
  await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EACCES' });
  await emulator.control.resetCounts();
  await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EACCES' });
  expect((await counts())['streamzip'] ?? 0).toBe(0);
  expect(provider.learntRefusal?.('read', { path: '/f' })).toMatchObject({ errno: 'EACCES' });
});
