/** How a mount ends, by whom it may be ended, and that the process that served it ends as well. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useMemoryMounts, type MemoryMount, type MountChange } from '../../support/memory-mounts.js';
import { mountsIn } from '../../support/mount-list.js';
import { begin, eventually, refused, shell, succeed, within, type RunningProgram } from '../../support/programs.js';

const mounts = useMemoryMounts();

/** A program whose working directory is the mount, which keeps it busy until it is killed. */
async function sitIn(mount: MemoryMount): Promise<RunningProgram> {
  const sitter = begin('sleep', ['60'], { cwd: mount.mountpoint, deadline: 70_000 });
  await eventually('the sitter sits', async () => (await readFile(`/proc/${sitter.pid}/comm`, 'utf8')).trim() === 'sleep');
  return sitter;
}

async function isMounted(mount: MemoryMount): Promise<boolean> {
  return (await mountsIn(mount.mountpoint)).length > 0;
}

describe('a mount that nobody uses', () => {
  it('is unmounted by its own process, which then ends', async () => {
    const mount = await mounts.mount();
    await shell(`echo x > ${mount.mountpoint}/f`);
    expect(await mount.tell({ do: 'unmount' })).toBe('unmounted');
    expect(await isMounted(mount)).toBe(false);
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 0, signal: null });
  });

  it('is unmounted by somebody else: the process hears of it and ends', async () => {
    const mount = await mounts.mount();
    await succeed('umount', [mount.mountpoint]);
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 0, signal: null });
    expect(mount.output()).toContain('"reason":"unmounted"');
  });

  it('is gone for `unmount` where somebody else was first', async () => {
    const mount = await mounts.mount();
    const told = mount.tell({ do: 'unmount' });
    await succeed('umount', [mount.mountpoint]).catch(() => undefined);
    expect(await told).toBe('unmounted');
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 0, signal: null });
  });
});

describe('a busy mount', () => {
  it('stays when it is to be unmounted, and says who holds it', async () => {
    const mount = await mounts.mount();
    const sitter = await sitIn(mount);
    expect(await mount.tell({ do: 'unmount' })).toEqual({ busy: `sleep (${sitter.pid}, working directory)` });
    await shell(`echo still > ${mount.mountpoint}/here`);
    sitter.kill('SIGKILL');
    await sitter.result;
    expect(await mount.tell({ do: 'unmount' })).toBe('unmounted');
  });

  it('names who has a file open', async () => {
    const mount = await mounts.mount();
    await shell(`echo x > ${mount.mountpoint}/f`);
    const reader = begin('bash', ['-c', 'exec 7< f; cd /; echo open; read -t 60 < <(sleep 60)'], { cwd: mount.mountpoint, deadline: 70_000 });
    await eventually('the file is open', async () => (await mount.report()).calls['open'] === 1);
    await eventually('the reader has left the folder', async () => JSON.stringify(await mount.tell({ do: 'unmount' })).includes('open file'));
    reader.kill('SIGKILL');
  });

  it('is detached: out of sight, its user served on, gone with him', async () => {
    const mount = await mounts.mount({ files: 3 });
    const script = 'until [ -e "$1" ]; do sleep 0.05; done; ls; exit 5';
    const user = begin('bash', ['-c', script, 'bash', join(mount.folder, 'go')], { cwd: mount.mountpoint, deadline: 40_000 });
    await eventually('the user sits', async () => (await readFile(`/proc/${user.pid}/comm`, 'utf8')).trim() === 'bash');
    await mount.tell({ do: 'detach' });
    expect(await isMounted(mount)).toBe(false);
    expect(mount.output()).toMatch(/is used by bash \(\d+, working directory\)/);
    await writeFile(join(mount.folder, 'go'), '');
    expect(await user.result).toMatchObject({ status: 5, stdout: 'file-00000\nfile-00001\nfile-00002\n' });
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 0, signal: null });
  });

  it('is aborted: its user gets an error and the process ends by itself', async () => {
    const mount = await mounts.mount();
    const sitter = await sitIn(mount);
    await mount.tell({ do: 'detach' });
    await mount.tell({ do: 'abort' });
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 0, signal: null });
    sitter.kill('SIGKILL');
  });

  it('does not keep process.exit() from ending the process, with its status', async () => {
    const mount = await mounts.mount();
    const sitter = await sitIn(mount);
    mount.child.send({ number: 1, command: { do: 'exit', status: 42 } });
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 42, signal: null });
    expect(await refused('ls', [mount.mountpoint])).toContain('Transport endpoint is not connected');
    sitter.kill('SIGKILL');
  });

  it('ends with the process though requests wait for answers that never come', async () => {
    const mount = await mounts.mount({ files: 1 });
    await mount.tell({ do: 'stall', member: 'read' });
    await mount.tell({ do: 'stall', member: 'create' });
    const reader = begin('cat', [join(mount.mountpoint, 'file-00000')]);
    await eventually('the reader waits', async () => (await mount.report()).calls['read'] !== undefined);
    // Not before: he holds the folder's lock, which the reader needs for his lookup.
    const creator = begin('touch', [join(mount.mountpoint, 'new')]);
    await eventually('the creator waits', async () => (await mount.report()).calls['create'] !== undefined);
    // A notice about the folder waits for the lock that the creator holds while he waits for us.
    await mount.tell({ do: 'invalidateEntry', name: 'new' });
    mount.child.send({ number: 1, command: { do: 'exit', status: 7 } });
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 7, signal: null });
    expect((await within(5000, 'the creator ends', creator.result)).status).toBe(1);
    expect((await within(5000, 'the reader ends', reader.result)).status).toBe(1);
  });

  it('is aborted though requests wait for answers that never come', async () => {
    const mount = await mounts.mount({ files: 1 });
    await mount.tell({ do: 'stall', member: 'create' });
    const creator = begin('touch', [join(mount.mountpoint, 'new')]);
    await eventually('he waits', async () => (await mount.report()).calls['create'] !== undefined);
    await mount.tell({ do: 'invalidateEntry', name: 'new' });
    await mount.tell({ do: 'abort' });
    expect((await within(5000, 'the creator ends', creator.result)).status).toBe(1);
    expect(await within(5000, 'the process ends', mount.ended)).toEqual({ status: 0, signal: null });
  });
});

describe('a mount whose process was killed', () => {
  it('is dead, and is detached by the next one, which says so', async () => {
    const folder = await mounts.folder();
    const first = mounts.start({ files: 1 }, folder);
    await eventually('the first serves', () => first.output().includes('serving'));
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await refused('ls', [first.mountpoint])).toContain('Transport endpoint is not connected');
    const second = mounts.start({ files: 2 }, folder);
    await eventually('the second serves', () => second.output().includes('serving'));
    expect(second.output()).toContain(`a dead mount was left on ${first.mountpoint}: detached`);
    expect(await succeed('ls', [second.mountpoint])).toBe('file-00000\nfile-00001\n');
    expect(await mountsIn(second.mountpoint)).toHaveLength(1);
  });

  it('may lie twice on one folder: both go', async () => {
    const folder = await mounts.folder();
    const first = mounts.start({ files: 1 }, folder);
    await eventually('the first serves', () => first.output().includes('serving'));
    await shell(`mount --bind ${first.mountpoint} ${first.mountpoint}`);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = mounts.start({ files: 2 }, folder);
    await eventually('the second serves', () => second.output().includes('serving'));
    expect(await mountsIn(second.mountpoint)).toHaveLength(1);
  });
});

describe('mounting is refused in one line', () => {
  async function refusal(folder: string, change: MountChange = {}): Promise<string> {
    const attempt = mounts.start({}, folder, change);
    expect(await within(15_000, 'the attempt ends', attempt.ended)).toMatchObject({ status: 3 });
    const lines = attempt.output().trim().split('\n').filter((line) => line.includes('"level":50'));
    expect(lines).toHaveLength(1);
    return lines[0] ?? '';
  }

  it('where there is no folder', async () => {
    const folder = await mounts.folder();
    await succeed('rmdir', [join(folder, 'mnt')]);
    expect(await refusal(folder)).toContain('there is no folder');
  });

  it('where it is a file', async () => {
    const folder = await mounts.folder();
    await succeed('rmdir', [join(folder, 'mnt')]);
    await writeFile(join(folder, 'mnt'), '');
    expect(await refusal(folder)).toContain('is not a folder');
  });

  it('where a drive is mounted that lives', async () => {
    const mount = await mounts.mount({ files: 1, fsname: 'the-first' });
    expect(await refusal(mount.folder)).toContain('is a mount of Amarre already (the-first)');
    expect(await succeed('ls', [mount.mountpoint])).toBe('file-00000\n');
  });

  it('where a drive is mounted that does not answer, without hanging', async () => {
    const mount = await mounts.mount({ ttl: 0 });
    mount.child.kill('SIGSTOP');
    try {
      expect(await refusal(mount.folder)).toContain('which does not answer');
    } finally {
      mount.child.kill('SIGCONT');
    }
  });

  it('where a dead mount lies that is somebody else\'s, which stays', async () => {
    const folder = await mounts.folder();
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    await shell(`exec 3<>/dev/fuse; mount -i -t fuse.other -o ${options} theirs ${folder}/mnt`);
    expect(await refused('ls', [join(folder, 'mnt')])).toContain('Transport endpoint is not connected');
    expect(await refusal(folder)).toContain('is a mount point already (fuse.other)');
    expect(await mountsIn(folder)).toHaveLength(1);
  });

  it('where the machine has no mount command', async () => {
    const folder = await mounts.folder();
    expect(await refusal(folder, { env: { PATH: '/nowhere' } })).toContain('there is no mount command on this machine: install util-linux');
    expect(await mountsIn(folder)).toEqual([]);
  });

  it('where there is no /dev/fuse', async () => {
    const folder = await mounts.folder();
    const hide = 'mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && exec "$@"';
    const line = await refusal(folder, { wrap: ['unshare', '-m', 'sh', '-c', hide, 'sh'] });
    expect(line).toContain('there is no /dev/fuse: load the module (modprobe fuse)');
  });

  it('where something else is mounted, which stays', async () => {
    const folder = await mounts.folder();
    await succeed('mount', ['-t', 'tmpfs', 'none', join(folder, 'mnt')]);
    expect(await refusal(folder)).toContain('is a mount point already (tmpfs)');
    expect(await mountsIn(folder)).toHaveLength(1);
  });
});

describe('a mount point', () => {
  it('need not be empty, may be reached by a link, and may have blanks in its name', async () => {
    const folder = await mounts.folder();
    await succeed('rmdir', [join(folder, 'mnt')]);
    await mkdir(join(folder, 'a real one'));
    await writeFile(join(folder, 'a real one', 'below'), 'x');
    await succeed('ln', ['-s', 'a real one', join(folder, 'mnt')]);
    const mount = mounts.start({ files: 1 }, folder);
    await eventually('it serves', () => mount.output().includes('serving'));
    expect(await succeed('ls', [join(folder, 'a real one')])).toBe('file-00000\n');
    expect(await mount.tell({ do: 'unmount' })).toBe('unmounted');
    expect(await succeed('ls', [join(folder, 'a real one')])).toBe('below\n');
  });
});
