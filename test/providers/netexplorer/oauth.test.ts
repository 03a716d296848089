/** Signing in by OAuth2. (NetExplorer's page: signing in; RFC 6749, 7636) */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../../src/http/client.js';
import { beginBrowserSignIn, redeemCode, scopesFor, TokenEndpoint } from '../../../src/providers/netexplorer/oauth.js';
import { Session } from '../../../src/providers/netexplorer/session.js';
import type { KeptTokens, OAuthSettings, SharedTokens } from '../../../src/providers/settings.js';
import { collectingLog, type LogLine } from '../../support/collecting-log.js';
import { like } from '../../support/like.js';
import { never } from '../subject.js';
import { anything, clientOf, startSignInServer, type SignInServer } from './sign-in-server.js';

let server: SignInServer;
let http: HttpClient;
let now = 0;
let lines: LogLine[] = [];

beforeEach(async () => {
  now = 1_000;
  server = await startSignInServer();
  const { log, lines: collected } = collectingLog();
  lines = collected;
  http = clientOf(server, () => now, log);
});
afterEach(async () => {
  await http.close();
  await server.close();
});

function open(oauth: Partial<OAuthSettings>, secret: string | undefined, user?: string): Session {
  const { log, lines: collected } = collectingLog();
  lines = collected;
  return new Session(http, user, { oauthSecret: secret }, { oauth: { clientId: 'amarre', scopes: scopesFor({ readOnly: false, offline: false }), kept: undefined, ...oauth } }, log);
}

/** Tokens in memory: the last refresh token is what is kept. */
function keeping(...tokens: string[]): { readonly kept: KeptTokens; readonly tokens: string[] } {
  let access: SharedTokens['access'];
  let turn: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  return {
    tokens,
    kept: {
      use: (work) => alone(async () => {
        const refreshToken = tokens.at(-1);
        if (refreshToken === undefined) return undefined;
        const { result, next } = await work({ refreshToken, access });
        if (next !== undefined) {
          access = next.access;
          if (next.refreshToken !== refreshToken) tokens.push(next.refreshToken);
        }
        return result;
      }),
    },
  };
}

async function status(session: Session): Promise<number> {
  const outcome = await session.send(anything, never);
  if ('broken' in outcome) throw outcome.broken.error;
  await outcome.answer.discard();
  return outcome.answer.status;
}

const many = (session: Session): Promise<number[]> => Promise.all(Array.from({ length: 20 }, () => status(session)));
const forms = (): Record<string, string>[] => server.seen.filter(({ route }) => route === 'POST /oauth2/token').map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
const invalid = (error: string, description?: string) => ({ status: 400, body: JSON.stringify({ error, ...(description !== undefined && { error_description: description }) }) });

describe('the scopes', () => {
  it.each([
    [{ readOnly: false, offline: false }, 'files.readwrite folders.readwrite trashes.readwrite sharelinks.readwrite'],
    [{ readOnly: true, offline: false }, 'files.read folders.read trashes.read sharelinks.read'],
    [{ readOnly: true, offline: true }, 'files.read folders.read trashes.read sharelinks.read offline'],
  ])('are what a drive needs and no more: %j', (wanted, scopes) => {
    expect(scopesFor(wanted).join(' ')).toBe(scopes);
  });
});

describe('a client that signs in for itself', () => {
  it('asks at the platform\'s root, once for however many wait, and gives the connection back', async () => {
    const session = open({}, 'é&=s3cret');
    expect(new Set(await many(session))).toEqual(new Set([200]));
    expect(forms()).toEqual([{
      grant_type: 'client_credentials', client_id: 'amarre', client_secret: 'é&=s3cret',
      scope: 'files.readwrite folders.readwrite trashes.readwrite sharelinks.readwrite',
    }]);
    await session.signOut(AbortSignal.timeout(2_000));
    expect([...server.living]).toEqual([]);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it.each([[60, 60_000], ['60', 60_000]])('gets a new token when the old one has ended (%j), and not before: the platform counts connections', async (seconds, life) => {
    server.oauth = () => ({ expires_in: seconds });
    const session = open({}, 's');
    await status(session);
    now += life - 1;
    await status(session);
    expect(server.count('POST /oauth2/token')).toBe(1);
    now += 1;
    await many(session);
    expect(server.count('POST /oauth2/token')).toBe(2);
    expect(server.seen.some(({ headers }) => headers.authorization === 'Bearer token-2')).toBe(true);
  });

  it.each([0, -1, undefined, 'never'])('keeps a token without an end (%j)', async (seconds) => {
    server.oauth = () => ({ expires_in: seconds });
    const session = open({}, 's');
    await status(session);
    now += 365 * 86_400_000;
    await status(session);
    expect(server.count('POST /oauth2/token')).toBe(1);
  });

  it('shows itself in the header where the platform does not know it by the form', async () => {
    server.dictate(({ headers }) => (headers.authorization === undefined ? { ...invalid('invalid_client'), status: 401 } : undefined));
    const session = open({}, 'a:b é');
    expect(await status(session)).toBe(200);
    server.living.clear();
    expect(await status(session)).toBe(200);
    const shown = server.seen.filter(({ route }) => route === 'POST /oauth2/token').map(({ headers }) => headers.authorization);
    const basic = `Basic ${Buffer.from('amarre:a%3Ab+%C3%A9').toString('base64')}`;
    expect(shown).toEqual([undefined, basic, basic]);
    expect(forms().at(-1)).toEqual({ grant_type: 'client_credentials', scope: 'files.readwrite folders.readwrite trashes.readwrite sharelinks.readwrite' });
  });

  it('whose secret is wrong is told so, once', async () => {
    server.dictate(() => ({ ...invalid('invalid_client'), status: 401 }));
    const session = open({}, 's3cret');
    await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES', message: 'the platform does not let the OAuth client amarre in: the platform does not know this OAuth client, or its secret is wrong' });
    await expect(many(session)).rejects.toMatchObject({ errno: 'EACCES' });
    expect(server.count('POST /oauth2/token')).toBe(2);
  });

  it('needs a secret', () => {
    expect(() => open({}, undefined)).toThrow('AMARRE_OAUTH_SECRET');
  });
});

describe('a person who signed in with a browser', () => {
  it('is signed in by the refresh token, which is replaced where the platform rotates it', async () => {
    let rotations = 1;
    server.oauth = (form) => (form.get('refresh_token') === `r${rotations}` ? { refresh_token: `r${rotations += 1}` } : {});
    const { kept, tokens } = keeping('r1');
    const session = open({ kept }, undefined, 'ann');
    await many(session);
    server.living.clear();
    await many(session);
    expect(forms()).toEqual([
      { grant_type: 'refresh_token', refresh_token: 'r1', client_id: 'amarre' },
      { grant_type: 'refresh_token', refresh_token: 'r2', client_id: 'amarre' },
    ]);
    expect(tokens).toEqual(['r1', 'r2', 'r3']);
  });

  it('keeps the refresh token that he has, where none comes back', async () => {
    const { kept, tokens } = keeping('r1');
    const session = open({ kept }, 'secret', 'ann');
    await status(session);
    expect(tokens).toEqual(['r1']);
    expect(forms()).toEqual([{ grant_type: 'refresh_token', refresh_token: 'r1', client_id: 'amarre', client_secret: 'secret' }]);
  });

  it('whose sign-in was revoked is told what to do, and nothing is asked until he has signed in again: then the drive goes on by itself', async () => {
    const { kept, tokens } = keeping('r1');
    server.dictate(({ body }) => (body.includes('refresh_token=r1') ? invalid('invalid_grant', 'Jeton révoqué') : undefined));
    const session = open({ kept }, undefined, 'ann');
    for (let second = 0; second < 60; second += 1) {
      now += 1_000;
      await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES', message: like(/^the platform does not let ann in: Jeton révoqué; .*amarre sign-in/) });
    }
    expect(server.count('POST /oauth2/token')).toBe(1);
    expect(lines.filter(({ level }) => level >= 50)).toHaveLength(1);
    tokens.push('r2');
    now += 5_000;
    expect(await status(session)).toBe(200);
  });

  it('has one token for all mounts: who renews it ends what the others had, and they take the new one', async () => {
    server.supersedes = true;
    const { kept } = keeping('r1');
    const sessions = [1, 2, 3].map(() => open({ kept }, undefined, 'ann'));
    for (let round = 0; round < 3; round += 1) {
      for (const session of sessions) await many(session);
      expect(server.count('POST /oauth2/token')).toBe(round + 1);
      server.living.clear();
    }
    for (const session of sessions) await many(session);
    server.living.clear();
    await Promise.all(sessions.map(many));
    expect(server.count('POST /oauth2/token')).toBe(5);
  });

  it('of whose mounts one gives the token back: it is kept no longer, and the others renew it once', async () => {
    const { kept } = keeping('r1');
    const [one, other] = [open({ kept }, undefined, 'ann'), open({ kept }, undefined, 'ann')];
    await many(one);
    await many(other);
    await one.signOut(AbortSignal.timeout(2_000));
    await many(other);
    await many(open({ kept }, undefined, 'ann'));
    expect([server.count('POST /oauth2/token'), server.count('DELETE /api/auth')]).toEqual([2, 1]);
  });

  it('is not kept out by a token that others left, and that has ended since', async () => {
    const { kept } = keeping('r1');
    const [one, other] = [open({ kept }, undefined, 'ann'), open({ kept }, undefined, 'ann')];
    await many(one);
    await many(other);
    server.living.clear();
    await many(one);
    server.living.clear();
    await many(other);
    expect(server.count('POST /oauth2/token')).toBe(3);
  });

  it('whose sign-in is kept no longer is told so', async () => {
    const session = open({ kept: keeping().kept }, undefined, 'ann');
    await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES', message: like('amarre sign-in') });
    expect(server.seen).toEqual([]);
  });

  it('that the hour keeps out is tried again later with the same token', async () => {
    let refused = true;
    server.dictate(() => (refused ? { status: 403, body: '{"error":"Hors des heures"}' } : undefined));
    const session = open({ kept: keeping('r1').kept }, undefined, 'ann');
    await expect(status(session)).rejects.toThrow('Hors des heures');
    refused = false;
    await expect(status(session)).rejects.toThrow('Hors des heures');
    now += 60_000;
    expect(await status(session)).toBe(200);
  });
});

describe('a sign-in with a browser', () => {
  const parts = { client: { id: 'amarre', secret: undefined }, scopes: ['files.read', 'offline'], redirectUri: 'http://127.0.0.1:4711/', pkce: true };

  it('goes out with a state and a challenge of its own each time, and no secret', () => {
    const one = beginBrowserSignIn({ origin: 'https://files.example.org', ...parts, client: { id: 'amarre', secret: 's3cret' } });
    const url = new URL(one.address);
    expect(url.origin + url.pathname).toBe('https://files.example.org/oauth2/authorize');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code', client_id: 'amarre', redirect_uri: 'http://127.0.0.1:4711/', scope: 'files.read offline', state: one.state,
      code_challenge: createHash('sha256').update(one.verifier ?? '').digest('base64url'), code_challenge_method: 'S256',
    });
    expect(one.verifier).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
    expect(one.state.length).toBeGreaterThanOrEqual(32);
    const other = beginBrowserSignIn({ origin: 'https://files.example.org', ...parts });
    expect(other.state).not.toBe(one.state);
    expect(other.verifier).not.toBe(one.verifier);
  });

  it('goes without PKCE where the platform refuses it', async () => {
    const begun = beginBrowserSignIn({ origin: server.origin, ...parts, pkce: false });
    expect([...new URL(begun.address).searchParams.keys()].filter((name) => name.startsWith('code'))).toEqual([]);
    await redeemCode(new TokenEndpoint(http, parts.client), 'c0de', begun, 'ann', never);
    expect(forms()).toEqual([{ grant_type: 'authorization_code', code: 'c0de', redirect_uri: 'http://127.0.0.1:4711/', client_id: 'amarre' }]);
  });

  it('ends with tokens for the code and its verifier', async () => {
    server.oauth = () => ({ refresh_token: 'r1', expires_in: 3600 });
    const begun = beginBrowserSignIn({ origin: server.origin, ...parts });
    const token = await redeemCode(new TokenEndpoint(http, parts.client), 'c0de', begun, 'ann', never);
    expect(token).toMatchObject({ text: 'token-1', refreshToken: 'r1' });
    expect(forms()[0]).toMatchObject({ code_verifier: begun.verifier });
  });

  it('whose code is not taken is told so', async () => {
    server.dictate(() => invalid('invalid_grant'));
    const begun = beginBrowserSignIn({ origin: server.origin, ...parts });
    await expect(redeemCode(new TokenEndpoint(http, parts.client), 'c0de', begun, 'ann', never)).rejects.toThrow(/^the platform does not take the code.*--no-pkce/);
  });
});
