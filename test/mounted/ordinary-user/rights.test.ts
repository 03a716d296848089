/** Who may mount, who may enter, and the one line that each refusal is told in. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { useMemoryMounts } from '../../support/memory-mounts.js';
import { ordinaryUser, replaceHelpers, useOrdinaryUser, withoutKoffi, type World, type WorldOptions } from '../../support/ordinary-user.js';
import { eventually, refused, within } from '../../support/programs.js';

const harbour = useHarbour();
const memory = useMemoryMounts();
const ordinary = useOrdinaryUser();

async function arrive(options: WorldOptions = {}): Promise<{ drive: Harbour; user: World }> {
  const drive = await harbour();
  return { drive, user: await ordinary(drive, options) };
}

const asAnother = (user: World, command: string, parameters: readonly string[]) => user.beginAsAnother(command, parameters).result;

describe('a mount is refused in one line that names the remedy, and nothing is left', () => {
  const notSetuid = `cp "$(command -v fusermount3)" "$folder/plain"; chmod 755 "$folder/plain"; ${replaceHelpers('$folder/plain')}`;
  test.each<[string, WorldOptions, readonly string[], string]>([
    ['/dev/fuse is for root alone', { device: '600' }, [], '/dev/fuse may not be opened by this user (mode 0600): as the machine\'s root, chmod 666 /dev/fuse'],
    ['/dev/fuse is for root alone, in a user namespace', { device: '600', unshare: true }, [], '(mode 0600): as the machine\'s root, chmod 666 /dev/fuse'],
    ['there is no fusermount3', { prepare: replaceHelpers('/dev/null') }, [], 'apt-get install fuse3'],
    ['fusermount3 is not setuid', { prepare: notSetuid }, [], 'is not setuid root: apt-get install --reinstall fuse3'],
    ['there is no koffi', { prepare: withoutKoffi }, [], 'npm install koffi'],
    ['others are to be let in, and fuse.conf does not say so', { fuseConf: '#user_allow_other\n' }, ['-o', 'allow_other'], 'echo user_allow_other >> /etc/fuse.conf'],
    ['the mount point is not the user\'s', { prepare: 'chown root "$folder/mnt"' }, [], 'no write access to mountpoint'],
  ])('where %s', async (_, options, words, remedy) => {
    const { drive, user } = await arrive(options);
    const attempt = await user.amarre(...drive.mountWords(...words));
    expect([attempt.status, attempt.stdout]).toEqual([5, '']);
    expect(attempt.stderr).toMatch(/^amarre: [^\n]+\n$/);
    expect(attempt.stderr).toContain(remedy);
    expect(await user.mounts()).toEqual([]);
    expect(await drive.serving()).toEqual([]);
  });
});

test('a mount is refused where programs get no new rights, as services may be set up', async () => {
  const { drive, user } = await arrive();
  const words = [join(drive.folder, 'node'), join(drive.folder, 'amarre/dist/cli/main.js'), ...drive.mountWords()];
  const attempt = await user.run('setpriv', ['--no-new-privs', ...words], { env: drive.env });
  expect([attempt.status, attempt.stderr]).toEqual([5, expect.stringMatching(/^amarre: [^\n]*no_new_privs[^\n]*\n$/)]);
  expect(await user.mounts()).toEqual([]);
});

describe('a mount of an ordinary user', () => {
  test('is entered by nobody else, not even by root', async () => {
    const { drive, user } = await arrive();
    await writeFile(join(drive.root, 'file'), 'bytes');
    await user.amarre(...drive.mountWords('--daemon'));
    expect((await asAnother(user, 'cat', [join(drive.mountpoint, 'file')])).stderr).toContain('Permission denied');
    const [pid = 0] = await drive.serving();
    expect(await refused('nsenter', [`--mount=/proc/${pid}/ns/mnt`, 'cat', join(drive.mountpoint, 'file')])).toContain('Permission denied');
    expect((await user.amarre('umount', drive.mountpoint)).status).toBe(0);
  });

  test('with allow_other is shared, as far as the modes let others, where fuse.conf says so', async () => {
    const { drive, user } = await arrive({ fuseConf: 'user_allow_other\n' });
    await writeFile(join(drive.root, 'file'), 'bytes');
    const mounted = await user.amarre(...drive.mountWords('--daemon', '-o', 'allow_other'));
    expect([mounted.status, mounted.stderr]).toEqual([0, '']);
    const file = join(drive.mountpoint, 'file');
    expect((await asAnother(user, 'cat', [file])).stdout).toBe('bytes');
    expect((await asAnother(user, 'tee', ['-a', file])).stderr).toContain('Permission denied');
    expect((await asAnother(user, 'touch', [join(drive.mountpoint, 'new')])).stderr).toContain('Permission denied');
    // The user may not look at what another's programs hold.
    const sitter = await user.sitInsideAsAnother();
    const start = Date.now();
    const ended = await user.amarre('umount', drive.mountpoint);
    expect(Date.now() - start).toBeLessThan(5000);
    expect([ended.status, ended.stderr]).toEqual([0, expect.stringContaining('by a program that could not be found')]);
    expect(await user.mounts()).toEqual([]);
    expect(await drive.serving()).toEqual([]);
    sitter.kill('SIGKILL');
    await sitter.result;
  });

  test('shows its source, and is read-only where that is asked for', async () => {
    const { drive, user } = await arrive();
    expect((await user.amarre(...drive.mountWords('--daemon', '--read-only', '-o', 'fsname=drive'))).status).toBe(0);
    expect((await user.mounts())[0]?.source).toBe('drive');
    expect((await user.run('touch', [join(drive.mountpoint, 'new')])).stderr).toContain('Read-only file system');
    expect((await user.amarre('umount', drive.mountpoint)).status).toBe(0);
  });

  test('is not unmounted by another user', async () => {
    const { drive, user } = await arrive();
    await user.amarre(...drive.mountWords('--daemon'));
    expect((await asAnother(user, 'fusermount3', ['-u', drive.mountpoint])).status).toBe(1);
    expect(await user.mounts()).toHaveLength(1);
    expect((await user.amarre('umount', drive.mountpoint)).status).toBe(0);
  });
});

describe.each([
  { where: 'where the kernel\'s switch can be reached', world: { prepare: 'mount -t fusectl none /sys/fs/fuse/connections' }, end: { status: 42, signal: null } },
  { where: 'where nothing can abort the mount', world: {}, end: { status: null, signal: 'SIGKILL' } },
])('$where', ({ world, end }) => {
  test('process.exit() with a busy mount ends the process within 5 s', async () => {
    const { drive, user } = await arrive(world);
    const mount = memory.start({ files: 1 }, drive.folder, { wrap: user.wrap });
    await eventually('it serves', () => mount.output().includes('serving\n')).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${mount.output()}`);
    });
    expect(await user.shell(`ls ${drive.mountpoint}`)).toBe('file-00000\n');
    const sitter = await user.sitInside();
    mount.child.send({ number: 1, command: { do: 'exit', status: 42 } });
    expect(await within(5000, 'the process ends', mount.ended)).toEqual(end);
    expect((await user.run('ls', [drive.mountpoint])).stderr).toContain('Transport endpoint is not connected');
    sitter.kill('SIGKILL');
    await sitter.result;
  });
});

test('the user is an ordinary one', async () => {
  const { user } = await arrive();
  expect(await user.shell('id -u; grep CapEff /proc/self/status')).toBe(`${ordinaryUser}\nCapEff:\t0000000000000000\n`);
  expect((await user.run('cat', ['/etc/shadow'])).status).toBe(1);
});
