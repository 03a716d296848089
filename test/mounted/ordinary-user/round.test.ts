/** A day in the life of a drive that an ordinary user mounts, by each of the ways there are. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { ordinaryUser, useOrdinaryUser, type World } from '../../support/ordinary-user.js';
import { eventually, within } from '../../support/programs.js';

const harbour = useHarbour();
const ordinary = useOrdinaryUser();

/** Without fusermount3: the way through a namespace needs none. */
const withoutHelper = 'for name in fusermount3 fusermount; do path=$(command -v "$name") && mount --bind /dev/null "$(readlink -f "$path")"; done; true';

describe.each([
  { way: 'fusermount3', world: {} },
  { way: 'unshare -Urm', world: { unshare: true, prepare: withoutHelper } },
])('through $way', ({ way, world }) => {
  const arrive = async (): Promise<{ drive: Harbour; user: World }> => {
    const drive = await harbour();
    return { drive, user: await ordinary(drive, world) };
  };
  const inNamespace = way !== 'fusermount3';

  test('ls, cp, rsync, rm, amarre umount: all as root has it', async () => {
    const { drive, user } = await arrive();
    await mkdir(join(drive.root, 'papers'));
    await writeFile(join(drive.root, 'papers', 'a letter.txt'), 'Dear reader');
    const started = await user.amarre(...drive.mountWords('--daemon'));
    expect([started.status, started.stdout, started.stderr]).toEqual([0, '', '']);

    const [mount, ...others] = await user.mounts();
    expect(others).toEqual([]);
    expect(mount?.type).toBe('fuse.amarre');
    expect(mount?.source).toMatch(/^sftpgo\+http:\/\/127\.0\.0\.1:\d+$/);
    const line = await user.shell(`grep ' ${drive.mountpoint} ' /proc/self/mounts`);
    for (const option of ['nosuid', 'nodev', 'default_permissions', 'max_read=1048576', `user_id=${inNamespace ? 0 : ordinaryUser}`]) {
      expect(line.split(/[ ,]/)).toContain(option);
    }

    const at = drive.mountpoint;
    expect(await user.shell(`stat -c '%u %a %F' ${at} ${at}/papers '${at}/papers/a letter.txt'; cat ${at}/papers/*`))
      .toBe(`${['755 directory', '755 directory', '644 regular file'].map((kind) => `${inNamespace ? 0 : ordinaryUser} ${kind}\n`).join('')}Dear reader`);
    await user.shell(`head -c 3000000 /dev/urandom > $TMPDIR/big; cp $TMPDIR/big ${at}/big; cmp $TMPDIR/big ${at}/big; mv ${at}/big ${at}/papers/moved`);
    expect((await readFile(join(drive.root, 'papers', 'moved'))).equals(await readFile(join(drive.folder, 'tmp', 'big')))).toBe(true);

    await user.shell(`mkdir -p $TMPDIR/tree/below; echo one > $TMPDIR/tree/one; touch -d 2020-02-02 $TMPDIR/tree/one; echo two > $TMPDIR/tree/below/two`);
    await user.shell(`rsync -a $TMPDIR/tree/ ${at}/tree/`);
    expect(await user.shell(`rsync -ai $TMPDIR/tree/ ${at}/tree/`)).toBe('');
    expect(await user.shell(`rsync -ai ${at}/tree/ $TMPDIR/back/; diff -r $TMPDIR/tree $TMPDIR/back`)).toContain('below/two');
    expect((await stat(join(drive.root, 'tree', 'one'))).mtime).toEqual(new Date('2020-02-02T00:00:00Z'));
    await user.shell(`rm -r ${at}/tree; df ${at}; ls -l ${at}`);
    await expect(stat(join(drive.root, 'tree'))).rejects.toThrow('ENOENT');

    const ended = await user.amarre('umount', at);
    expect([ended.status, ended.stdout, ended.stderr]).toEqual([0, '', '']);
    expect(await user.mounts()).toEqual([]);
    expect(await drive.serving()).toEqual([]);
  });

  test('the demo tries itself out, and leaves nothing', async () => {
    const { drive, user } = await arrive();
    const demo = await user.amarre('demo', '--check');
    expect([demo.status, demo.stderr]).toEqual([0, '']);
    expect(demo.stdout).toContain('All as it must be.');
    expect(await user.shell('ls $TMPDIR')).toBe('');
    expect(await drive.serving()).toEqual([]);
  });

  test('the system\'s own way to unmount ends the command with 0', async () => {
    const { drive, user } = await arrive();
    const mounted = await user.mount();
    await user.shell(`cp /bin/true ${drive.mountpoint}/copy`);
    await user.shell(inNamespace ? `umount ${drive.mountpoint}` : `fusermount3 -u ${drive.mountpoint}`);
    expect(await within(10_000, 'the end', mounted.result)).toMatchObject({ status: 0 });
    expect((await readFile(join(drive.root, 'copy'))).equals(await readFile('/bin/true'))).toBe(true);
  });

  test('a busy mount ends within 5 s, with its status; who holds it is named and does not hang', async () => {
    const { drive, user } = await arrive();
    const mounted = await user.mount();
    const sitter = await user.sitInside();
    await user.shell(`echo sent > ${drive.mountpoint}/file`);
    const [pid = 0] = await drive.serving();
    const start = Date.now();
    process.kill(pid, 'SIGTERM');
    const ended = await within(10_000, 'the end', mounted.result);
    expect(Date.now() - start).toBeLessThan(5000);
    expect(ended).toMatchObject({ status: 0, signal: undefined });
    expect(ended.stderr).toContain(`held by sleep (${sitter.pid}, working directory)`);
    expect(await user.mounts()).toEqual([]);
    expect(await drive.serving()).toEqual([]);
    expect(await readFile(join(drive.root, 'file'), 'utf8')).toBe('sent\n');
    // He sits in a mount that is gone: calls fail, and the kill is heard.
    sitter.kill('SIGKILL');
    await sitter.result;
  });

  test('a busy mount of a daemon: amarre umount returns within 5 s with 0, and no process is left', async () => {
    const { drive, user } = await arrive();
    await user.amarre(...drive.mountWords('--daemon'));
    const sitter = await user.sitInside();
    const start = Date.now();
    const ended = await user.amarre('umount', drive.mountpoint);
    expect(Date.now() - start).toBeLessThan(5000);
    expect(ended.stderr).toContain(`held by sleep (${sitter.pid}, working directory)`);
    expect(ended.status).toBe(0);
    expect(await user.mounts()).toEqual([]);
    expect(await drive.serving()).toEqual([]);
  });

  test('after kill -9: the command ends with 7, the next mount detaches the dead one and tells', async () => {
    const { drive, user } = await arrive();
    await writeFile(join(drive.root, 'file'), 'bytes');
    const mounted = await user.mount();
    const [pid = 0] = await drive.serving();
    process.kill(pid, 'SIGKILL');
    expect(await within(10_000, 'the end', mounted.result)).toMatchObject({ status: 7 });
    expect((await user.run('ls', [drive.mountpoint])).stderr).toContain('Transport endpoint is not connected');
    const again = await user.amarre(...drive.mountWords('--daemon'));
    expect([again.status, again.stderr]).toEqual([0, expect.stringMatching(/^amarre: a dead mount was left on [^\n]*: detached\n$/)]);
    expect(await user.mounts()).toHaveLength(1);
    expect(await user.shell(`cat ${drive.mountpoint}/file`)).toBe('bytes');
    const [second = 0] = await drive.serving();
    process.kill(second, 'SIGKILL');
    await eventually('it is dead', async () => (await drive.serving()).length === 0);
    const ended = await user.amarre('umount', drive.mountpoint, '--cache-dir', drive.state);
    expect(ended.status).toBe(0);
    expect(ended.stderr).toMatch(/the process that served this mount had died; detached\n/);
    expect(await user.mounts()).toEqual([]);
  });
});
