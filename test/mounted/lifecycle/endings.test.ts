/** How a mount ends: signals, a busy mount, somebody else's umount, a death. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { begin, eventually, run, succeed, within, type RunningProgram } from '../../support/programs.js';

const harbour = useHarbour();

/** A file that is being sent, and will not arrive before `removeRules`. */
async function startUpload(drive: Harbour): Promise<RunningProgram> {
  await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 0 } });
  const copying = begin('dd', ['if=/dev/zero', `of=${join(drive.mountpoint, 'file')}`, 'bs=1000', 'count=300']);
  await eventually('the upload is under way', async () => (await drive.control.state()).stalled > 0);
  return copying;
}

/** A shell whose working folder is the mount, for as long as the test wants. */
async function hold(drive: Harbour): Promise<RunningProgram> {
  const holder = begin('sleep', ['60'], { cwd: drive.mountpoint, deadline: 61_000 });
  await eventually('somebody is inside', async () => (await succeed('readlink', [`/proc/${holder.pid}/cwd`])).trim() === drive.mountpoint);
  return holder;
}

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s in the foreground', (signal) => {
  test('unmounts, and ends with 0 where all was sent', async () => {
    const drive = await harbour();
    const mounted = await drive.mount();
    await succeed('cp', ['/bin/true', join(drive.mountpoint, 'copy')]);
    mounted.child.kill(signal);
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 0, signal: null });
    expect(await drive.isMounted()).toBe(false);
    expect((await readFile(join(drive.root, 'copy'))).equals(await readFile('/bin/true'))).toBe(true);
  });
});

describe('SIGTERM with a busy mount', () => {
  test('ends within 5 s, says who holds it, and the holder does not hang', async () => {
    const drive = await harbour();
    const mounted = await drive.mount();
    const holder = await hold(drive);
    const start = Date.now();
    mounted.child.kill('SIGTERM');
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 0, signal: null });
    expect(Date.now() - start).toBeLessThan(5000);
    expect(mounted.output()).toContain(`held by sleep (${holder.pid}, working directory)`);
    expect(await drive.isMounted()).toBe(false);
    expect(await drive.serving()).toEqual([]);
    holder.kill('SIGKILL');
    await holder.result;
  });

  test('and an upload: waits for it, then detaches, with 0', async () => {
    const drive = await harbour();
    const mounted = await drive.mount();
    const holder = await hold(drive);
    const copying = await startUpload(drive);
    mounted.child.kill('SIGTERM');
    await eventually('it tells that it waits', () => mounted.output().includes('waiting for 1 file'));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await drive.isMounted()).toBe(true);
    await drive.control.removeRules();
    expect((await copying.result).status).toBe(0);
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 0, signal: null });
    expect((await stat(join(drive.root, 'file'))).size).toBe(300_000);
    holder.kill('SIGKILL');
    await holder.result;
  });
});

describe('a second SIGINT', () => {
  test('stops waiting: the unsent file is listed and kept, status 6, the old version whole', async () => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'file'), 'the old version');
    const mounted = await drive.mount();
    const copying = await startUpload(drive);
    mounted.child.kill('SIGINT');
    await eventually('it tells that it waits', () => mounted.output().includes('waiting for 1 file'));
    mounted.child.kill('SIGINT');
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 6, signal: null });
    expect((await copying.result).status).toBe(1);
    const [, kept = ''] = /\n {2}\/file .*; kept in (\/.*)\n/.exec(mounted.output()) ?? [];
    expect((await stat(kept)).size).toBe(300_000);
    await drive.control.removeRules();
    expect(await readFile(join(drive.root, 'file'), 'utf8')).toBe('the old version');
  });
});

describe("somebody else's umount", () => {
  test('is noticed, and ends the command with 0', async () => {
    const drive = await harbour();
    const mounted = await drive.mount();
    await succeed('umount', [drive.mountpoint]);
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 0, signal: null });
  });

  test('with something that could not be sent: the list, and 6', async () => {
    const drive = await harbour({ quotaBytes: 1000 });
    const mounted = await drive.mount();
    expect((await run('cp', ['/proc/self/maps', join(drive.mountpoint, 'too large')])).status).toBe(1);
    await succeed('umount', [drive.mountpoint]);
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 6, signal: null });
    expect(mounted.output()).toMatch(/\/too large .*; kept in \//);
  });
});

describe('kill -9', () => {
  test('of the serving process: the command tells and ends with 7; the next mount detaches what is left, and tells', async () => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'file'), 'bytes');
    const mounted = await drive.mount();
    const [pid = 0] = await drive.serving();
    process.kill(pid, 'SIGKILL');
    expect(await within(10_000, 'the end', mounted.ended)).toEqual({ status: 7, signal: null });
    expect(mounted.output()).toMatch(/died \(SIGKILL\)/);
    expect(await drive.isMounted()).toBe(true);
    const again = await drive.daemon();
    expect(again.stderr).toMatch(/^amarre: a dead mount was left on [^\n]*: detached\n$/);
    expect(await succeed('cat', [join(drive.mountpoint, 'file')])).toBe('bytes');
    expect((await drive.umount()).status).toBe(0);
    expect(await drive.isMounted()).toBe(false);
  });

  test('of a daemon in the middle of an upload: umount detaches, lists what was being written, status 6', async () => {
    const drive = await harbour();
    await drive.daemon();
    const copying = await startUpload(drive);
    const [pid = 0] = await drive.serving();
    process.kill(pid, 'SIGKILL');
    expect((await copying.result).status).toBe(1);
    await drive.control.removeRules();
    const unmounted = await drive.umount('--cache-dir', drive.state);
    expect(unmounted.stderr).toMatch(/the process that served this mount had died; detached\n/);
    const [, kept = ''] = /\n {2}\/file .*; kept in (\/.*)\n/.exec(unmounted.stderr) ?? [];
    expect((await stat(kept)).size).toBe(300_000);
    expect(unmounted.status).toBe(6);
    expect(await drive.isMounted()).toBe(false);
  });

  test('of the command in the foreground: the serving process unmounts and ends by itself', async () => {
    const drive = await harbour();
    const mounted = await drive.mount();
    mounted.child.kill('SIGKILL');
    await mounted.ended;
    await eventually('the mount is gone', async () => !await drive.isMounted());
    await eventually('the serving process is gone', async () => (await drive.serving()).length === 0);
  });
});
