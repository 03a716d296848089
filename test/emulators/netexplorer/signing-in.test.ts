/** Signing in with user and password, as NetExplorer's page tells of it, and what a test may do to it. */
import { describe, expect, test } from 'vitest';
import { connectNetexplorerControl } from '../../support/control.js';
import { commun, staged, type Stage } from './stage.js';
import { sendingTo, signedIn, type Send } from './sending.js';

interface SignInStage extends Stage {
  readonly send: Send;
}

async function stage(options: Parameters<typeof staged>[0] = {}): Promise<SignInStage> {
  const made = await staged(options);
  return { ...made, send: sendingTo(made.emulator.announcement.url) };
}

const credentials = { user: 'u', password: 'p' };

test('user and password give a token, which opens routes until it is given back', async () => {
  const { send, emulator } = await stage();
  const token = await signedIn(send);
  expect((await send('GET /api/account', { token })).json).toEqual({ id: 7, user: 'u', name: 'u', admin: false });
  expect((await emulator.control.signIns()).signedIn).toEqual([{ login: 'u', via: 'password', scopes: ['all'] }]);
  expect((await send('DELETE /api/auth', { token })).status).toBe(204);
  const gone = await send('GET /api/account', { token });
  expect([gone.status, typeof gone.json['error']]).toEqual([401, 'string']);
  expect((await send('DELETE /api/auth', { token })).status).toBe(401);
  expect(await emulator.control.signIns()).toEqual({ signedIn: [], tokensGiven: 1, tokensGivenBack: 1, tokenRequests: 1 });
  expect((await send('GET /api/folders')).status).toBe(401);
});

test('idleness and age end a token without a word, each request puts off the first', async () => {
  const { send, emulator } = await stage({ signIn: { sessionIdleMs: 60_000, sessionLimitMs: 130_000 } });
  const [used, idle] = [await signedIn(send), await signedIn(send)];
  const statuses: number[] = [];
  for (let times = 0; times < 3; times += 1) {
    await emulator.control.advance(50_000);
    statuses.push((await send('GET /api/folders', { token: used })).status);
  }
  expect(statuses).toEqual([200, 200, 401]);
  expect((await send('GET /api/folders', { token: idle })).status).toBe(401);
});

test('where all connections are taken a sign-in is refused, until one is given back or ends', async () => {
  const { send, emulator } = await stage({ signIn: { slots: 1, sessionIdleMs: 1000 } });
  const token = await signedIn(send);
  const full = await send('POST /api/auth', { json: credentials });
  expect([full.status, full.json['error']]).toEqual([403, 'Le nombre maximal de connexions simultanées est atteint']);
  await send('DELETE /api/auth', { token });
  await signedIn(send);
  expect((await send('POST /api/auth', { json: credentials })).status).toBe(403);
  await emulator.control.advance(1000);
  await signedIn(send);
});

describe('a refusal', () => {
  test.each([
    ['mfa', 'Une authentification à deux facteurs est requise pour ce compte'],
    ['address', "Connexion refusée : votre adresse IP n'est pas autorisée"],
    ['hour', "Connexion refusée : votre compte n'est pas autorisé à se connecter à cette heure"],
    ['expired', 'Connexion refusée : votre compte a expiré'],
    ['inactive', 'Connexion refusée : votre compte est inactif'],
  ] as const)('for %s says so, and goes when the reason does', async (reason, sentence) => {
    const { send, emulator } = await stage({ signIn: { refused: reason } });
    const refused = await send('POST /api/auth', { json: credentials });
    expect([refused.status, refused.json]).toEqual([403, { error: sentence, ...(reason === 'mfa' ? { mfa_required: true } : {}) }]);
    await emulator.control.refuseSignIn();
    await signedIn(send);
  });

  test('may meet one user alone, from another process, too, and leaves his tokens alive', async () => {
    const { send, emulator } = await stage({ signIn: { refusedStatus: 401 } });
    const token = await signedIn(send);
    await connectNetexplorerControl(emulator.announcement.url).refuseSignIn('expired', 'u');
    expect((await send('POST /api/auth', { json: credentials })).status).toBe(401);
    expect((await send('GET /api/folders', { token })).status).toBe(200);
    await signedIn(send, 'marie');
  });

  test('for a wrong password or an unknown user is one and the same', async () => {
    const { send } = await stage();
    const answers = await Promise.all([{ user: 'u', password: 'P' }, { user: 'x', password: 'p' }].map((json) => send('POST /api/auth', { json })));
    for (const { status, json } of answers) expect([status, json]).toEqual([401, { error: 'Identifiant ou mot de passe incorrect' }]);
    const { send: other } = await stage({ signIn: { wrongPasswordStatus: 403 } });
    expect((await other('POST /api/auth', { json: { user: 'u', password: 'P' } })).status).toBe(403);
    expect((await other('POST /api/auth', { json: { user: 'u' } })).status).toBe(422);
  });
});

test('As lets an administrator act as somebody else, nobody else', async () => {
  const { send, object, emulator } = await stage();
  const [own, admin] = [await signedIn(send), await signedIn(send, 'admin')];
  expect((await send('GET /api/account', { token: admin, headers: { as: '8' } })).json).toMatchObject({ user: 'marie' });
  const made = await send('POST /api/folder', { token: admin, headers: { as: '8' }, json: { name: 'hers', parent_id: commun } });
  expect(made.json).toMatchObject({ owner_id: 8 });
  expect((await send('GET /api/account', { token: own, headers: { as: '8' } })).status).toBe(403);
  expect((await send('GET /api/account', { token: admin, headers: { as: '99' } })).status).toBe(403);
  expect((await send('GET /api/account', { token: admin, headers: { as: 'marie' } })).status).toBe(403);
  expect((await object('POST /folder', { name: 'mine', parent_id: commun }))['owner_id']).toBe(7);
  expect((await emulator.control.log()).filter(({ user }) => user === 'marie')).toHaveLength(2);
});

test('all sessions can be ended at once; requests of each route are counted by name, and no secret is in the log', async () => {
  const { send, emulator } = await stage();
  const control = connectNetexplorerControl(emulator.announcement.url);
  const token = await signedIn(send);
  await send('GET /api/publicconfig');
  await send(`GET /api/folders?token=${token}`, { token });
  await control.endSessions();
  expect((await send('GET /api/folders', { token })).status).toBe(401);
  await send('DELETE /api/auth', { token });
  expect((await control.state()).counts).toEqual({ 'sign-in': 1, 'public-config': 1, 'root-folders': 2, 'sign-out': 1 });
  expect(await control.signIns()).toEqual({ signedIn: [], tokensGiven: 1, tokensGivenBack: 0, tokenRequests: 1 });
  expect(JSON.stringify(await control.log())).not.toContain(token);
});

test('the features that the platform tells are switches', async () => {
  const { send, emulator } = await stage({ surprises: { features: { lock: false } } });
  expect((await send('GET /api/publicconfig')).json).toEqual({ features: { lock: false, lock_read: true, edit: true, trash: true, versioning: true } });
  await emulator.control.surprise({ features: { trash: false } });
  expect((await send('GET /api/publicconfig')).json).toMatchObject({ features: { lock: false, trash: false } });
});
