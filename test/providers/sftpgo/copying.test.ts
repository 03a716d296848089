/** Copies that SFTPGo makes by itself. (SFTPGo's page: files) */
import { symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import type { FaultAction } from '../../../src/emulators/common/faults.js';
import type { Entry, Provider } from '../../../src/providers/provider.js';
import { bytesOf, never, someTime, soon } from '../subject.js';
import { startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

const fresh = bytesOf(300_000, 3);
const old = bytesOf(5000);

/** A server with `/f` to be copied and `/g` to be replaced. */
async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  await subject.backstage.put('/f', fresh, someTime);
  await subject.backstage.put('/g', old, someTime);
  await subject.provider.connect(never);
  await subject.emulator.control.resetCounts();
  return subject;
}

async function copy(provider: Provider, to: string, options: { readonly from?: string; readonly signal?: AbortSignal } = {}): Promise<Entry> {
  const { from = '/f', signal = never } = options;
  const { version } = await subject.provider.stat({ path: from }, never);
  if (provider.copy === undefined) throw new Error('it copies nothing');
  return await provider.copy({ path: from }, { path: to }, { modified: someTime + 7000, version }, signal);
}

/** The requests, sorted where they go side by side; hidden names shown as `#`. */
async function requests(): Promise<string[]> {
  const short = (path: string | undefined): string => (path ?? '').replace(/\.amarre-[^/]+/, '#');
  return (await subject.emulator.control.log()).map(({ route, path, target }) =>
    `${route} ${short(path)}${target === undefined ? '' : ` -> ${short(target)}`}`);
}

async function expectTree(target: Buffer): Promise<void> {
  await expect.poll(() => subject.backstage.tree(), soon).toEqual(['/f', '/g']);
  expect((await subject.backstage.get('/f'))?.equals(fresh)).toBe(true);
  expect((await subject.backstage.get('/g'))?.equals(target)).toBe(true);
}

describe('a copy', () => {
  it('goes under a hidden name, is dated, looked at with its source, and takes its place by a move', async () => {
    const { provider } = await start();
    await copy(provider, '/g');
    const [stat, ...rest] = await requests();
    expect(stat).toBe('head /f');
    expect([...rest.slice(0, 3), ...rest.slice(3, 5).sort(), ...rest.slice(5)]).toEqual(['head /f', 'copy /f -> /#', 'metadata /#', 'head /#', 'head /f', 'move /# -> /g']);
    await expectTree(fresh);
  });

  it('where a request is lost, refused or cut off, the target is the older or the newer, and nothing else is left', async () => {
    const actions: readonly FaultAction[] = [
      { kind: 'close' }, { kind: 'loseAnswer' }, { kind: 'answer', status: 500, body: { message: '', error: 'failure' } }, { kind: 'answer', status: 504, body: 'late' },
      { kind: 'answer', status: 413, body: { message: '', error: 'denied due to space limit' } },
    ];
    await start();
    const { provider, backstage, emulator } = subject;
    const { version } = await provider.stat({ path: '/f' }, never);
    for (const action of actions) {
      for (let skip = 0; skip < 6; skip += 1) {
        await backstage.put('/g', old, someTime);
        await emulator.control.removeRules();
        await emulator.control.addRule({ skip, times: 1, action });
        const outcome = await provider.copy?.({ path: '/f' }, { path: '/g' }, { modified: someTime + 7000, version }, never).then(() => 'done', () => 'failed');
        await emulator.control.removeRules();
        const there = await backstage.get('/g');
        const what = `${JSON.stringify(action)} at request ${skip}: ${outcome ?? ''}`;
        if (outcome === 'done') expect([what, there?.equals(fresh)]).toEqual([what, true]);
        else expect([what, there?.equals(fresh) === true || there?.equals(old)]).toEqual([what, true]);
      }
    }
    await expect.poll(() => backstage.tree(), soon).toEqual(['/f', '/g']);
  }, 60_000);

  it('whose answer is lost is waited for while it grows', async () => {
    const { provider, emulator, root } = await start();
    await emulator.control.addRule({ route: 'copy', times: 1, action: { kind: 'answer', status: 504, body: 'a proxy that does not wait' } });
    const copying = copy(provider, '/g');
    const hidden = async (): Promise<string | undefined> => (await requests()).map((line) => /^copy .* -> /.test(line)).includes(true)
      ? (await emulator.control.log()).find(({ route }) => route === 'copy')?.target : undefined;
    await expect.poll(hidden, soon).toBeDefined();
    const target = join(root, await hidden() ?? '');
    await writeFile(target, fresh.subarray(0, 1000));
    await writeFile(target, fresh);
    await copying;
    await expectTree(fresh);
  });

  it('of what changes while it is made is ESTALE, and the older target stays', async () => {
    const { provider, emulator, root } = await start();
    const rule = await emulator.control.addRule({ route: 'metadata', times: 1, action: { kind: 'stall', at: 'request' } });
    const copying = copy(provider, '/g').then(() => 'done', (thrown: unknown) => thrown);
    await expect.poll(async () => (await emulator.control.state()).stalled, soon).toBe(1);
    await utimes(join(root, 'f'), new Date(someTime + 60_000), new Date(someTime + 60_000));
    await emulator.control.removeRules(rule);
    expect(await copying).toMatchObject({ errno: 'ESTALE' });
    await expectTree(old);
  });

  it('that is interrupted leaves the older target, and nothing else', async () => {
    const { provider, emulator } = await start();
    const rule = await emulator.control.addRule({ route: 'copy', times: 1, action: { kind: 'stall', at: 'request' } });
    const abort = new AbortController();
    const copying = copy(provider, '/g', { signal: abort.signal }).then(() => 'done', () => 'ended');
    await expect.poll(async () => (await emulator.control.state()).stalled, soon).toBe(1);
    abort.abort();
    expect(await copying).toBe('ended');
    await emulator.control.removeRules(rule);
    await expectTree(old);
  });

  it('needs room: a full quota is EDQUOT', async () => {
    const { provider } = await start({ user: 'small', emulator: { users: { small: { quotaBytes: 200_000 } } } });
    await expect(copy(provider, '/g')).rejects.toMatchObject({ errno: 'EDQUOT' });
    await expectTree(old);
  });

  it('without the right to set times has the time of its making', async () => {
    const { provider } = await start({ user: 'timeless', emulator: { users: { timeless: { rights: ['list', 'download', 'upload', 'overwrite', 'delete', 'rename', 'copy'] } } } });
    const before = Date.now();
    expect((await copy(provider, '/g')).modified).toBeGreaterThan(before - 5000);
    await expectTree(fresh);
  });
});

describe('EOPNOTSUPP, for the bytes to be sent instead', () => {
  it('without the right to copy, which is asked for once', async () => {
    const { provider } = await start({ user: 'no_copy' });
    for (let i = 0; i < 2; i += 1) await expect(copy(provider, '/g')).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    expect((await requests()).filter((line) => line.startsWith('copy'))).toHaveLength(1);
    await expectTree(old);
  });

  test.each([404, 405])('where the server has no such route (%i)', async (status) => {
    const { provider, emulator } = await start();
    await emulator.control.addRule({ route: 'copy', times: 0, action: { kind: 'answer', status, body: 'nothing here' } });
    await expect(copy(provider, '/g')).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    await expectTree(old);
  });

  it('of a symbolic link', async () => {
    const { provider, root, backstage } = await start();
    await symlink('f', join(root, 'link'));
    await expect(copy(provider, '/g', { from: '/link' })).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    await backstage.remove('/link');
    await expectTree(old);
  });
});

test('of a file that is all holes costs the emulator no room', async () => {
  const { provider, root, backstage } = await start();
  await truncate(join(root, 'f'), 3 * 2 ** 30);
  await utimes(join(root, 'f'), new Date(someTime), new Date(someTime));
  expect((await copy(provider, '/g')).size).toBe(3 * 2 ** 30);
  await backstage.remove('/f');
}, 60_000);
