/** Proxies and TLS for real: certificates issued in the test, a proxy that tunnels, servers that stall. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpSettings } from '../../src/http/client.js';
import type { NetworkSettings } from '../../src/http/dialing.js';
import { elapsed } from '../../src/http/elapsed.js';
import { unobserved } from '../../src/observe/requests.js';
import { collectingLog, type LogLine } from '../support/collecting-log.js';
import { makeAuthority, type Authority, type Issued } from '../support/certificates.js';
import { bodyOf, startServer, type TestServer } from '../support/http-server.js';
import { begin, eventually } from '../support/programs.js';
import { startLine, startProxy, startTls, type ProxyOptions, type TestProxy } from '../support/wire.js';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const never = new AbortController().signal;
let company: Authority;
let good: Issued;
beforeAll(async () => {
  company = await makeAuthority('Company');
  good = await company.issue({ names: ['files.test', '127.0.0.1'] });
});

/** A server that echoes, and how often it was asked. */
async function echo(): Promise<TestServer & { readonly port: number; readonly authorizations: (string | undefined)[] }> {
  const authorizations: (string | undefined)[] = [];
  const server = await startServer(async (request, response) => {
    authorizations.push(request.headers['proxy-authorization']);
    const body = await bodyOf(request);
    response.end(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.host ?? ''} ${body.length}`);
  });
  cleanUps.push(() => server.close());
  return { ...server, port: Number(new URL(server.origin).port), authorizations };
}

async function secured(port: number, issued: Issued = good, more: Parameters<typeof startTls>[1] = {}): Promise<number> {
  const tls = await startTls(port, { cert: issued.cert, key: issued.key, ...more });
  cleanUps.push(() => tls.close());
  return tls.port;
}

async function proxied(options: ProxyOptions): Promise<TestProxy> {
  const proxy = await startProxy(options);
  cleanUps.push(() => proxy.close());
  return proxy;
}

function open(origin: string, network: Partial<NetworkSettings> = {}, settings: Partial<HttpSettings> = {}): HttpClient & { readonly lines: readonly LogLine[] } {
  const { log, lines } = collectingLog();
  const client = new HttpClient({
    origin, observer: unobserved, network: { connectTimeout: 2_000, authorities: [company.cert], ...network }, elapsed, parallelRequests: 3, keepAlive: 5_000,
    stallTimeout: 2_000, serverTimeout: 4_000, retry: { deadline: 500, firstDelay: 5, maxDelay: 20 }, userAgent: 'amarre-test', ...settings,
  }, log);
  cleanUps.push(() => client.close());
  return Object.assign(client, { lines });
}

async function ask(client: HttpClient, path = '/x', method: 'GET' | 'HEAD' = 'GET'): Promise<string> {
  const outcome = await client.send({ method, route: 'GET /x', path, headers: {}, lane: 'call', answerWithin: 'stall' }, never);
  if ('broken' in outcome) throw outcome.broken.error;
  return outcome.answer.text();
}

/** How a request failed, with whether it is worth a repetition before it. */
async function failure(client: HttpClient): Promise<string> {
  const outcome = await client.send({ method: 'GET', route: 'GET /x', path: '/x', headers: {}, lane: 'call', answerWithin: 'stall' }, never);
  if ('answer' in outcome) throw new Error(`an answer came: ${outcome.answer.status}`);
  return `${outcome.broken.lasting ? 'for good' : 'for now'}: ${outcome.broken.error.message}`;
}

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = await startServer(() => undefined);
  await server.close();
  return Number(new URL(server.origin).port);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('TLS', () => {
  it('a company\'s own authority is believed where it is named, besides the others', async () => {
    const port = await secured((await echo()).port);
    expect(await ask(open(`https://127.0.0.1:${port}`))).toBe(`GET /x 127.0.0.1:${port} 0`);
    expect(await failure(open(`https://127.0.0.1:${port}`, { authorities: [] }))).toMatch(/^for good: .*authority .*--ca-file/);
  });

  it.each<[string, (authority: Authority) => Promise<Issued>, RegExp]>([
    ['for another name', (authority) => authority.issue({ names: ['other.test'] }), /^for good: .*certificate for another name: DNS:other\.test/],
    ['that has expired', (authority) => authority.issue({ names: ['127.0.0.1'], from: -3, to: -1 }), /^for good: .*has expired by the clock of this machine, which says 20\d\d-.*is it right\?/],
    ['that is not valid yet', (authority) => authority.issue({ names: ['127.0.0.1'], from: 1, to: 3 }), /^for good: .*not valid yet by the clock of this machine, which says 20\d\d-.*is it right\?/],
  ])('a certificate %s is refused in words, for good', async (_name, issue, words) => {
    const port = await secured((await echo()).port, await issue(company));
    expect(await failure(open(`https://127.0.0.1:${port}`))).toMatch(words);
  });

  it('a server that wants a client certificate gets it, and without says so', async () => {
    const plain = await echo();
    const port = await secured(plain.port, good, { requestCert: true, rejectUnauthorized: true, ca: company.cert });
    const { cert: certificate, key } = await company.issue({ names: ['ann'] });
    expect(await ask(open(`https://127.0.0.1:${port}`, { clientCertificate: { certificate, key } }))).toContain('GET /x');
    await failure(open(`https://127.0.0.1:${port}`));
    const stranger = await (await makeAuthority('Nobody')).issue({ names: ['ann'] });
    await failure(open(`https://127.0.0.1:${port}`, { clientCertificate: { certificate: stranger.cert, key: stranger.key } }));
    expect(plain.authorizations.length).toBe(1);
  });

  it('a server that says why it does not take us is told: no certificate, a stranger\'s', async () => {
    // Node's own server only closes the connection; OpenSSL's says why, as those in use do.
    const folder = await mkdtemp(join(tmpdir(), 'amarre-test-'));
    cleanUps.push(() => rm(folder, { recursive: true }));
    for (const [name, text] of [['cert', good.cert], ['key', good.key], ['ca', company.cert]] as const) await writeFile(join(folder, name), text);
    const port = await freePort();
    const server = begin('openssl', ['s_server', '-port', String(port), '-cert', 'cert', '-key', 'key', '-CAfile', 'ca', '-Verify', '2', '-verify_return_error', '-www'], { cwd: folder });
    cleanUps.push(async () => {
      server.kill('SIGKILL');
      await server.result;
    });
    await eventually('openssl listens', () => listens(port));
    expect(await failure(open(`https://127.0.0.1:${port}`))).toMatch(/^for good: .*wants to see a certificate of this machine: --client-cert/);
    const stranger = await (await makeAuthority('Nobody')).issue({ names: ['ann'] });
    expect(await failure(open(`https://127.0.0.1:${port}`, { clientCertificate: { certificate: stranger.cert, key: stranger.key } })))
      .toMatch(/^for good: .*does not accept the certificate of this machine/);
  });

  it('a plain server at an https address', async () => {
    const { port } = await echo();
    expect(await failure(open(`https://127.0.0.1:${port}`))).toMatch(/^for good: .*does not speak TLS/);
  });
});

describe('a proxy', () => {
  it('carries TLS through one tunnel a connection; its sign-in goes to it alone', async () => {
    const plain = await echo();
    const port = await secured(plain.port);
    const proxy = await proxied({ user: 'ann:p@w', route: () => port });
    const authorization = `Basic ${Buffer.from('ann:p@w').toString('base64')}`;
    const client = open('https://files.test', { proxy: { origin: `http://127.0.0.1:${proxy.port}`, authorization } });
    for (const method of ['GET', 'HEAD', 'GET'] as const) await ask(client, '/y', method);
    expect(proxy.asked).toEqual(['CONNECT files.test:443']);
    expect(proxy.headers[0]?.['proxy-authorization']).toBe(authorization);
    expect(plain.authorizations).toEqual([undefined, undefined, undefined]);
    expect(proxy.carried()).toBeGreaterThan(300);
    expect(JSON.stringify(client.lines)).not.toContain(authorization.slice(6));
  });

  it('that is spoken to in TLS itself', async () => {
    const port = await secured((await echo()).port);
    const proxy = await proxied({ route: () => port, tls: { cert: good.cert, key: good.key } });
    expect(await ask(open('https://files.test:8443', { proxy: { origin: `https://127.0.0.1:${proxy.port}` } }))).toBe('GET /x files.test:8443 0');
    expect(proxy.asked).toEqual(['CONNECT files.test:8443']);
  });

  it('is asked for plain http by the whole address', async () => {
    const plain = await echo();
    const proxy = await proxied({ user: 'a:b', route: () => plain.port });
    const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;
    const client = open('http://files.test', { proxy: { origin: `http://127.0.0.1:${proxy.port}`, authorization } });
    expect(await ask(client, '/a?b=c')).toBe('GET /a?b=c files.test 0');
    expect(proxy.asked).toEqual(['GET http://files.test/a?b=c']);
    expect(plain.authorizations).toEqual([undefined]);
  });

  it('that wants a sign-in, or refuses the way, says so for good', async () => {
    const asking = await proxied({ user: 'a:b', route: () => 0 });
    expect(await failure(open('https://files.test', { proxy: { origin: `http://127.0.0.1:${asking.port}`, authorization: 'Basic d3Jvbmc6dw==' } }))).toMatch(
      /^for good: the proxy 127\.0\.0\.1:\d+ wants another sign-in .*407: "Please sign in".*HTTPS_PROXY=/,
    );
    const page = '<html><head><title>Blocked by policy</title></head><body>…</body></html>';
    const refusing = await proxied({ route: () => 0, refuse: () => `HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n${page}` });
    expect(await failure(open('https://files.test', { proxy: { origin: `http://127.0.0.1:${refusing.port}` } }))).toMatch(
      /^for good: the proxy .* refuses the way to files\.test:443 \(status 403: "Blocked by policy"\); NO_PROXY/,
    );
  });

  it('that cannot get through may be asked again', async () => {
    const port = await secured((await echo()).port);
    let refusals = 2;
    const proxy = await proxied({ route: () => port, refuse: () => (refusals-- > 0 ? 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n' : undefined) });
    const client = open('https://files.test', { proxy: { origin: `http://127.0.0.1:${proxy.port}` } });
    expect(await failure(client)).toMatch(/^for now: .*did not get through to files\.test:443 \(status 503\)/);
    const words = await client.repeat(async () => {
      const outcome = await client.send({ method: 'GET', route: 'GET /x', path: '/', headers: {}, lane: 'call', answerWithin: 'stall' }, never);
      return 'broken' in outcome ? { failure: { error: outcome.broken.error, again: 'later' } } : { done: await outcome.answer.text() };
    }, never);
    expect(words).toContain('GET /');
    expect(proxy.asked.length).toBe(3);
  });

  it('that nobody listens as is told as the proxy', async () => {
    const proxy = await startProxy({ route: () => 0 });
    await proxy.close();
    expect(await failure(open('https://files.test', { proxy: { origin: `http://127.0.0.1:${proxy.port}` } }))).toMatch(/^for now: the proxy 127\.0\.0\.1:\d+ refuses connections/);
  });

  it('an upload that stalls behind it is found, and its connection is not used again', async () => {
    const stalled = await startServer((request, response) => {
      if (request.method === 'GET') response.end('ok');
      else request.pause();
    });
    cleanUps.push(() => stalled.close());
    const port = await secured(Number(new URL(stalled.origin).port));
    const proxy = await proxied({ route: () => port });
    const client = open('https://files.test', { proxy: { origin: `http://127.0.0.1:${proxy.port}` } }, { stallTimeout: 300 });
    async function* zeros(): AsyncGenerator<Uint8Array> {
      await Promise.resolve();
      for (let at = 0; at < 512; at += 1) yield Buffer.alloc(65_536);
    }
    const outcome = await client.send({
      method: 'POST', route: 'POST /x', path: '/', headers: {}, lane: 'transfer', answerWithin: 'server', body: { size: 512 * 65_536, open: zeros },
    }, never);
    expect('broken' in outcome && outcome.broken.error.message).toContain('nothing moved for 0.3 s while sending');
    expect(await ask(client)).toBe('ok');
    expect(proxy.asked.length).toBe(2);
  });
});

describe('the time-out for connections', () => {
  /** Takes connections and says nothing. */
  async function silent(): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    cleanUps.push(() => new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of sockets) socket.destroy();
    }));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  it('a TLS handshake that stalls, and a tunnel that never opens, are told with their step, and may pass', async () => {
    const port = await silent();
    const quick = { connectTimeout: 200 };
    expect(await failure(open(`https://127.0.0.1:${port}`, quick))).toBe(
      `for now: no connection to 127.0.0.1:${port} within 0.2 s: still waiting for the TLS handshake`,
    );
    const proxy = await proxied({ route: () => 0, silent: true });
    expect(await failure(open('https://files.test', { ...quick, proxy: { origin: `http://127.0.0.1:${proxy.port}` } }))).toBe(
      `for now: no connection to files.test within 0.2 s: still waiting for the proxy 127.0.0.1:${proxy.port} to get through`,
    );
  });

  it('a server that stalled while it was dialled can be reached as soon as it is back', async () => {
    const port = await secured((await echo()).port);
    let dead = true;
    const hole = await silent();
    const proxy = await proxied({ route: () => (dead ? hole : port) });
    const client = open('https://files.test', { connectTimeout: 200, proxy: { origin: `http://127.0.0.1:${proxy.port}` } });
    await failure(client);
    dead = false;
    expect(await ask(client)).toContain('GET /x');
  });
});

describe('after the machine has slept', () => {
  it('a connection that lay idle longer than the server keeps it is not used again', async () => {
    const server = await echo();
    const line = await startLine(server.port);
    cleanUps.push(() => line.close());
    let asleep = 0;
    const client = open(`http://127.0.0.1:${line.port}`, {}, { elapsed: () => performance.now() + asleep });
    await ask(client);
    await ask(client);
    expect(line.accepted()).toBe(1);
    asleep = 3_600_000;
    line.forget();
    const before = performance.now();
    expect(await ask(client)).toContain('GET /x');
    expect(performance.now() - before, 'no stall was waited for').toBeLessThan(1_900);
    expect(line.accepted()).toBe(2);
  });

  it('where one idle connection turns out dead the other idle ones are not tried', async () => {
    const server = await echo();
    const line = await startLine(server.port);
    cleanUps.push(() => line.close());
    const client = open(`http://127.0.0.1:${line.port}`, {}, { stallTimeout: 300 });
    await Promise.all([ask(client), ask(client), ask(client)]);
    expect(line.accepted()).toBe(3);
    line.forget();
    expect(await failure(client)).toContain('nothing moved');
    await Promise.all([ask(client), ask(client), ask(client)]);
    expect(line.accepted()).toBe(6);
  });
});
