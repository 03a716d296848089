import { setMaxListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { FsError } from '../../src/errors.js';
import type { Answer } from '../../src/http/answer.js';
import type { Broken } from '../../src/http/breaks.js';
import { elapsed } from '../../src/http/elapsed.js';
import { failureOf, HttpClient, parseRetryAfter, type HttpRequest, type HttpSettings } from '../../src/http/client.js';
import type { RequestContent } from '../../src/http/upload-body.js';
import { silentLog, type Log } from '../../src/observe/log.js';
import { MetricRegistry } from '../../src/observe/metrics.js';
import { RequestMetrics, unobserved } from '../../src/observe/requests.js';
import { collectingLog } from '../support/collecting-log.js';
import { bodyOf, startServer, type TestServer } from '../support/http-server.js';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const never = new AbortController().signal;
setMaxListeners(0, never);
const get: Omit<HttpRequest, 'path'> = { method: 'GET', route: 'GET /x', headers: {}, lane: 'call', answerWithin: 'stall' };
const post: Omit<HttpRequest, 'path'> = { method: 'POST', route: 'POST /x', headers: {}, lane: 'transfer', answerWithin: 'server' };

async function serve(handler: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const server = await startServer(handler);
  cleanUps.push(() => server.close());
  return server;
}

function open(origin: string, settings: Partial<HttpSettings> = {}, log: Log = silentLog()): HttpClient {
  const client = new HttpClient({
    origin, observer: unobserved, network: { connectTimeout: 2_000, authorities: [] }, elapsed, parallelRequests: 4, keepAlive: 5_000, stallTimeout: 2_000, serverTimeout: 4_000,
    retry: { deadline: 2_000, firstDelay: 5, maxDelay: 20 }, userAgent: 'amarre-test', ...settings,
  }, log);
  cleanUps.push(() => client.close());
  return client;
}

async function answered(client: HttpClient, request: HttpRequest, signal = never): Promise<Answer> {
  const outcome = await client.send(request, signal);
  if ('broken' in outcome) throw outcome.broken.error;
  return outcome.answer;
}

async function broken(client: HttpClient, request: HttpRequest): Promise<Broken> {
  const outcome = await client.send(request, never);
  if ('answer' in outcome) throw new Error(`an answer came: ${outcome.answer.status}`);
  return outcome.broken;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Content in pieces, which notes whether it was closed. */
function content(size: number, pieces: () => AsyncIterable<Uint8Array>): RequestContent & { readonly closed: () => boolean } {
  let closed = false;
  async function* open(): AsyncGenerator<Uint8Array> {
    try {
      yield* pieces();
    } finally {
      closed = true;
    }
  }
  return { size, open, closed: () => closed };
}

async function* zeros(count: number, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < count; piece += 1) {
    await Promise.resolve();
    yield Buffer.alloc(size);
  }
}

/** undici opens a new connection by itself after an abort: the one that carried the request is looked at. */
function firstConnection(server: TestServer): 'open' | 'closed' | 'none' {
  const [first] = server.accepted;
  if (first === undefined) return 'none';
  return server.open.has(first) ? 'open' : 'closed';
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => {
  setTimeout(resolve, milliseconds);
});

describe('connections', () => {
  it('one connection serves request after request, HEAD among them', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('content-length', '2');
      response.end('ok');
    });
    const client = open(server.origin);
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD', 'DELETE'] as const) {
      expect(await (await answered(client, { ...get, method, path: '/' })).text()).toBe(method === 'HEAD' ? '' : 'ok');
    }
    expect(server.accepted.size).toBe(1);
  });

  it('an idle connection is closed by us before the server does', async () => {
    const server = await serve((_request, response) => { response.end('ok'); });
    const client = open(server.origin, { keepAlive: 60 });
    await (await answered(client, { ...get, path: '/' })).text();
    expect(server.open.size).toBe(1);
    await expect.poll(() => server.open.size).toBe(0);
  });

  it('a refused connection was certainly not carried out, and is told in words', async () => {
    const server = await serve(() => undefined);
    await server.close();
    const failure = await broken(open(server.origin), { ...get, path: '/' });
    expect(failure).toMatchObject({ maybeCarriedOut: false, staleConnection: false, lasting: false });
    expect(failure.error).toMatchObject({ errno: 'EIO', retryable: true });
    expect(failure.error.message).toMatch(/127\.0\.0\.1:\d+ refuses connections/);
  });

  it('a connection that breaks when it is used again is told apart from a fresh one', async () => {
    let requests = 0;
    const server = await serve((request, response) => {
      requests += 1;
      if (requests === 1) response.end('ok');
      else request.socket.destroy();
    });
    const client = open(server.origin);
    await (await answered(client, { ...get, path: '/' })).text();
    expect(await broken(client, { ...get, path: '/' })).toMatchObject({ staleConnection: true, maybeCarriedOut: true });
    expect(await broken(client, { ...get, path: '/' })).toMatchObject({ staleConnection: false, maybeCarriedOut: true });
    expect(requests).toBe(3);
  });

  it('close ends what is under way', async () => {
    const server = await serve(() => undefined);
    const client = open(server.origin);
    const waiting = client.send({ ...get, path: '/' }, never);
    await expect.poll(() => server.open.size).toBe(1);
    await client.close();
    expect('broken' in await waiting).toBe(true);
    await expect(client.send({ ...get, path: '/' }, never)).rejects.toMatchObject({ errno: 'EIO' });
  });
});

describe('the limit on requests at once', () => {
  it('is kept, and a body counts until it has been read', async () => {
    let active = 0;
    let most = 0;
    const server = await serve((_request, response) => {
      active += 1;
      most = Math.max(most, active);
      setTimeout(() => response.end('body', () => { active -= 1; }), 5);
    });
    const client = open(server.origin, { parallelRequests: 3 });
    await Promise.all(Array.from({ length: 20 }, async () => (await answered(client, { ...get, path: '/' })).text()));
    expect(most).toBe(3);

    const held = await Promise.all([1, 2, 3].map(() => answered(client, { ...get, path: '/' })));
    expect(client.load).toEqual({ active: 3, waiting: 0 });
    const fourth = answered(client, { ...get, path: '/' });
    await pause(30);
    expect(client.load).toEqual({ active: 3, waiting: 1 });
    await held[0]?.text();
    expect(await (await fourth).text()).toBe('body');
    await held[1]?.body.return();
    await held[2]?.discard();
    expect(client.load).toEqual({ active: 0, waiting: 0 });
  });

  it('transfers leave a connection free for calls', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/call') response.end('quick');
    });
    const client = open(server.origin, { parallelRequests: 2 });
    const abort = new AbortController();
    const transfers = [1, 2, 3].map(() => client.send({ ...get, lane: 'transfer', path: '/slow' }, abort.signal));
    expect(await (await answered(client, { ...get, path: '/call' })).text()).toBe('quick');
    expect(client.load).toEqual({ active: 1, waiting: 2 });
    abort.abort();
    for (const transfer of transfers) await expect(transfer).rejects.toMatchObject({ errno: 'EINTR' });
    expect(client.load).toEqual({ active: 0, waiting: 0 });
  });

  it('can be narrowed while requests run', async () => {
    let active = 0;
    let most = 0;
    const server = await serve((_request, response) => {
      active += 1;
      most = Math.max(most, active);
      setTimeout(() => response.end('ok', () => { active -= 1; }), 5);
    });
    const client = open(server.origin);
    client.narrow(1);
    await Promise.all(Array.from({ length: 6 }, async () => (await answered(client, { ...get, path: '/' })).text()));
    expect(most).toBe(1);
  });
});

describe('stalls', () => {
  it('no answer within the stall time-out: EIO in words', async () => {
    const server = await serve(() => undefined);
    const failure = await broken(open(server.origin, { stallTimeout: 100 }), { ...get, path: '/' });
    expect(failure).toMatchObject({ maybeCarriedOut: true, staleConnection: false });
    expect(failure.error.message).toContain('nothing moved for 0.1 s while waiting for the answer');
  });

  it('the server\'s end of an upload has the longer time-out', async () => {
    const server = await serve(async (request, response) => {
      await bodyOf(request);
      setTimeout(() => response.end('done'), request.method === 'HEAD' ? 0 : 300);
    });
    const client = open(server.origin, { stallTimeout: 100, serverTimeout: 3_000 });
    const answer = await answered(client, { ...post, path: '/', body: content(65_536, () => zeros(1)) });
    expect(await answer.text()).toBe('done');
    const short = open(server.origin, { stallTimeout: 100, serverTimeout: 150 });
    expect((await broken(short, { ...post, path: '/', body: content(65_536, () => zeros(1)) })).error.message).toContain('0.2 s while waiting');
  });

  it('a server that works long is asked now and then whether it is still there; one that is gone is not waited for', async () => {
    const asked: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      if (request.method === 'HEAD') {
        asked.push(request.headers.authorization);
        if (asked.length < 3) response.writeHead(404).end();
      }
    });
    const client = open(server.origin, { stallTimeout: 100, serverTimeout: 60_000, parallelRequests: 1 });
    const waiting = broken(client, { ...post, path: '/', headers: { authorization: 'Bearer t' }, body: content(65_536, () => zeros(1)) });
    expect((await waiting).error.message).toContain('nothing moved for 0.1 s');
    expect(asked).toEqual([undefined, undefined, undefined]);
  });

  it('a body that stands still fails, one that only creeps does not', async () => {
    const server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.flushHeaders();
      let sent = 0;
      const timer = setInterval(() => {
        sent += 1;
        response.write('x');
        if (sent === (request.url === '/stops' ? 5 : 10)) clearInterval(timer);
        if (sent === 10) response.end();
      }, 40);
    });
    const client = open(server.origin, { stallTimeout: 200 });
    expect((await read((await answered(client, { ...get, path: '/creeps' })).body)).toString()).toBe('xxxxxxxxxx');
    const stops = await answered(client, { ...get, path: '/stops' });
    let length = 0;
    await expect((async () => {
      for await (const piece of stops.body) length += piece.length;
    })()).rejects.toMatchObject({ errno: 'EIO', retryable: true });
    expect(length).toBe(5);
  });

  it('a server that does not take the bytes of an upload', async () => {
    const server = await serve((request) => {
      request.pause();
    });
    const body = content(64 * 2 ** 20, () => zeros(1024));
    const failure = await broken(open(server.origin, { stallTimeout: 150 }), { ...post, path: '/', body });
    expect(failure.error.message).toContain('while sending');
    await expect.poll(() => body.closed()).toBe(true);
  });

  it('a reader that takes his time is not the server\'s fault, and the server is slowed down', async () => {
    const size = 32 * 2 ** 20;
    const bytes = Buffer.alloc(size, 7);
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': String(size) });
      response.end(bytes);
    });
    const answer = await answered(open(server.origin, { stallTimeout: 200 }), { ...get, path: '/' });
    let length = 0;
    for await (const piece of answer.body) {
      if (length === 0) {
        await pause(600);
        expect([...server.open][0]?.writableLength, 'bytes that wait at the server').toBeGreaterThan(0);
      }
      length += piece.length;
    }
    expect(length).toBe(size);
  });
});

describe('short bodies are errors', () => {
  it.each(['content-length', 'chunked'])('%s', async (kind) => {
    const server = await serve((request, response) => {
      if (kind === 'content-length') response.setHeader('content-length', '10');
      response.write('12345', () => request.socket.destroy());
    });
    const answer = await answered(open(server.origin), { ...get, path: '/' });
    await expect(read(answer.body)).rejects.toMatchObject({ errno: 'EIO' });
  });

  it('a packed body that is cut', async () => {
    const packed = gzipSync(Buffer.alloc(100_000, 'abc'));
    const server = await serve((request, response) => {
      response.setHeader('content-encoding', 'gzip');
      if (request.url === '/whole') response.end(packed);
      else if (request.url === '/cut') response.end(packed.subarray(0, packed.length - 20));
      else response.write(packed.subarray(0, packed.length - 20), () => request.socket.destroy());
    });
    const client = open(server.origin);
    expect((await read((await answered(client, { ...get, path: '/whole' })).unpacked())).length).toBe(100_000);
    await expect(read((await answered(client, { ...get, path: '/cut' })).unpacked())).rejects.toMatchObject({ errno: 'EIO' });
    await expect(read((await answered(client, { ...get, path: '/break' })).unpacked())).rejects.toMatchObject({ errno: 'EIO' });
    await expect.poll(() => client.load.active).toBe(0);
  });
});

describe('interrupts', () => {
  it('ends a request that waits for its answer, and gives the connection\'s place back', async () => {
    const server = await serve(() => undefined);
    const client = open(server.origin, { parallelRequests: 1 });
    const abort = new AbortController();
    const waiting = client.send({ ...get, path: '/' }, abort.signal);
    await expect.poll(() => server.open.size).toBe(1);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ errno: 'EINTR' });
    expect(client.load.active).toBe(0);
    await expect.poll(() => firstConnection(server)).toBe('closed');
  });

  it('ends a body, and the server sees the connection go', async () => {
    const server = await serve((_request, response) => {
      response.write(Buffer.alloc(1000));
    });
    const client = open(server.origin);
    const abort = new AbortController();
    const { body } = await answered(client, { ...get, path: '/' }, abort.signal);
    await body.next();
    const next = body.next();
    abort.abort();
    await expect(next).rejects.toMatchObject({ errno: 'EINTR' });
    await expect.poll(() => firstConnection(server)).toBe('closed');
    expect(client.load.active).toBe(0);
  });

  it('ends an upload and closes its source', async () => {
    const server = await serve(() => undefined);
    const client = open(server.origin);
    const abort = new AbortController();
    const body = content(2 ** 30, () => zeros(2 ** 14));
    const waiting = client.send({ ...post, path: '/', body }, abort.signal);
    await expect.poll(() => server.open.size).toBe(1);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ errno: 'EINTR' });
    await expect.poll(() => body.closed()).toBe(true);
  });

  it('a body that is not wanted any more frees its place at once, unread or half read', async () => {
    const server = await serve((_request, response) => {
      response.write(Buffer.alloc(1000));
    });
    const client = open(server.origin);
    await (await answered(client, { ...get, path: '/' })).body.return();
    expect(client.load.active).toBe(0);
    for await (const piece of (await answered(client, { ...get, path: '/' })).body) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(client.load.active).toBe(0);
    await expect.poll(() => firstConnection(server)).toBe('closed');
  });
});

describe('uploads', () => {
  it('send exactly the bytes, whatever their pieces, with their length', async () => {
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, at) => at % 251));
    const sent: number[] = [];
    const server = await serve(async (request, response) => {
      const body = await bodyOf(request);
      response.end(`${request.headers['content-length']} ${request.headers['transfer-encoding']} ${body.equals(bytes)}`);
    });
    const body = content(bytes.length, async function* () {
      await Promise.resolve();
      yield bytes.subarray(0, 1);
      yield bytes.subarray(1, 1);
      yield bytes.subarray(1, 500_000);
      yield bytes.subarray(500_000);
    });
    const answer = await answered(open(server.origin), { ...post, path: '/', body, onSent: (count) => sent.push(count) });
    expect(await answer.text()).toBe('700000 undefined true');
    expect(sent.at(-1)).toBe(bytes.length);
    expect([...sent].sort((a, b) => a - b)).toEqual(sent);
    expect(body.closed()).toBe(true);
  });

  it('of nothing send a length of 0', async () => {
    const server = await serve((request, response) => { response.end(String(request.headers['content-length'])); });
    const answer = await answered(open(server.origin), { ...post, path: '/', body: content(0, () => zeros(0)) });
    expect(await answer.text()).toBe('0');
  });

  it('an error of the file to be sent is thrown as it is', async () => {
    const server = await serve((request) => {
      request.resume();
    });
    const client = open(server.origin);
    const failing = content(1_000_000, async function* () {
      yield Buffer.alloc(1000);
      await Promise.resolve();
      throw new FsError('ENOSPC', 'staging failed');
    });
    await expect(client.send({ ...post, path: '/', body: failing }, never)).rejects.toMatchObject({ errno: 'ENOSPC' });
    for (const size of [100_000, 10_000]) {
      const wrong = content(size, () => zeros(1));
      await expect(client.send({ ...post, path: '/', body: wrong }, never), `announced ${size}`).rejects.toMatchObject({ errno: 'EIO' });
    }
    expect(client.load.active).toBe(0);
  });

  it('an answer that comes before the body was taken is read, and the rest not sent', async () => {
    const server = await serve((request, response) => {
      response.writeHead(404, { connection: 'close' });
      response.end('no such folder');
      setTimeout(() => request.socket.destroy(), 200);
    });
    const body = content(2 ** 30, () => zeros(2 ** 14));
    const answer = await answered(open(server.origin), { ...post, path: '/', body });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('no such folder');
    await expect.poll(() => body.closed()).toBe(true);
  });
});

describe('redirects', () => {
  it('within the origin are followed with their headers', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/new') response.end(request.headers.authorization);
      else response.writeHead(302, { location: '/new' }).end('moved');
    });
    expect(await (await answered(open(server.origin), { ...get, path: '/old', headers: { authorization: 'Bearer t' } })).text()).toBe('Bearer t');
  });

  it('to another host are refused, and nothing is sent there', async () => {
    let visits = 0;
    const other = await serve((_request, response) => {
      visits += 1;
      response.end();
    });
    const server = await serve((_request, response) => { response.writeHead(307, { location: `${other.origin}/x` }).end(); });
    const client = open(server.origin);
    const sent = client.send({ ...get, path: '/', headers: { authorization: 'Bearer secret' } }, never);
    await expect(sent).rejects.toMatchObject({ errno: 'EIO' });
    await expect(sent).rejects.toThrow(other.origin);
    await expect(sent).rejects.not.toThrow('secret');
    expect(visits).toBe(0);
    expect(other.accepted.size).toBe(0);
  });

  it('in a circle end', async () => {
    const server = await serve((_request, response) => { response.writeHead(302, { location: '/again' }).end(); });
    await expect(open(server.origin).send({ ...get, path: '/' }, never)).rejects.toThrow('more than 5 times');
  });
});

describe('failures and the policy', () => {
  const base: Broken = { error: new FsError('EIO', 'x'), maybeCarriedOut: true, staleConnection: false, idleConnection: false, lasting: false };
  it.each([
    ['a GET that broke', base, true, 'later'],
    ['a GET on a stale connection', { ...base, staleConnection: true }, true, 'at once'],
    ['a move that broke', base, false, 'never'],
    ['a move on a stale connection: it may have arrived', { ...base, staleConnection: true }, false, 'never'],
    ['a move that cannot have arrived', { ...base, maybeCarriedOut: false }, false, 'later'],
    ['a certificate', { ...base, maybeCarriedOut: false, lasting: true }, true, 'never'],
  ] as const)('%s', (_name, failure, idempotent, again) => {
    expect(failureOf(failure, idempotent).again).toBe(again);
  });

  it('Retry-After in seconds, as a date, and nonsense', () => {
    expect(parseRetryAfter('120', 0)).toBe(120_000);
    expect(parseRetryAfter('Tue, 14 Nov 2023 22:13:20 GMT', 1_699_999_990_000)).toBe(10_000);
    expect(parseRetryAfter('soon', 0)).toBeUndefined();
    expect(parseRetryAfter(undefined, 0)).toBeUndefined();
  });
});

it('a server without TLS at an https address is told in words, and not tried again', async () => {
  const server = await serve((_request, response) => { response.end(); });
  const failure = await broken(open(server.origin.replace('http:', 'https:')), { ...get, path: '/' });
  expect(failure.lasting).toBe(true);
  expect(failure.error.message).toContain('is it an http:// address?');
});

describe('requests are counted by their route', () => {
  it('what came of them and how many bytes moved, without anything of the path', async () => {
    const server = await serve(async (request, response) => {
      const body = await bodyOf(request);
      response.writeHead(request.method === 'GET' ? 404 : 201, { 'content-length': 5 });
      response.end(body.length > 0 ? 'taken' : 'where');
    });
    const requests = new RequestMetrics(new MetricRegistry());
    const client = open(server.origin, { observer: requests });
    const discard = async (request: HttpRequest) => {
      const outcome = await client.send(request, never);
      if ('answer' in outcome) await outcome.answer.discard();
    };
    await discard({ ...get, path: '/files?path=/secret' });
    await discard({ ...post, path: '/files', body: Buffer.from('1234567') });
    const content: RequestContent = { size: 300_000, async *open() { yield await Promise.resolve(Buffer.alloc(300_000)); } };
    await discard({ ...post, path: '/files', body: content });
    await server.close();
    await client.send({ ...get, path: '/files' }, never);
    const report = requests.report(0);
    expect(report).toMatchObject([
      { route: 'GET /x', count: 2, refused: 1, broken: 1, bytesIn: 5, bytesOut: 0 },
      { route: 'POST /x', count: 2, refused: 0, broken: 0, bytesIn: 10, bytesOut: 300_007 },
    ]);
    expect(JSON.stringify(report)).not.toContain('secret');
  });

  it('one that nobody waits for any more is no failure', async () => {
    const server = await serve(() => undefined);
    const requests = new RequestMetrics(new MetricRegistry());
    const client = open(server.origin, { observer: requests });
    const abort = new AbortController();
    const sending = client.send({ ...get, path: '/' }, abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(sending).rejects.toMatchObject({ errno: 'EINTR' });
    expect(requests.report(0)).toMatchObject([{ count: 1, interrupted: 1, broken: 0 }]);
  });
});

describe('a secret in the query', () => {
  it('is in no line of the log, whatever comes of the request', async () => {
    const server = await serve((request, response) => {
      if (request.url?.startsWith('/break') === true) request.socket.destroy();
      else if (request.url?.startsWith('/away') === true) response.writeHead(302, { location: '/there?key=geheim' }).end();
      else response.end();
    });
    const { log, lines } = collectingLog();
    const client = open(server.origin, {}, log);
    for (const path of ['/x?key=geheim', '/away?key=geheim', '/break?key=geheim']) {
      const outcome = await client.send({ ...get, path, secretQuery: true }, never);
      if ('answer' in outcome) await outcome.answer.discard();
    }
    expect(lines.map((line) => line['path'])).toEqual(['/x', '/away', '/there', '/break']);
    expect(JSON.stringify(lines)).not.toContain('geheim');
  });
});
