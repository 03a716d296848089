/**
 * Whatever happens to whichever request of an operation: the server has the old or the new, never half
 * a file or an empty one, the program hears which, and trying again works. The requests are found by a
 * run in which nothing goes wrong.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FaultAction } from '../../src/emulators/common/faults.js';
import { startSftpgo, type RunningSftpgo } from '../../src/emulators/sftpgo/server.js';
import { openAt } from '../providers/sftpgo/subject.js';
import { operations, type Operation } from './operations.js';
import { trial, wrongs, type Ground, type Outcome } from './trial.js';

/** Work that waits for one of so many places. */
class Places {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async with(work: () => Promise<void>): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((go) => this.#waiting.push(go));
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}

interface Fault {
  readonly name: string;
  readonly action: FaultAction;
  /** Where it strikes once the drive gets over it by itself. */
  readonly harmless?: boolean;
  /** Tried for good, too: the operation fails, and what is well again at its end finds what it left. */
  readonly lasting?: boolean;
}

const json = { 'content-type': 'application/json' };

const faults: readonly Fault[] = [
  { name: 'a server error', action: { kind: 'answer', status: 500, headers: json, body: { error: 'internal', message: 'Internal Server Error' } }, harmless: true },
  { name: 'SFTPGo\'s word for all that goes wrong', action: { kind: 'answer', status: 500, headers: json, body: { error: 'failure', message: '' } } },
  { name: 'the connection closed before the answer', action: { kind: 'close' }, harmless: true, lasting: true },
  { name: 'the answer lost', action: { kind: 'loseAnswer' }, lasting: true },
  { name: 'the answer cut in its body', action: { kind: 'cutResponse', afterBytes: 5 } },
  { name: 'the upload cut in its body', action: { kind: 'cutUpload', afterBytes: 5 }, harmless: true },
  { name: 'a stall before it is done', action: { kind: 'stall', at: 'request' } },
  { name: 'a stall when it is done', action: { kind: 'stall', at: 'answer' } },
  { name: '429', action: { kind: 'answer', status: 429, headers: { ...json, 'retry-after': '0' }, body: { error: 'too many', message: 'Too Many Requests' } }, harmless: true },
  { name: '503 and Retry-After', action: { kind: 'answer', status: 503, headers: { ...json, 'retry-after': '1' }, body: { error: '', message: 'Service Unavailable' } }, harmless: true },
  { name: 'too many requests from this address', action: { kind: 'answer', status: 403, headers: json, body: { error: 'you are not allowed to connect', message: 'Forbidden' } }, harmless: true },
];

/** What such trouble may be told as. Never that something is there, or is not, or is not allowed. */
const errnos = ['EIO', 'EBUSY', 'EAGAIN', 'ETIMEDOUT'];

/** So many drives at once. */
const places = new Places(48);

let home = '';
let emulator: RunningSftpgo;
let trials = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'amarre-test-'));
  emulator = await startSftpgo({ root: home, maxPerHost: 0 });
});
afterAll(async () => {
  await emulator.close();
  await rm(home, { recursive: true, force: true });
});

/** A drive of its own on the one server, and the rule by which its requests are known. */
function newGround(patience: number): Ground & { readonly pathMatches: string } {
  trials += 1;
  const base = `/trial-${trials}`;
  return {
    root: join(home, base),
    pathMatches: `^${base}(/|$)`,
    open: (own, dead) => {
      // The next mount, which only looks, has no trouble.
      const stallTimeout = dead ? 10_000 : patience;
      return openAt(emulator.announcement.url, base, { stallTimeout, serverTimeout: stallTimeout, instances: { own, isDead: () => dead } });
    },
  };
}

/** How many requests it makes when nothing goes wrong. */
async function requestsOf(operation: Operation): Promise<number> {
  const ground = newGround(5000);
  const pattern = new RegExp(ground.pathMatches, 'u');
  let count = 0;
  const counted = async (): Promise<number> => (await emulator.control.log()).filter(({ path, target }) => pattern.test(path ?? '') || pattern.test(target ?? '')).length;
  const outcome = await trial(ground, operation, async () => {
    const connecting = await counted();
    return async () => { count = await counted() - connecting; };
  });
  expect([outcome.errno, wrongs(operation, outcome, [])]).toEqual(['none', []]);
  return count;
}

async function struck(operation: Operation, { action }: Fault, skip: number, lasting: boolean, patience: number): Promise<Outcome> {
  const ground = newGround(patience);
  return await trial(ground, operation, async () => {
    const id = await emulator.control.addRule({ pathMatches: ground.pathMatches, skip, times: lasting ? 0 : 1, action });
    return () => emulator.control.removeRules(id);
  });
}

describe.concurrent.each(operations)('$name', (operation) => {
  test('struck at any request, once or for good: the old or the new, and what it says is so', async () => {
    const requests = await requestsOf(operation);
    expect(requests).toBeGreaterThan(0);
    const found: string[] = [];
    const strike = async (fault: Fault, skip: number, lasting: boolean): Promise<void> => {
      const stall = fault.action.kind === 'stall' || lasting;
      const outcome = await struck(operation, fault, skip, lasting, stall ? 2000 : 10_000);
      const about = `${fault.name}, ${lasting ? 'from request' : 'at request'} ${skip + 1} of ${requests}`;
      for (const wrong of wrongs(operation, outcome, errnos)) found.push(`${about}: ${wrong}`);
      if (fault.harmless === true && !lasting && outcome.errno !== 'none') found.push(`${about}: the drive did not get over it: ${outcome.errno}`);
    };
    const kinds = faults.flatMap((fault) => (fault.lasting === true ? [false, true] : [false]).map((lasting) => ({ fault, lasting })));
    // A drive waits most of the time: all kinds of trouble at once.
    await Promise.all(Array.from({ length: requests }, (_, skip) => kinds.map(({ fault, lasting }) => places.with(() => strike(fault, skip, lasting)))).flat());
    expect(found.sort()).toEqual([]);
  });
}, 120_000);
