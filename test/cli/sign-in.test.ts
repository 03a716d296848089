/** `amarre sign-in` as a person runs it; the test is his browser, and a dictated server the platform. */
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { browserProgram } from '../../src/cli/sign-in/browser.js';
import { openRedirect } from '../../src/cli/sign-in/redirect.js';
import { readRedirect } from '../../src/providers/netexplorer/browser-sign-in.js';
import { startSignInServer, type SignInServer } from '../providers/netexplorer/sign-in-server.js';
import { like } from '../support/like.js';
import { beginSignIn, type SigningIn } from '../support/signing-in.js';

let folder = '';
let server: SignInServer;
let remote = '';
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-sign-in-'));
  server = await startSignInServer();
  server.oauth = () => ({ refresh_token: 'r-1', expires_in: 600 });
  remote = `netexplorer+${server.origin.replace('://', '://ann@')}`;
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await server.close();
  await rm(folder, { recursive: true });
});

function signIn(words: readonly string[], env: NodeJS.ProcessEnv = {}): SigningIn {
  const begun = beginSignIn([...words, '--cache-dir', join(folder, 'state')], folder, env);
  children.push(begun.child);
  return begun;
}

const byClient = ['--oauth-client', 'amarre-1'];

/** What a browser that the platform sends back asks for. */
async function comeBack(address: URL, parameters: Readonly<Record<string, string>>): Promise<Response> {
  const url = new URL(address.searchParams.get('redirect_uri') ?? '');
  url.search = new URLSearchParams({ state: address.searchParams.get('state') ?? '', ...parameters }).toString();
  return fetch(url);
}

async function keptFile(): Promise<string> {
  const [name = ''] = await readdir(join(folder, 'state', 'sign-ins'));
  return join(folder, 'state', 'sign-ins', name);
}

const recordSchema = z.looseObject({ account: z.string(), clientId: z.string(), scopes: z.array(z.string()), refreshToken: z.string() });
const kept = async () => recordSchema.parse(JSON.parse(await readFile(await keptFile(), 'utf8')));

describe('amarre sign-in', () => {
  it('keeps what mounts need, for the owner alone, and gives the connection back; --forget deletes it', async () => {
    const { address, ended } = signIn([...byClient, `${remote}/Clients/2026`, '--offline-access'], { AMARRE_OAUTH_SECRET: 'Geheim-4711' });
    const asked = await address;
    expect(asked.origin + asked.pathname).toBe(`${server.origin}/oauth2/authorize`);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      response_type: 'code', client_id: 'amarre-1', code_challenge_method: 'S256', scope: 'files.readwrite folders.readwrite trashes.readwrite sharelinks.readwrite offline',
    });
    expect(asked.searchParams.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await comeBack(asked, { code: 'c0de' });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('You can close this window')]);
    const { status, stderr, stdout } = await ended;
    expect([status, stderr.includes('signed in')]).toEqual([0, true]);
    const form = Object.fromEntries(new URLSearchParams(server.seen.find(({ route }) => route === 'POST /oauth2/token')?.body));
    expect(form).toMatchObject({ grant_type: 'authorization_code', code: 'c0de', client_secret: 'Geheim-4711', redirect_uri: asked.searchParams.get('redirect_uri') });
    expect([...server.living]).toEqual([]);
    expect((await stat(await keptFile())).mode & 0o777).toBe(0o600);
    expect(await kept()).toMatchObject({ account: remote, clientId: 'amarre-1', refreshToken: 'r-1' });
    for (const secret of ['Geheim-4711', 'r-1', 'token-1', 'c0de']) expect(`${stdout}${stderr}`).not.toContain(secret);

    const forgotten = await signIn([remote, '--forget']).ended;
    expect([forgotten.status, forgotten.stderr]).toEqual([0, expect.stringMatching(/^amarre: the sign-in of .* is deleted here[^\n]*\n$/)]);
    expect(await readdir(join(folder, 'state', 'sign-ins'))).toEqual([]);
    expect((await signIn([remote, '--forget']).ended).stderr).toContain('no sign-in');
  });

  it('opens a browser where there is one, and goes on where that fails', async () => {
    const programs = join(folder, 'programs');
    await mkdir(programs);
    await writeFile(join(programs, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > '${folder}/opened.new' && mv '${folder}/opened.new' '${folder}/opened'; exit 3\n`);
    await chmod(join(programs, 'xdg-open'), 0o755);
    const path = `${programs}:${process.env['PATH'] ?? ''}`;
    const first = signIn([...byClient, remote], { DISPLAY: ':0', PATH: path });
    await first.address;
    await expect.poll(() => readFile(join(folder, 'opened'), 'utf8').catch(() => '')).toBe((await first.address).href);
    first.child.kill('SIGTERM');
    await first.ended;

    const second = signIn([...byClient, remote], { DISPLAY: ':0', PATH: join(folder, 'nothing') });
    await comeBack(await second.address, { code: 'c0de' });
    expect((await second.ended).status).toBe(0);
  });

  it('takes the address at which another machine\'s browser ended', async () => {
    const { address, ended, child } = signIn([...byClient, remote, '--no-browser', '--read-only', '--no-pkce']);
    const asked = await address;
    expect(asked.searchParams.get('code_challenge')).toBeNull();
    child.stdin?.write(`what?\nhttp://127.0.0.1:1/?state=another&code=evil\nhttp://127.0.0.1:1/?state=${asked.searchParams.get('state') ?? ''}&code=c0de\n`);
    const { status, stderr } = await ended;
    expect(status).toBe(0);
    expect(stderr.match(/not the address/g)).toHaveLength(2);
    expect((await kept()).scopes).toEqual(['files.read', 'folders.read', 'trashes.read', 'sharelinks.read']);
  });

  it('heeds no answer but its own: another state changes nothing', async () => {
    const { address, ended } = signIn([...byClient, remote]);
    const asked = await address;
    expect((await comeBack(asked, { state: 'another', code: 'evil' })).status).toBe(400);
    expect((await comeBack(asked, { state: '', code: 'evil' })).status).toBe(400);
    const redirect = asked.searchParams.get('redirect_uri') ?? '';
    expect((await fetch(new URL('/favicon.ico', redirect))).status).toBe(404);
    expect((await fetch(redirect, { method: 'POST' })).status).toBe(404);
    expect(server.count('POST /oauth2/token')).toBe(0);
    await comeBack(asked, { code: 'c0de' });
    expect((await ended).status).toBe(0);
    expect(server.count('POST /oauth2/token')).toBe(1);
  });

  it.each([
    ['in the browser', { error: 'access_denied', error_description: 'Votre compte\r\n est expiré' }, undefined, /the platform refused the sign-in: Votre compte est expiré; .*\n$/],
    ['the client', { code: 'c0de' }, { status: 401, body: '{"error":"invalid_client"}' }, /does not know this OAuth client/],
  ])('that the platform refuses (%s) is one line and exit status 3, and nothing is kept', async (_, brought, dictated, words) => {
    server.dictate(() => dictated);
    const { address, ended } = signIn([...byClient, remote]);
    await comeBack(await address, brought);
    const { status, stderr } = await ended;
    expect([status, stderr.split('\n').length]).toEqual([3, 3]);
    expect(stderr).toMatch(words);
    await expect(kept()).rejects.toThrow();
  });

  it('without a refresh token is no sign-in that lasts: said, and the connection given back', async () => {
    server.oauth = () => ({});
    const { address, ended } = signIn([...byClient, remote]);
    await comeBack(await address, { code: 'c0de' });
    const { status, stderr } = await ended;
    expect([status, stderr.includes('--offline-access'), [...server.living]]).toEqual([3, true, []]);
  });

  it('ends when the time is over, and at Ctrl-C', async () => {
    const { status, stderr } = await signIn([...byClient, remote, '--wait', '300ms']).ended;
    expect([status, stderr.includes('--wait')]).toEqual([1, true]);
    const { address, child, ended } = signIn([...byClient, remote]);
    await address;
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ status: 1, stderr: like(/amarre: interrupted\n$/) });
  });

  it.each([
    [['netexplorer+https://ann@files.example.org'], /--oauth-client/],
    [['sftpgo+https://ann@files.example.org', ...byClient], /sftpgo is not signed in to with a browser/],
    [['netexplorer+http://ann@files.example.org', ...byClient], /--insecure-http/],
  ])('%j is refused with exit status 2', async (words, complaint) => {
    const { status, stderr } = await signIn(words).ended;
    expect([status, stderr.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toMatch(complaint);
  });
});

describe('the redirect', () => {
  it('may have the port and path that the platform knows, and says so where the port is taken', async () => {
    const one = await openRedirect(new URL('http://localhost/callback/amarre'));
    expect(one.uri).toMatch(/^http:\/\/localhost:\d+\/callback\/amarre$/);
    await expect(openRedirect(new URL(one.uri))).rejects.toThrow(/^--redirect .*EADDRINUSE/);
    const brought: string[] = [];
    one.onAnswer((parameters) => {
      brought.push(parameters.get('code') ?? '');
      return true;
    });
    const at = one.uri.replace('localhost', '127.0.0.1');
    expect([(await fetch(`${at}?code=1`)).status, (await fetch(`${at}?code=2`)).status, brought]).toEqual([200, 400, ['1']]);
    await one.close();
  });

  it.each([
    ['state=s&code=c', { code: 'c' }],
    ['state=x&code=c', undefined],
    ['code=c', undefined],
    ['state=s', { refused: 'its answer has no code' }],
    ['state=s&error=server_error&code=c', { refused: 'server_error' }],
    ['state=s&error=invalid_request', { refused: like('--no-pkce') }],
  ])('%s is read', (query, meaning) => {
    expect(readRedirect(new URLSearchParams(query), 's')).toEqual(meaning);
  });
});

describe('the browser', () => {
  it.each([
    ['linux', { DISPLAY: ':0' }, 'xdg-open'], ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'xdg-open'], ['linux', {}, undefined], ['linux', { DISPLAY: '' }, undefined], ['darwin', {}, 'open'],
  ] as const)('on %s with %j is %s', (platform, environment, program) => {
    expect(browserProgram(platform, environment)).toBe(program);
  });
});
