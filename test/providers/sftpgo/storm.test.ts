/**
 * Random work under random faults: whatever the wire does, a file is the old one or the new one
 * whole, a call that succeeded has happened, and nothing of ours is left behind. The seed is printed.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { FaultAction, FaultRule } from '../../../src/emulators/common/faults.js';
import { isErrno } from '../../../src/errors.js';
import { bytesOf, contentOf, listAll, never, readAll, someTime } from '../subject.js';
import { startSubject, type SftpgoSubject } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

/** A small generator of numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('under random faults', () => {
  const seed = Number(process.env['STORM_SEED'] ?? Date.now() % 1_000_000_000);
  it(`nothing is lost, torn or left behind (STORM_SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    const pick = <T>(items: readonly T[]): T => {
      const item = items[Math.floor(random() * items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    };
    subject = await startSubject({ settings: { stallTimeout: 1_500 } });
    const { provider, backstage, emulator } = subject;
    await provider.connect(never);
    const fault = (): FaultRule => {
      const route = pick(['upload', 'head', 'move', 'delete', 'list', 'get', 'token']);
      const actions: FaultAction[] = [
        { kind: 'close' }, { kind: 'loseAnswer' }, { kind: 'answer', status: pick([502, 503, 504, 429]) },
        { kind: 'answer', status: 403, headers: { 'content-type': 'application/json' }, body: { error: 'you are not allowed to connect', message: '' } },
      ];
      if (route === 'upload') actions.push({ kind: 'cutUpload', afterBytes: Math.floor(random() * 50_000) });
      if (route === 'get' || route === 'list') actions.push({ kind: 'cutResponse', afterBytes: Math.floor(random() * 20_000) });
      return { route, times: 1 + Math.floor(random() * 2), skip: Math.floor(random() * 2), action: pick(actions) };
    };
    const files = new Map<string, { readonly size: number; readonly seed: number }>();
    const names = ['/a', '/b', '/c'];
    for (let step = 0; step < 60; step += 1) {
      if (random() < 0.6) await emulator.control.addRule(fault());
      if (random() < 0.1) await emulator.control.forgetTokens();
      const name = pick(names);
      const old = files.get(name);
      const doing = pick(['write', 'write', 'read', 'move', 'remove', 'list']);
      const about = `step ${step}: ${doing} ${name}`;
      let error: unknown;
      const attempt = async (work: () => Promise<unknown>, after: () => void): Promise<void> => {
        try {
          await work();
          after();
        } catch (thrown) {
          error = thrown;
        }
      };
      if (doing === 'write') {
        const next = { size: Math.floor(random() * 80_000), seed: step };
        await attempt(() => provider.write({ path: name }, contentOf(bytesOf(next.size, next.seed)), { modified: someTime + step * 2000 }, never), () => {
          files.set(name, next);
        });
      } else if (doing === 'remove') {
        // Where an answer is lost and nothing is there, it counts as removed, whoever did it.
        await attempt(() => provider.removeFile({ path: name }, never), () => files.delete(name));
      } else if (doing === 'move') {
        const to = pick(names.filter((other) => other !== name));
        await attempt(() => provider.move({ path: name }, { path: to }, { replace: true }, never), () => {
          if (old === undefined) throw new Error(`${about}: nothing was there to move`);
          files.delete(name);
          files.set(to, old);
        });
      } else if (doing === 'read') {
        await attempt(() => readAll(provider, name), () => expect(old, about).toBeDefined());
      } else {
        await attempt(async () => {
          expect((await listAll(provider, '/')).map((entry) => entry.name).sort(), about).toEqual([...files.keys()].map((path) => path.slice(1)).sort());
        }, () => undefined);
      }
      if (error !== undefined) {
        const expected = isErrno(error, 'EIO') || isErrno(error, 'EBUSY') || (isErrno(error, 'ENOENT') && old === undefined);
        if (!expected) throw new Error(`${about} failed`, { cause: error });
      }
      for (const [path, { size, seed: filled }] of files) {
        expect((await backstage.get(path))?.equals(bytesOf(size, filled)), `${about}: ${path}`).toBe(true);
      }
    }
    await emulator.control.removeRules();
    await provider.close();
    expect(await backstage.tree()).toEqual([...files.keys()].sort());
  }, 120_000);
});
