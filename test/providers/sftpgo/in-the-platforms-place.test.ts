/** Who answers in SFTPGo's place: captive portals, gateways, proxies that ask to come later. None is believed about files. */
import { afterEach, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../../src/emulators/start.js';
import { startServer } from '../../support/http-server.js';
import { bytesOf, contentOf, listAll, never, readAll, someTime } from '../subject.js';
import { openAt, startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject | undefined;
const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await subject?.close();
  subject = undefined;
});

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  return subject;
}

const portal = (more: Readonly<Record<string, string>> = {}, status = 200): FaultRule['action'] => ({
  kind: 'answer', status, headers: { 'content-type': 'text/html; charset=utf-8', 'server': 'hotel/2', ...more }, body: '<html><title>Welcome to our WiFi</title></html>',
});

describe('a captive portal', () => {
  it('whose page has a time and a length, as a file has, is neither a file nor its content', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(100), someTime);
    const { version } = await provider.stat({ path: '/f' }, never);
    await emulator.control.addRule({ pathMatches: '^/f$', times: 0, action: portal({ 'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT' }) });
    const words = /in the platform's place \(status 200: "Welcome to our WiFi", sent by hotel\/2\)/;
    for (const pinned of [version, undefined]) {
      const reading = provider.read({ path: '/f' }, { start: 0, end: 50, version: pinned }, never);
      await expect(reading).rejects.toMatchObject({ errno: 'EIO' });
      await expect(reading).rejects.toThrow(words);
    }
    await expect(provider.stat({ path: '/f' }, never)).rejects.toThrow(words);
    await expect(provider.stat({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('that answers the sign-in is told by its title', async () => {
    const { provider, emulator } = await start();
    await emulator.control.addRule({ route: 'token', times: 0, action: portal() });
    await expect(provider.connect(never)).rejects.toThrow(/gave no token: .*Welcome to our WiFi.*hotel/);
  });

  it('does not hide a page that is somebody\'s file', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/index.html', Buffer.from('<html><title>Mine</title></html>'), someTime);
    expect((await readAll(provider, '/index.html')).bytes.toString()).toContain('Mine');
  });
});

describe('a gateway', () => {
  it.each([
    [{ message: 'no Route matched with those values' }],
    [{ error: '', message: 'not here' }],
  ])('that knows no such route says 404 in JSON, %j: that is not the platform\'s "not found"', async (body) => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    for (const route of ['get', 'list']) await emulator.control.addRule({ route, times: 0, action: { kind: 'answer', status: 404, body } });
    await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EIO' });
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('whose page refuses a read or a listing is never ENOENT', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await listAll(provider, '/');
    await emulator.control.addRule({ times: 0, action: portal({}, 404) });
    for (const work of [() => readAll(provider, '/f'), () => listAll(provider, '/'), () => provider.stat({ path: '/f' }, never)]) {
      await expect(work()).rejects.toMatchObject({ errno: 'EIO' });
    }
  });

  it('that asks with 503 to come later is obeyed: reading, listing, writing and moving wait as long, and succeed', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await listAll(provider, '/');
    const waits = async (route: string, work: () => Promise<unknown>): Promise<void> => {
      await emulator.control.resetCounts();
      await emulator.control.addRule({ route, action: { ...portal({ 'retry-after': '1' }, 503) } });
      await work();
      const [refused, answered] = (await emulator.control.log()).filter((entry) => entry.route === route);
      expect([route, refused?.status, answered !== undefined && answered.at - (refused?.at ?? 0) >= 1000]).toEqual([route, 503, true]);
    };
    await waits('get', () => readAll(provider, '/f'));
    await waits('list', () => listAll(provider, '/'));
    await waits('upload', () => provider.write({ path: '/g' }, contentOf(bytesOf(10)), { modified: someTime }, never));
    await waits('move', () => provider.move({ path: '/g' }, { path: '/h' }, { replace: false }, never));
    expect((await backstage.get('/h'))?.equals(bytesOf(10))).toBe(true);
  });
});

it('a server that does not say what time it is: its token is used until it refuses it, whatever this machine\'s clock says', async () => {
  let tokens = 0;
  const server = await startServer((request, response) => {
    response.sendDate = false;
    response.setHeader('content-type', 'application/json');
    if (request.url === '/api/v2/user/token') {
      tokens += 1;
      response.end(JSON.stringify({ access_token: `t${tokens}`, expires_at: '2001-01-01T00:00:00Z' }));
    } else if (request.headers.authorization === 'Bearer t1' && tokens === 1 && request.url?.includes('gone') === true) {
      response.writeHead(401).end(JSON.stringify({ error: 'no token found', message: 'Unauthorized' }));
    } else {
      response.end('[]');
    }
  });
  cleanUps.push(() => server.close());
  const provider = openAt(server.origin, '/');
  cleanUps.push(() => provider.close());
  for (let time = 0; time < 3; time += 1) await listAll(provider, '/');
  expect(tokens).toBe(1);
  await listAll(provider, '/gone');
  expect(tokens).toBe(2);
});
