/** Notices to the kernel: they show at once, and they deadlock with nobody. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useMemoryMounts } from '../../support/memory-mounts.js';
import { shell, succeed } from '../../support/programs.js';

const mounts = useMemoryMounts();
/** Milliseconds that the kernel would believe what it knows: longer than a test. */
const long = 3_600_000;

describe('a change from elsewhere', () => {
  it('is hidden by the kernel\'s cache until a notice tells of the node', async () => {
    const mount = await mounts.mount({ ttl: long });
    const file = join(mount.mountpoint, 'f');
    await mount.tell({ do: 'plant', name: 'f', text: 'old' });
    expect(await succeed('cat', [file])).toBe('old');
    await mount.tell({ do: 'plant', name: 'f', text: 'newer' });
    expect((await succeed('stat', ['-c', '%s', file])).trim()).toBe('3');
    await mount.tell({ do: 'invalidateNode', name: 'f' });
    await expect.poll(async () => succeed('stat', ['-c', '%s', file])).toBe('5\n');
    expect(await succeed('cat', [file])).toBe('newer');
  });

  it('makes a name that was known to be absent appear', async () => {
    const mount = await mounts.mount({ ttl: long });
    const file = join(mount.mountpoint, 'f');
    expect(await shell(`test -e ${file} || echo absent`)).toBe('absent\n');
    await mount.tell({ do: 'plant', name: 'f', text: 'x' });
    expect(await shell(`test -e ${file} || echo absent`)).toBe('absent\n');
    await mount.tell({ do: 'invalidateEntry', name: 'f' });
    await expect.poll(async () => shell(`cat ${file} || echo absent`)).toBe('x');
  });

  it('of names and nodes that the kernel does not know is no trouble', async () => {
    const mount = await mounts.mount({ ttl: long });
    await mount.tell({ do: 'invalidateEntry', name: 'never-seen' });
    await mount.tell({ do: 'invalidateEntry', name: 'été ⛵' });
    await mount.tell({ do: 'invalidateNode', name: 'never-seen' });
    expect(await succeed('ls', [mount.mountpoint])).toBe('');
    expect(mount.output()).not.toContain('refused a notice');
  });
});

describe('a folder of which notices are sent', () => {
  it('while 50 processes create in it, comes to no deadlock', async () => {
    const mount = await mounts.mount({ ttl: long });
    const notices = mount.tell({ do: 'invalidateFolder', times: 1000 });
    const script = 'seq 50 | xargs -P 50 -I{} bash -c \'for i in $(seq 20); do echo {} > made-{}-$i; ls > /dev/null; done\'';
    await shell(script, { cwd: mount.mountpoint, deadline: 40_000 });
    await notices;
    expect((await shell('ls | wc -l', { cwd: mount.mountpoint })).trim()).toBe('1000');
  });
});
