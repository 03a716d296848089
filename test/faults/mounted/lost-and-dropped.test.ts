/** A network that fails under real tools: answers that never come back, and lines that drop in the middle. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { untilStalled, untilState } from '../../support/control.js';
import { begin, eventually, refused, run, succeed } from '../../support/programs.js';

const harbour = useHarbour();

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function mounted(...options: readonly string[]): Promise<Harbour> {
  return await mountedOver({}, ...options);
}

async function mountedOver(files: Readonly<Record<string, Uint8Array>>, ...options: readonly string[]): Promise<Harbour> {
  const drive = await harbour();
  for (const [name, content] of Object.entries(files)) await writeFile(join(drive.root, name), content);
  await writeFile(join(drive.root, 'file'), 'content');
  await writeFile(join(drive.root, 'other'), 'other content');
  await mkdir(join(drive.root, 'folder', 'below'), { recursive: true });
  await drive.daemon('--stall-timeout', '1s', '--server-timeout', '3s', '--attr-ttl', '0s', ...options);
  await succeed('ls', ['-lR', drive.mountpoint]);
  return drive;
}

const shown = async (drive: Harbour): Promise<string[]> => (await readdir(drive.root, { recursive: true })).filter((name) => !name.includes('.amarre-')).sort();

describe('the answer is lost, and the server has done it', () => {
  test.each([
    { what: 'mv', route: 'move', script: 'mv -T file renamed', names: ['folder', 'folder/below', 'other', 'renamed'] },
    { what: 'mv over a file', route: 'move', script: 'mv -T file other', names: ['folder', 'folder/below', 'other'] },
    { what: 'mv of a folder', route: 'move', script: 'mv -T folder renamed', names: ['file', 'other', 'renamed', 'renamed/below'] },
    { what: 'mkdir', route: 'mkdir', script: 'mkdir new', names: ['file', 'folder', 'folder/below', 'new', 'other'] },
    { what: 'mkdir -p', route: 'mkdir', script: 'mkdir -p new/deep', names: ['file', 'folder', 'folder/below', 'new', 'new/deep', 'other'] },
    { what: 'rmdir', route: 'rmdir', script: 'rmdir folder/below', names: ['file', 'folder', 'other'] },
    { what: 'rm', route: 'delete', script: 'rm file', names: ['folder', 'folder/below', 'other'] },
  ])('$what succeeds, and the mount shows what the server has', async ({ route, script, names }) => {
    const drive = await mounted();
    await drive.control.addRule({ route, action: { kind: 'loseAnswer' } });
    expect(await run('bash', ['-c', `cd ${drive.mountpoint}; ${script}`])).toMatchObject({ status: 0, stderr: '' });
    expect(await shown(drive)).toEqual(names);
    expect((await succeed('find', [drive.mountpoint, '-mindepth', '1', '-printf', '%P\n'])).trimEnd().split('\n').sort()).toEqual(names);
    if (names.includes('renamed')) expect((await stat(join(drive.root, 'renamed'))).isDirectory()).toBe(script.includes('folder'));
    await drive.umount();
  });

  test('mkdir of what is there is still EEXIST', async () => {
    const drive = await mounted();
    await drive.control.addRule({ route: 'mkdir', times: 0, action: { kind: 'loseAnswer' } });
    expect(await refused('mkdir', [join(drive.mountpoint, 'folder')])).toContain('File exists');
    await drive.control.removeRules();
    await drive.umount();
  });
});

describe('the line drops in the middle', () => {
  test('of ls (promise 5): an error, never an empty or a shorter folder; then it shows all again', async () => {
    const drive = await mounted('--dir-ttl', '0s');
    const many = join(drive.root, 'many');
    await mkdir(many);
    for (let i = 0; i < 3000; i += 1) await writeFile(join(many, `entry-${i}`), '');
    await drive.control.addRule({ route: 'list', path: '/many', times: 0, action: { kind: 'stall', at: 'responseBody', afterBytes: 2000 } });
    const listing = begin('ls', [join(drive.mountpoint, 'many')], { deadline: 40_000 });
    await untilStalled(drive.control);
    await drive.stopServer();
    const result = await listing.result;
    expect([result.status, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toMatch(/Input\/output error/);
    await drive.startServer();
    expect((await succeed('ls', [join(drive.mountpoint, 'many')])).trimEnd().split('\n')).toHaveLength(3000);
    await drive.umount();
  });

  test('of a folder that is mirrored: rsync --delete deletes nothing on the other side', async () => {
    const drive = await mounted('--dir-ttl', '0s');
    const mirror = join(drive.folder, 'mirror');
    await succeed('rsync', ['-a', '--delete', `${drive.mountpoint}/`, mirror]);
    const before = (await readdir(mirror, { recursive: true })).sort();
    for (const action of [{ kind: 'close' }, { kind: 'answer', status: 503 }, { kind: 'cutResponse', afterBytes: 30 }] as const) {
      await drive.control.addRule({ route: 'list', path: '/folder', times: 0, action });
      expect(await refused('rsync', ['-a', '--delete', `${drive.mountpoint}/`, mirror], { deadline: 40_000 })).toMatch(/Input\/output error/);
      await drive.control.removeRules();
      expect((await readdir(mirror, { recursive: true })).sort()).toEqual(before);
    }
    await drive.umount();
  });

  test('of cp from the drive: cp fails or has it whole, and never ends well with less', async () => {
    const content = randomBytes(6_000_000);
    const drive = await mountedOver({ large: content });
    const copied = join(drive.folder, 'copied');
    await drive.control.addRule({ route: 'get', times: 0, action: { kind: 'stall', at: 'responseBody', afterBytes: 700_000 } });
    const copying = begin('cp', [join(drive.mountpoint, 'large'), copied], { deadline: 40_000 });
    await untilStalled(drive.control);
    await drive.stopServer();
    const result = await copying.result;
    expect([result.status, result.stderr]).toEqual([1, expect.stringMatching(/Input\/output error/)]);
    await drive.startServer();
    // A line that comes back while the program reads is nothing that it hears of.
    await drive.control.addRule({ route: 'get', action: { kind: 'cutResponse', afterBytes: 700_000 } });
    await succeed('cp', [join(drive.mountpoint, 'large'), copied]);
    expect(digest(await readFile(copied))).toBe(digest(content));
    await drive.umount();
  });

  test('of cp to the drive, and it comes back in time: cp succeeds, over a file and for a new one', async () => {
    const drive = await mounted();
    const source = join(drive.folder, 'source');
    const content = randomBytes(3_000_000);
    await writeFile(source, content);
    for (const name of ['file', 'new']) {
      await drive.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } });
      const copying = begin('cp', [source, join(drive.mountpoint, name)], { deadline: 40_000 });
      await untilStalled(drive.control);
      await drive.stopServer();
      await drive.startServer();
      expect(await copying.result).toMatchObject({ status: 0, stderr: '' });
      expect(digest(await readFile(join(drive.root, name)))).toBe(digest(content));
    }
    await untilState(drive.control, ({ inFlight }) => inFlight === 0);
    expect((await drive.umount()).status).toBe(0);
    await eventually('nothing hidden is left', async () => (await readdir(drive.root)).every((name) => !name.startsWith('.amarre-')));
  });
});
