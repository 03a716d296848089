/** Signing in on the emulated platform: what it counts, ends and refuses. (NetExplorer's page: signing in) */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { keptSignInOf, netexplorerSettings } from '../../../src/cli/netexplorer-access.js';
import { elapsed } from '../../../src/http/elapsed.js';
import { silentLog } from '../../../src/observe/log.js';
import { PersonSignIn } from '../../../src/providers/netexplorer/browser-sign-in.js';
import { scopesFor } from '../../../src/providers/netexplorer/oauth.js';
import type { Provider } from '../../../src/providers/provider.js';
import { parseRemote, type Remote } from '../../../src/providers/remote.js';
import type { NetexplorerSettings } from '../../../src/providers/settings.js';
import { listAll, never, testSettings } from '../subject.js';
import { startSubject, type NetexplorerSubject, type SubjectOptions } from './subject.js';

let subject: NetexplorerSubject;
let state = '';
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'amarre-state-'));
});
afterEach(async () => {
  await subject.close();
  await rm(state, { recursive: true });
});

async function start(options: SubjectOptions = {}): Promise<NetexplorerSubject> {
  subject = await startSubject(options);
  return subject;
}

const seen = () => subject.emulator.control.signIns();
const many = (provider: Provider) => Promise.all(Array.from({ length: 10 }, () => listAll(provider, '/')));

describe('a drive', () => {
  it('is one connection however many requests there are, renewed by one when the platform ends it, and given back', async () => {
    const { provider, emulator } = await start({ emulator: { signIn: { slots: 1 } } });
    await provider.connect(never);
    await many(provider);
    expect(await seen()).toMatchObject({ tokensGiven: 1, tokenRequests: 1 });
    await emulator.control.endSessions();
    await many(provider);
    expect(await seen()).toMatchObject({ tokensGiven: 2, tokenRequests: 2 });
    await provider.close();
    expect(await seen()).toMatchObject({ signedIn: [], tokensGivenBack: 1 });
  });

  it('that was idle for too long goes on', async () => {
    const { provider, emulator } = await start({ emulator: { signIn: { sessionIdleMs: 60_000 } } });
    await listAll(provider, '/');
    await emulator.control.advance(61_000);
    await many(provider);
    expect((await seen()).tokensGiven).toBe(2);
  });

  it('that could not be mounted gives the connection back, too', async () => {
    const { another } = await start();
    const provider = another({ base: '/Commun/not there' });
    await expect(provider.connect(never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await provider.close();
    expect(await seen()).toMatchObject({ signedIn: [], tokensGivenBack: 1 });
  });

  it.each([
    ['mfa', /deux facteurs.*amarre sign-in/], ['address', /adresse IP/], ['hour', /heure/], ['expired', /expiré/], ['inactive', /inactif/],
  ] as const)('that is refused for %s says so at once to whoever asks, and asks once', async (reason, words) => {
    const { provider, emulator } = await start();
    await listAll(provider, '/');
    await emulator.control.refuseSignIn(reason);
    await emulator.control.endSessions();
    for (const outcome of await Promise.allSettled([...Array(10).keys()].map(() => listAll(provider, '/')))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { errno: 'EACCES' } });
    }
    await expect(listAll(provider, '/')).rejects.toThrow(words);
    expect((await seen()).tokenRequests).toBe(2);
    expect(subject.log.filter(({ level, msg }) => level >= 50 && words.test(msg))).toHaveLength(1);
  });

  it('for which there is no connection left is refused in the platform\'s words', async () => {
    const { provider, another } = await start({ emulator: { signIn: { slots: 1 } } });
    await provider.connect(never);
    await expect(another().connect(never)).rejects.toThrow(/connexions simultanées/);
  });

  it('of an administrator can be that of another user, who has other rights; who may not, is refused', async () => {
    const { provider, another, emulator, backstage } = await start({ user: 'admin' });
    await backstage.put('/f', Buffer.from('bytes'), Date.now());
    await emulator.control.setRights('/Commun', ['read', 'download'], 'marie');
    const accounts = await Promise.all(['marie', 'u'].map(async (name) => {
      const { token } = z.object({ token: z.string() }).parse(await (await fetch(`${emulator.announcement.url}/api/auth`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: name, password: 'p' }),
      })).json());
      const account = await (await fetch(`${emulator.announcement.url}/api/account`, { headers: { authorization: `Bearer ${token}` } })).json();
      return z.looseObject({ id: z.number() }).parse(account).id;
    }));
    const [marie, u] = accounts.map((id) => ({ settings: { netexplorer: { ...testSettings.netexplorer, actAs: String(id) } } }));
    const rightsOf = async (one: Provider) => {
      await one.connect(never);
      return (await listAll(one, '/')).map(({ rights }) => rights?.write);
    };
    expect(await rightsOf(provider)).toEqual([true]);
    expect(await rightsOf(another(marie))).toEqual([false]);
    await expect(another({ ...u, user: 'marie' }).connect(never)).rejects.toMatchObject({ errno: 'EACCES' });
  });

  it('with a wrong password is told, and the password stands nowhere', async () => {
    const { provider, log } = await start({ credentials: { password: 'Geheim-4711' } });
    const error: unknown = await provider.connect(never).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ errno: 'EACCES', message: 'the platform does not let u in: Identifiant ou mot de passe incorrect' });
    expect(`${String(error)}${JSON.stringify(log)}`).not.toContain('Geheim');
  });
});

describe('an OAuth client', () => {
  const oauth = (settings: Partial<NonNullable<NetexplorerSettings['oauth']>> = {}) => ({
    netexplorer: { ...testSettings.netexplorer, oauth: { clientId: 'amarre-server', scopes: scopesFor({ readOnly: true, offline: false }), kept: undefined, ...settings } },
  } as const);

  it.each(['any', 'basic', 'body'] as const)('signs in for itself (%s)', async (clientProof) => {
    const { provider, emulator } = await start({ emulator: { oauth: { clientProof, accessLifeMs: 60_000 } }, settings: oauth(), credentials: { oauthSecret: 's' } });
    await provider.connect(never);
    await emulator.control.endSessions();
    await many(provider);
    expect((await seen()).tokensGiven).toBe(2);
    await provider.close();
    expect((await seen()).signedIn).toEqual([]);
  });

  it('with a wrong secret is told', async () => {
    const { provider } = await start({ settings: oauth(), credentials: { oauthSecret: 'wrong' } });
    await expect(provider.connect(never)).rejects.toMatchObject({ errno: 'EACCES' });
  });
});

describe('a person', () => {
  /** Goes through the browser, and keeps what comes of it. */
  async function signIn(remote: Remote, { pkce = true, offline = false } = {}): Promise<void> {
    const scopes = scopesFor({ readOnly: false, offline });
    const person = new PersonSignIn({
      remote, scopes, pkce, client: { id: 'amarre-person', secret: undefined }, redirectUri: 'http://127.0.0.1:9/', network: testSettings.network, elapsed,
    }, silentLog());
    const shown = await fetch(person.begun.address, { redirect: 'manual' });
    const code = new URL(shown.headers.get('location') ?? '').searchParams.get('code') ?? '';
    const refreshToken = await person.finish(code, never);
    await keptSignInOf(state, remote).write({ clientId: 'amarre-person', scopes: [...scopes], refreshToken, since: new Date().toISOString() });
    await person.close();
  }

  const remoteOf = ({ emulator }: NetexplorerSubject): Remote => parseRemote(`netexplorer+http://u@${new URL(emulator.announcement.url).host}/Commun`);

  function settingsFor(remote: Remote): { readonly netexplorer: NetexplorerSettings } {
    return { netexplorer: netexplorerSettings({ ...testSettings.netexplorer, oauth: { clientId: 'amarre-person', scopes: [], kept: true } }, remote, state, silentLog()) };
  }

  it('signs in once, and any number of mounts go by it, one after the other and side by side, by one token, since each renewal ends the one before', async () => {
    const { another, emulator } = await start({ emulator: { oauth: { consent: 'grant' } } });
    const remote = remoteOf(subject);
    await signIn(remote);
    expect((await seen()).signedIn).toEqual([]);
    const providers = [1, 2, 3].map(() => another({ settings: settingsFor(remote), credentials: {} }));
    await Promise.all(providers.map((provider) => provider.connect(never)));
    expect(await seen()).toMatchObject({ signedIn: [{ login: 'u' }], tokensGiven: 2 });
    await emulator.control.endSessions();
    await Promise.all(providers.map((provider) => many(provider)));
    expect((await seen()).tokensGiven).toBe(3);
    await Promise.all(providers.map((provider) => provider.close()));
    expect((await seen()).signedIn).toEqual([]);
    const later = another({ settings: settingsFor(remote), credentials: {} });
    await later.connect(never);
    await later.close();
  });

  it.each(['required', 'taken', 'unknown'] as const)('signs in where PKCE is %s', async (pkce) => {
    const { another } = await start({ emulator: { oauth: { consent: 'grant', pkce } } });
    const remote = remoteOf(subject);
    await signIn(remote, { pkce: pkce !== 'unknown' });
    await another({ settings: settingsFor(remote), credentials: {} }).connect(never);
  });

  it('whose sign-in was revoked is told so, and the mount goes on when he has signed in again', async () => {
    const { another, emulator } = await start({ emulator: { oauth: { consent: 'grant' } } });
    const remote = remoteOf(subject);
    await signIn(remote);
    let ahead = 0;
    const provider = another({ settings: { ...settingsFor(remote), elapsed: () => elapsed() + ahead }, credentials: {} });
    await provider.connect(never);
    await emulator.control.endSessions(true);
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(listAll(provider, '/')).rejects.toThrow(/amarre sign-in/);
    await signIn(remote);
    ahead = 5_000;
    await listAll(provider, '/');
  });
});
