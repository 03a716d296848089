/** OAuth at the platform's root: codes with and without PKCE, renewal, client credentials, scopes; errors as in RFC 6749. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OAuthOptions } from '../../../src/emulators/netexplorer/oauth/options.js';
import { connectNetexplorerControl } from '../../support/control.js';
import { commun, form as uploadForm, staged } from './stage.js';
import { sendingTo, textIn, type Sent } from './sending.js';

const back = 'http://127.0.0.1:4711/back';
const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');
const proof = { code_challenge: challenge, code_challenge_method: 'S256' };
const server = ['amarre-server', 's'] as const;

type Parameters = Readonly<Record<string, string>>;

async function stage(oauth: OAuthOptions = {}, signIn: { slots?: number } = {}) {
  const made = await staged({ oauth: { consent: 'grant', ...oauth }, signIn });
  const send = sendingTo(made.emulator.announcement.url);
  /** Asks for consent; the address that the browser is sent to, or the page. */
  const authorize = async (parameters: Parameters = {}): Promise<{ sent: Sent; to: URL | undefined }> => {
    const query = new URLSearchParams({ response_type: 'code', client_id: 'amarre-person', redirect_uri: back, ...parameters });
    const sent = await send(`GET /oauth2/authorize?${query.toString()}`);
    const location = sent.headers.get('location');
    return { sent, to: location === null ? undefined : new URL(location) };
  };
  const codeFor = async (parameters: Parameters = {}): Promise<string> => {
    const { to } = await authorize(parameters);
    return to?.searchParams.get('code') ?? '';
  };
  const token = (form: Parameters): Promise<Sent> => send('POST /oauth2/token', { form: { client_id: 'amarre-person', ...form } });
  const exchange = (code: string, more: Parameters = {}): Promise<Sent> => (
    token({ grant_type: 'authorization_code', code, redirect_uri: back, ...more })
  );
  const refresh = (text: string, more: Parameters = {}): Promise<Sent> => token({ grant_type: 'refresh_token', refresh_token: text, ...more });
  return { ...made, send, authorize, codeFor, token, exchange, refresh };
}

/** Status and error of a refusal. */
function refusal({ status, json }: Sent): unknown[] {
  return [status, json['error']];
}

describe('an authorization code', () => {
  test('comes back to the loopback address with the state, and is good once for a token of the scopes asked for', async () => {
    const { send, authorize, exchange, emulator } = await stage({ accessLifeMs: 90_500 });
    const { sent, to } = await authorize({ ...proof, scope: 'files.read folders.read', state: 'a b&c' });
    expect([sent.status, to?.origin, to?.pathname, to?.searchParams.get('state')]).toEqual([302, 'http://127.0.0.1:4711', '/back', 'a b&c']);
    const given = await exchange(to?.searchParams.get('code') ?? '', { code_verifier: verifier });
    expect(given.json).toMatchObject({ token_type: 'Bearer', expires_in: 90, scope: 'files.read folders.read' });
    expect(given.headers.get('cache-control')).toBe('no-store');
    const token = textIn(given, 'access_token');
    expect((await send('GET /api/folders', { token })).status).toBe(200);
    expect((await emulator.control.signIns()).signedIn).toEqual([{ login: 'u', via: 'oauth', scopes: ['files.read', 'folders.read'] }]);
    await emulator.control.advance(90_500);
    expect((await send('GET /api/folders', { token })).status).toBe(401);
  });

  test('that comes a second time is refused, and what the first gave is gone', async () => {
    const { send, codeFor, exchange, refresh } = await stage();
    const code = await codeFor();
    const given = await exchange(code);
    expect(refusal(await exchange(code))).toEqual([400, 'invalid_grant']);
    expect((await send('GET /api/folders', { token: textIn(given, 'access_token') })).status).toBe(401);
    expect(refusal(await refresh(textIn(given, 'refresh_token')))).toEqual([400, 'invalid_grant']);
  });

  test.each([
    ['another verifier', { code_verifier: randomBytes(32).toString('base64url') }],
    ['no verifier', {}],
    ['another address', { code_verifier: verifier, redirect_uri: 'http://127.0.0.1:4712/back' }],
    ['another client', { code_verifier: verifier, client_id: 'amarre-server', client_secret: 's' }],
  ])('with %s gives nothing, and the right one still does', async (_, wrong) => {
    const { codeFor, exchange } = await stage();
    const code = await codeFor(proof);
    expect(refusal(await exchange(code, wrong))).toEqual([400, 'invalid_grant']);
    expect((await exchange(code, { code_verifier: verifier })).status).toBe(200);
  });

  test('dies with age', async () => {
    const { codeFor, exchange, emulator } = await stage({ codeLifeMs: 1000 });
    const code = await codeFor();
    await emulator.control.advance(1000);
    expect(refusal(await exchange(code))).toEqual([400, 'invalid_grant']);
  });

  test('asks for PKCE where it is required, and refuses its parameters where they are unknown', async () => {
    const strict = await stage({ pkce: 'required' });
    expect((await strict.authorize()).to?.searchParams.get('error')).toBe('invalid_request');
    expect((await strict.authorize({ ...proof, code_challenge_method: 'plain' })).to?.searchParams.get('error')).toBe('invalid_request');
    expect((await strict.exchange(await strict.codeFor(proof), { code_verifier: verifier })).status).toBe(200);
    const old = await stage({ pkce: 'unknown' });
    expect((await old.authorize(proof)).to?.searchParams.get('error')).toBe('invalid_request');
    const code = await old.codeFor();
    expect(refusal(await old.exchange(code, { code_verifier: verifier }))).toEqual([400, 'invalid_request']);
    expect((await old.exchange(code)).status).toBe(200);
  });
});

describe('consent', () => {
  test('that is denied, and what is asked wrongly, go back with error and state', async () => {
    const denied = await stage({ consent: 'deny' });
    const { to } = await denied.authorize({ state: 's1' });
    expect([to?.searchParams.get('error'), to?.searchParams.get('state'), to?.searchParams.get('code')]).toEqual(['access_denied', 's1', null]);
    const { authorize } = await stage();
    expect((await authorize({ scope: 'files' })).to?.searchParams.get('error')).toBe('invalid_scope');
    expect((await authorize({ response_type: 'token' })).to?.searchParams.get('error')).toBe('unsupported_response_type');
  });

  test('sends nobody to an address that is not registered, nor for a client that is not known', async () => {
    const { authorize } = await stage();
    for (const wrong of [{ redirect_uri: 'https://elsewhere.example/back' }, { client_id: '<b>' }, { redirect_uri: '' }]) {
      const { sent, to } = await authorize(wrong);
      expect([sent.status, to]).toEqual([400, undefined]);
      expect(sent.text).not.toContain('<b>');
    }
  });

  test('is asked for by a page: a wrong password or a refused account shows it again, the right one gives the code', async () => {
    const { send, exchange, emulator } = await stage({ consent: 'form' });
    const query = new URLSearchParams({ response_type: 'code', client_id: 'amarre-person', redirect_uri: back, state: 'x', scope: 'account.read' });
    const address = `/oauth2/authorize?${query.toString()}`;
    const page = await send(`GET ${address}`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
    expect(page.text).toContain('type="password"');
    const wrong = await send(`POST ${address}`, { form: { user: 'marie', password: 'x' } });
    expect([wrong.status, wrong.headers.get('location')]).toEqual([403, null]);
    expect(wrong.text).toContain('Identifiant ou mot de passe incorrect');
    await emulator.control.refuseSignIn('inactive', 'marie');
    expect((await send(`POST ${address}`, { form: { user: 'marie', password: 'p' } })).text).toContain('votre compte est inactif');
    await emulator.control.refuseSignIn(undefined, 'marie');
    const right = await send(`POST ${address}`, { form: { user: 'marie', password: 'p' } });
    const to = new URL(right.headers.get('location') ?? '');
    expect(to.searchParams.get('state')).toBe('x');
    const token = textIn(await exchange(to.searchParams.get('code') ?? ''), 'access_token');
    expect((await send('GET /api/account', { token })).json).toMatchObject({ user: 'marie' });
  });
});

describe('a refresh token', () => {
  test('that rotates is good once; used again, all of its consent is gone', async () => {
    const { send, codeFor, exchange, refresh } = await stage();
    const first = textIn(await exchange(await codeFor()), 'refresh_token');
    const renewed = await refresh(first);
    const [token, second] = [textIn(renewed, 'access_token'), textIn(renewed, 'refresh_token')];
    expect((await send('GET /api/folders', { token })).status).toBe(200);
    expect(refusal(await refresh(first))).toEqual([400, 'invalid_grant']);
    expect((await send('GET /api/folders', { token })).status).toBe(401);
    expect(refusal(await refresh(second))).toEqual([400, 'invalid_grant']);
  });

  test('that does not rotate is not told again, and is good until its end; with offline it has none', async () => {
    const { codeFor, exchange, refresh, emulator } = await stage({ rotatesRefreshTokens: false, refreshLifeMs: 5000 });
    const kept = textIn(await exchange(await codeFor({ scope: 'files.read offline' })), 'refresh_token');
    const short = textIn(await exchange(await codeFor({ scope: 'files.read' })), 'refresh_token');
    expect((await refresh(short)).json).not.toHaveProperty('refresh_token');
    expect((await refresh(short)).status).toBe(200);
    await emulator.control.advance(5000);
    expect(refusal(await refresh(short))).toEqual([400, 'invalid_grant']);
    expect((await refresh(kept)).status).toBe(200);
  });

  test('gives fewer scopes where fewer are asked for, never more', async () => {
    const { codeFor, exchange, refresh } = await stage({ rotatesRefreshTokens: false });
    const text = textIn(await exchange(await codeFor({ scope: 'files.read folders.read' })), 'refresh_token');
    expect((await refresh(text, { scope: 'files.read' })).json).toMatchObject({ scope: 'files.read' });
    expect(refusal(await refresh(text, { scope: 'files.readwrite' }))).toEqual([400, 'invalid_scope']);
  });

  test('is refused with the sentence where the account is by now, and all are where the platform forgot them', async () => {
    const { codeFor, exchange, refresh, emulator } = await stage({ rotatesRefreshTokens: false });
    const text = textIn(await exchange(await codeFor()), 'refresh_token');
    await emulator.control.refuseSignIn('expired');
    expect((await refresh(text)).json).toEqual({ error: 'invalid_grant', error_description: 'Connexion refusée : votre compte a expiré' });
    await emulator.control.refuseSignIn();
    await emulator.control.endSessions();
    expect((await refresh(text)).status).toBe(200);
    await connectNetexplorerControl(emulator.announcement.url).endSessions(true);
    expect(refusal(await refresh(text))).toEqual([400, 'invalid_grant']);
  });

  test('comes with offline only, or never, where that was chosen', async () => {
    const offline = await stage({ givesRefreshTokens: 'offline' });
    expect((await offline.exchange(await offline.codeFor({ scope: 'all' }))).json).not.toHaveProperty('refresh_token');
    expect((await offline.exchange(await offline.codeFor({ scope: 'all offline' }))).json).toHaveProperty('refresh_token');
    const never = await stage({ givesRefreshTokens: 'never', expiresIn: null });
    const given = await never.exchange(await never.codeFor({ scope: 'offline all' }));
    expect(Object.keys(given.json)).toEqual(['access_token', 'token_type', 'scope']);
  });
});

describe('client credentials', () => {
  test('give a server application a token of its user, by header or form, and nothing to renew it with', async () => {
    const { send, emulator } = await stage({ clients: [{ id: 'amarre-server', secret: 's', user: 'marie' }] });
    const byHeader = await send('POST /oauth2/token', { basic: server, form: { grant_type: 'client_credentials', scope: 'account.read' } });
    expect(byHeader.json).not.toHaveProperty('refresh_token');
    expect((await send('GET /api/account', { token: textIn(byHeader, 'access_token') })).json).toMatchObject({ user: 'marie' });
    const byForm = await send('POST /oauth2/token', { form: { grant_type: 'client_credentials', client_id: 'amarre-server', client_secret: 's' } });
    expect(byForm.json).toMatchObject({ scope: 'all' });
    expect(await emulator.control.signIns()).toMatchObject({ tokensGiven: 2, tokenRequests: 2 });
    expect((await emulator.control.state()).counts).toMatchObject({ token: 2, account: 1 });
  });

  test('are refused as RFC 6749 says', async () => {
    const { send, token } = await stage();
    const wrong = await send('POST /oauth2/token', { basic: ['amarre-server', 'x'], form: { grant_type: 'client_credentials' } });
    expect([...refusal(wrong), wrong.headers.get('www-authenticate')]).toEqual([401, 'invalid_client', 'Basic realm="NetExplorer"']);
    expect(refusal(await token({ grant_type: 'client_credentials' }))).toEqual([400, 'unauthorized_client']);
    expect(refusal(await token({ grant_type: 'password' }))).toEqual([400, 'unsupported_grant_type']);
    expect(refusal(await token({}))).toEqual([400, 'invalid_request']);
    expect(refusal(await send('POST /oauth2/token', { basic: server, json: { grant_type: 'client_credentials' } }))).toEqual([400, 'invalid_request']);
    expect(refusal(await send('POST /oauth2/token', { basic: server, form: { grant_type: 'client_credentials', scope: 'everything' } }))).toEqual([400, 'invalid_scope']);
  });

  test('take one of the platform’s connections, which DELETE /auth gives back', async () => {
    const { send } = await stage({}, { slots: 1 });
    const form = { grant_type: 'client_credentials', scope: 'files.read' };
    const token = textIn(await send('POST /oauth2/token', { basic: server, form }), 'access_token');
    expect(refusal(await send('POST /oauth2/token', { basic: server, form }))).toEqual([503, 'temporarily_unavailable']);
    expect((await send('DELETE /api/auth', { token })).status).toBe(204);
    expect((await send('GET /api/folders', { token })).status).toBe(401);
    expect((await send('POST /oauth2/token', { basic: server, form })).status).toBe(200);
  });
});

test('a consent is one connection however often its token is renewed', async () => {
  const { codeFor, exchange, refresh, emulator } = await stage({}, { slots: 1 });
  const code = await codeFor();
  const renewed = await refresh(textIn(await exchange(code), 'refresh_token'));
  expect(renewed.status).toBe(200);
  expect(await emulator.control.signIns()).toMatchObject({ signedIn: [{ login: 'u' }], tokensGiven: 2 });
});

describe('scopes', () => {
  test('open the routes that they name, and no other: 403', async () => {
    const { send, object, emulator } = await stage();
    const file = await object('POST /file/upload', uploadForm('a', 'a', { folderId: commun }));
    const withScopes = async (scope: string): Promise<string> => (
      textIn(await send('POST /oauth2/token', { basic: server, form: { grant_type: 'client_credentials', scope } }), 'access_token')
    );
    const reading = await withScopes('files.read folders.read');
    const writing = await withScopes('files.readwrite trashes.readwrite');
    const statuses = async (token: string): Promise<number[]> => {
      const requests = [
        'GET /api/folders', `GET /api/folder/${commun}`, `GET /api/file/${file.id}`, `GET /api/file/${file.id}/download`, 'GET /api/trashes',
        'GET /api/account', 'GET /api/sharelinks', `PUT /api/folder/${commun}`, `PUT /api/file/${file.id}`, 'GET /api/publicconfig',
      ];
      return Promise.all(requests.map(async (request) => (await send(request, { token, ...(request.startsWith('PUT') ? { json: {} } : {}) })).status));
    };
    expect(await statuses(reading)).toEqual([200, 200, 200, 200, 403, 403, 403, 403, 403, 200]);
    expect(await statuses(writing)).toEqual([403, 403, 200, 200, 200, 403, 403, 403, 200, 200]);
    const refused = await send('GET /api/trashes', { token: reading });
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="trashes.read"');
    expect(typeof refused.json['error']).toBe('string');
    expect((await send('GET /api/quotas', { token: reading })).status).toBe(200);
    expect(JSON.stringify(await emulator.control.log())).not.toContain(reading);
  });
});

test('codes, tokens and secrets are not in the log, and a rule can make the token request fail', async () => {
  const { codeFor, exchange, emulator } = await stage();
  const code = await codeFor({ state: 'the-state' });
  await emulator.control.addRule({ route: 'token', action: { kind: 'answer', status: 500, body: 'down' } });
  expect((await exchange(code)).status).toBe(500);
  const given = await exchange(code);
  const log = JSON.stringify(await emulator.control.log());
  for (const secret of [code, textIn(given, 'access_token'), textIn(given, 'refresh_token'), 'the-state']) expect(log).not.toContain(secret);
  expect((await emulator.control.state()).counts).toMatchObject({ authorize: 1, token: 2 });
});
