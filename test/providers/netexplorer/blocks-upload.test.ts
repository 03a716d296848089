/** Uploads in blocks to the emulated NetExplorer, cut off and gone on with: what it was sent is counted. (NetExplorer's page: upload) */
import { mkdtemp, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultAction } from '../../../src/emulators/common/faults.js';
import { blockSize } from '../../../src/providers/netexplorer/blocks.js';
import type { Content } from '../../../src/providers/provider.js';
import { openUploadRecords } from '../../../src/storage/upload-records.js';
import { never, someTime } from '../subject.js';
import { failure, refusal, useStages, type Stage } from './stage.js';

const stage = useStages();

/** So many bytes, each 100,000 of them of one kind: nothing of that size is held. */
function filled(size: number, seed = 0): Content {
  const piece = 100_000;
  return {
    size,
    async *open(start) {
      await Promise.resolve();
      for (let at = start; at < size;) {
        const end = Math.min(size, (Math.floor(at / piece) + 1) * piece);
        yield Buffer.alloc(end - at, (Math.floor(at / piece) + seed) % 251);
        at = end;
      }
    },
  };
}

async function md5Of(content: Content): Promise<string> {
  const hash = createHash('md5');
  for await (const part of content.open(0)) hash.update(part);
  return hash.digest('hex');
}

const size = 2 * blockSize + 70_000;
const content = filled(size);
let sum = '';
let records = '';
beforeAll(async () => {
  sum = await md5Of(content);
  records = await mkdtemp(join(tmpdir(), 'amarre-test-'));
});
afterAll(() => rm(records, { recursive: true, force: true }));

const sent = async ({ emulator }: Stage): Promise<number[]> => (await emulator.control.blocks()).map(({ chunk }) => chunk);
const stored = async ({ versions }: Stage): Promise<unknown[]> => (await versions('/f')).map(({ size: bytes, md5 }) => [bytes, md5]);

describe('an upload in blocks', () => {
  it.each([['the first', 0], ['the middle', 1], ['the last', 2]] as const)('cut off at %s block goes on there, or anew above 500', async (_name, block) => {
    const upTo = Array.from({ length: block }, (_, one) => one);
    const goesOn = [0, 1, 2];
    const cut: FaultAction = { kind: 'cutUpload', afterBytes: 50_000 };
    const cuts: readonly (readonly [FaultAction, readonly number[]])[] = [
      [block === 0 ? refusal(400) : cut, goesOn],
      ...(block === 1 ? [[refusal(500), goesOn], [refusal(503), [...upTo, ...goesOn]]] as const : []),
    ];
    for (const [action, blocks] of cuts) {
      const on = await stage();
      await on.strike('upload', action, { skip: block });
      expect(await on.write('/f', content)).toMatchObject({ size, modified: someTime });
      expect([action, await sent(on), await stored(on)]).toEqual([action, blocks, [[size, sum]]]);
    }
  }, 60_000);

  it('whose last answer is lost is found, and not sent again', async () => {
    const on = await stage();
    await on.strike('upload', { kind: 'loseAnswer' }, { skip: 2 });
    expect(await on.write('/f', content)).toMatchObject({ size });
    expect([await sent(on), await stored(on)]).toEqual([[0, 1, 2], [[size, sum]]]);
  });

  it('of which the platform has lost a block sends that one again', async () => {
    const on = await stage({ emulator: { surprises: { blockFaults: [{ chunk: 1 }] } } });
    expect(await on.write('/f', content)).toMatchObject({ size });
    expect([await sent(on), await stored(on)]).toEqual([[0, 1, 2, 1], [[size, sum]]]);
  });

  it('goes on where it stopped after a restart; other bytes of the same size begin anew', async () => {
    const on = await stage({ settings: { stallTimeout: 300, uploads: await openUploadRecords(records, Date.now()) } });
    await on.write('/f', 'old');
    const rule = await on.strike('upload', { kind: 'close' }, { skip: 2, times: 0 });
    expect(await failure(on.write('/f', content))).toBe('EIO');
    expect([await sent(on), await on.text('/f')]).toEqual([[0, 1], 'old']);
    await on.emulator.control.removeRules(rule);
    // Another process, with what the first has kept.
    const next = on.another({ settings: { uploads: await openUploadRecords(records, Date.now()) } });
    await next.connect(never);
    expect(await next.write({ path: '/f' }, content, { modified: someTime }, never)).toMatchObject({ size });
    expect([await sent(on), (await stored(on))[0]]).toEqual([[0, 1, 2], [size, sum]]);
    const again = await on.strike('upload', { kind: 'close' }, { skip: 2, times: 0 });
    expect(await failure(on.write('/f', filled(size, 1)))).toBe('EIO');
    await on.emulator.control.removeRules(again);
    const other = filled(size, 2);
    expect(await next.write({ path: '/f' }, other, { modified: someTime }, never)).toMatchObject({ size });
    expect((await sent(on)).slice(3)).toEqual([0, 1, 0, 1, 2]);
    expect((await stored(on))[0]).toEqual([size, await md5Of(other)]);
  }, 30_000);

  it('of two writers of one name comes out as one of theirs, whole', async () => {
    const on = await stage();
    const [mine, theirs] = [filled(size, 3), filled(size, 4)];
    await Promise.all([on.write('/f', mine), on.write('/f', theirs)]);
    expect((await stored(on)).sort()).toEqual([[size, await md5Of(mine)], [size, await md5Of(theirs)]].sort());
    expect(await sent(on)).toEqual([0, 1, 2, 0, 1, 2]);
  }, 30_000);

  it('without room, or without the right, ends at once with the old version whole', async () => {
    const on = await stage({ emulator: { surprises: { fullQuota: '403' } } });
    await on.write('/f', 'old');
    await on.emulator.control.setQuota({ users: { u: 1_000_000 } });
    expect(await failure(on.write('/f', content))).toBe('EDQUOT');
    expect([(await sent(on)).length, await on.text('/f')]).toEqual([1, 'old']);
  });

  it('of 200 MiB, cut off at its eighth block, goes on with that one', async () => {
    const on = await stage();
    const large = filled(200 * 2 ** 20, 5);
    await on.strike('upload', { kind: 'cutUpload', afterBytes: 5_000_000 }, { skip: 7 });
    expect(await on.write('/f', large)).toMatchObject({ size: large.size });
    expect([await sent(on), await stored(on)]).toEqual([Array.from({ length: 13 }, (_, block) => block), [[large.size, await md5Of(large)]]]);
  }, 60_000);
});
