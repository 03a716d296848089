import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  newInstance, openMountRecords, planPruning, recordLife, recordLimit, type MountRecord,
} from '../../src/storage/mount-records.js';
import { processLife, systemProcesses, type ProcessIdentity, type ProcessTable } from '../../src/storage/process-identity.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-records-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const here = { boot: 'boot-1', namespace: 'pid:[1]', host: 'harbour' };
const identity = (pid: number, start: string, other: Partial<ProcessIdentity> = {}): ProcessIdentity => ({ pid, start, ...here, ...other });

/** A machine on which exactly these processes live, this one among them. */
function machine(...live: readonly ProcessIdentity[]): ProcessTable {
  const all = [identity(process.pid, '1'), ...live];
  return { identify: (pid) => all.find((one) => one.pid === pid) };
}

function record(other: Partial<MountRecord> = {}): MountRecord {
  return {
    instance: 'abcdefghijkl', process: identity(77, '500'), mountpoint: '/mnt/drive', remote: 'sftpgo+https://ann@host/',
    started: '2026-01-01T00:00:00.000Z', phase: 'mounted', waiting: 0, ...other,
  };
}

async function put(...records: readonly MountRecord[]): Promise<void> {
  for (const one of records) await writeFile(join(folder, 'mounts', `${one.instance}.json`), JSON.stringify(one));
}

describe('whether the process of a record lives', () => {
  test.each([
    ['the same process', identity(77, '500'), [identity(77, '500')], 'alive'],
    ['no process of that number', identity(77, '500'), [], 'dead'],
    ['its number was given to a younger process', identity(77, '500'), [identity(77, '501')], 'dead'],
    ['the machine was booted since, and the numbers agree by chance', identity(77, '500', { boot: 'boot-0' }), [identity(77, '500')], 'dead'],
    ['another machine on a shared home', identity(77, '500', { boot: 'boot-9', host: 'other' }), [], 'unknown'],
    ['another container, whose numbers mean nothing here', identity(77, '500', { namespace: 'pid:[2]' }), [], 'unknown'],
  ] as const)('%s', (_, of, live, life) => {
    expect(processLife(of, machine(...live))).toBe(life);
  });

  test('a child that lives, one that has ended, and this process', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const known = systemProcesses.identify(child.pid ?? 0);
    if (known === undefined) throw new Error('the child was not found in /proc');
    expect(processLife(known, systemProcesses)).toBe('alive');
    expect(processLife({ ...known, start: `${Number(known.start) - 1}` }, systemProcesses)).toBe('dead');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(processLife(known, systemProcesses)).toBe('dead');
  });
});

describe('isDead', () => {
  test('an id is dead only if this machine knows that its mount is over', async () => {
    const records = await openMountRecords({ folder, processes: machine(identity(77, '500')) });
    await put(
      record({ instance: 'aaaaaaaaaaaa' }),
      record({ instance: 'bbbbbbbbbbbb', process: identity(78, '500') }),
      record({ instance: 'cccccccccccc', process: identity(77, '400') }),
      record({ instance: 'dddddddddddd', phase: 'ended' }),
      record({ instance: 'eeeeeeeeeeee', process: identity(78, '1', { namespace: 'pid:[2]' }) }),
    );
    await writeFile(join(folder, 'mounts', 'ffffffffffff.json'), '{"instance":');
    const dead = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter((letter) => records.isDead(letter.repeat(12)));
    expect(dead).toEqual(['b', 'c', 'd']);
    expect(records.isDead('../../etc/passwd')).toBe(false);
  });

  test('the mount that this process serves is not dead until it has ended', async () => {
    const records = await openMountRecords({ folder });
    const instance = newInstance();
    const own = await records.create({ instance, mountpoint: '/mnt/drive', remote: 'sftpgo+https://ann@host/' });
    expect(records.isDead(instance)).toBe(false);
    await own.update({ phase: 'ended', outcome: { status: 0, unsent: [], notes: [] } });
    expect(records.isDead(instance)).toBe(true);
  });
});

describe('the record of a mount', () => {
  test('is readable by its owner alone, and holds what came of the mount', async () => {
    const records = await openMountRecords({ folder });
    const own = await records.create({ instance: newInstance(), mountpoint: '/mnt/my drive', remote: 'sftpgo+https://ann@host/' });
    const outcome = { status: 6, unsent: [{ path: '/a', size: 3, kept: '/state/a', reason: 'the quota is full' }], notes: ['held by sh (12)'] };
    await Promise.all([own.update({ phase: 'ending', waiting: 2 }), own.update({ waiting: 1 }), own.update({ phase: 'ended', outcome })]);
    const [found] = await records.all();
    expect(found).toMatchObject({ mountpoint: '/mnt/my drive', phase: 'ended', waiting: 1, outcome });
    expect(found?.process.pid).toBe(process.pid);
    const names = await readdir(join(folder, 'mounts'));
    expect(names).toEqual([`${own.instance}.json`]);
    expect((await stat(join(folder, 'mounts', names[0] ?? ''))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'mounts'))).mode & 0o777).toBe(0o700);
  });

  test('one write that fails does not stop the next', async () => {
    const records = await openMountRecords({ folder });
    const own = await records.create({ instance: newInstance(), mountpoint: '/m', remote: 'r' });
    await rm(join(folder, 'mounts'), { recursive: true });
    await expect(own.update({ waiting: 1 })).rejects.toThrow('ENOENT');
    await openMountRecords({ folder });
    await own.update({ waiting: 2 });
    expect(await readFile(join(folder, 'mounts', `${own.instance}.json`), 'utf8')).toContain('"waiting": 2');
  });

  test('ids are 12 small letters and digits, each another', () => {
    const ids = Array.from({ length: 1000 }, newInstance);
    expect(new Set(ids).size).toBe(1000);
    expect(ids.filter((id) => !/^[a-z0-9]{12}$/.test(id))).toEqual([]);
  });
});

describe('pruning', () => {
  const now = Date.parse('2026-06-30T12:00:00.000Z');
  const dead = () => 'dead' as const;
  const over = (ago: number) => new Date(now - ago).toISOString();

  test.each([
    ['a mount that lives, however old', record(), 'alive', undefined],
    ['one that this machine cannot judge', record({ over: over(10 * recordLife) }), 'unknown', undefined],
    ['one first seen dead', record(), 'dead', 'stamp'],
    ['one over for a shorter time than its leftovers are kept', record({ over: over(recordLife - 1000) }), 'dead', undefined],
    ['one over for longer', record({ over: over(recordLife + 1000) }), 'dead', 'forget'],
  ] as const)('%s', (_, one, life, step) => {
    expect(planPruning([one], () => life, now).map((planned) => planned.step)).toEqual(step === undefined ? [] : [step]);
  });

  test('no more records are kept than the limit, and the newest are', () => {
    const many = Array.from({ length: recordLimit + 2 }, (_, index) => record({ started: String(index), over: over(index) }));
    const forgotten = planPruning(many, dead, now).map((planned) => planned.record.started);
    expect(forgotten).toEqual([String(recordLimit), String(recordLimit + 1)]);
  });

  test('a dead mount stays known as dead for its time after it was first seen so, then is forgotten, unless it is needed', async () => {
    const records = await openMountRecords({ folder, processes: machine() });
    await put(record());
    await records.prune(now, new Set());
    await records.prune(now + recordLife - 1, new Set());
    expect(records.isDead('abcdefghijkl')).toBe(true);
    await records.prune(now + recordLife + 1, new Set(['abcdefghijkl']));
    expect(records.isDead('abcdefghijkl')).toBe(true);
    await records.prune(now + recordLife + 1, new Set());
    expect(await records.all()).toEqual([]);
    expect(records.isDead('abcdefghijkl')).toBe(false);
  });
});
