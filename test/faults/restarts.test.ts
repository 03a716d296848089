/**
 * A server that restarts between any two requests of an operation, found by a run without: the tokens
 * of before are dead, with SFTPGo itself down for a moment, or behind a proxy that keeps the connections.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startSftpgo, type RunningSftpgo } from '../../src/emulators/sftpgo/server.js';
import { openAt } from '../providers/sftpgo/subject.js';
import { untilStalled } from '../support/control.js';
import { operations, type Operation } from './operations.js';
import { trial, wrongs, type Ground, type Outcome } from './trial.js';

/** A server that a test can restart, at one address. */
class Server {
  #running: RunningSftpgo;

  private constructor(readonly home: string, running: RunningSftpgo) {
    this.#running = running;
  }

  static async start(): Promise<Server> {
    const home = await mkdtemp(join(tmpdir(), 'amarre-test-'));
    return new Server(home, await startSftpgo({ root: home }));
  }

  get control(): RunningSftpgo['control'] {
    return this.#running.control;
  }

  /** Nothing but the folder is left of what was: what is under way breaks off, and all who were signed in are not. */
  async restart(): Promise<void> {
    const { url } = this.#running.announcement;
    await this.#running.close();
    this.#running = await startSftpgo({ root: this.home, port: Number(new URL(url).port) });
  }

  ground(): Ground {
    const { url } = this.#running.announcement;
    return {
      root: this.home,
      open: (own, dead) => openAt(url, '/', { stallTimeout: 10_000, serverTimeout: 10_000, instances: { own, isDead: () => dead } }),
    };
  }

  async end(): Promise<void> {
    await this.#running.close();
    await rm(this.home, { recursive: true, force: true });
  }
}

type Restart = (server: Server) => Promise<void>;

const restarts: readonly { readonly how: string; readonly restart: Restart }[] = [
  { how: 'and breaks off the next one', restart: (server) => server.restart() },
  { how: 'behind a proxy that keeps the connections', restart: (server) => server.control.forgetTokens() },
];

async function withServer<T>(work: (server: Server) => Promise<T>): Promise<T> {
  const server = await Server.start();
  try {
    return await work(server);
  } finally {
    await server.end();
  }
}

async function requestsOf(operation: Operation): Promise<number> {
  return await withServer(async (server) => {
    let count = 0;
    const outcome = await trial(server.ground(), operation, async () => {
      await server.control.resetCounts();
      return async () => { count = (await server.control.state()).total; };
    });
    expect([outcome.errno, wrongs(operation, outcome, [])]).toEqual(['none', []]);
    return count;
  });
}

/** The operation, with a restart when its request of that number has come and nothing of it is done. */
async function restartedAt(operation: Operation, request: number, restart: Restart): Promise<Outcome> {
  return await withServer((server) => trial(server.ground(), operation, async () => {
    await server.control.addRule({ skip: request, action: { kind: 'stall', at: 'request' } });
    const restarted = untilStalled(server.control).then(async () => {
      await restart(server);
      await server.control.removeRules();
    });
    return () => restarted;
  }));
}

describe.concurrent.each(operations)('$name', (operation) => {
  test('goes on over a restart before any of its requests', async () => {
    const requests = await requestsOf(operation);
    expect(requests).toBeGreaterThan(0);
    const found: string[] = [];
    const each = async (request: number, { how, restart }: typeof restarts[number]): Promise<void> => {
      const outcome = await restartedAt(operation, request, restart);
      const about = `restarts before request ${request + 1} of ${requests} ${how}`;
      for (const wrong of wrongs(operation, outcome, [])) found.push(`${about}: ${wrong}`);
      if (outcome.errno !== 'none') found.push(`${about}: ${outcome.errno}`);
    };
    await Promise.all(Array.from({ length: requests }, (_, request) => restarts.map((restart) => each(request, restart))).flat());
    expect(found.sort()).toEqual([]);
  });
}, 60_000);
