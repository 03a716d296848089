/**
 * Safety on the machine: whose a mount is and who may do what on it is the kernel's to say, by the
 * options that it was mounted with.
 */
import { chmod, stat } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { can } from '../../support/driver.js';
import { useDictated, type Dictated } from '../../support/dictated.js';
import { mountsIn } from '../../support/mount-list.js';
import { usePrepared } from '../../support/prepared.js';
import { succeed } from '../../support/programs.js';

const nobody = 65534;
const drive = usePrepared({ options: ['-o', `allow_other,uid=${nobody},gid=${nobody},umask=027`, '-o', 'fsname=my-drive'] });
const dictated = useDictated();

/** A program of another user. It becomes that once it runs: he may not even have the right to start it. */
async function programOf(uid: number, gid = uid): Promise<Dictated> {
  const program = dictated();
  await program.call('setgroups', []);
  await program.call('setgid', gid);
  await program.call('setuid', uid);
  return program;
}

/** The folders above the mount are this test's own, for others to pass. */
const letPass = () => chmod(drive.mountpoint.replace(/\/mnt$/, ''), 0o711);

describe('the mount table', () => {
  test('shows type fuse.amarre, the source of fsname, allow_other, and always default_permissions', async () => {
    const [mount] = await mountsIn(drive.mountpoint);
    expect([mount?.type, mount?.source]).toEqual(['fuse.amarre', 'my-drive']);
    expect(mount?.options.split(',')).toEqual(expect.arrayContaining(['rw', 'nosuid', 'nodev', 'default_permissions', 'allow_other']));
  });
});

describe('default_permissions', () => {
  test('the owner reads and writes; who is of the group reads; a stranger gets EACCES for all', async () => {
    await letPass();
    const place = await drive.prepared({ f: 'bytes', 'd/x': 'x' });
    expect(await succeed('stat', ['-c', '%u %g %a', place.at('f'), place.at('d')])).toBe(`${nobody} ${nobody} 640\n${nobody} ${nobody} 750\n`);
    const [owner, member, stranger] = [await programOf(nobody), await programOf(12_345, nobody), await programOf(12_345)];

    await owner.close(await owner.open(place.at('f'), 'os.O_RDWR'));
    expect(await owner.call('listdir', place.mount)).toEqual(['d', 'f']);

    await member.close(await member.open(place.at('f')));
    expect(await member.refused('open', place.at('f'), 'os.O_WRONLY')).toBe('EACCES');
    expect(await member.refused('unlink', place.at('f'))).toBe('EACCES');

    const calls: [string, ...unknown[]][] = [
      ['open', place.at('f'), 'os.O_RDONLY'], ['listdir', place.mount], ['stat', place.at('f')], ['unlink', place.at('f')], ['mkdir', place.at('new')],
      ['rename', place.at('f'), place.at('g')], ['truncate', place.at('f'), 0], ['chdir', place.mount],
    ];
    for (const [name, ...parameters] of calls) expect([name, await stranger.refused(name, ...parameters)]).toEqual([name, 'EACCES']);
    expect(await place.onServer('f')).toBe('bytes');
    // Root is not the owner, and may all the same.
    expect(await succeed('cat', [place.at('f')])).toBe('bytes');
  });

  test('only the owner may set a time or a mode', async () => {
    await letPass();
    const place = await drive.prepared({ f: 'bytes' });
    const member = await programOf(12_345, nobody);
    expect(await member.refused('utime', place.at('f'), 1_000_000_000_000)).toBe('EPERM');
    expect(await member.refused('chmod', place.at('f'), 0o600)).toBe('EPERM');
    const owner = await programOf(nobody);
    await owner.call('utime', place.at('f'), 1_000_000_000_000);
    expect((await stat(`${place.server}/f`)).mtimeMs).toBe(1_000_000_000_000);
  });
});

describe('new files', () => {
  test('belong to the program\'s uid and gid while the inode is in memory, and to the mount\'s at the next one', async () => {
    await letPass();
    const place = await drive.prepared();
    await place.shell('echo x > of-root; mkdir folder-of-root');
    const owner = await programOf(nobody);
    await owner.close(await owner.open(place.at('of-nobody'), 'os.O_WRONLY|os.O_CREAT'));
    const owners = () => place.shell('stat -c "%u %g %n" of-root folder-of-root of-nobody');
    const root = can.knowsCaller ? '0 0' : `${nobody} ${nobody}`;
    expect(await owners()).toBe(`${root} of-root\n${root} folder-of-root\n${nobody} ${nobody} of-nobody\n`);
    await drive.remount();
    expect(await owners()).toBe(`${nobody} ${nobody} of-root\n${nobody} ${nobody} folder-of-root\n${nobody} ${nobody} of-nobody\n`);
  });
});

describe('-o ro', () => {
  test('refuses every change with EROFS', async () => {
    await drive.remount('--read-only');
    const place = await drive.prepared({ f: 'bytes' });
    const program = dictated();
    const calls: [string, ...unknown[]][] = [
      ['open', place.at('f'), 'os.O_WRONLY'], ['open', place.at('new'), 'os.O_WRONLY|os.O_CREAT'], ['unlink', place.at('f')], ['mkdir', place.at('d')],
      ['rename', place.at('f'), place.at('g')], ['truncate', place.at('f'), 0], ['utime', place.at('f'), 0], ['chmod', place.at('f'), 0o600],
    ];
    for (const [name, ...parameters] of calls) expect([name, await program.refused(name, ...parameters)]).toEqual([name, 'EROFS']);
    expect(await succeed('cat', [place.at('f')])).toBe('bytes');
    expect(await place.onServer('f')).toBe('bytes');
    const [mount] = await mountsIn(drive.mountpoint);
    expect(mount?.options.split(',')).toContain('ro');
  });
});
