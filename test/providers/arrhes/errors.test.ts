/** Each refusal of Arrhes and its store, and what becomes of it (Arrhes' page: errors, sizes, pre-signed URLs). */
import { afterEach, describe, expect, it } from 'vitest';
import { judge, judgeStore } from '../../../src/providers/arrhes/answers.js';
import type { Entry } from '../../../src/providers/provider.js';
import { like } from '../../support/like.js';
import { bytesOf, contentOf, listAll, never, readAll, someTime, soon } from '../subject.js';
import { startSubject, type ArrhesSubject, type SubjectOptions } from './subject.js';

let subject: ArrhesSubject | undefined;
afterEach(async () => {
  await subject?.close();
  subject = undefined;
});

async function start(options: SubjectOptions = {}): Promise<ArrhesSubject> {
  subject = await startSubject(options);
  await subject.provider.connect(never);
  return subject;
}

const impatient = { settings: { stallTimeout: 500, serverTimeout: 1_000 } };
const write = ({ provider }: ArrhesSubject, path: string, bytes: Uint8Array): Promise<Entry> => provider.write({ path }, contentOf(bytes), { modified: someTime }, never);
const counts = async ({ emulator }: ArrhesSubject): Promise<Readonly<Record<string, number>>> => (await emulator.control.state()).counts;

describe('the table', () => {
  const json = (message: string, cause?: string): string => JSON.stringify({ message, ...(cause !== undefined && { cause }) });
  it.each<[number, string, string, string]>([
    [400, json('Fichier trop volumineux'), 'EFBIG', 'final'],
    [400, json('Limite de stockage atteinte'), 'EDQUOT', 'final'],
    [400, json('Le fichier associé n\'existe pas'), 'ENODATA', 'final'],
    [400, json('Limite de pages OCR atteinte'), 'EDQUOT', 'final'],
    [400, json('Invalid request', '{"nested":{"name":["Doit avoir au maximum 256 caractères"]}}'), 'ENAMETOOLONG', 'final'],
    [400, json('Invalid request', '{"nested":{"idFile":["Invalid key: Expected \\"idFile\\" but received undefined"]}}'), 'EINVAL', 'name ids'],
    [400, json('Invalid request', '{"nested":{"size":["Doit être un nombre entier"]}}'), 'EINVAL', 'final'],
    [401, json('Internal error', 'No valid authentication method found'), 'EACCES', 'final'],
    [404, json('Endpoint not found'), 'EIO', 'not offered'],
    [409, json('Conflict'), 'EEXIST', 'final'],
    [413, '<html><title>413 Request Entity Too Large</title></html>', 'EFBIG', 'final'],
    [429, '', 'EBUSY', 'wait'],
    [500, json('Internal error'), 'EIO', 'look'],
    [500, '<html>Oops</html>', 'EIO', 'unsure'],
    [502, '', 'EIO', 'unsure'], [503, '', 'EIO', 'unsure'], [504, '', 'EIO', 'unsure'],
    [404, '<html>nothing here</html>', 'EIO', 'not offered'],
    [403, '<html>portal</html>', 'EIO', 'final'],
  ])('%i %s is %s, %s', (status, text, errno, then) => {
    const verdict = judge('write: /f', { status, text, contentType: text.startsWith('{') ? 'application/json' : 'text/html', sender: undefined, retryAfter: undefined });
    expect({ errno: verdict.error.errno, then: verdict.then }).toEqual({ errno, then });
    expect(verdict.error.message).toMatch(/^write: \/f: /);
  });

  it.each<[number, string, string, string]>([
    [403, 'AccessDenied', 'EIO', 'new URL'], [403, 'SignatureDoesNotMatch', 'EIO', 'new URL'], [404, 'NoSuchKey', 'EIO', 'gone'], [404, 'NoSuchBucket', 'EIO', 'final'],
    [411, 'MissingContentLength', 'EIO', 'final'], [412, 'PreconditionFailed', 'ESTALE', 'changed'], [413, 'EntityTooLarge', 'EFBIG', 'final'], [416, 'InvalidRange', 'EIO', 'past the end'],
    [503, 'SlowDown', 'EIO', 'wait'], [507, '', 'ENOSPC', 'final'],
  ])('of the store: %i %s is %s, %s', (status, code, errno, then) => {
    const text = code === '' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>whatever</Message></Error>`;
    const verdict = judgeStore('read: /f', { status, text, contentType: 'application/xml', sender: undefined, retryAfter: undefined });
    expect({ errno: verdict.error.errno, then: verdict.then }).toEqual({ errno, then });
  });
});

describe('at the first contact', () => {
  it.each<[string, SubjectOptions, string, RegExp]>([
    ['a key that is not known', { credentials: { apiKey: 'wrong' } }, 'EACCES', /key is not accepted/],
    ['a year that is not there', { remote: (announced) => announced.replace(/[^/]*$/, 'nosuchyear000000') }, 'ENOENT', /has no year nosuchyear000000; it has: .*2026/],
    ['a prefix that is not there', { remote: (announced) => announced.replace('/organizations', '/wrong/organizations') }, 'EIO', /is the address right/],
  ])('%s is told', async (_name, options, errno, words) => {
    subject = await startSubject({ ...impatient, ...options });
    await expect(subject.provider.connect(never)).rejects.toMatchObject({ errno, message: like(words) });
  });

  it('a key of another organization is told', async () => {
    subject = await startSubject({ remote: (announced) => announced.replace(/organizations\/[^/]*/, 'organizations/another000000000'), emulator: { files: [{ name: 'f' }] } });
    await expect(subject.provider.connect(never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  it('a page in the platform\'s place is EIO, never an empty folder', async () => {
    subject = await startSubject(impatient);
    await subject.emulator.control.addRule({ times: 0, action: { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html><title>Sign in</title></html>' } });
    await expect(subject.provider.connect(never)).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('the password file\'s key serves as well', async () => {
    const { emulator, another } = await start();
    await another({ credentials: { password: emulator.key } }).connect(never);
  });
});

describe('lists', () => {
  it('are fetched once for however many wait, and broken ones again', async () => {
    const { provider, backstage, emulator } = await start({ settings: { listTtl: 60_000 } });
    await backstage.put('/f', bytesOf(3), someTime);
    await emulator.control.resetCounts();
    await emulator.control.addRule({ route: 'list-files', action: { kind: 'cutResponse', afterBytes: 20 } });
    expect(await Promise.all(Array.from({ length: 10 }, () => listAll(provider, '/nothing').catch((thrown: unknown) => thrown)))).toMatchObject(Array.from({ length: 10 }, () => ({ errno: 'ENOENT' })));
    expect(await counts(subject ?? await start())).toEqual({ 'list-files': 2, 'list-folders': 1 });
  });

  it('that stay broken are EIO, and never an empty folder', async () => {
    const { provider, emulator } = await start(impatient);
    await emulator.control.addRule({ route: 'list-folders', times: 0, action: { kind: 'answer', status: 500, body: { message: 'Internal error' } } });
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('show own changes at once, without being asked for again', async () => {
    const started = await start({ settings: { listTtl: 60_000 } });
    const { provider, emulator } = started;
    await write(started, '/f', bytesOf(10));
    await emulator.control.resetCounts();
    expect((await listAll(provider, '/')).map(({ name, size }) => ({ name, size }))).toEqual([{ name: 'f', size: 10 }]);
    expect(await counts(started)).toEqual({});
  });

  it('of other years are left out where rows tell theirs; else it is said once', async () => {
    const years = [{ id: 'year000000000001', label: '2026' }, { id: 'year000000000002', label: '2025' }];
    const files = years.map(({ id, label }) => ({ name: label, idYear: id }));
    const telling = await start({ emulator: { carriesYear: true, years, files } });
    expect((await listAll(telling.provider, '/')).map(({ name }) => name)).toEqual(['2026']);
    expect(telling.log.some(({ msg }) => msg.includes('whole organization'))).toBe(false);
    await telling.close();
    const silent = await start({ emulator: { years, files } });
    for (let time = 0; time < 3; time += 1) expect((await listAll(silent.provider, '/')).map(({ name }) => name).sort()).toEqual(['2025', '2026']);
    expect(silent.log.filter(({ msg }) => msg.includes('whole organization')).length).toBe(1);
  });
});

describe('sizes', () => {
  it('past 50,000,000 bytes are EFBIG before anything is sent', async () => {
    const started = await start();
    await started.emulator.control.resetCounts();
    await expect(started.provider.write({ path: '/f' }, { size: 50_000_001, open: () => contentOf(bytesOf(1)).open(0) }, { modified: someTime }, never)).rejects.toMatchObject({ errno: 'EFBIG' });
    expect(await counts(started)).toEqual({});
    expect(started.provider.traits.maxFileSize).toBe(50_000_000);
  });

  it('that the platform takes no longer are EFBIG, and leave nothing', async () => {
    const started = await start({ emulator: { maxFileBytes: 100 } });
    await expect(write(started, '/f', bytesOf(101))).rejects.toMatchObject({ errno: 'EFBIG' });
    await expect.poll(() => started.backstage.tree(), soon).toEqual([]);
  });

  it('a full storage is EDQUOT, the old content stays, and df says what is left', async () => {
    const started = await start({ emulator: { storageLimitBytes: 1000 } });
    await started.backstage.put('/f', bytesOf(600), someTime);
    expect(await started.provider.quota(never)).toEqual({ total: 1000, used: 600 });
    await expect(write(started, '/f', bytesOf(500))).rejects.toMatchObject({ errno: 'EDQUOT' });
    await expect(write(started, '/g', bytesOf(500))).rejects.toMatchObject({ errno: 'EDQUOT' });
    expect((await readAll(started.provider, '/f')).bytes.equals(bytesOf(600))).toBe(true);
    await expect.poll(() => started.backstage.tree(), soon).toEqual(['/f']);
  });
});

describe('an upload', () => {
  it.each([
    ['is refused', { kind: 'answer', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }],
    ['breaks off', { kind: 'cutUpload', afterBytes: 100_000 }],
  ] as const)('that %s gets one new address, and no third', async (_name, action) => {
    const started = await start(impatient);
    await started.emulator.control.addRule({ route: 'store-put', action });
    await write(started, '/f', bytesOf(3_000_000));
    expect((await started.backstage.get('/f'))?.length).toBe(3_000_000);
    await started.emulator.control.resetCounts();
    await started.emulator.control.addRule({ route: 'store-put', times: 0, action });
    await expect(write(started, '/f', bytesOf(2_000_000))).rejects.toMatchObject({ errno: 'EIO', message: like('second address') });
    expect(await counts(started)).toMatchObject({ 'upload-url': 2 });
    await started.emulator.control.removeRules();
    expect((await readAll(started.provider, '/f')).bytes.length).toBe(3_000_000);
  });

  it('goes with the type of its name, or of its content', async () => {
    const started = await start();
    for (const [name, content, type] of [
      ['scan.pdf', 'x', 'application/pdf'], ['photo.JPG', 'x', 'image/jpeg'], ['notes', 'Écrit à la main\n', 'text/plain'], ['scan', '%PDF-1.7\n', 'application/pdf'], ['odd', '\0\u0001', 'application/octet-stream'],
    ] as const) {
      const { id } = await write(started, `/${name}`, Buffer.from(content));
      const row = (await started.emulator.control.content()).files.find((one) => one['id'] === id);
      expect([name, row?.['type']]).toEqual([name, type]);
    }
  });

  it('to a row that somebody deletes meanwhile fails, and leaves nothing', async () => {
    const started = await start(impatient);
    await started.backstage.put('/f', bytesOf(10), someTime);
    const { id } = await started.backstage.file('/f');
    const slow = { ...contentOf(bytesOf(300_000)), async *open(start: number) {
      await started.backstage.ask('DELETE', `files/${id}`);
      yield* contentOf(bytesOf(300_000)).open(start);
    } };
    await expect(started.provider.write({ path: '/f' }, slow, { modified: someTime }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    expect(await started.backstage.tree()).toEqual([]);
  });

  it('of which the platform tells another size fails', async () => {
    const started = await start(impatient);
    await started.backstage.put('/f', bytesOf(10), someTime);
    const { id } = await started.backstage.file('/f');
    await started.emulator.control.addRule({ route: 'finalize', action: { kind: 'stall', at: 'request' } });
    const writing = write(started, '/f', bytesOf(3000));
    const outcome = expect(writing).rejects.toMatchObject({ errno: 'EIO', message: like('5 bytes of the 3000') });
    await expect.poll(async () => (await started.emulator.control.state()).stalled, soon).toBe(1);
    await started.backstage.fill(id, bytesOf(5), { finalize: false });
    await started.emulator.control.removeRules();
    await outcome;
  });
});

describe('a change that the server says it made', () => {
  it('and did not is EIO', async () => {
    const started = await start(impatient);
    await started.backstage.put('/f', bytesOf(10), someTime);
    const row = await started.backstage.file('/f');
    await started.emulator.control.addRule({ route: 'change-file', action: { kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: row } });
    await expect(started.provider.move({ path: '/f' }, { path: '/g' }, { replace: false }, never)).rejects.toMatchObject({ errno: 'EIO', message: like('did not make the change') });
    expect(await started.backstage.tree()).toEqual(['/f']);
  });

  it('is not asked of a folder that would go into itself', async () => {
    const started = await start();
    await started.backstage.putFolder('/d/e');
    await expect(started.provider.move({ path: '/d' }, { path: '/d/e/d' }, { replace: false }, never)).rejects.toMatchObject({ errno: 'EINVAL' });
    expect(await started.backstage.tree()).toEqual(['/d/', '/d/e/']);
  });
});

describe('a folder', () => {
  it('that others have put something into is not removed', async () => {
    const started = await start({ settings: { listTtl: 60_000 } });
    await started.provider.createFolder({ path: '/d' }, never);
    await started.backstage.put('/d/f', bytesOf(1), someTime);
    await expect(started.provider.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    expect(await started.backstage.tree()).toEqual(['/d/', '/d/f']);
  });
});

describe('a closed year', () => {
  it('is read-only: every change is EROFS, and nothing is sent', async () => {
    const started = await start({ emulator: { years: [{ label: '2024', isClosed: true }], files: [{ name: 'f', content: 'old' }], folders: [{ name: 'd' }] } });
    const { provider, emulator } = started;
    expect(provider.readOnly).toBe(true);
    expect((await readAll(provider, '/f')).bytes.toString()).toBe('old');
    const current = await provider.stat({ path: '/f' }, never);
    await emulator.control.resetCounts();
    for (const change of [
      () => write(started, '/g', bytesOf(1)), () => provider.createFolder({ path: '/e' }, never), () => provider.removeFile({ path: '/f' }, never),
      () => provider.removeFolder({ path: '/d' }, never), () => provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, never), () => provider.park({ path: '/f' }, never),
      () => provider.setAttribute?.({ path: '/f' }, current, 'reference', 'x', never), () => provider.services?.recognition?.run({ path: '/f' }, () => undefined, never),
    ]) await expect(change()).rejects.toMatchObject({ errno: 'EROFS' });
    expect(await counts(started)).toEqual({});
  });
});

describe('attributes', () => {
  it('reference and date are read and set, the others only read', async () => {
    const { provider, backstage } = await start({ emulator: { offsetsMinutes: [60, 330] } });
    await backstage.put('/f.pdf', bytesOf(10), someTime);
    const current = await provider.stat({ path: '/f.pdf' }, never);
    const all = async (): Promise<unknown> => Object.fromEntries(await provider.attributes?.({ path: '/f.pdf' }, await provider.stat({ path: '/f.pdf' }, never), never) ?? []);
    const set = (name: string, value: string | undefined): Promise<Entry | undefined> => provider.setAttribute?.({ path: '/f.pdf' }, current, name, value, never) ?? Promise.resolve(undefined);
    expect(await all()).toEqual({ id: current.id, type: 'application/octet-stream' });
    await set('reference', 'F-2026-17 é');
    expect(await set('date', '2026-03-31')).toMatchObject({ name: 'f.pdf', id: current.id });
    expect(await all()).toEqual({ id: current.id, type: 'application/octet-stream', reference: 'F-2026-17 é', date: '2026-03-31' });
    await set('date', '2026-03-31T12:30:00+02:00');
    await set('reference', undefined);
    expect(await all()).toEqual({ id: current.id, type: 'application/octet-stream', date: '2026-03-31T10:30:00Z' });
    for (const [name, value, errno] of [['date', 'hello', 'EINVAL'], ['date', '2026-02-31', 'EINVAL'], ['reference', 'x'.repeat(257), 'EINVAL'], ['id', 'x', 'EPERM'], ['hash', 'x', 'EPERM'], ['type', 'x', 'EPERM'], ['color', 'x', 'EPERM']] as const) {
      await expect(set(name, value), `${name}=${value.slice(0, 20)}`).rejects.toMatchObject({ errno });
    }
    await backstage.putFolder('/d');
    expect([...await provider.attributes?.({ path: '/d' }, await provider.stat({ path: '/d' }, never), never) ?? []].map(([name]) => name)).toEqual(['id']);
  });
});

describe('recognition', () => {
  it('waits for the text and names it; without pages it is EDQUOT; of other kinds EOPNOTSUPP', async () => {
    const started = await start({ emulator: { ocrDelayMs: 400 } });
    const { provider, emulator } = started;
    const told: string[] = [];
    const run = (path: string): Promise<string> | undefined => provider.services?.recognition?.run({ path }, (words) => told.push(words), never);
    await write(started, '/scan.pdf', Buffer.from('%PDF-1.7'));
    await write(started, '/notes.txt', Buffer.from('text'));
    expect(await run('/scan.pdf')).toBe('scan.md');
    expect(told).toEqual(['asking the platform', ...Array.from({ length: told.length - 1 }, () => 'waiting for the text')]);
    expect(told.length).toBeGreaterThan(1);
    await expect(run('/notes.txt')).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    await emulator.control.changeOrganization({ ocrPages: 0 });
    await expect(run('/scan.pdf')).rejects.toMatchObject({ errno: 'EDQUOT' });
  });
});
