/** tar into the drive and out of it, and its incremental archives, which go by ctime. */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { dated, useToolsDrive } from '../../support/chosen.js';
import { run, shell, succeed } from '../../support/programs.js';
import { sameTrees, sampleTree } from './files.js';

const drive = useToolsDrive({
  prepare: async (root) => { await sampleTree(join(root, 'tree')); },
});

const times = async (top: string) => (await succeed('find', [top, '-printf', '%P %y %s %Ts\\n']))
  .replace(/^(\S.*) d \d+ /gm, '$1 d ').split('\n').filter((line) => !line.startsWith(' ')).sort();

describe('tar x', () => {
  test('unpacks a tree with its times, and says nothing', async () => {
    const place = await drive.place();
    const { mount, server, local } = place;
    await sampleTree(join(local, 'tree'));
    await succeed('touch', ['-d', '2012-12-12 12:12:12 UTC', join(local, 'tree', 'empty'), join(local, 'tree', 'folder 1')]);
    await succeed('tar', ['cf', join(local, 'a.tar'), '-C', local, 'tree']);
    const { status, stderr } = await run('tar', ['xf', join(local, 'a.tar'), '-C', mount]);
    expect([status, stderr]).toEqual([0, '']);
    await sameTrees(join(local, 'tree'), join(server, 'tree'));
    expect(await times(join(dated(place), 'tree'))).toEqual(await times(join(local, 'tree')));
    expect(await times(join(mount, 'tree'))).toEqual(await times(join(local, 'tree')));
  });

  test('over what is there, from a compressed archive that lies on the drive', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'), 12);
    await succeed('tar', ['czf', join(mount, 'a.tgz'), '-C', local, 'tree']);
    await succeed('tar', ['xzf', join(mount, 'a.tgz'), '-C', mount]);
    await succeed('tar', ['xzf', join(mount, 'a.tgz'), '-C', mount, '--overwrite']);
    await succeed('tar', ['xzf', join(mount, 'a.tgz'), '-C', mount]);
    await sameTrees(join(local, 'tree'), join(server, 'tree'));
    await succeed('tar', ['dzf', join(mount, 'a.tgz'), '-C', local]);
  });
});

describe('tar c', () => {
  test('of a tree on the drive: what it holds is what the server has', async () => {
    const { mount, server, local } = await drive.place('tree');
    await succeed('tar', ['cf', join(local, 'a.tar'), '-C', mount, '.']);
    await succeed('mkdir', [join(local, 'out')]);
    await succeed('tar', ['xf', join(local, 'a.tar'), '-C', join(local, 'out')]);
    await sameTrees(server, join(local, 'out'));
    expect(await times(join(local, 'out'))).toEqual(await times(server));
  });

  test('onto the drive, appended to, and a member deleted', async () => {
    const { mount, server, local } = await drive.place();
    await shell(`cd ${local} && echo one > 1 && echo two > 2 && echo three > 3 && tar cf ${mount}/a.tar 1 2 && tar rf ${mount}/a.tar 3 && tar --delete -f ${mount}/a.tar 2`);
    expect(await succeed('tar', ['tf', join(server, 'a.tar')])).toBe('1\n3\n');
    expect(await succeed('tar', ['xOf', join(server, 'a.tar')])).toBe('one\nthree\n');
  });
});

describe('tar --listed-incremental', () => {
  test('takes a file that was replaced by `cp -p` of an older one, also from the next mount, and nothing else', async () => {
    const { mount, local } = await drive.place();
    await shell(`cd ${mount}; echo one > stays; echo two > replaced; echo three > dated; mkdir sub; echo four > sub/deep`);
    await writeFile(join(local, 'older'), 'old!');
    await succeed('touch', ['-d', '2009-09-09 UTC', join(local, 'older')]);
    // The kernel gives each mount another device number, which tar would take for another tree.
    const archive = async (name: string) => {
      const listing = await succeed('tar', ['cvf', join(local, name), '--no-check-device', '--listed-incremental', join(local, 'snapshot'), '-C', mount, '.']);
      return listing.split('\n').filter((line) => line !== '' && !line.endsWith('/')).sort();
    };
    // tar takes anew what changed in the second in which the last archive was begun: the clock has to move on.
    const nextSecond = () => sleep(1010 - (Date.now() % 1000));
    await nextSecond();
    expect(await archive('full.tar')).toEqual(['./dated', './replaced', './stays', './sub/deep']);
    await nextSecond();
    expect(await archive('first.tar')).toEqual([]);
    await nextSecond();
    await succeed('cp', ['-p', join(local, 'older'), join(mount, 'replaced')]);
    await drive.remount();
    expect(await archive('second.tar')).toEqual(['./replaced']);
    await nextSecond();
    expect(await archive('third.tar')).toEqual([]);
    expect(await succeed('tar', ['xOf', join(local, 'second.tar'), './replaced'])).toBe('old!');
    await drive.remount();
    expect(await archive('fourth.tar')).toEqual([]);
  });

  test('restores a tree onto the drive, deletions included', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'), 12);
    const archive = (name: string) => succeed('tar', ['cf', join(local, name), '--listed-incremental', join(local, 'snapshot'), '-C', join(local, 'tree'), '.']);
    await archive('0.tar');
    await shell(`cd '${local}/tree' && rm 'folder 1/file-1.bin' && echo new > added`);
    await archive('1.tar');
    for (const name of ['0.tar', '1.tar']) await succeed('tar', ['xf', join(local, name), '--listed-incremental=/dev/null', '-C', mount]);
    await sameTrees(join(local, 'tree'), server);
    expect(await readdir(server)).toContain('added');
    expect((await stat(join(server, 'added'))).size).toBe(4);
  });
});
