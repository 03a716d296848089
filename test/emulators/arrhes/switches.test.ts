/** What can be chosen of the emulated Arrhes and its store, and what a test may do to them. */
import { describe, expect, test } from 'vitest';
import { choices } from '../../../src/emulators/arrhes/options.js';
import { parseTime, postgresText } from '../../../src/emulators/arrhes/times.js';
import { startEmulator } from '../../../src/emulators/start.js';
import { connectArrhesControl } from '../../support/control.js';
import { Wire } from '../wire.js';
import { staged } from './staging.js';

const internal = { status: 500, body: { message: 'Internal error' } };

test('the defaults are those of the real server', () => {
  expect(choices({})).toMatchObject({
    uploadUrlLifeS: 60,
    downloadUrlLifeS: 3600,
    deleteUrlLifeS: 60,
    maxFileBytes: 50_000_000,
    storageLimitBytes: 1_073_741_824,
    idleTimeoutMs: 5000,
    carriesYear: false,
  });
});

describe('the announcement', () => {
  test('says how to mount and with which key', async () => {
    const { emulator: { announcement, idOrganization, years, key } } = await staged({ prefix: '/api' });
    const { url, ...rest } = announcement;
    const remote = `arrhes+${url}/api/organizations/${idOrganization}/years/${years[0] ?? ''}`;
    expect(rest).toEqual({ platform: 'arrhes', remote, env: { AMARRE_API_KEY: key } });
  });

  test('without seeds a tree of documents is served, its content to be read', async () => {
    const { emulator, client } = await staged({ folders: undefined, files: undefined });
    const [first] = await client.list('files');
    const content = await fetch(await client.url(first?.id ?? '', 'download-url'));
    expect((await client.list('folders')).map(({ name }) => name)).toContain('Comptabilité');
    expect((await content.arrayBuffer()).byteLength).toBe(first?.size);
    expect(await emulator.control.state()).toMatchObject({ counts: { 'list-files': 1, 'list-folders': 1, 'download-url': 1, 'store-get': 1 } });
  });

  test('a port that is taken is refused', async () => {
    const { emulator } = await staged();
    await expect(startEmulator('arrhes', { port: Number(new URL(emulator.announcement.url).port) })).rejects.toThrow('EADDRINUSE');
  });
});

describe('pre-signed URLs', () => {
  test('live as long as was chosen, by the server’s clock', async () => {
    const { emulator, client } = await staged({ uploadUrlLifeS: 5, downloadUrlLifeS: 7, deleteUrlLifeS: 9, now: () => Date.UTC(2026, 10, 22) });
    const id = await client.save('f', 'hello');
    const put = await client.url(id, 'upload-url', 1);
    const get = await client.url(id, 'download-url');
    const del = await client.url(id, 'delete-url');
    expect([put, get, del].map((url) => new URL(url).searchParams.get('X-Amz-Expires'))).toEqual(['5', '7', '9']);
    await emulator.control.advance(6500);
    expect((await fetch(put, { method: 'PUT', body: 'x' })).status).toBe(403);
    const alive = await fetch(get);
    expect([alive.status, await alive.text()]).toEqual([200, 'hello']);
    await emulator.control.advance(1500);
    const dead = await fetch(get);
    expect([dead.status, await dead.text()]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')]);
    expect((await fetch(del, { method: 'DELETE' })).status).toBe(204);
  });

  test('a large body on a dead URL is refused before it is read', async () => {
    const { emulator, client } = await staged();
    const url = await client.url(await client.create('f'), 'upload-url', 40_000_000);
    await emulator.control.advance(61_000);
    const wire = await Wire.open(url);
    wire.sendHead({ method: 'PUT', path: url.slice(new URL(url).origin.length), headers: { 'content-length': '40000000' } });
    const [answer, { sent }] = await Promise.all([wire.answer('PUT'), wire.sendZeros(40_000_000)]);
    wire.close();
    expect(answer.status).toBe(403);
    expect(sent).toBeLessThan(40_000_000);
  });

  test('of another key, or for another document, do not open', async () => {
    const { client } = await staged();
    const { client: stranger } = await staged();
    const first = await client.url(await client.save('a', 'a'), 'download-url');
    const second = await client.url(await client.save('b', 'b'), 'download-url');
    const foreign = await stranger.url(await stranger.save('a', 'a'), 'download-url');
    const crossed = new URL(second);
    crossed.pathname = new URL(first).pathname;
    expect((await fetch(crossed)).status).toBe(403);
    const elsewhere = new URL(foreign);
    elsewhere.host = new URL(first).host;
    expect((await fetch(elsewhere)).status).toBe(403);
  });

  test('neither the log nor a rule sees what signs them; a rule can cut an upload, and nothing of it is stored', async () => {
    const { emulator, client } = await staged();
    const id = await client.create('f');
    const url = await client.url(id, 'upload-url', 10);
    await emulator.control.addRule({ route: 'store-put', action: { kind: 'cutUpload', afterBytes: 4 } });
    await expect(fetch(url, { method: 'PUT', body: '0123456789' })).rejects.toThrow();
    expect(await client.ask('POST', `files/${id}/finalize`, {})).toEqual(internal);
    expect(JSON.stringify(await emulator.control.log())).not.toMatch(/Signature|Credential/u);
    expect((await emulator.control.log()).map(({ path }) => path)).toContain(`/files/${id}/finalize`);
  });

  test('a strict store takes no Authorization; one that keeps connections open says so', async () => {
    const { client } = await staged({ refusesAuthorization: true, storeKeepsAlive: true });
    const url = await client.url(await client.save('f', 'hello'), 'download-url');
    const open = await fetch(url);
    expect([open.status, open.headers.get('connection')]).toEqual([200, null]);
    expect((await fetch(url, { headers: { authorization: 'Bearer key' } })).status).toBe(400);
  });
});

describe('limits', () => {
  test('the storage fills up by each finalize, also by a second for the same content', async () => {
    const { client } = await staged({ storageLimitBytes: 100 });
    const id = await client.save('f', 'x'.repeat(40));
    await client.ask('POST', `files/${id}/finalize`, {});
    expect((await client.organization('GET', '')).body).toMatchObject({ storageLimit: 100, storageCurrentUsage: 80 });
    expect(await client.ask('POST', `files/${id}/upload-url`, { type: 'a/b', size: 21 })).toEqual({ status: 400, body: { message: 'Limite de stockage atteinte' } });
    await client.ask('DELETE', `files/${id}`);
    expect((await client.organization('GET', '')).body).toMatchObject({ storageCurrentUsage: 40 });
  });

  test('the largest document can be smaller', async () => {
    const { client } = await staged({ maxFileBytes: 10 });
    const id = await client.create('f');
    expect((await client.ask('POST', `files/${id}/upload-url`, { type: 'a/b', size: 10 })).status).toBe(200);
    expect(await client.ask('POST', `files/${id}/upload-url`, { type: 'a/b', size: 11 })).toEqual({ status: 400, body: { message: 'Fichier trop volumineux' } });
  });

  test('an idle connection is closed after the time chosen', async () => {
    const { emulator } = await staged({ idleTimeoutMs: 200 });
    const wire = await Wire.open(emulator.announcement.url);
    wire.sendHead({ method: 'GET', path: '/', headers: {} });
    const { headers } = await wire.answer('GET');
    await wire.untilClosed();
    expect(headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=1' });
  });
});

describe('lists', () => {
  test('come in another order each time, and whole', async () => {
    const files = Array.from({ length: 30 }, (_, index) => ({ name: `f${index}` }));
    const { client } = await staged({ files, shuffle: 7 });
    const names = async (): Promise<string[]> => (await client.list('files')).map(({ name }) => name);
    const [first, second] = [await names(), await names()];
    expect(first).not.toEqual(second);
    expect([...first].sort()).toEqual(files.map(({ name }) => name).sort());
    expect([...second].sort()).toEqual([...first].sort());
  });

  test('hold what is awkward: doubles, circles, names that no folder can hold', async () => {
    const { client } = await staged({ awkward: true });
    const [files, folders] = [await client.list('files'), await client.list('folders')];
    const names = files.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['', '.', '..', 'a/b', 'deux\nlignes', 'e\u0301.txt', 'é.txt', 'é'.repeat(256)]));
    expect(names.filter((name) => name === 'facture.pdf')).toHaveLength(3);
    const parents = new Map(folders.map(({ id, idFolderParent }) => [id, idFolderParent]));
    expect([...parents].filter(([id, parent]) => id === parent)).toHaveLength(1);
    expect([...parents].filter(([id, parent]) => id !== parent && typeof parent === 'string' && parents.get(parent) === id)).toHaveLength(2);
    expect(files.filter(({ idFolder }) => typeof idFolder === 'string' && !parents.has(idFolder))).toHaveLength(1);
    expect(files.filter(({ size }) => size === null)).toHaveLength(1);
  });

  test('tell the year in older versions, where the year must be there', async () => {
    const { emulator, client } = await staged({ carriesYear: true });
    const [newer = '', older = ''] = emulator.years;
    const body = { name: 'f', reference: null, hash: null };
    expect((await client.ask('POST', 'files', body, newer)).body).toMatchObject({ idYear: newer });
    expect((await client.ask('POST', 'files', body, older)).body).toMatchObject({ idYear: older });
    expect(await client.ask('POST', 'files', body, 'nosuchyear000000')).toEqual(internal);
    expect((await client.list('files')).map(({ idYear }) => idYear).sort()).toEqual([newer, older].sort());
  });

  test('years can be closed', async () => {
    const { client } = await staged({ years: [{ label: '2024', isClosed: true }] });
    expect((await client.organization('GET', '/years')).body).toMatchObject([{ label: '2024', isClosed: true, closedAt: '2025-03-31 00:00:00+00' }]);
  });
});

describe('times', () => {
  test.each([
    [0, [0], '1970-01-01 00:00:00+00'],
    [1499, [0], '1970-01-01 00:00:01+00'],
    [1500, [0], '1970-01-01 00:00:02+00'],
    [0, [60], '1970-01-01 01:00:00+01'],
    [0, [330], '1970-01-01 05:30:00+05:30'],
    [0, [-210], '1969-12-31 20:30:00-03:30'],
    [1000, [0, 60], '1970-01-01 01:00:01+01'],
    [2000, [0, 60], '1970-01-01 00:00:02+00'],
  ])('%i in %j is %s', (ms, offsets, text) => {
    expect(postgresText(ms, offsets)).toBe(text);
  });

  test.each([
    ['2026-01-02', 0, '2026-01-02T00:00:00.000Z'],
    ['2026-01-02', 60, '2026-01-01T23:00:00.000Z'],
    ['2026-01-02 03:04', 0, '2026-01-02T03:04:00.000Z'],
    ['2026-01-02 03:04:05+01', 0, '2026-01-02T02:04:05.000Z'],
    ['2026-01-02T03:04:05.25-0530', 0, '2026-01-02T08:34:05.250Z'],
  ])('%s in %i is %s', (text, offset, iso) => {
    expect(new Date(parseTime(text, [offset]) ?? Number.NaN).toISOString()).toBe(iso);
  });

  test.each(['', 'hello', '2026-02-30', '2026-13-01', '1767323045'])('%j is none', (text) => {
    expect(parseTime(text, [0])).toBeUndefined();
  });
});

describe('recognition', () => {
  const scan = '%PDF-1.4 /Type /Page x /Type /Page';

  test('uses up the pages of a PDF and makes a Markdown document beside it, after a while', async () => {
    const { emulator, client } = await staged({ ocrPages: 3, ocrDelayMs: 60_000 });
    const id = await client.save('scan.pdf', scan, 'application/pdf');
    expect((await client.ask('POST', `files/${id}/ocr`, {})).body).toMatchObject({ file: { name: 'scan.md', idFileParent: id, size: null } });
    await emulator.control.advance(61_000);
    const recognized = (await client.list('files')).find(({ name }) => name === 'scan.md');
    const text = await (await fetch(await client.url(recognized?.id ?? '', 'download-url'))).text();
    expect([recognized?.['type'], recognized?.size]).toEqual(['text/markdown', Buffer.byteLength(text)]);
    expect(text).toContain('2 pages');
    expect((await client.ask('POST', `files/${id}/ocr`, {})).status).toBe(400);
    await emulator.control.changeOrganization({ ocrPages: 2 });
    expect((await client.ask('POST', `files/${id}/ocr`, {})).status).toBe(200);
    await client.ask('DELETE', `files/${id}`);
    expect(await client.list('files')).toEqual([]);
  });

  test('is for images and PDFs', async () => {
    const { client } = await staged();
    expect((await client.ask('POST', `files/${await client.save('a.txt', 'a')}/ocr`, {})).status).toBe(400);
    expect((await client.ask('POST', `files/${await client.create('b.pdf')}/ocr`, {})).status).toBe(400);
    expect((await client.ask('POST', `files/${await client.save('c.png', 'c', 'image/png')}/ocr`, {})).body).toMatchObject({ file: { name: 'c.md', type: 'text/markdown' } });
  });
});

describe('other versions', () => {
  test('delete the object with the row', async () => {
    const { emulator, client } = await staged({ deletesObjects: true });
    await client.ask('DELETE', `files/${await client.save('f', 'hello')}`);
    expect((await emulator.control.content()).objects).toEqual({});
  });

  test('wrap the answer of finalize', async () => {
    const { client } = await staged({ wrapsFinalize: true });
    const id = await client.save('f', 'hello');
    expect((await client.ask('POST', `files/${id}/finalize`, {})).body).toMatchObject({ file: { id, size: 5 } });
  });

  test('want the id in the body, and name it as missing', async () => {
    const { client } = await staged({ wantsIds: true, files: [{ id: 'document00000000', name: 'f' }], folders: [{ id: 'folder0000000000', name: 'd' }] });
    const missing = (field: string): object => (
      { message: 'Invalid request', cause: `{"nested":{"${field}":["Invalid key: Expected \\"${field}\\" but received undefined"]}}` }
    );
    expect((await client.ask('PATCH', 'files/document00000000', { name: 'g' })).body).toEqual(missing('idFile'));
    expect((await client.ask('PATCH', 'files/document00000000', { name: 'g', idFile: 'document00000000' })).body).toMatchObject({ name: 'g' });
    expect((await client.ask('PATCH', 'folders/folder0000000000', { name: 'g' })).body).toEqual(missing('idFolder'));
    expect((await client.ask('PATCH', 'folders/folder0000000000', { name: 'g', idFolder: 'folder0000000000' })).body).toMatchObject({ name: 'g' });
  });
});

test('the control interface serves another process as well', async () => {
  const { emulator, client } = await staged();
  const control = connectArrhesControl(emulator.announcement.url);
  const id = await client.save('f', 'hello');
  await control.changeOrganization({ storageLimit: 10, storageUsed: 9 });
  expect((await client.organization('GET', '')).body).toMatchObject({ storageLimit: 10, storageCurrentUsage: 9 });
  const url = await client.url(id, 'download-url');
  await control.advance(3_700_000);
  expect((await fetch(url)).status).toBe(403);
  const { objects, files, storageUsed } = await control.content();
  expect(Object.values(objects)).toEqual([{ size: 5, type: 'text/plain', etag: '"5d41402abc4b2a76b9719d911017c592"' }]);
  expect([files.map(({ name }) => name), storageUsed]).toEqual([['f'], 9]);
  const rule = await control.addRule({ route: 'list-files', path: '/files', action: { kind: 'answer', status: 502 } });
  await control.removeRules(rule);
  expect((await client.ask('GET', 'files')).status).toBe(200);
  expect(await control.state()).toMatchObject({ counts: { 'list-files': 1 }, inFlight: 0 });
  await control.resetCounts();
  expect(await control.log()).toEqual([]);
});
