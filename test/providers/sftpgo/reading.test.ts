/** Reading from SFTPGo. (SFTPGo's page: files; ranges) */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/providers/provider.js';
import { startServer } from '../../support/http-server.js';
import { bytesOf, never, readAll, someTime } from '../subject.js';
import { openAt, startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  cleanUps.push(() => subject.close());
  await subject.provider.connect(never);
  return subject;
}

async function ranges(): Promise<(string | undefined)[]> {
  return (await subject.emulator.control.log()).filter(({ route }) => route === 'get').map(({ range }) => range);
}

describe('ranges', () => {
  it('are never n-0 nor a suffix, and the first byte alone is the first byte alone', async () => {
    const { provider, backstage } = await start();
    const content = bytesOf(1000);
    await backstage.put('/f', content, someTime);
    await backstage.put('/one', bytesOf(1, 5), someTime);
    for (const [start, end] of [[0, 1], [0, 2], [999, 1000], [1, 2], [0, 1000]] as const) {
      expect((await readAll(provider, '/f', { start, end })).bytes.equals(content.subarray(start, end))).toBe(true);
    }
    expect((await readAll(provider, '/one', { start: 0, end: 1 })).bytes.equals(bytesOf(1, 5))).toBe(true);
    expect(await ranges()).toEqual(['bytes=0-1', 'bytes=0-1', 'bytes=999-999', 'bytes=1-1', 'bytes=0-999', 'bytes=0-1']);
  });

  it('behind the end, and of an empty file, of a known version ask for no bytes', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await backstage.put('/empty', bytesOf(0), someTime);
    for (const path of ['/f', '/empty']) {
      const { version } = await provider.stat({ path }, never);
      expect((await readAll(provider, path, { start: 10, end: 20, version })).bytes.length).toBe(0);
    }
    expect(await ranges()).toEqual([]);
  });

  it('that answer for a file which shrank meanwhile are no bytes, and its entry', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    for (const start of [10, 11, 5000]) {
      const { bytes, entry } = await readAll(provider, '/f', { start, end: start + 10 });
      expect(bytes.length).toBe(0);
      expect(entry).toMatchObject({ size: 10, modified: someTime });
    }
  });
});

describe('one version', () => {
  it('is pinned: a file changed between two parts is ESTALE, never a splice', async () => {
    const { provider, backstage, root } = await start();
    await backstage.put('/f', bytesOf(100_000), someTime);
    const { entry } = await readAll(provider, '/f', { start: 0, end: 10 });
    await writeFile(join(root, 'f'), bytesOf(100_000, 1));
    await expect(readAll(provider, '/f', { start: 10, end: 20, version: entry.version })).rejects.toMatchObject({ errno: 'ESTALE' });
    // An older file of the same name passes If-Unmodified-Since: size and time tell.
    await backstage.put('/f', bytesOf(100_000, 1), someTime - 60_000);
    await expect(readAll(provider, '/f', { start: 10, end: 20, version: entry.version })).rejects.toMatchObject({ errno: 'ESTALE' });
    await backstage.put('/f', bytesOf(99_999), someTime);
    await expect(readAll(provider, '/f', { start: 10, end: 20, version: entry.version })).rejects.toMatchObject({ errno: 'ESTALE' });
  });

  it('a body that breaks off is gone on with, of the same version', async () => {
    const { provider, backstage, emulator } = await start();
    const content = bytesOf(2_000_000);
    await backstage.put('/f', content, someTime);
    await emulator.control.addRule({ route: 'get', times: 3, action: { kind: 'cutResponse', afterBytes: 500_000 } });
    const { bytes } = await readAll(provider, '/f', { start: 100, end: 2_000_000 });
    expect(bytes.equals(content.subarray(100))).toBe(true);
    expect((await ranges()).length).toBe(4);
  });

  it('and is ESTALE where the file changed meanwhile', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(2_000_000), someTime);
    await emulator.control.addRule({ route: 'get', times: 1, action: { kind: 'cutResponse', afterBytes: 500_000 } });
    const { body } = await provider.read({ path: '/f' }, { start: 0, end: 2_000_000, version: undefined }, never);
    await backstage.put('/f', bytesOf(2_000_000, 1), someTime + 60_000);
    let length = 0;
    await expect((async () => {
      for await (const piece of body) length += piece.length;
    })()).rejects.toMatchObject({ errno: 'ESTALE' });
    expect(length).toBe(500_000);
  });

  it('a body that goes on breaking without a byte is EIO', async () => {
    const { provider, backstage, emulator } = await start({ settings: { stallTimeout: 300 } });
    await backstage.put('/f', bytesOf(2_000_000), someTime);
    await emulator.control.addRule({ route: 'get', times: 0, action: { kind: 'cutResponse', afterBytes: 0 } });
    await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('a body that stands still is asked for again', async () => {
    const { provider, backstage, emulator } = await start({ settings: { stallTimeout: 300 } });
    const content = bytesOf(2_000_000);
    await backstage.put('/f', content, someTime);
    await emulator.control.addRule({ route: 'get', action: { kind: 'stall', at: 'responseBody', afterBytes: 700_000 } });
    expect((await readAll(provider, '/f')).bytes.equals(content)).toBe(true);
    expect((await ranges()).length).toBe(2);
  });
});

describe('refusals', () => {
  it('no right is EACCES, and a token that died is not', async () => {
    const { another, backstage } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await expect(readAll(another({ user: 'no_download' }), '/f')).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(readAll(another({ user: 'no_list' }), '/f')).rejects.toMatchObject({ errno: 'EACCES' });
  });

  it('a 5xx is repeated; Retry-After is heeded', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await emulator.control.addRule({ route: 'get', action: { kind: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' } });
    await emulator.control.addRule({ route: 'get', skip: 1, action: { kind: 'answer', status: 429, headers: { 'retry-after': '1' }, body: { error: 'rate limit', message: '' } } });
    expect((await readAll(provider, '/f')).bytes.length).toBe(10);
    const gets = (await emulator.control.log()).filter(({ route }) => route === 'get');
    expect(gets.map(({ status }) => status)).toEqual([502, 429, 206]);
    expect((gets[2]?.at ?? 0) - (gets[1]?.at ?? 0)).toBeGreaterThanOrEqual(1000);
  });

  it('a server that asks to wait longer than anybody waits is EBUSY at once', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await emulator.control.addRule({ route: 'get', times: 0, action: { kind: 'answer', status: 429, headers: { 'retry-after': '3600' }, body: { error: 'rate limit', message: '' } } });
    await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EBUSY' });
    expect((await ranges()).length).toBe(1);
  });

  it('can be interrupted while it waits, and in the body', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(2_000_000), someTime);
    for (const action of [
      { kind: 'stall', at: 'request' }, { kind: 'answer', status: 429, headers: { 'retry-after': '2' } }, { kind: 'stall', at: 'responseBody', afterBytes: 100 },
    ] as const) {
      await emulator.control.addRule({ route: 'get', action });
      const abort = new AbortController();
      setTimeout(() => {
        abort.abort();
      }, 100);
      await expect((async () => {
        const { body } = await provider.read({ path: '/f' }, { start: 0, end: 2_000_000, version: undefined }, abort.signal);
        let length = 0;
        for await (const piece of body) length += piece.length;
        return length;
      })()).rejects.toMatchObject({ errno: 'EINTR' });
    }
  });
});

describe('answers that do not hold what was asked', () => {
  const lastModified = new Date(someTime).toUTCString();

  /** A server that signs anybody in and answers a GET of a file with these. */
  async function hostile(status: number, headers: Record<string, string>, body: string | Buffer): Promise<Provider> {
    const server = await startServer((request, response) => {
      if (request.url?.includes('/token') === true) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: 't', expires_at: new Date(Date.now() + 3_600_000).toISOString() }));
        return;
      }
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
      response.end(body);
    });
    cleanUps.push(() => server.close());
    const provider = openAt(server.origin, '/', { stallTimeout: 200 });
    cleanUps.push(() => provider.close());
    return provider;
  }

  it.each<[string, number, Record<string, string>, string]>([
    ['a sign-in page with 200', 200, { 'content-type': 'text/html' }, '<html>'],
    ['a part without Content-Range', 206, { 'last-modified': lastModified }, 'x'.repeat(10)],
    ['a part from elsewhere', 206, { 'last-modified': lastModified, 'content-range': 'bytes 50-59/100' }, 'x'.repeat(10)],
    ['a part that is too short', 206, { 'last-modified': lastModified, 'content-range': 'bytes 10-14/100' }, 'x'.repeat(5)],
    ['a part whose length is another than its range', 206, { 'last-modified': lastModified, 'content-range': 'bytes 10-19/100' }, 'x'.repeat(5)],
    ['the whole file instead of a part', 200, { 'last-modified': lastModified }, 'x'.repeat(100)],
    ['no time', 206, { 'content-range': 'bytes 10-19/100' }, 'x'.repeat(10)],
    ['an unknown size', 206, { 'last-modified': lastModified, 'content-range': 'bytes 10-19/*' }, 'x'.repeat(10)],
    ['a packed body', 206, { 'last-modified': lastModified, 'content-range': 'bytes 10-19/100', 'content-encoding': 'gzip' }, 'x'.repeat(10)],
    ['another form of range', 206, { 'last-modified': lastModified, 'content-range': 'bytes=10-19/100' }, 'x'.repeat(10)],
  ])('%s is EIO, and no byte of it is given', async (_name, status, headers, body) => {
    const provider = await hostile(status, headers, body);
    await expect(provider.read({ path: '/f' }, { start: 10, end: 20, version: undefined }, never)).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('a right one passes: the cases above fail for what is wrong with them', async () => {
    const provider = await hostile(206, { 'last-modified': lastModified, 'content-range': 'bytes 10-19/100' }, '0123456789');
    expect((await readAll(provider, '/f', { start: 10, end: 20 })).bytes.toString()).toBe('0123456789');
  });

  it('of another version are ESTALE, whatever the server made of the condition', async () => {
    const provider = await hostile(206, { 'last-modified': lastModified, 'content-range': 'bytes 10-19/100' }, '0123456789');
    await expect(readAll(provider, '/f', { start: 10, end: 20, version: '101-1700000000' })).rejects.toMatchObject({ errno: 'ESTALE' });
    await expect(readAll(provider, '/f', { start: 10, end: 20, version: '100-1700000001' })).rejects.toMatchObject({ errno: 'ESTALE' });
    expect((await readAll(provider, '/f', { start: 10, end: 20, version: '100-1700000000' })).bytes.length).toBe(10);
  });

  it('of a whole file instead of its first part are cut to what was asked', async () => {
    const provider = await hostile(200, { 'last-modified': lastModified }, 'x'.repeat(100_000));
    for (let time = 0; time < 10; time += 1) expect((await readAll(provider, '/f', { start: 0, end: 10 })).bytes.length).toBe(10);
  });
});
