/** Renames on NetExplorer: refused names, rights and locks, and a rename over a file cut off at every request. (NetExplorer's page: what surprises) */
import { describe, expect, it } from 'vitest';
import type { FaultAction } from '../../../src/emulators/common/faults.js';
import { bytesOf, listAll, never, readAll, someTime } from '../subject.js';
import { failure, useStages } from './stage.js';

const stage = useStages();
const onto = { replace: true } as const;

describe('a rename over a file', () => {
  it('is a new version of the target, with the source\'s time, and nothing of the source is left', async () => {
    const { write, versions, provider, backstage, text, emulator } = await stage();
    await write('/f', 'the source', someTime + 60_000);
    const target = await write('/g', 'the target');
    const moved = await provider.move({ path: '/f' }, { path: '/g' }, onto, never);
    expect(moved).toMatchObject({ name: 'g', id: target.id, size: 10, modified: someTime + 60_000 });
    expect((await versions('/g')).length).toBe(2);
    expect([await text('/g'), await backstage.tree()]).toEqual(['the source', ['/g']]);
    expect(await emulator.control.trash()).toEqual([]);
  });

  it('of a source with older versions puts that in the trash', async () => {
    const { write, provider, emulator } = await stage();
    await write('/f', 'older');
    await write('/f', 'newer');
    await write('/g', 'the target');
    await provider.move({ path: '/f' }, { path: '/g' }, onto, never);
    expect(await emulator.control.trash()).toMatchObject([{ path: '/Commun/f', owner: 'u' }]);
  });

  const cuts: Record<string, FaultAction> = {
    'no request arrives any more': { kind: 'close' }, 'no answer arrives any more': { kind: 'loseAnswer' },
  };
  it.each(Object.entries(cuts))('cut off where %s, behind every number of requests, loses nothing', async (_name, action) => {
    for (let passed = 0, over = false; !over; passed += 1) {
      const { write, provider, text, emulator, another } = await stage({ settings: { stallTimeout: 60 } });
      await write('/f', 'the source');
      await write('/g', 'the target');
      const rule = await emulator.control.addRule({ skip: passed, times: 0, action });
      over = await failure(provider.move({ path: '/f' }, { path: '/g' }, onto, never)) === 'none';
      await emulator.control.removeRules(rule);
      const [source, target] = [await text('/f'), await text('/g')];
      expect(['the target', 'the source']).toContain(target);
      if (source === undefined) expect(target).toBe('the source');
      else expect(source).toBe('the source');
      // Whoever comes next does it, whatever is there.
      const next = another({ settings: { stallTimeout: 3000 } });
      await next.connect(never);
      expect(['none', 'ENOENT']).toContain(await failure(next.move({ path: '/f' }, { path: '/g' }, onto, never)));
      expect([await text('/f'), await text('/g')]).toEqual([undefined, 'the source']);
      expect(passed).toBeLessThan(30);
    }
  }, 60_000);

  it('whose source another writes to meanwhile leaves what he wrote', async () => {
    const { write, provider, text, emulator } = await stage();
    await write('/f', 'the source');
    await write('/g', 'the target');
    const rule = await emulator.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'answer' } });
    const moving = failure(provider.move({ path: '/f' }, { path: '/g' }, onto, never));
    await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
    await emulator.control.writeAs('/Commun/f', 'of marie');
    await emulator.control.removeRules(rule);
    expect([await moving, await text('/f'), await text('/g')]).toEqual(['EBUSY', 'of marie', 'the source']);
  });

  it('that another has locked, or from one that he has, is EBUSY, and both stay', async () => {
    for (const locked of ['/f', '/g']) {
      const { write, provider, text, emulator, asked } = await stage();
      await write('/f', 'the source');
      await write('/g', 'the target');
      await emulator.control.lockBy(`/Commun${locked}`, 'marie');
      await emulator.control.resetCounts();
      expect(await failure(provider.move({ path: '/f' }, { path: '/g' }, onto, never))).toBe('EBUSY');
      expect([await text('/f'), await text('/g'), await asked('upload')]).toEqual(['the source', 'the target', 0]);
    }
  });
});

describe('a rename to a name', () => {
  it.each(['403', '409', '422', 'renamed'] as const)('that is taken in the last moment, answered %s, is EEXIST: both stay as they were', async (nameExists) => {
    for (const kind of ['file', 'folder'] as const) {
      const { write, provider, backstage, emulator } = await stage({ emulator: { surprises: { nameExists } } });
      if (kind === 'file') await write('/f', 'one');
      else await provider.createFolder({ path: '/f' }, never);
      await listAll(provider, '/');
      const rule = await emulator.control.addRule({ route: `change-${kind}`, action: { kind: 'stall', at: 'request' } });
      const moving = failure(provider.move({ path: '/f' }, { path: '/g' }, { replace: false }, never));
      await expect.poll(async () => (await emulator.control.state()).stalled).toBe(1);
      await backstage.putFolder('/g');
      await emulator.control.removeRules(rule);
      expect(await moving).toBe('EEXIST');
      expect(await backstage.tree()).toEqual([kind === 'file' ? '/f' : '/f/', '/g/']);
    }
  });

  it('whose answers are lost is done once', async () => {
    for (const action of [{ kind: 'loseAnswer' }, { kind: 'close' }, { kind: 'cutResponse', afterBytes: 3 }] as const) {
      const { write, provider, backstage, strike } = await stage();
      await write('/f', 'one');
      await provider.createFolder({ path: '/d' }, never);
      await strike('change-file', action);
      await provider.move({ path: '/f' }, { path: '/d/g' }, { replace: false }, never);
      await strike('change-folder', action);
      await provider.move({ path: '/d' }, { path: '/e' }, onto, never);
      expect(await backstage.tree()).toEqual(['/e/', '/e/g']);
    }
  });

  it('over an empty folder that fails gives the empty folder back', async () => {
    const { provider, backstage, strike } = await stage();
    await provider.createFolder({ path: '/d' }, never);
    await provider.createFolder({ path: '/e' }, never);
    await strike('change-folder', { kind: 'answer', status: 423, headers: { 'content-type': 'application/json' }, body: { error: 'Verrouillé' } });
    expect(await failure(provider.move({ path: '/d' }, { path: '/e' }, onto, never))).toBe('EBUSY');
    expect(await backstage.tree()).toEqual(['/d/', '/e/']);
  });
});

describe('locks', () => {
  it('of another are EBUSY before any data moves, and are told; the own is none', async () => {
    const { write, provider, emulator, text, asked } = await stage();
    await write('/f', 'old');
    await emulator.control.lockBy('/Commun/f', 'marie');
    await emulator.control.resetCounts();
    expect(await failure(write('/f', 'new'))).toBe('EBUSY');
    await expect(write('/f', 'new')).rejects.toThrow('locked by marie');
    await expect(provider.lock?.({ path: '/f' }, never)).rejects.toThrow('locked by marie');
    expect(await failure(provider.removeFile({ path: '/f' }, never))).toBe('EBUSY');
    expect([await asked('upload'), await text('/f'), (await provider.stat({ path: '/f' }, never)).lockedBy]).toEqual([0, 'old', 'marie']);
    await emulator.control.unlock('/Commun/f');
    await provider.lock?.({ path: '/f' }, never);
    expect((await emulator.control.objects())['/Commun/f']?.lock).toBe('u');
    await provider.lock?.({ path: '/f' }, never);
    await write('/f', 'new');
    await provider.unlock?.({ path: '/f' }, never);
    await provider.unlock?.({ path: '/f' }, never);
    expect([await text('/f'), (await emulator.control.objects())['/Commun/f']?.lock]).toEqual(['new', undefined]);
  });

  it('are EOPNOTSUPP where the platform has none', async () => {
    const { write, provider } = await stage({ emulator: { surprises: { features: { lock: false } } } });
    await write('/f', 'old');
    await expect(provider.lock?.({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
  });
});

describe('what is deleted while it is open', () => {
  it('lies under a hidden name that another mount leaves alone, and that goes when its own is dead', async () => {
    const { write, provider, backstage, another } = await stage();
    await write('/d-f', bytesOf(5000));
    await provider.createFolder({ path: '/d' }, never);
    await write('/d/f', bytesOf(5000));
    const parked = await provider.park({ path: '/d/f' }, never);
    expect((await readAll(provider, parked.path)).bytes.equals(bytesOf(5000))).toBe(true);
    await provider.removeFolder({ path: '/d' }, never);
    const names = async (): Promise<number> => (await backstage.tree()).length;
    const alive = another({ settings: { instances: { own: 'another1', isDead: () => false } } });
    await alive.connect(never);
    expect((await listAll(alive, '/')).map(({ name }) => name)).toEqual(['d-f']);
    await alive.close();
    expect(await names()).toBe(2);
    const heir = another({ settings: { instances: { own: 'another2', isDead: () => true } } });
    await heir.connect(never);
    await listAll(heir, '/');
    await heir.close();
    expect(await backstage.tree()).toEqual(['/d-f']);
  });
});
