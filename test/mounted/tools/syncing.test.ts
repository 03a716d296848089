/** Programs that keep two folders of the drive alike: unison both ways, rclone one way. The second run finds nothing to do. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dated, useToolsDrive } from '../../support/chosen.js';
import { run, shell, succeed } from '../../support/programs.js';
import { sameTrees, sampleTree } from './files.js';

const drive = useToolsDrive();

const list = async (top: string) => (await succeed('find', [top, '-type', 'f', '-printf', '%P %s %Ts\\n'])).split('\n').sort();

test('unison: changes of both sides reach the other, a conflict stays, and a second run does nothing', async () => {
  const place = await drive.place();
  const { mount, server, local } = place;
  await sampleTree(join(local, 'tree'), 12);
  await shell(`cp -rp ${local}/tree ${mount}/one; mkdir ${mount}/two`);
  const unison = () => run('unison', [
    join(mount, 'one'), join(mount, 'two'), '-batch', '-ui', 'text', '-times', '-perms', '0', '-fastcheck', 'true',
  ], { env: { HOME: local, UNISON: join(local, '.unison') }, deadline: 50_000 });
  expect(await unison()).toMatchObject({ status: 0 });
  await sameTrees(join(server, 'one'), join(server, 'two'));
  expect(await list(join(dated(place), 'two'))).toEqual(await list(join(local, 'tree')));

  await shell(`cd ${mount}; echo more >> 'one/folder 1/file-1.bin'; rm 'one/folder 2/file-2.bin'; echo new > two/new; mv 'two/folder 3/file-7.bin' two/moved; mkdir -p two/x/y; echo deep > two/x/y/z`);
  expect(await unison()).toMatchObject({ status: 0 });
  await sameTrees(join(server, 'one'), join(server, 'two'));
  expect((await list(join(server, 'one'))).map((line) => line.split(' ')[0])).toContain('moved');

  // It remembers what it copied by the inode number of its temporary file, and looks into it once more.
  expect(await unison()).toMatchObject({ status: 0 });
  await drive.remount();
  await drive.control.resetCounts();
  const again = await unison();
  expect([again.status, await drive.work()]).toEqual([0, []]);

  await shell(`cd ${mount}; echo first > one/new; echo second one > two/new; echo third > one/third`);
  expect(await unison()).toMatchObject({ status: 1 });
  expect(await shell(`cd ${server}; cat one/new two/new two/third`)).toBe('first\nsecond one\nthird\n');
});

test('rclone sync: the target becomes the source, and a second run, at the next mount too, moves nothing', async () => {
  const place = await drive.place();
  const { mount, server, local } = place;
  await sampleTree(join(local, 'tree'), 12);
  await shell(`cp -rp ${local}/tree ${mount}/one; mkdir ${mount}/two; echo to go > ${mount}/two/extra`);
  const sync = () => succeed('rclone', ['sync', '--config', join(local, 'none.conf'), '--create-empty-src-dirs', join(mount, 'one'), join(mount, 'two')], {
    env: { HOME: local, XDG_CACHE_HOME: local }, deadline: 50_000,
  });
  await sync();
  await sameTrees(join(server, 'one'), join(server, 'two'));
  expect(await list(join(dated(place), 'two'))).toEqual(await list(join(local, 'tree')));
  for (const remount of [false, true]) {
    if (remount) await drive.remount();
    await drive.control.resetCounts();
    await sync();
    expect(await drive.work()).toEqual([]);
  }
  await shell(`cd ${mount}/one; echo more >> 'folder 1/file-1.bin'; rm -r 'folder 2'; mv 'folder 3' renamed`);
  await sync();
  await sameTrees(join(server, 'one'), join(server, 'two'));
});
