/** The connection of a drive at NetExplorer. (NetExplorer's page: common, signing in) */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../../src/http/client.js';
import { Session } from '../../../src/providers/netexplorer/session.js';
import type { Credentials, NetexplorerSettings } from '../../../src/providers/settings.js';
import { collectingLog, type LogLine } from '../../support/collecting-log.js';
import { never } from '../subject.js';
import { anything, clientOf, startSignInServer, type SignInServer } from './sign-in-server.js';

let server: SignInServer;
let http: HttpClient;
let now = 0;
let lines: LogLine[] = [];

beforeEach(async () => {
  now = 1_000;
  server = await startSignInServer();
});
afterEach(async () => {
  await http.close();
  await server.close();
});

function open(credentials: Credentials = { password: 'p' }, settings: Partial<NetexplorerSettings> = {}, user: string | null = 'ann'): Session {
  const { log, lines: collected } = collectingLog();
  lines = collected;
  http = clientOf(server, () => now, log);
  return new Session(http, user ?? undefined, credentials, settings, log);
}

async function status(session: Session): Promise<number> {
  const outcome = await session.send(anything, never);
  if ('broken' in outcome) throw outcome.broken.error;
  await outcome.answer.discard();
  return outcome.answer.status;
}

const many = (session: Session, count = 20): Promise<number[]> => Promise.all(Array.from({ length: count }, () => status(session)));
const soon = (): AbortSignal => AbortSignal.timeout(2_000);

describe('a session', () => {
  it('signs in once for however many requests wait, with name and password as JSON, and tells nobody else the password', async () => {
    server.latency = 50;
    const session = open({ password: 'Geheim "é" \\ 4711' });
    expect(new Set(await many(session))).toEqual(new Set([200]));
    expect(server.count('POST /api/auth')).toBe(1);
    expect(JSON.parse(server.seen.find(({ route }) => route === 'POST /api/auth')?.body ?? '')).toEqual({ user: 'ann', password: 'Geheim "é" \\ 4711' });
    expect(server.seen.filter(({ route }) => route === 'GET /api/folders').every(({ headers }) => headers.authorization === 'Bearer token-1')).toBe(true);
    expect(JSON.stringify(lines)).not.toContain('Geheim');
  });

  it('signs in again where the platform has forgotten it, once for all who find out, and nobody notices', async () => {
    const session = open();
    await status(session);
    server.living.clear();
    server.latency = 50;
    expect(new Set(await many(session))).toEqual(new Set([200]));
    expect(server.count('POST /api/auth')).toBe(2);
  });

  it('acts for another user where it is told to, and signs in and out as itself', async () => {
    const session = open({ password: 'p' }, { actAs: '4711' });
    await status(session);
    await session.signOut(soon());
    expect(server.seen.map(({ route, headers }) => [route, headers['as']])).toEqual([
      ['POST /api/auth', undefined], ['GET /api/folders', '4711'], ['DELETE /api/auth', undefined],
    ]);
  });

  it('lives through a platform that is away for a moment', async () => {
    let failures = 3;
    server.dictate(() => ((failures -= 1) >= 0 ? { status: 503, body: '' } : undefined));
    expect(await status(open())).toBe(200);
    expect(server.count('POST /api/auth')).toBe(4);
  });

  it('whoever stops waiting for it does not end the sign-in of the others', async () => {
    server.latency = 200;
    const session = open();
    const abort = new AbortController();
    const first = session.send(anything, abort.signal);
    const second = status(session);
    setTimeout(() => abort.abort(), 50);
    await expect(first).rejects.toMatchObject({ errno: 'EINTR' });
    expect(await second).toBe(200);
    expect(server.count('POST /api/auth')).toBe(1);
  });
});

describe('the connection at the platform', () => {
  it('is given back', async () => {
    const session = open();
    await status(session);
    await session.signOut(soon());
    expect([...server.living]).toEqual([]);
  });

  it('is given back also where the sign-in was still on its way', async () => {
    server.latency = 200;
    const session = open();
    const waiting = status(session).catch((error: unknown) => error);
    await expect.poll(() => server.count('POST /api/auth')).toBe(1);
    await session.signOut(soon());
    await waiting;
    expect(server.count('DELETE /api/auth')).toBe(1);
    expect([...server.living]).toEqual([]);
  });

  it('that nobody asked for costs no request', async () => {
    await open().signOut(soon());
    expect(server.seen).toEqual([]);
  });

  it('is not waited for longer than told: a platform that hangs keeps nobody', async () => {
    const session = open();
    server.latency = 60_000;
    const waiting = status(session).catch((error: unknown) => error);
    await expect.poll(() => server.count('POST /api/auth')).toBe(1);
    await session.signOut(AbortSignal.timeout(100));
    expect(await waiting).toMatchObject({ errno: 'EINTR' });
  });

  it('is not made any more after the end', async () => {
    const session = open();
    await session.signOut(soon());
    await expect(status(session)).rejects.toMatchObject({ errno: 'EINTR' });
    expect(server.seen).toEqual([]);
  });
});

describe('a refused sign-in', () => {
  it('is told in the platform\'s words to every request, in one line, and not repeated', async () => {
    server.dictate(() => ({ status: 401, body: JSON.stringify({ error: 'Votre compte\r\n\u001b[31mest expiré' }) }));
    const session = open();
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => status(session)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { errno: 'EACCES', message: 'the platform does not let ann in: Votre compte [31mest expiré' } });
    }
    await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES' });
    expect(server.count('POST /api/auth')).toBe(1);
    expect(lines.filter(({ level }) => level >= 50).map(({ msg }) => msg)).toEqual([expect.stringContaining('Votre compte [31mest expiré')]);
  });

  it('is tried again after a minute, then after two: many bad ones lock an account', async () => {
    server.dictate(() => ({ status: 403, body: '{"error":"Aucune connexion disponible"}' }));
    const session = open();
    const asked: number[] = [];
    for (let minute = 0; minute <= 10; minute += 0.5) {
      now = 1_000 + minute * 60_000;
      const before = server.count('POST /api/auth');
      await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES' });
      if (server.count('POST /api/auth') > before) asked.push(minute);
    }
    expect(asked).toEqual([0, 1, 3, 7]);
  });

  it('is over as soon as the platform lets in again, and pauses begin anew', async () => {
    let refused = true;
    server.dictate(() => (refused ? { status: 403, body: '{"error":"Hors des heures"}' } : undefined));
    const session = open();
    await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES' });
    refused = false;
    now += 60_000;
    expect(await status(session)).toBe(200);
    refused = true;
    server.living.clear();
    await expect(status(session)).rejects.toMatchObject({ errno: 'EACCES' });
    refused = false;
    now += 60_000;
    expect(await status(session)).toBe(200);
  });

  it('is also what a platform does that gives tokens and takes none', async () => {
    const session = open();
    server.stillborn = true;
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => status(session)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { errno: 'EACCES' } });
    expect(server.count('POST /api/auth')).toBe(2);
    await expect(status(session)).rejects.toThrow('Votre session a expiré');
    expect(server.count('POST /api/auth')).toBe(2);
  });

  it('is told from a server that is no NetExplorer', async () => {
    server.dictate(() => ({ status: 404, body: '<html><title>Not here</title></html>', headers: { 'content-type': 'text/html' } }));
    await expect(status(open())).rejects.toThrow(/^what answers at this address is not NetExplorer's API.*Not here/);
  });

  it('never shows what else an answer held', async () => {
    server.dictate(() => ({ status: 200, body: '{"jeton":"s3cret-token"}' }));
    const error: unknown = await status(open()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ errno: 'EIO' });
    expect(`${String(error)}${JSON.stringify(lines)}`).not.toContain('s3cret');
  });
});

describe('what signs in', () => {
  it('is asked for in a sentence', () => {
    expect(() => open({})).toThrow('no password for ann');
    expect(() => open({ password: 'p' }, {}, null)).toThrow('names no user');
  });
});
