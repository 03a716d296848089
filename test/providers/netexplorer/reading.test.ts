/** Reading from NetExplorer: no byte of another version, whatever becomes of the file. (NetExplorer's page: objects) */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/providers/provider.js';
import { bytesOf, never, readAll, someTime } from '../subject.js';
import { silentLog } from '../../../src/observe/log.js';
import { startServer } from '../../support/http-server.js';
import { openAt, startSubject, type NetexplorerSubject, type SubjectOptions } from './subject.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const mebibyte = 2 ** 20;

async function start(options: SubjectOptions = {}): Promise<NetexplorerSubject> {
  const subject = await startSubject(options);
  cleanUps.push(() => subject.close());
  await subject.provider.connect(never);
  return subject;
}

const versionOf = async (provider: Provider, path: string): Promise<string> => (await provider.stat({ path }, never)).version;

describe('one version', () => {
  it('replaced in place between two parts is ESTALE, and not a byte of the other is given', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(100_000), someTime);
    const version = await versionOf(provider, '/f');
    expect((await readAll(provider, '/f', { start: 0, end: 50_000, version })).bytes.equals(bytesOf(100_000).subarray(0, 50_000))).toBe(true);
    await emulator.control.replaceInPlace('/Commun/f', 'x'.repeat(100_000));
    await expect(provider.read({ path: '/f' }, { start: 50_000, end: 99_000, version }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
    const after = await provider.stat({ path: '/f' }, never);
    expect(after.version).not.toBe(version);
    expect((await readAll(provider, '/f', { version: after.version })).bytes.toString()).toBe('x'.repeat(100_000));
  });

  it('replaced in place in the middle of a long part ends in ESTALE before bytes of the other', async () => {
    const { provider, backstage, emulator } = await start();
    const content = bytesOf(6 * mebibyte);
    await backstage.put('/f', content, someTime);
    const version = await versionOf(provider, '/f');
    // The answer breaks off, and what it is gone on with is of another content.
    await emulator.control.addRule({ route: 'download', times: 1, action: { kind: 'cutResponse', afterBytes: 2.5 * mebibyte } });
    await emulator.control.replaceInPlace('/Commun/f', 'x'.repeat(content.length), 1);
    const { body } = await provider.read({ path: '/f' }, { start: 0, end: content.length - 1, version }, never);
    let given = 0;
    await expect((async () => {
      for await (const piece of body) {
        expect(Buffer.compare(piece, content.subarray(given, given + piece.length))).toBe(0);
        given += piece.length;
      }
    })()).rejects.toMatchObject({ errno: 'ESTALE' });
    expect(given).toBeLessThan(3 * mebibyte);
  });

  it('of the same size and time, in place, is told apart by its sum', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(1000), someTime);
    const version = await versionOf(provider, '/f');
    await emulator.control.replaceInPlace('/Commun/f', 'y'.repeat(1000));
    for (const [start, end] of [[0, 1000], [0, 10], [500, 1000], [1000, 2000]] as const) {
      await expect(provider.read({ path: '/f' }, { start, end, version }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
    }
  });

  it('is never taken for another\'s when the file is gone: ENOENT, EISDIR, ESTALE by what is there', async () => {
    const { provider, backstage } = await start();
    for (const path of ['/f', '/g', '/h']) await backstage.put(path, bytesOf(1000), someTime);
    const versions = await Promise.all(['/f', '/g', '/h'].map((path) => versionOf(provider, path)));
    for (const path of ['/f', '/g', '/h']) await backstage.remove(path);
    await backstage.putFolder('/g');
    await backstage.put('/h', bytesOf(1000, 1), someTime);
    await expect(provider.read({ path: '/f' }, { start: 0, end: 10, version: versions[0] }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(provider.read({ path: '/g' }, { start: 0, end: 10, version: versions[1] }, never)).rejects.toMatchObject({ errno: 'EISDIR' });
    await expect(provider.read({ path: '/h' }, { start: 0, end: 10, version: versions[2] }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
  });
});

describe('requests', () => {
  const routes = async ({ emulator }: NetexplorerSubject): Promise<string[]> => (await emulator.control.log()).map(({ route }) => route);

  it('a small file that is read whole costs one: its sum shows that it is the right one', async () => {
    const subject = await start();
    const { provider, backstage, emulator } = subject;
    await backstage.put('/f', bytesOf(300_000), someTime);
    const version = await versionOf(provider, '/f');
    await emulator.control.resetCounts();
    expect((await readAll(provider, '/f', { version })).bytes.equals(bytesOf(300_000))).toBe(true);
    expect(await routes(subject)).toEqual(['download']);
  });

  it('parts that are read side by side share their looks', async () => {
    const subject = await start();
    const { provider, backstage, emulator } = subject;
    const content = bytesOf(4 * mebibyte);
    await backstage.put('/f', content, someTime);
    const version = await versionOf(provider, '/f');
    await emulator.control.resetCounts();
    await Promise.all(Array.from({ length: 40 }, async (_, at) => {
      const part = { start: at * 100_000, end: at * 100_000 + 50_000 };
      expect((await readAll(provider, '/f', { ...part, version })).bytes.equals(content.subarray(part.start, part.end))).toBe(true);
    }));
    const all = await routes(subject);
    expect(all.filter((route) => route === 'download').length).toBe(40);
    expect(all.filter((route) => route === 'versions').length).toBeLessThan(40);
  });
});

describe('a body', () => {
  it('that breaks off is gone on with, of the same version', async () => {
    const { provider, backstage, emulator } = await start();
    const content = bytesOf(3 * mebibyte);
    await backstage.put('/f', content, someTime);
    const version = await versionOf(provider, '/f');
    await emulator.control.addRule({ route: 'download', times: 3, action: { kind: 'cutResponse', afterBytes: 700_000 } });
    expect((await readAll(provider, '/f', { version })).bytes.equals(content)).toBe(true);
  });

  it('is whole where the platform does not tell sums or sizes', async () => {
    for (const surprises of [{ hashField: 'none' }, { sizeMissing: true }, { hashField: 'none', sizeMissing: true }] as const) {
      const { provider, backstage } = await start({ emulator: { surprises } });
      const content = bytesOf(2 * mebibyte + 5);
      await backstage.put('/f', content, someTime);
      await backstage.put('/empty', bytesOf(0), someTime);
      for (const version of [undefined, await versionOf(provider, '/f')]) {
        expect((await readAll(provider, '/f', { version })).bytes.equals(content)).toBe(true);
        expect((await readAll(provider, '/f', { start: 100, end: mebibyte + 100, version })).bytes.equals(content.subarray(100, mebibyte + 100))).toBe(true);
      }
      expect((await readAll(provider, '/empty')).bytes.length).toBe(0);
      // Unless the platform tells nothing at all by which to see it.
      if ('hashField' in surprises) continue;
      await backstage.put('/f', bytesOf(2 * mebibyte + 5, 1), someTime);
    }
  });

  it('that the platform refuses is EACCES; EBUSY where somebody lets nobody read it', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(1000), someTime);
    const version = await versionOf(provider, '/f');
    await emulator.control.lockBy('/Commun/f', 'marie', { readable: false });
    await expect(readAll(provider, '/f', { version })).rejects.toMatchObject({ errno: 'EBUSY' });
    await emulator.control.unlock('/Commun/f');
    await emulator.control.setRights('/Commun/f', ['read', 'write', 'edit', 'delete']);
    await expect(readAll(provider, '/f', { version })).rejects.toMatchObject({ errno: 'EACCES' });
    expect(await provider.stat({ path: '/f' }, never)).toMatchObject({ rights: { read: false, write: true, remove: true } });
  });
});

/** A platform that says what the test says, of one file `f` in one root folder `R`. */
async function dictate(content: () => Buffer, md5: () => string, download?: (range: string, respond: (status: number, headers: Record<string, string>, body: Buffer) => void) => void): Promise<Provider> {
  const file = () => ({ id: 5, guid: 'g', name: 'f', parent_id: 2, size: content().length, hash: md5(), modification: '2024-01-01T00:00:00Z', creation: '2024-01-01T00:00:00Z' });
  const folder = { id: 2, name: 'R', parent_id: 0 };
  const server = await startServer((request, response) => {
    const url = request.url ?? '';
    const json = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (url === '/api/auth') json({ token: 't' });
    else if (url.startsWith('/api/folders')) json([folder]);
    else if (url.startsWith('/api/folder/2')) json({ ...folder, content: { files: [file()], folders: [] } });
    else if (url === '/api/file/5/versions') json([file()]);
    else if (url === '/api/file/5/download') {
      const range = request.headers.range ?? '';
      const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
      const respond = (status: number, headers: Record<string, string>, body: Buffer): void => {
        response.writeHead(status, { 'content-type': 'application/octet-stream', 'content-length': String(body.length), ...headers }).end(body);
      };
      if (download !== undefined) download(range, respond);
      else respond(206, { 'content-range': `bytes ${first}-${last}/${content().length}` }, content().subarray(Number(first), Number(last) + 1));
    } else json({ error: 'Introuvable' }, 404);
  });
  cleanUps.push(() => server.close());
  const provider = openAt(server.origin, '/R', {}, silentLog());
  cleanUps.push(() => provider.close());
  await provider.connect(never);
  return provider;
}

const md5Of = (content: Buffer): string => createHash('md5').update(content).digest('hex');

describe('a damaged body', () => {
  it('of a file that is read whole is found by its sum, and asked for again while nothing was given', async () => {
    const content = bytesOf(50_000);
    let damaged = 2;
    const provider = await dictate(() => content, () => md5Of(content), (_range, respond) => {
      damaged -= 1;
      const body = Buffer.from(content);
      if (damaged >= 0) body.writeUInt8((body.readUInt8(77) + 1) % 256, 77);
      respond(206, { 'content-range': `bytes 0-${content.length - 1}/${content.length}` }, body);
    });
    expect((await readAll(provider, '/f', { version: await versionOf(provider, '/f') })).bytes.equals(content)).toBe(true);
  });

  it('longer than what is held back is EIO at its end', async () => {
    const content = bytesOf(2 * mebibyte);
    const provider = await dictate(() => content, () => md5Of(bytesOf(10)));
    await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EIO' });
    expect((await readAll(provider, '/f', { start: 0, end: 1000 })).bytes.equals(content.subarray(0, 1000))).toBe(true);
  });
});

describe('an answer that is not what was asked for', () => {
  const content = bytesOf(10_000);
  it.each<[string, number, Record<string, string>, number, string]>([
    ['from another place', 206, { 'content-range': 'bytes 50-149/10000' }, 100, 'EIO'],
    ['of too few bytes', 206, { 'content-range': 'bytes 100-149/10000' }, 50, 'EIO'],
    ['of another length than it says', 206, { 'content-range': 'bytes 100-199/10000' }, 90, 'EIO'],
    ['without its range', 206, {}, 100, 'EIO'],
    ['of a file of another length', 206, { 'content-range': 'bytes 100-199/9999' }, 100, 'EIO'],
    ['packed', 206, { 'content-range': 'bytes 100-199/10000', 'content-encoding': 'gzip' }, 100, 'EIO'],
    ['that is a page', 200, { 'content-type': 'text/html' }, 100, 'EIO'],
    ['that is the whole file', 200, {}, 10_000, 'EIO'],
  ])('%s is an error before a byte', async (_name, status, headers, length, errno) => {
    const provider = await dictate(() => content, () => md5Of(content), (_range, respond) => respond(status, headers, content.subarray(0, length)));
    const version = await versionOf(provider, '/f');
    const failed: unknown = await provider.read({ path: '/f' }, { start: 100, end: 200, version }, never).catch((error: unknown) => error);
    expect(failed).toMatchObject({ errno });
  });
});
