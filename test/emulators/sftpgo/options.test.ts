/** What can be chosen of the emulated server: limits, lifetimes, users, the folder. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { choices } from '../../../src/emulators/sftpgo/options.js';
import { startEmulator } from '../../../src/emulators/start.js';
import { Client, json, listed } from './client.js';
import { pattern } from './record.js';
import { staged } from './staging.js';

test('the defaults are those of the real server', () => {
  expect(choices({})).toMatchObject({
    uploadMode: 0,
    tokenLifetimeS: 1200,
    tokenLeewayS: 30,
    maxPerHost: 20,
    defender: undefined,
    rateLimiter: undefined,
    idleTimeoutMs: 60_000,
  });
  expect(choices({ defender: true }).defender).toEqual({ threshold: 15, observationS: 1800, banS: 1800, badLoginDelayMs: 1000 });
});

describe('the announcement', () => {
  test('says how to mount, sign in and find the folder', async () => {
    const { emulator, root } = await staged();
    const { url, ...rest } = emulator.announcement;
    expect(new URL(url).hostname).toBe('127.0.0.1');
    expect(rest).toEqual({ platform: 'sftpgo', remote: `sftpgo+http://u@${new URL(url).host}/`, env: { AMARRE_PASSWORD: 'p' }, root });
  });

  test('a folder that does not exist is refused', async () => {
    await expect(startEmulator('sftpgo', { root: '/does/not/exist' })).rejects.toThrow('ENOENT');
  });

  test('a port that is taken is refused', async () => {
    const { emulator } = await staged();
    await expect(startEmulator('sftpgo', { port: Number(new URL(emulator.announcement.url).port) })).rejects.toThrow('EADDRINUSE');
  });
});

test('without a folder, sample files are served, and are gone at the end', async () => {
  const emulator = await startEmulator('sftpgo', {});
  const { root, url } = emulator.announcement;
  const client = new Client(url);
  const names = listed(await client.ask('GET', '/dirs?path=/')).map(({ name }) => name);
  expect(names).toContain('Comptabilité');
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  expect(files.length).toBeGreaterThan(10);
  expect(files.some(({ name }) => name.includes(' '))).toBe(true);
  expect(Math.max(...sizes)).toBeGreaterThan(3 << 20);
  expect(Math.min(...sizes)).toBe(0);
  await emulator.close();
  expect(existsSync(root)).toBe(false);
});

describe.each([1, 2] as const)('with upload_mode %i', (uploadMode) => {
  test('a whole upload replaces the file and leaves no temporary name', async () => {
    const { client, root } = await staged({ uploadMode });
    await writeFile(`${root}/f`, 'old');
    const headers = { 'x-sftpgo-mtime': '1700000000123' };
    expect((await client.ask('POST', '/files/upload?path=/f', { body: 'new', headers })).status).toBe(201);
    expect(await readdir(root)).toEqual(['f']);
    expect(await readFile(`${root}/f`, 'utf8')).toBe('new');
    expect(Math.floor((await stat(`${root}/f`)).mtimeMs)).toBe(1_700_000_000_123);
  });
});

describe('the quota', () => {
  test('of u is the one that was chosen, and what is deleted or replaced makes room', async () => {
    const { client } = await staged({ quotaBytes: 100 });
    const upload = async (name: string, bytes: number): Promise<number | null> =>
      (await client.ask('POST', `/files/upload?path=/${name}`, { body: pattern(bytes) })).status;
    expect(await upload('a', 60)).toBe(201);
    expect(await upload('b', 60)).toBe(413);
    expect(await upload('a', 90)).toBe(201);
    expect(await upload('a', 10)).toBe(201);
    expect(await upload('b', 90)).toBe(201);
    expect(await upload('c', 1)).toBe(413);
    expect((await client.ask('DELETE', '/files?path=/b')).status).toBe(200);
    expect(await upload('c', 90)).toBe(201);
    expect((await client.ask('POST', '/dirs?path=/d')).status).toBe(201);
    expect((await client.ask('POST', '/file-actions/move?path=/c&target=/d/c')).status).toBe(200);
    expect((await client.ask('POST', '/file-actions/copy?path=/d&target=/e')).status).toBe(413);
    expect((await client.ask('DELETE', '/dirs?path=/d')).status).toBe(200);
    expect(await upload('c', 90)).toBe(201);
  });
});

describe('tokens', () => {
  test('live as long as was chosen, and the leeway longer', async () => {
    const clock = { ms: Date.UTC(2024, 0, 1) };
    const { client } = await staged({ tokenLifetimeS: 60, tokenLeewayS: 5, now: () => clock.ms });
    const answer = await client.signIn('u');
    expect(z.object({ expires_at: z.string() }).parse(json(answer)).expires_at).toBe('2024-01-01T00:01:00Z');
    await client.token();
    clock.ms += 64_000;
    expect((await client.ask('GET', '/dirs?path=/')).status).toBe(200);
    clock.ms += 1000;
    expect((await client.ask('GET', '/dirs?path=/')).status).toBe(401);
  });

  test('a second token leaves the first valid', async () => {
    const { client } = await staged();
    await client.token();
    await client.signIn('u');
    expect((await client.ask('GET', '/dirs?path=/')).status).toBe(200);
  });

  test('a key of no user is followed by the user', async () => {
    const { client, emulator } = await staged();
    const by = async (key: string): Promise<number | null> =>
      (await client.raw({ method: 'GET', path: '/api/v2/user/dirs', headers: { 'x-sftpgo-api-key': key } })).status;
    expect(await by(`${emulator.apiKeys.anyUser}.ro`)).toBe(200);
    expect(await by(emulator.apiKeys.anyUser)).toBe(401);
    expect(await by('malformed')).toBe(400);
  });
});

describe('too much at once', () => {
  test('the 429 of a user’s sessions is a 403 at the sign-in', async () => {
    const { client, emulator } = await staged({ maxSessions: 2 });
    await client.token();
    await emulator.control.addRule({ route: 'list', times: 2, action: { kind: 'stall', at: 'answer' } });
    const held = [client.ask('GET', '/dirs?path=/'), client.ask('GET', '/dirs?path=/')];
    while ((await emulator.control.state()).stalled < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await client.ask('GET', '/dirs?path=/');
    expect({ status: refused.status, body: json(refused) }).toEqual({
      status: 429,
      body: { error: 'too many open sessions: 2/2', message: 'Unable to add connection' },
    });
    expect((await client.signIn('u')).status).toBe(403);
    await emulator.control.removeRules();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await client.ask('GET', '/dirs?path=/')).status).toBe(200);
  });

  test('one address may have so many requests in progress, the sign-in among them', async () => {
    const { client, emulator } = await staged({ maxPerHost: 1 });
    await client.token();
    await emulator.control.addRule({ route: 'list', action: { kind: 'stall', at: 'answer' } });
    const held = client.ask('GET', '/dirs?path=/');
    while ((await emulator.control.state()).stalled < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await client.signIn('ro');
    expect({ status: refused.status, body: json(refused) }).toEqual({ status: 403, body: { error: 'you are not allowed to connect', message: '' } });
    await emulator.control.removeRules();
    expect((await held).status).toBe(200);
    expect((await client.signIn('ro')).status).toBe(200);
  });

  test('the rate limiter says when to come back', async () => {
    const { client } = await staged({ rateLimiter: { average: 1, periodMs: 60_000, burst: 2 } });
    expect((await client.ask('GET', '/dirs?path=/')).status).toBe(200);
    const { status, headers } = await client.ask('GET', '/dirs?path=/');
    expect(status).toBe(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(30);
    expect(headers['x-retry-in']).toMatch(/^[\d.]+s$/u);
  });

  test('the defender makes bad logins late and bans the address in the end', async () => {
    const clock = { ms: Date.now() };
    const { client } = await staged({ defender: { threshold: 3, badLoginDelayMs: 150 }, now: () => clock.ms });
    await client.token();
    const start = performance.now();
    expect((await client.signIn('u', {}, 'wrong')).status).toBe(401);
    expect(performance.now() - start).toBeGreaterThanOrEqual(149);
    // Points older than half an hour do not count.
    clock.ms += 1_801_000;
    expect((await client.signIn('u', {}, 'wrong')).status).toBe(401);
    expect((await client.signIn('u', {}, 'wrong')).status).toBe(401);
    expect((await client.signIn('u')).status).toBe(200);
    expect((await client.signIn('u', {}, 'wrong')).status).toBe(401);
    const banned = await client.signIn('u');
    expect({ status: banned.status, body: json(banned) }).toEqual({ status: 403, body: { error: 'your IP address is blocked', message: '' } });
    clock.ms += 1_801_000;
    expect((await client.signIn('u')).status).toBe(200);
  });
});

test('every answer comes as late as was chosen', async () => {
  const { client } = await staged({ latencyMs: 80 });
  await client.token();
  const start = performance.now();
  await client.ask('GET', '/dirs?path=/');
  expect(performance.now() - start).toBeGreaterThanOrEqual(79);
});

describe('users', () => {
  const attempts = {
    list: [['GET', '/dirs?path=/'], ['HEAD', '/files?path=/f']],
    download: [['GET', '/files?path=/f'], ['HEAD', '/files?path=/f']],
    upload: [['POST', '/files/upload?path=/new']],
    overwrite: [['POST', '/files/upload?path=/f'], ['POST', '/file-actions/move?path=/g&target=/f']],
    delete: [['DELETE', '/files?path=/f'], ['DELETE', '/dirs?path=/d']],
    rename: [['POST', '/file-actions/move?path=/f&target=/new']],
    create_dirs: [['POST', '/dirs?path=/new'], ['POST', '/dirs?path=/d']],
    chtimes: [['PATCH', '/files/metadata?path=/f']],
    copy: [['POST', '/file-actions/copy?path=/f&target=/new']],
  } as const;

  test.each(Object.entries(attempts))('no_%s is refused with 403 and nothing changes', async (right, calls) => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, 'f');
    await writeFile(`${root}/g`, 'g');
    await mkdir(`${root}/d`);
    for (const [method, path] of calls) {
      const body = method === 'PATCH' ? '{"modification_time":0}' : '';
      expect((await client.ask(method, path, { user: `no_${right}`, body })).status, path).toBe(403);
    }
    expect((await readdir(root)).sort()).toEqual(['d', 'f', 'g']);
    expect(await readFile(`${root}/f`, 'utf8')).toBe('f');
    expect((await stat(`${root}/f`)).mtimeMs).toBeGreaterThan(0);
  });

  test('a time that may not be set is ignored in silence', async () => {
    const { client, root } = await staged();
    const headers = { 'x-sftpgo-mtime': '0' };
    expect((await client.ask('POST', '/files/upload?path=/f', { user: 'no_chtimes', body: 'x', headers })).status).toBe(201);
    expect((await stat(`${root}/f`)).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
  });

  test('what is missing is 404 before it is 403, on delete and move', async () => {
    const { client } = await staged();
    expect((await client.ask('DELETE', '/files?path=/no', { user: 'ro' })).status).toBe(404);
    expect((await client.ask('DELETE', '/dirs?path=/no', { user: 'ro' })).status).toBe(404);
    expect((await client.ask('POST', '/file-actions/move?path=/no&target=/b', { user: 'ro' })).status).toBe(404);
  });

  test('can be added, with a home of their own', async () => {
    const { client, root } = await staged();
    await mkdir(`${root}/home`);
    await writeFile(`${root}/home/mine`, '');
    const other = await staged({ users: { guest: { home: `${root}/home`, rights: ['list'], password: 'p' } } });
    expect(listed(await other.client.ask('GET', '/dirs?path=/', { user: 'guest' }))).toMatchObject([{ name: 'mine' }]);
    expect((await client.signIn('guest')).status).toBe(401);
  });
});
