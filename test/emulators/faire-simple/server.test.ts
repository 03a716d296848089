/** The emulated faire-simple: its feeds, both locks before them, and the enrolment that is the one thing to change. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { halfYearsAt } from '../../../src/emulators/faire-simple/partners.js';
import { startEmulator, type FaireSimpleOptions, type RunningFaireSimple } from '../../../src/emulators/start.js';
import { connectFaireSimpleControl } from '../../support/control.js';

/** The second half of 2026. */
const now = (): number => Date.UTC(2026, 10, 22);

interface Asking {
  readonly method?: string;
  readonly body?: string;
  readonly key?: string;
  readonly login?: string;
}

interface Staged {
  readonly emulator: RunningFaireSimple;
  readonly ask: (path: string, asking?: Asking) => Promise<{ status: number; headers: Headers; text: string }>;
  readonly read: (path: string) => Promise<unknown>;
}

async function staged(options: FaireSimpleOptions = {}): Promise<Staged> {
  const emulator = await startEmulator('faire-simple', { partners: 12, feedBytes: 10_000, now, ...options });
  onTestFinished(() => emulator.close());
  const ask: Staged['ask'] = async (path, { method = 'GET', body, key = emulator.key, login = `${emulator.user}:${emulator.password}` } = {}) => {
    const url = new URL(`${emulator.announcement.url}/api${path}`);
    if (key !== '') url.searchParams.set('key', key);
    const headers = login === '' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const read: Staged['read'] = async (path) => {
    const value: unknown = JSON.parse((await ask(path)).text);
    return value;
  };
  return { emulator, ask, read };
}

const partners = z.array(z.looseObject({ uid: z.string(), nom: z.string() }));

test('the announcement says how to mount and sign in', async () => {
  const { emulator: { announcement, key } } = await staged();
  const { url, ...rest } = announcement;
  expect(rest).toEqual({
    platform: 'faire-simple',
    remote: `faire-simple+http://amarre@${new URL(url).host}/api`,
    env: { AMARRE_API_KEY: key, AMARRE_PASSWORD: 'p' },
  });
});

describe('the feeds', () => {
  test.each(['/users', '/thematiques', '/campagnes', '/propositions'])('%s is a list, in UTF-8 and of no length told', async (path) => {
    const { ask } = await staged();
    const { status, headers, text } = await ask(path);
    expect([status, headers.get('content-type'), headers.get('content-length')]).toEqual([200, 'application/json; charset=utf-8', null]);
    expect(z.array(z.object({})).parse(JSON.parse(text)).length).toBeGreaterThan(3);
  });

  test('are of some megabytes by default, and as large as was asked for', async () => {
    const { ask } = await staged({ partners: undefined, feedBytes: undefined });
    const { text } = await ask('/users');
    expect(Buffer.byteLength(text)).toBeGreaterThan(3_500_000);
    expect(partners.parse(JSON.parse(text))).toHaveLength(300);
    const { ask: askSmall } = await staged({ feedBytes: 6000, tellsLength: true });
    const small = await askSmall('/users');
    expect(Buffer.byteLength(small.text)).toBeLessThan(12_000);
    expect(small.headers.get('content-length')).toBe(String(Buffer.byteLength(small.text)));
  });

  test('the update of a half-year is a part of the whole one', async () => {
    const { read, ask } = await staged();
    const update = z.object({ semestres: z.array(z.string()), partenaires: partners, propositions: z.array(z.unknown()) });
    const whole = update.parse(await read('/actualisation'));
    const part = update.parse(await read('/actualisation?semestre=2026-1'));
    expect(whole.semestres).toEqual(['2026-2', '2026-1', '2025-2', '2025-1', '2024-2', '2024-1']);
    expect([whole.partenaires.length, part.semestres, part.partenaires.length, part.propositions.length]).toEqual([12, ['2026-1'], 2, 2]);
    expect((await ask('/actualisation?semestre=1999-1')).status).toBe(404);
  });

  test.each([
    ['2026-01-01', '2026-1'],
    ['2026-06-30', '2026-1'],
    ['2026-07-01', '2026-2'],
  ])('on %s the half-year is %s', (day, halfYear) => {
    expect(halfYearsAt(Date.parse(day))[0]).toBe(halfYear);
  });
});

describe('the locks', () => {
  test.each([
    ['no password', { login: '' }, 401],
    ['a wrong password', { login: 'amarre:wrong' }, 401],
    ['no key', { key: '' }, 403],
    ['a wrong key', { key: 'wrong' }, 403],
    ['neither', { key: '', login: '' }, 401],
  ])('%s', async (_, asking, status) => {
    const { emulator, ask } = await staged();
    for (const [path, method] of [['/users', 'GET'], ['/users/1001', 'GET'], ['/users/1001/statut', 'POST']] as const) {
      const refused = await ask(path, { ...asking, method, ...(method === 'POST' ? { body: '{"action":1}' } : {}) });
      expect([path, refused.status]).toEqual([path, status]);
    }
    expect(await emulator.control.enrolments()).toEqual([]);
  });

  test('a wrong key can be a 401', async () => {
    const { ask } = await staged({ badKeyStatus: 401 });
    expect((await ask('/users', { key: 'wrong' })).status).toBe(401);
  });

  test('neither key nor password is in the log', async () => {
    const { emulator, ask } = await staged({ password: 's3cret' });
    await ask('/actualisation?semestre=2026-1');
    const log = await emulator.control.log();
    expect(log).toMatchObject([{ route: 'update', path: '/actualisation', target: '2026-1', status: 200 }]);
    expect(JSON.stringify(log)).not.toMatch(new RegExp(`s3cret|${emulator.key}`, 'u'));
  });
});

describe('a partner', () => {
  test('is told in real time', async () => {
    const { emulator, read, ask } = await staged();
    expect(await read('/users/1001')).toMatchObject({ uid: '1001', consulteLe: '2026-11-22T00:00:00.000Z' });
    await emulator.control.changePartner('1001', { nom: 'Autre nom' });
    expect(await read('/users/1001')).toMatchObject({ uid: '1001', nom: 'Autre nom' });
    expect((await ask('/users/9999')).status).toBe(404);
    expect((await ask('/nowhere')).status).toBe(404);
  });

  test('is enrolled and withdrawn; its status shows only where a field tells it', async () => {
    const { emulator, ask, read } = await staged({ statusField: 'inscrit' });
    const enrol = async (body: string, uid = '1001'): Promise<number> => (await ask(`/users/${uid}/statut`, { method: 'POST', body })).status;
    expect(await read('/users/1001')).toMatchObject({ inscrit: 0 });
    expect(await enrol('{"action":1}')).toBe(200);
    expect(await read('/users/1001')).toMatchObject({ inscrit: 1 });
    expect(await enrol('{"action":0}')).toBe(200);
    expect(await Promise.all([enrol('{"action":2}'), enrol('1'), enrol('')])).toEqual([400, 400, 400]);
    expect(await enrol('{"action":1}', '9999')).toBe(404);
    expect(await emulator.control.enrolments()).toEqual([{ uid: '1001', action: 1 }, { uid: '1001', action: 0 }]);
    const { read: readOther } = await staged();
    expect(await readOther('/users/1001')).not.toHaveProperty('inscrit');
  });

  test('can be named by another field', async () => {
    const { read } = await staged({ uidField: 'identifiant' });
    expect(await read('/users')).toMatchObject(Array.from({ length: 12 }, (_, index) => ({ identifiant: String(1001 + index) })));
  });
});

test('the control interface serves another process as well', async () => {
  const { emulator, ask, read } = await staged();
  const control = connectFaireSimpleControl(emulator.announcement.url);
  await control.changePartner('nouveau/1', { nom: 'Nouveau' });
  expect(await read('/users/nouveau%2F1')).toMatchObject({ uid: 'nouveau/1', nom: 'Nouveau' });
  await ask('/users/1002/statut', { method: 'POST', body: '{"action":1}' });
  expect(await control.enrolments()).toEqual([{ uid: '1002', action: 1 }]);
  await control.addRule({ route: 'partners', action: { kind: 'answer', status: 503 } });
  expect((await ask('/users')).status).toBe(503);
});
