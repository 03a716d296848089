/**
 * What a platform tells beforehand, as programs meet it on a mount, as root and as another user: rights, locks,
 * attributes, trees, and the largest file. The platform is one in memory, in the process that serves the mount.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { can, driver } from '../../support/driver.js';
import { typescript, useMounts } from '../../support/mounted.js';
import { anotherUser } from '../../support/ordinary-user.js';
import type { PlatformCommand, PlatformOptions } from '../../support/platform-mount.js';
import { begin, eventually, refused, run, shell, succeed, untilOpen } from '../../support/programs.js';
import { tellerOf } from '../../support/telling.js';

const mounts = useMounts();
const isRoot = process.getuid?.() === 0;

async function start(options: Omit<PlatformOptions, 'driver'>) {
  const mounted = await mounts.mount({
    command: (mountpoint, folder) => typescript(new URL('../../support/platform-mount.ts', import.meta.url), mountpoint, folder, JSON.stringify({ driver, ...options })),
    channel: true,
  });
  await eventually('the platform is served', () => mounted.output().includes('serving\n'));
  const tell: (command: PlatformCommand) => Promise<unknown> = tellerOf(mounted.child);
  return {
    at: (name: string) => join(mounted.mountpoint, name),
    folder: mounted.folder,
    output: () => mounted.output(),
    mountpoint: mounted.mountpoint,
    text: async (path: string) => tell({ do: 'text', path }),
    calls: async () => z.array(z.string()).parse(await tell({ do: 'calls' })),
    tell,
  };
}

const asAnother = ['--reuid', String(anotherUser), '--regid', String(anotherUser), '--clear-groups'];

describe('rights', () => {
  test('show as modes, and are EACCES for root, for whom the modes do not count; rsync and editors where they allow it', async () => {
    const drive = await start({
      files: { '/fixed': 'fixed', '/secret': 'secret', '/stays': 'stays', '/full/in': 'in', '/team/f': 'old', '/team/own': 'own' },
      rights: { '/fixed': { write: false }, '/secret': { read: false }, '/stays': { remove: false }, '/full': { write: false } },
    });
    const modes = await shell('stat -c %a fixed secret stays full team', { cwd: drive.mountpoint });
    expect(modes.split('\n')).toEqual(['444', '200', '644', '555', '755', '']);
    await drive.calls();
    for (const script of [
      'echo x > fixed', 'echo x >> fixed', 'truncate -s 1 fixed', 'touch -d 2001-01-01 fixed', 'mv team/own fixed', 'cat secret', 'cp secret copy', 'rm -f stays', 'mv stays gone',
      'echo x > full/new', 'mkdir full/new', 'mv team/own full/own', 'setfattr -n user.amarre.reference -v x fixed',
    ]) {
      expect([script, await refused('bash', ['-c', script], { cwd: drive.mountpoint })]).toEqual([script, expect.stringContaining('Permission denied')]);
    }
    expect((await drive.calls()).filter((call) => /^(write|move|remove|createFolder|setModified|setAttribute|read|copy|park)/.test(call))).toEqual([]);
    // Changing what is in a folder that takes nothing new is another right.
    await shell('echo changed > full/in; chmod 600 fixed; ls full > /dev/null', { cwd: drive.mountpoint });
    await writeFile(join(drive.folder, 'f'), 'new and longer');
    await succeed('rsync', ['-a', join(drive.folder, 'f'), drive.at('team/f')]);
    await shell('cp team/own team/.own.tmp; echo edited >> team/.own.tmp; mv team/.own.tmp team/own', { cwd: drive.mountpoint });
    expect([await drive.text('/full/in'), await drive.text('/team/f'), await drive.text('/team/own'), await drive.text('/fixed')]).toEqual(['changed\n', 'new and longer', 'ownedited\n', 'fixed']);
  });

  test.runIf(isRoot)('stop other users by the modes alone, at which the kernel looks', async () => {
    const drive = await start({ files: { '/f': 'x', '/secret': 'x' }, rights: { '/secret': { read: false } } });
    await shell(`chmod 755 ${drive.folder}`);
    expect(await succeed('setpriv', [...asAnother, 'cat', drive.at('f')])).toBe('x');
    expect(await refused('setpriv', [...asAnother, 'cat', drive.at('secret')])).toContain('Permission denied');
  });
});

describe('locks', () => {
  test('a file is locked while it is open for writing; what somebody else has locked is busy for writers, and can be read', async () => {
    const drive = await start({ files: { '/f': 'content', '/g': 'other' } });
    const writer = begin('bash', ['-c', `exec 9>> ${drive.at('f')}; echo open; sleep 30`]);
    await untilOpen(writer, drive.at('f'));
    expect(await drive.tell({ do: 'lockOf', path: '/f' })).toBe('us');
    await shell('cat f g; tail -c 3 f; stat f', { cwd: drive.mountpoint });
    expect((await drive.calls()).filter((call) => call.startsWith('lock'))).toEqual(['lock /f']);
    writer.kill('SIGTERM');
    await eventually('the lock is given back', async () => await drive.tell({ do: 'lockOf', path: '/f' }) === null);
    await drive.tell({ do: 'lockFor', path: '/g', who: 'bob' });
    expect(await refused('bash', ['-c', `echo mine > ${drive.at('g')}`])).toContain('Device or resource busy');
    expect(await succeed('cat', [drive.at('g')])).toBe('other');
    expect(drive.output()).toMatch(/"path":"\/g".*is locked by bob/);
    expect(await succeed('getfattr', ['-n', 'user.amarre.lock', '--only-values', '--absolute-names', drive.at('g')])).toBe('bob');
    await drive.tell({ do: 'lockFor', path: '/g' });
    await shell('echo mine > g', { cwd: drive.mountpoint });
    expect(await drive.text('/g')).toBe('mine\n');
    // close(2) does not wait for that.
    await eventually('the lock is given back', async () => await drive.tell({ do: 'lockOf', path: '/g' }) === null);
  });

  test('flock between programs on one mount is the kernel\'s: one has it, the other waits', async () => {
    const drive = await start({ files: { '/f': 'content' } });
    const holder = begin('flock', [drive.at('f'), 'sleep', '30']);
    await eventually('the lock is held', async () => (await run('flock', ['-n', drive.at('f'), 'true'])).status === 1);
    expect((await run('flock', ['-n', '-s', drive.at('f'), 'true'])).status).toBe(1);
    const waiting = begin('flock', [drive.at('f'), 'echo', 'mine now']);
    await run('kill', ['--', `-${holder.pid}`]);
    expect((await waiting.result).stdout).toBe('mine now\n');
  });
});

test('attributes are read and set by name; copying a tree with them asks nothing, and carries none along', async () => {
  const drive = await start({ files: { '/d/f': 'content' } });
  await drive.tell({ do: 'tag', path: '/d/f', name: 'reference', value: 'R1' });
  const get = (name: string) => succeed('getfattr', ['-n', `user.amarre.${name}`, '--only-values', '--absolute-names', drive.at('d/f')]);
  expect([await get('reference'), await get('owner'), await get('provider')]).toEqual(['R1', 'ann', 'memory']);
  await succeed('setfattr', ['-n', 'user.amarre.reference', '-v', 'R2', drive.at('d/f')]);
  expect(await get('all')).toMatch(/^id=.*\nowner=ann\nprovider=memory\nreference=R2\n/);
  await succeed('setfattr', ['-x', 'user.amarre.reference', drive.at('d/f')]);
  expect(await refused('getfattr', ['-n', 'user.amarre.reference', drive.at('d/f')])).toContain('No such attribute');
  expect(await refused('setfattr', ['-n', 'user.amarre.owner', '-v', 'bob', drive.at('d/f')])).toContain('Operation not permitted');
  await drive.calls();
  await shell(`ls -lR d; getfattr -R -d d; cp -a d ${drive.folder}/copied; tar --xattrs -cf ${drive.folder}/d.tar d; rsync -aX d/ ${drive.folder}/synced`, { cwd: drive.mountpoint });
  // And back, with a name of ours that a file got elsewhere.
  await shell(`setfattr -n user.amarre.owner -v carol copied/f; cp -a copied ${drive.at('back')}; rsync -aX --delete synced/ ${drive.at('d')}; tar --xattrs -C ${drive.mountpoint} -xf d.tar`, { cwd: drive.folder });
  expect((await drive.calls()).filter((call) => call.startsWith('attributes'))).toEqual([]);
});

test('find, du and rsync walk a tree by one answer', async () => {
  const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`/t/${i % 20}/folder-${i}/file`, 'x']));
  // Longer than three programs take on a busy machine.
  const drive = await start({ files, dirTtl: 60_000 });
  expect((await succeed('find', [drive.at('t'), '-type', 'f'])).split('\n')).toHaveLength(201);
  const calls = await drive.calls();
  expect(calls.filter((call) => call.startsWith('listTree'))).toEqual(['listTree /t']);
  expect(calls.filter((call) => call.startsWith('list ')).length).toBeLessThanOrEqual(4);
  await shell('du -a t > /dev/null; rsync -an t/ nowhere/ > /dev/null', { cwd: drive.mountpoint });
  expect((await drive.calls()).filter((call) => call.startsWith('list'))).toEqual([]);
});

test('cp of a file that is larger than the platform takes fails in the middle: the older one is whole, and nothing is left', async () => {
  const drive = await start({ files: { '/f': 'old' }, maxFileSize: 5_000_000 });
  await shell(`head -c 6000000 /dev/zero > ${drive.folder}/large; head -c 5000000 /dev/zero > ${drive.folder}/just`);
  for (const name of ['f', 'new']) expect(await refused('cp', [join(drive.folder, 'large'), drive.at(name)])).toContain('File too large');
  expect([await drive.text('/f'), await succeed('cat', [drive.at('f')]), (await run('ls', [drive.at('new')])).status]).toEqual(['old', 'old', 2]);
  expect(await refused('truncate', ['-s', '5000001', drive.at('f')])).toContain('File too large');
  if (can.fallocate) expect(await refused('fallocate', ['-l', '5000001', drive.at('f')])).toContain('File too large');
  await succeed('cp', [join(drive.folder, 'just'), drive.at('f')]);
  expect((await drive.calls()).filter((call) => call.startsWith('write'))).toEqual(['write /f']);
});
