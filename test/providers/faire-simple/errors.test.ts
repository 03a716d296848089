/** Every refusal of faire-simple, answers that make no sense, and that the key shows in none of it. */
import { describe, expect, test } from 'vitest';
import { MetricRegistry } from '../../../src/observe/metrics.js';
import { RequestMetrics } from '../../../src/observe/requests.js';
import { openProvider } from '../../../src/providers/open.js';
import { parseRemote } from '../../../src/providers/remote.js';
import { startServer } from '../../support/http-server.js';
import { collectingLog } from '../../support/collecting-log.js';
import { like } from '../../support/like.js';
import { contentOf, listAll, never, readAll, testSettings } from '../subject.js';
import { key, password, staged } from './subject.js';

/** What it failed with: its errno and words, and those of whatever caused it. */
async function failureOf(work: Promise<unknown>): Promise<{ errno: unknown; words: string }> {
  const thrown: unknown = await work.then(() => new Error('it went well'), (error: unknown) => error);
  const words: string[] = [];
  for (let at = thrown; at instanceof Error; at = at.cause) words.push(at.message, at.stack ?? '');
  return { errno: thrown instanceof Error && 'errno' in thrown ? thrown.errno : undefined, words: words.join('\n') };
}

const traces = [key, encodeURIComponent(key), password, encodeURIComponent(password), Buffer.from(`amarre:${password}`).toString('base64')];

describe('signing in', () => {
  test('a wrong password is EACCES, at the first contact', async () => {
    const { another } = await staged();
    const { errno, words } = await failureOf(another({ apiKey: key, password: 'wrong' }).connect(never));
    expect([errno, words]).toEqual(['EACCES', expect.stringContaining('401')]);
  });

  test.each([401, 403] as const)('a wrong key is EACCES where the server says %i', async (status) => {
    const { another } = await staged({ emulator: { badKeyStatus: status } });
    const { errno, words } = await failureOf(another({ apiKey: 'wrong', password }).connect(never));
    expect([errno, words]).toEqual(['EACCES', expect.stringContaining(String(status))]);
    expect(words).toContain('key');
  });

  test('both right', async () => {
    const { provider, asked } = await staged();
    await provider.connect(never);
    expect(await asked()).toEqual({ themes: 1 });
  });

  test('without a key, a password or a user is refused before anything is sent', async () => {
    const { another, emulator } = await staged();
    for (const credentials of [{}, { password: 'p' }, { apiKey: 'k' }]) expect(() => another(credentials)).toThrow(expect.objectContaining({ errno: 'EINVAL' }));
    expect(() => another({ password: 'p' })).toThrow(/AMARRE_API_KEY/);
    expect(() => another({ apiKey: 'k' })).toThrow(/AMARRE_PASSWORD/);
    expect(() => parseRemote(emulator.announcement.remote.replace('amarre@', ''))).toThrow(/names no user/);
  });

  test('at another address is ENOENT, and not a drive without files', async () => {
    const { emulator } = await staged();
    const remote = parseRemote(emulator.announcement.remote.replace('/api', '/ailleurs'));
    const provider = openProvider(remote, { apiKey: key, password }, testSettings, collectingLog().log);
    expect((await failureOf(provider.connect(never))).errno).toBe('ENOENT');
    await provider.close();
  });
});

describe('a document', () => {
  test('of a partner who is not known any more is ENOENT', async () => {
    const { provider, emulator } = await staged();
    await emulator.control.addRule({ route: 'partner', action: { kind: 'answer', status: 404, body: { erreur: 'inconnu' } } });
    expect(await failureOf(provider.stat({ path: '/partenaires/1001.json' }, never))).toMatchObject({ errno: 'ENOENT', words: like('GET /users/1001') });
  });

  test.each([
    ['a sign-in page with status 200', { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html><title>Portail captif</title></html>' }, 'Portail captif'],
    ['a page with status 404', { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<html><title>Perdu</title></html>' }, 'Perdu'],
    ['text that is not JSON', { kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: '{"a":1' }, 'not JSON'],
    ['nothing at all', { kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: '' }, 'empty'],
    ['a refusal that is not documented', { kind: 'answer', status: 400, body: { erreur: 'non' } }, '400'],
  ] as const)('in place of which comes %s is EIO, and never a file', async (_name, action, words) => {
    const { provider, emulator } = await staged();
    await emulator.control.addRule({ route: 'campaigns', action });
    expect(await failureOf(readAll(provider, '/campagnes.json'))).toMatchObject({ errno: 'EIO', words: like(words) });
    expect((await readAll(provider, '/campagnes.json')).bytes.length).toBeGreaterThan(10);
  });

  test.each([
    ['breaks off', { kind: 'cutResponse', afterBytes: 10_000 }],
    ['has no room for it', { kind: 'answer', status: 503, body: {} }],
    ['fails', { kind: 'answer', status: 500, body: {} }],
    ['hangs up', { kind: 'close' }],
    ['stands still', { kind: 'stall', at: 'responseBody', afterBytes: 10_000 }],
  ] as const)('is asked for again where the server %s', async (_name, action) => {
    const { provider, emulator, asked } = await staged({ emulator: { feedBytes: 100_000 }, settings: { stallTimeout: 600 } });
    await provider.connect(never);
    await asked();
    await emulator.control.addRule({ route: 'partners', action });
    const { bytes } = await readAll(provider, '/partenaires.json');
    expect(JSON.parse(bytes.toString())).toHaveLength(12);
    expect((await asked())['partners']).toBe(2);
  });

  test('that does not come is EIO, and the one that was read before is not shown in its stead once it is old', async () => {
    const { provider, emulator } = await staged({ settings: { stallTimeout: 200, documents: { memory: 2 ** 20, ttl: 0, pretty: false } } });
    await readAll(provider, '/thematiques.json');
    await emulator.control.addRule({ route: 'themes', times: 0, action: { kind: 'answer', status: 500, body: {} } });
    expect((await failureOf(provider.stat({ path: '/thematiques.json' }, never))).errno).toBe('EIO');
  });

  test('that is a list of nothing is an empty folder; without its list a folder is EIO', async () => {
    const { provider, emulator } = await staged({ settings: { stallTimeout: 200, documents: { memory: 2 ** 20, ttl: 0, pretty: false } } });
    await emulator.control.addRule({ route: 'partners', action: { kind: 'answer', status: 200, body: [] } });
    expect(await listAll(provider, '/partenaires')).toEqual([]);
    await emulator.control.addRule({ route: 'partners', action: { kind: 'answer', status: 200, body: { erreur: 1 } } });
    expect((await failureOf(listAll(provider, '/partenaires'))).errno).toBe('EIO');
    await emulator.control.addRule({ route: 'partners', action: { kind: 'answer', status: 404, body: {} } });
    expect((await failureOf(listAll(provider, '/partenaires'))).errno).toBe('EIO');
    await emulator.control.addRule({ route: 'partners', action: { kind: 'answer', status: 403, body: {} } });
    expect((await failureOf(listAll(provider, '/partenaires'))).errno).toBe('EACCES');
  });
});

describe('the key', () => {
  test('is on every request, the order among them, and in no line of the log, no route of the metrics, no error', async () => {
    const seen: string[] = [];
    const server = await startServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      seen.push(`${request.method ?? ''} ${url.pathname} ${url.searchParams.get('key') ?? ''} ${request.headers.authorization ?? ''}`);
      // A server that repeats what it was asked, wherever it can.
      const echo = `${request.url ?? ''} ${key} ${request.headers.authorization ?? ''} ${password}`;
      const page = (status: number, type: string): void => { response.writeHead(status, { 'content-type': type, 'server': echo.slice(0, 50).replaceAll(/[^\x20-\x7e]/g, '?') }).end(type === 'text/html' ? `<html><title>${echo}</title></html>` : JSON.stringify({ erreur: echo })); };
      switch (url.pathname) {
        case '/api/users': response.end('[{"uid":"1"},{"uid":"2"},{"uid":"3"}]'); break;
        case '/api/thematiques': page(403, 'application/json'); break;
        case '/api/campagnes': page(404, 'text/html'); break;
        case '/api/propositions': page(500, 'text/plain'); break;
        case '/api/actualisation': response.writeHead(302, { location: `https://ailleurs.example/${encodeURIComponent(key)}${request.url ?? ''}` }).end(); break;
        case '/api/users/1': response.writeHead(302, { location: `/api/users/9${url.search}` }).end(); break;
        case '/api/users/2': response.end(`not JSON ${echo}`); break;
        case '/api/users/3': request.socket.destroy(); break;
        case '/api/users/1/statut': page(500, 'application/json'); break;
        case '/api/users/2/statut': response.writeHead(302, { location: `/${encodeURIComponent(key)}` }).end(); break;
        default: page(404, 'application/json');
      }
    });
    const { log, lines } = collectingLog();
    const metrics = new MetricRegistry();
    const observer = new RequestMetrics(metrics);
    const provider = openProvider(parseRemote(`faire-simple+${server.origin.replace('://', '://amarre@')}/api`), { apiKey: key, password }, { ...testSettings, observer, stallTimeout: 300 }, log);
    const write = (path: string): Promise<unknown> => provider.write({ path }, contentOf(Buffer.from('1')), { modified: 0 }, never);
    const failures = [];
    for (const work of [
      () => provider.connect(never), () => readAll(provider, '/campagnes.json'), () => readAll(provider, '/propositions.json'), () => readAll(provider, '/actualisation/totale.json'),
      () => readAll(provider, '/partenaires/1.json'), () => readAll(provider, '/partenaires/2.json'), () => readAll(provider, '/partenaires/3.json'),
      () => write('/partenaires/1.statut'), () => write('/partenaires/2.statut'), () => write('/partenaires/3.statut'),
    ]) failures.push(await failureOf(work()));
    await provider.close();
    await server.close();

    expect(failures.map(({ errno }) => errno)).toEqual(['EACCES', 'EIO', 'EIO', 'EIO', 'ENOENT', 'EIO', 'EIO', 'EIO', 'EIO', 'ENOENT']);
    expect(seen.length).toBeGreaterThan(10);
    for (const request of seen) expect(request).toMatch(new RegExp(` ${key.replace('+', '\\+')} Basic \\S+$`, 'u'));
    expect(seen.some((request) => request.startsWith('POST /api/users/1/statut'))).toBe(true);
    const shown = JSON.stringify([failures, lines, observer.report(0), metrics.collect()]);
    for (const trace of traces) expect(shown.includes(trace), trace).toBe(false);
    expect(observer.report(0).map(({ route }) => route).sort()).toEqual([
      'GET /actualisation', 'GET /campagnes', 'GET /propositions', 'GET /thematiques', 'GET /users', 'GET /users/{uid}', 'POST /users/{uid}/statut',
    ]);
  });
});
