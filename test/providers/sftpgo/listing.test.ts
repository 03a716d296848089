/** Listing on SFTPGo. (SFTPGo's page: directories, encoding) */
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bytesOf, listAll, never, readAll, someTime } from '../subject.js';
import { startServer } from '../../support/http-server.js';
import { openAt, startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  cleanUps.push(() => subject.close());
  return subject;
}

async function count(route: string): Promise<number> {
  return (await subject.emulator.control.state()).counts[route] ?? 0;
}

const names = async (path: string): Promise<string[]> => (await listAll(subject.provider, path)).map(({ name }) => name).sort();

describe('a listing', () => {
  it('is one request, however many children there are', async () => {
    const { provider, root } = await start();
    await mkdir(join(root, 'many'));
    for (let at = 0; at < 3000; at += 1) await writeFile(join(root, 'many', `file number ${at}`), 'x'.repeat(at % 7));
    await provider.connect(never);
    await subject.emulator.control.resetCounts();
    expect((await listAll(provider, '/many')).length).toBe(3000);
    expect((await subject.emulator.control.state()).total).toBe(1);
  });

  it('shows times rounded down to the second, and no modes', async () => {
    const { backstage, provider } = await start();
    await backstage.put('/late', bytesOf(1), someTime + 999);
    await backstage.put('/early', bytesOf(1), -1);
    const entries = await listAll(provider, '/');
    expect(entries.find(({ name }) => name === 'late')?.modified).toBe(someTime);
    expect(entries.find(({ name }) => name === 'early')?.modified).toBe(-1000);
  });

  it('that breaks off is asked for again, and is EIO if it goes on breaking: never a shorter folder', async () => {
    const { backstage, provider, emulator } = await start({ settings: { stallTimeout: 400 } });
    for (let at = 0; at < 50; at += 1) await backstage.put(`/d/f${at}`, bytesOf(1), someTime);
    await emulator.control.addRule({ route: 'list', action: { kind: 'cutResponse', afterBytes: 40 } });
    expect((await listAll(provider, '/d')).length).toBe(50);
    await emulator.control.addRule({ route: 'list', times: 0, action: { kind: 'cutResponse', afterBytes: 40 } });
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
    await emulator.control.removeRules();
    await emulator.control.addRule({ route: 'list', times: 0, action: { kind: 'close' } });
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('of a file, which only breaks the connection, is ENOTDIR, and soon', async () => {
    const { backstage, provider } = await start();
    await backstage.put('/f', bytesOf(1), someTime);
    await listAll(provider, '/');
    await expect(listAll(provider, '/f')).rejects.toMatchObject({ errno: 'ENOTDIR' });
    expect(await count('list')).toBeLessThanOrEqual(3);
  });

  it.each([
    ['a proxy\'s page with 200', 200, 'text/html', '<html><title>Please sign in</title></html>', 'Please sign in'],
    ['a JSON that is no list', 200, 'application/json', '{"entries":[]}', 'not a list'],
    ['null', 200, 'application/json', 'null', 'not a list'],
    ['entries of another form', 200, 'application/json', '[{"name":5}]', 'not understood'],
    ['a size that is none', 200, 'application/json', '[{"name":"a","size":-1,"mode":420,"last_modified":"2023-11-14T22:13:20Z"}]', 'a size that is none'],
    ['no size', 200, 'application/json', '[{"name":"a","mode":420,"last_modified":"2023-11-14T22:13:20Z"}]', 'no size'],
    ['a time without its zone', 200, 'application/json', '[{"name":"a","size":1,"mode":420,"last_modified":"2023-11-14T22:13:20"}]', 'a time that is none'],
    ['a page with 404', 404, 'text/html', '<h1>Nothing here</h1>', 'Nothing here'],
  ])('%s is EIO in words', async (_name, status, contentType, body, words) => {
    const { provider, emulator } = await start({ settings: { stallTimeout: 200 } });
    await emulator.control.addRule({ route: 'list', times: 0, action: { kind: 'answer', status, headers: { 'content-type': contentType }, body } });
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EIO' });
    await expect(listAll(provider, '/')).rejects.toThrow(words);
  });

  it('is asked for packed', async () => {
    const seen: (string | undefined)[] = [];
    const server = await startServer((request, response) => {
      seen.push(`${request.url ?? ''} ${String(request.headers['accept-encoding'])}`);
      response.setHeader('content-type', 'application/json');
      response.end(request.url?.includes('/token') === true ? JSON.stringify({ access_token: 't', expires_at: new Date(Date.now() + 60_000).toISOString() }) : '[]');
    });
    cleanUps.push(() => server.close());
    const provider = openAt(server.origin, '/a;b');
    cleanUps.push(() => provider.close());
    expect(await listAll(provider, '/c d')).toEqual([]);
    expect(seen[1]).toBe('/api/v2/user/dirs?path=/a%3Bb/c%20d gzip');
  });

  it('can be interrupted in the middle', async () => {
    const { provider, emulator } = await start();
    await emulator.control.addRule({ route: 'list', action: { kind: 'stall', at: 'answer' } });
    const abort = new AbortController();
    const listing = listAll(provider, '/', abort.signal);
    setTimeout(() => {
      abort.abort();
    }, 50);
    await expect(listing).rejects.toMatchObject({ errno: 'EINTR' });
  });

  it('a 404 of a folder that was there is ENOENT; a server that is gone is EIO', async () => {
    const { provider, emulator } = await start({ settings: { stallTimeout: 200 } });
    await listAll(provider, '/');
    await expect(listAll(provider, '/gone')).rejects.toMatchObject({ errno: 'ENOENT' });
    await emulator.close();
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EIO' });
    await expect(provider.stat({ path: '/' }, never)).rejects.toMatchObject({ errno: 'EIO' });
  });
});

describe('names from the server', () => {
  it('that cannot be reached or could do harm are left out, and told once', async () => {
    const { root, backstage, log } = await start();
    await backstage.put('/good', bytesOf(1), someTime);
    await writeFile(join(root, 'back\\slash'), 'x');
    await writeFile(Buffer.concat([Buffer.from(`${root}/raw`), Buffer.from([0xfe])]), 'x');
    expect(await names('/')).toEqual(expect.arrayContaining(['good']));
    expect((await names('/')).some((name) => name.includes('\\') || name.includes('\uFFFD'))).toBe(false);
    const told = log.filter(({ msg }) => msg === 'left out of the listing').map((line) => line['name']);
    expect(told.filter((name) => name === 'back\\slash').length).toBe(1);
    expect(told).toContain('raw\uFFFD');
  });

  it('invented by a hostile server do no harm', async () => {
    const entry = (name: string): object => ({ name, size: 1, mode: 420, last_modified: '2023-11-14T22:13:20Z' });
    const { provider, emulator } = await start();
    await emulator.control.addRule({
      route: 'list', action: {
        kind: 'answer', status: 200, headers: { 'content-type': 'application/json' },
        body: ['', '.', '..', '../etc/passwd', 'a/b', 'a\0b', 'x'.repeat(300), '\ud800', 'fine', 'line\nend'].map((name) => ({ ...entry(name) })),
      },
    });
    expect((await listAll(provider, '/')).map(({ name }) => name)).toEqual(['fine', 'line\nend']);
  });
});

describe('pipes, sockets and devices', () => {
  it('are left out and never asked for', async () => {
    const { root, backstage, provider, log } = await start({ settings: { stallTimeout: 60_000 } });
    await backstage.put('/good', bytesOf(1), someTime);
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const socket = createServer();
    await new Promise<void>((resolve) => {
      socket.listen(join(root, 'socket'), resolve);
    });
    cleanUps.push(() => socket.close());
    expect(await names('/')).toEqual(['good']);
    expect(log.filter((line) => line['why'] === 'a pipe, socket or device').map((line) => line['name']).sort()).toEqual(['pipe', 'socket']);
    await expect(provider.stat({ path: '/pipe' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(readAll(provider, '/pipe')).rejects.toMatchObject({ errno: 'ENOENT' });
    expect(await count('get') + await count('head')).toBe(0);
    await expect(provider.createFolder({ path: '/pipe' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
  });

  it('keep their folder from being removed', async () => {
    const { root, backstage, provider } = await start();
    await backstage.putFolder('/d');
    execFileSync('mkfifo', [join(root, 'd', 'pipe')]);
    await expect(provider.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
    expect(await backstage.tree()).toEqual(['/d/', '/d/pipe']);
  });
});

describe('symbolic links', () => {
  it('are shown as what they lead to, and left out where they lead nowhere', async () => {
    const { root, backstage, provider } = await start();
    await backstage.put('/d/file', bytesOf(1234), someTime);
    await symlink('file', join(root, 'd', 'to file'));
    await symlink('.', join(root, 'd', 'to folder'));
    await symlink('nothing', join(root, 'd', 'broken'));
    await symlink('/etc', join(root, 'd', 'outside'));
    const entries = new Map((await listAll(provider, '/d')).map((entry) => [entry.name, entry]));
    expect([...entries.keys()].sort()).toEqual(['file', 'to file', 'to folder']);
    expect(entries.get('to file')).toMatchObject({ kind: 'file', size: 1234, modified: someTime, version: entries.get('file')?.version });
    expect(entries.get('to folder')).toMatchObject({ kind: 'folder', link: true });
    expect([entries.get('file')?.link, entries.get('to file')?.link]).toEqual([undefined, undefined]);
    expect((await readAll(provider, '/d/to file')).bytes.equals(bytesOf(1234))).toBe(true);
  });

  it('are looked up few at a time', async () => {
    const { root, backstage, provider, emulator } = await start({ settings: { parallelRequests: 3 } });
    await backstage.put('/d/file', bytesOf(5), someTime);
    for (let at = 0; at < 60; at += 1) await symlink('file', join(root, 'd', `link ${at}`));
    await emulator.control.resetCounts();
    expect((await listAll(provider, '/d')).filter(({ size }) => size === 5).length).toBe(61);
    expect((await emulator.control.state()).maxInFlight).toBeLessThanOrEqual(3);
  });

  it('that cannot be looked up because the server fails make the listing fail: they are not gone', async () => {
    const { root, backstage, provider, emulator } = await start({ settings: { stallTimeout: 200 } });
    await backstage.put('/d/file', bytesOf(5), someTime);
    await symlink('file', join(root, 'd', 'link'));
    await emulator.control.addRule({ route: 'head', times: 0, action: { kind: 'answer', status: 503 } });
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('to a pipe, which never answers, are left out and not asked for again', async () => {
    const { root, backstage, provider, emulator } = await start({ settings: { stallTimeout: 1_000 } });
    await backstage.put('/d/file', bytesOf(5), someTime);
    await backstage.putFolder('/pipes');
    execFileSync('mkfifo', [join(root, 'pipes', 'pipe')]);
    await symlink('../pipes/pipe', join(root, 'd', 'link'));
    expect(await names('/d')).toEqual(['file']);
    await emulator.control.resetCounts();
    expect(await names('/d')).toEqual(['file']);
    expect(await count('head')).toBe(0);
    await expect(provider.stat({ path: '/d/link' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  it('of which a server that has fallen silent says nothing are not taken for pipes: the listing fails', async () => {
    const { root, backstage, provider, emulator } = await start({ settings: { stallTimeout: 600 } });
    await backstage.put('/d/file', bytesOf(5), someTime);
    await symlink('file', join(root, 'd', 'link'));
    await emulator.control.addRule({ route: 'head', times: 0, action: { kind: 'stall', at: 'request' } });
    await expect(listAll(provider, '/d')).rejects.toMatchObject({ errno: 'EIO' });
    await emulator.control.removeRules();
    expect(await names('/d')).toEqual(['file', 'link']);
  });

  it('are deleted and moved themselves, not what they lead to', async () => {
    const { root, backstage, provider } = await start();
    await backstage.put('/d/file', bytesOf(5), someTime);
    await symlink('file', join(root, 'd', 'one'));
    await symlink('file', join(root, 'd', 'two'));
    await provider.removeFile({ path: '/d/one' }, never);
    await provider.move({ path: '/d/two' }, { path: '/d/three' }, { replace: true }, never);
    expect(await backstage.tree()).toEqual(['/d/', '/d/file', '/d/three']);
  });
});

describe('looking', () => {
  it('at a file takes one request, and the parent\'s listing where only that is allowed', async () => {
    const { backstage, provider, another, emulator } = await start();
    await backstage.put('/d/f', bytesOf(77), someTime);
    await provider.connect(never);
    await emulator.control.resetCounts();
    expect(await provider.stat({ path: '/d/f' }, never)).toMatchObject({ size: 77 });
    expect((await emulator.control.state()).total).toBe(1);
    const blind = another({ user: 'no_download' });
    expect(await blind.stat({ path: '/d/f' }, never)).toMatchObject({ size: 77, modified: someTime });
    await expect(blind.stat({ path: '/d/no' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(readAll(blind, '/d/f')).rejects.toMatchObject({ errno: 'EACCES' });
  });

  it('a 403 that means a crowded server is waited out, though a HEAD has no words', async () => {
    const { backstage, provider, emulator } = await start();
    await backstage.put('/f', bytesOf(7), someTime);
    const crowded = { kind: 'answer', status: 403, body: { error: 'you are not allowed to connect', message: '' } } as const;
    await emulator.control.addRule({ route: 'head', action: crowded });
    await emulator.control.addRule({ route: 'get', times: 2, action: crowded });
    expect(await provider.stat({ path: '/f' }, never)).toMatchObject({ size: 7 });
  });

  it('a page with 404 is not "not found": the listing and the zip tell', async () => {
    const { backstage, provider, emulator } = await start();
    await backstage.put('/f', bytesOf(7), someTime);
    await emulator.control.addRule({ times: 0, method: 'HEAD', action: { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>No</h1>' } });
    await emulator.control.addRule({ route: 'get', times: 0, action: { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>No</h1>' } });
    expect(await provider.stat({ path: '/f' }, never)).toMatchObject({ kind: 'file', size: 7 });
    expect((await readAll(provider, '/f')).bytes.length).toBe(7);
  });

  it('below a file in a file is ENOTDIR, a server\'s own failure is EIO', async () => {
    const { backstage, provider, emulator } = await start({ settings: { stallTimeout: 200 } });
    await backstage.put('/a/f', bytesOf(7), someTime);
    await expect(provider.stat({ path: '/a/f/x/y/z' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
    for (const route of ['head', 'get']) {
      await emulator.control.addRule({ route, path: '/a/f', times: 0, action: { kind: 'answer', status: 500, headers: { 'content-type': 'application/json' }, body: { error: 'failure', message: 'x' } } });
    }
    await expect(provider.stat({ path: '/a/f' }, never)).rejects.toMatchObject({ errno: 'EIO' });
  });
});
