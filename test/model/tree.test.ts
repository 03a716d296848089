/** Random operations by several handles on several names, with failures at random stages, compared with a model. */
import { expect, test } from 'vitest';
import { mount } from '../filesystem/harness.js';
import { MemoryProvider } from '../support/memory-provider.js';
import { firstSeed, withSeed } from '../support/random.js';
import { Programs } from './tree-programs.js';
import { World } from './tree-world.js';

const operations = 1200;

test.each([false, true])(`${operations} operations with failures are those on a tree in memory (ids: %s)`, async (stableIds) => {
  await withSeed(firstSeed(), async (chance) => {
    const platform = new MemoryProvider({ clock: () => Date.now(), traits: { stableIds }, chunkSize: 20_000, batchSize: 3 });
    const world = new World(await mount({ platform }), platform, chance);
    const programs = new Programs(world);
    try {
      for (let i = 0; i < operations; i += 1) await programs.step();
      await programs.end();
      expect(world.strikes).toBeGreaterThan(0);
      expect(world.copies).toBeGreaterThan(0);
    } catch (thrown) {
      throw new Error(`${thrown instanceof Error ? thrown.message : String(thrown)}\nafter\n  ${world.log.slice(-25).join('\n  ')}`, { cause: thrown });
    } finally {
      await world.m.end();
    }
  });
}, 60_000);
