/** The socket of a running mount: what it answers, and that nothing that is sent to it can harm the mount. */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeDeadSockets, shortNameOf, socketOf } from '../../../src/cli/control/address.js';
import { askEnd, askRefresh, askService, askStatus, ControlError } from '../../../src/cli/control/client.js';
import type { EndProgress, MountStatus } from '../../../src/cli/control/protocol.js';
import { serviceAnswers, type ServiceRequest } from '../../../src/cli/control/services.js';
import { FsError } from '../../../src/errors.js';
import { openControlServer, type ControlHandlers, type ControlServer } from '../../../src/cli/control/server.js';
import type { Outcome } from '../../../src/storage/mount-records.js';
import { collectingLog } from '../../support/collecting-log.js';
import { eventually } from '../../support/programs.js';
import { firstSeed, withSeed } from '../../support/random.js';

const instance = 'abcdefghijkl';

const status: MountStatus = {
  instance, pid: 1, mountpoint: '/mnt/é', remote: 'sftpgo+https://host', readOnly: false, phase: 'mounted', started: '2026-01-01T00:00:00Z', now: '2026-01-01T00:00:01Z',
  openFiles: 0, openFolders: 0, files: [], moreFiles: 0, unsent: { files: 0, sending: 0, bytes: 0 }, kept: [], moreKept: 0, failures: [],
  cache: { blocks: 0, memoryUsed: 0, memoryBudget: 1, blockHits: 0, blockMisses: 0, listings: 0, listedNames: 0, listingHits: 0, listingMisses: 0, inodes: 1 },
  processMemory: 1, requests: { active: 0, waiting: 0, routes: [] },
};
const progress: EndProgress = { kind: 'progress', files: 1, bytes: 10, sent: 5, perSecond: 1 };

let folder = '';
let state = '';
const servers: ControlServer[] = [];
const sockets: Socket[] = [];
const log = collectingLog();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-control-'));
  state = join(folder, 'state');
  await mkdir(join(state, 'mounts'), { recursive: true });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.close();
  await rm(folder, { recursive: true });
});

async function open(handlers: Partial<ControlHandlers> = {}, path = socketOf(state, instance)): Promise<ControlServer> {
  const server = await openControlServer(path, {
    status: () => status, refresh: () => Promise.resolve({ forgotten: 1, unsent: 0 }), end: () => undefined, progress: () => progress,
    service: () => Promise.reject(new Error('nothing is offered')), ...handlers,
  }, log.log);
  servers.push(server);
  return server;
}

/** A connection that says what it is told, and collects what comes. */
function raw(): { readonly socket: Socket; readonly said: () => string; readonly closed: () => boolean } {
  const socket = createConnection(socketOf(state, instance));
  sockets.push(socket);
  let said = '';
  let closed = false;
  socket.setEncoding('utf8').on('data', (text: string) => (said += text)).on('error', () => undefined).on('close', () => (closed = true));
  return { socket, said: () => said, closed: () => closed };
}

const whyNot = async (asking: Promise<unknown>): Promise<string> => {
  try {
    await asking;
    return 'answered';
  } catch (error) {
    return error instanceof ControlError ? error.why : String(error);
  }
};

describe('asking a mount', () => {
  test('how it stands, and to forget a path', async () => {
    const paths: string[] = [];
    await open({ refresh: (path) => Promise.resolve({ forgotten: paths.push(path), unsent: 2 }) });
    expect(await askStatus(socketOf(state, instance))).toEqual(status);
    expect(await askRefresh(socketOf(state, instance), '/a folder/é\n')).toEqual({ forgotten: 1, unsent: 2 });
    expect(paths).toEqual(['/a folder/é\n']);
  });

  test('to end: progress, how it ended, and then nobody', async () => {
    let asked = 0;
    const server = await open({ end: () => (asked += 1) });
    const events = askEnd(socketOf(state, instance));
    expect((await events.next()).value).toEqual(progress);
    expect((await events.next()).value).toEqual(progress);
    const outcome: Outcome = { status: 6, unsent: [{ path: '/x', size: 1, kept: '/k', reason: 'full' }], notes: ['a note'] };
    const finished = server.finish(outcome);
    const rest: unknown[] = [];
    for await (const event of events) rest.push(event);
    await finished;
    expect(rest.at(-1)).toEqual({ kind: 'ended', outcome });
    expect(asked).toBe(1);
    expect(await whyNot(askStatus(socketOf(state, instance)))).toBe('nobody');
    await expect(stat(socketOf(state, instance))).rejects.toThrow('ENOENT');
  });

  test('who asked to end it and went does not keep it', async () => {
    const server = await open();
    const events = askEnd(socketOf(state, instance));
    await events.next();
    await events.return(undefined);
    await server.finish({ status: 0, unsent: [], notes: [] });
  });

  test('of another version, of another user, or dead: each is told', async () => {
    const path = socketOf(state, instance);
    expect(await whyNot(askStatus(path))).toBe('nobody');
    await open();
    const { socket, said } = raw();
    socket.write('GET /v99/status HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually('an answer', () => said().includes('/v1/status'));
    expect(said()).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('whose handler fails gets the sentence; the mount goes on', async () => {
    await open({ refresh: () => Promise.reject(new Error('the kernel does not listen')) });
    await expect(askRefresh(socketOf(state, instance), '/')).rejects.toThrow('the kernel does not listen');
    expect(await askStatus(socketOf(state, instance))).toEqual(status);
  });
});

describe('asking a mount for something on its platform', () => {
  const history: ServiceRequest = { ask: 'history', path: '/a\nb' };
  const waiting = new AbortController().signal;

  test('gives what came of it, and words meanwhile', async () => {
    const asked: ServiceRequest[] = [];
    await open({
      service: async (request, onProgress) => {
        asked.push(request);
        onProgress('half of it');
        await new Promise((resolve) => setTimeout(resolve, 700));
        return [{ time: 5, event: 'read', who: undefined }];
      },
    });
    const words: string[] = [];
    const found = await askService(socketOf(state, instance), history, serviceAnswers.history, (text) => words.push(text), waiting);
    expect(found).toEqual([{ time: 5, event: 'read' }]);
    expect(words).toEqual(['half of it']);
    expect(asked).toEqual([history]);
  });

  test('that is refused is a sentence', async () => {
    await open({ service: () => Promise.reject(new FsError('EACCES', 'you may not')) });
    await expect(askService(socketOf(state, instance), history, serviceAnswers.history, () => undefined, waiting)).rejects.toMatchObject({ ending: 'failed', message: 'you may not' });
  });

  test('and going away gives it up there', async () => {
    let given: AbortSignal | undefined;
    await open({
      service: (_request, _onProgress, signal) => {
        given = signal;
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new FsError('EINTR', 'given up'))));
      },
    });
    const impatient = new AbortController();
    const asking = askService(socketOf(state, instance), history, serviceAnswers.history, () => undefined, impatient.signal);
    await eventually('it is asked', () => given !== undefined);
    impatient.abort();
    await expect(asking).rejects.toThrow('interrupted');
    await eventually('it is given up', () => given?.aborted === true);
  });

  test('that makes no sense is refused', async () => {
    await open();
    const { socket, said } = raw();
    socket.write('POST /v1/services HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{"ask":"your soul"}');
    await eventually('an answer', () => said().includes('\r\n\r\n'));
    expect(said()).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('the socket', () => {
  test('is for its owner alone', async () => {
    await open();
    expect((await stat(socketOf(state, instance))).mode & 0o777).toBe(0o600);
  });

  test('lies in a folder of any length', async () => {
    state = join(folder, 'x'.repeat(120), 'y'.repeat(120));
    await mkdir(join(state, 'mounts'), { recursive: true });
    const server = await open();
    expect(Buffer.byteLength(socketOf(state, instance))).toBeGreaterThan(250);
    expect((await stat(socketOf(state, instance))).isSocket()).toBe(true);
    expect(await askStatus(socketOf(state, instance))).toEqual(status);
    await server.close();
    await expect(stat(socketOf(state, instance))).rejects.toThrow('ENOENT');
    await expect(shortNameOf(join(state, 'none', 'z'.repeat(100), 's.sock'))).rejects.toThrow('ENOENT');
  });

  test('of a dead mount goes, of others not', async () => {
    await open();
    const other = socketOf(state, 'zzzzzzzzzzzz');
    await open({}, other);
    await removeDeadSockets(state, { isDead: (id) => id === instance });
    expect(await whyNot(askStatus(socketOf(state, instance)))).toBe('nobody');
    expect(await askStatus(other)).toEqual(status);
  });
});

describe('whatever is sent to it, the mount answers the next who asks', () => {
  const answers = async () => {
    expect(await askStatus(socketOf(state, instance))).toEqual(status);
  };

  test.each([
    ['garbage', '\0\x01\xff not http at all\n\n\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a head without end', `GET /v1/status HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`],
    ['a thousand headers', `GET /v1/status HTTP/1.1\r\n${'A: b\r\n'.repeat(5000)}\r\n`],
    ['a body of a terabyte', `POST /v1/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n${'{'.repeat(500_000)}`],
    ['a body that is no JSON', 'POST /v1/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'],
    ['a path that is none', 'POST /v1/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{"path":"../x"}'],
    ['a path of the wrong kind', 'POST /v1/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"path":[1]}'],
    ['another method', 'DELETE /v1/status HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['an upgrade', 'GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s', async (_, text) => {
    let refreshed = 0;
    await open({ refresh: () => Promise.resolve({ forgotten: (refreshed += 1), unsent: 0 }) });
    const { socket, said, closed } = raw();
    socket.write(text, 'latin1');
    await eventually('it is answered or closed', () => said() !== '' || closed());
    if (said() !== '' && !text.startsWith('GET')) expect(said()).toMatch(/^HTTP\/1\.1 4\d\d /);
    await answers();
    expect(refreshed).toBe(0);
  });

  test('random bytes', async () => {
    await open();
    await withSeed(firstSeed(), (chance) => {
      for (let times = 0; times < 100; times += 1) {
        const { socket } = raw();
        const begin = chance.chance(0.5) ? 'POST /v1/refresh HTTP/1.1\r\n' : '';
        socket.write(Buffer.concat([Buffer.from(begin), Buffer.from(Array.from({ length: chance.below(300) }, () => chance.below(256)))]));
        if (chance.chance(0.5)) socket.end();
        else if (chance.chance(0.5)) socket.destroy();
        if (times % 20 === 19) for (const one of sockets.splice(0)) one.destroy();
      }
      return Promise.resolve();
    });
    for (const one of sockets.splice(0)) one.destroy();
    await eventually('it answers', async () => await whyNot(askStatus(socketOf(state, instance))) === 'answered');
  });

  test('a request that never comes whole is given up', async () => {
    await open();
    const { socket, closed } = raw();
    socket.write('GET /v1/sta');
    await answers();
    await eventually('it is closed', closed, 10_000);
  });

  test('who reads nothing of what he is told holds nobody up, and costs no memory', async () => {
    let told = 0;
    const huge: EndProgress = progress;
    const server = await open({ progress: () => {
      told += 1;
      return huge;
    } });
    const { socket } = raw();
    socket.pause();
    socket.write('POST /v1/end HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually('it is told', () => told > 0);
    await answers();
    const start = performance.now();
    await server.finish({ status: 0, unsent: [], notes: ['n'.repeat(5_000_000)] });
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('a hundred connections at once are too many, and then it answers again', async () => {
    await open();
    for (let times = 0; times < 100; times += 1) raw();
    await eventually('some are refused', () => sockets.some((socket) => socket.destroyed || socket.readableEnded));
    for (const one of sockets.splice(0)) one.destroy();
    await eventually('it answers', async () => await whyNot(askStatus(socketOf(state, instance))) === 'answered');
  });
});
