/** zip and unzip, and what looks for changes and copies by other means: find -newer, grep -r, du, install, mv between file systems. */
import { existsSync } from 'node:fs';
import { readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dated, useToolsDrive } from '../../support/chosen.js';
import { shell, succeed } from '../../support/programs.js';
import { content, randomFile, sameTrees, sampleTree, soon, text } from './files.js';

const drive = useToolsDrive({
  prepare: async (root) => { await sampleTree(join(root, 'tree'), 16); },
});

const times = async (top: string) => (await succeed('find', [top, '-type', 'f', '-printf', '%P %s %Ts\\n'])).split('\n').sort();

describe('zip', () => {
  test('of a tree on the drive, onto the drive; freshened, a member deleted, tested and unpacked there with its times', async () => {
    const place = await drive.place();
    const { mount, server, local } = place;
    await sampleTree(join(local, 'tree'), 16);
    // The format's times are of two seconds.
    await shell(`cd ${local}/tree; find . -type f -exec touch -d '2019-08-07 06:05:04 UTC' {} +; cp -rp . ${mount}/tree`);
    await shell(`cd ${mount}; zip -qr a.zip tree; echo changed > tree/added; zip -qr a.zip tree; zip -qd a.zip 'tree/folder 1/file-1.bin'; zip -T a.zip; unzip -q a.zip -d out`);
    await succeed('rm', [join(mount, 'tree/folder 1/file-1.bin')]);
    await sameTrees(join(server, 'tree'), join(server, 'out', 'tree'));
    expect(await times(join(dated(place), 'out', 'tree', 'folder 0'))).toEqual(await times(join(local, 'tree', 'folder 0')));
    await succeed('unzip', ['-tq', join(server, 'a.zip')]);
    // Its temporary file beside the archive is gone.
    expect((await readdir(server)).sort()).toEqual(['a.zip', 'out', 'tree']);
    // Over what is there: with its question answered, and by time.
    await shell(`cd ${mount}; echo other > out/tree/added; unzip -qo a.zip -d out`);
    expect(await text(join(server, 'out', 'tree', 'added'))).toBe('changed\n');
  });
});

describe('find -newer', () => {
  test('finds what was written since the mark, and only that', async () => {
    const place = await drive.place();
    const { mount, server } = place;
    await shell(`cd ${mount}; mkdir d; for n in 1 2 3; do echo $n > d/$n; touch -d "2020-01-0$n UTC" d/$n; done; touch -d '2020-01-02 UTC' mark`);
    const newer = async (top: string) => (await succeed('find', [join(top, 'd'), '-type', 'f', '-newer', join(top, 'mark'), '-printf', '%f\\n'])).trimEnd();
    await soon(() => readdir(server)).toContain('mark');
    expect([await newer(mount), await newer(dated(place))]).toEqual(['3', '3']);
    await shell(`cd ${mount}; touch -d '2020-01-05 UTC' d/1; touch -d '2020-01-04 UTC' mark`);
    expect([await newer(mount), await newer(dated(place))]).toEqual(['1', '1']);
  });
});

describe('grep -r', () => {
  test('finds words in files never read before, also where they cross pages, and nothing that is not there', async () => {
    const { mount, server } = await drive.place('tree');
    await shell(`cd ${mount}/'folder 1'; { head -c 4090 /dev/zero | tr '\\0' a; echo; echo a needle in it; } > hay; mkdir -p deep; cp hay deep/other`);
    const found = async (top: string) => (await succeed('grep', ['-rlac', 'a needle in it', top])).trimEnd().split('\n').map((line) => line.slice(top.length)).sort();
    expect(await found(mount)).toEqual(['/folder 1/deep/other', '/folder 1/hay']);
    expect(await found(server)).toEqual(await found(mount));
    expect(await shell(`grep -rl 'not to be found anywhere' ${mount} || echo nothing`)).toBe('nothing\n');
    await succeed('rm', ['-r', join(mount, 'folder 1', 'hay'), join(mount, 'folder 1', 'deep', 'other')]);
  });
});

describe('du', () => {
  test('of a tree: the sum of its files, the same before they were read and after', async () => {
    const { mount, server } = await drive.place('tree');
    const sum = async (top: string) => shell(`find ${top} -type f -print0 | du --files0-from=- -cb | tail -n 1`);
    const before = await sum(mount);
    await succeed('grep', ['-rc', 'x', mount]).catch(() => undefined);
    expect([before, await sum(mount)]).toEqual([await sum(server), await sum(server)]);
  });
});

describe('install', () => {
  test('makes folders, takes the place of what is there, keeps the time with -p and a backup with -b', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'one'), 100_000);
    await randomFile(join(local, 'two'), 5000);
    await utimes(join(local, 'one'), 1_500_000_000, 1_500_000_000);
    await succeed('install', ['-D', '-p', '-m', '644', join(local, 'one'), join(mount, 'a/b/program')]);
    expect((await stat(join(server, 'a/b/program'))).mtimeMs).toBe(1_500_000_000_000);
    await succeed('install', ['-b', '-m', '755', join(local, 'two'), join(mount, 'a/b/program')]);
    expect(await content(join(server, 'a/b/program'))).toEqual(await content(join(local, 'two')));
    expect(await content(join(server, 'a/b/program~'))).toEqual(await content(join(local, 'one')));
    // -C writes nothing where nothing differs.
    await drive.control.resetCounts();
    await succeed('install', ['-C', '-m', '644', join(local, 'two'), join(mount, 'a/b/program')]);
    expect(await drive.requests('writing')).toBe(0);
    expect((await readdir(join(server, 'a/b'))).sort()).toEqual(['program', 'program~']);
  });
});

describe('mv from another file system', () => {
  test('over a file with another content, and with -b: the new content with its time, the old one beside it', async () => {
    const { mount, server, local } = await drive.place();
    for (const name of ['first', 'second', 'third']) {
      await randomFile(join(local, name), 70_000);
      await utimes(join(local, name), 1_400_000_000, 1_400_000_000);
    }
    const [second, third] = [await content(join(local, 'second')), await content(join(local, 'third'))];
    await succeed('mv', [join(local, 'first'), join(mount, 'file')]);
    await succeed('mv', [join(local, 'second'), join(mount, 'file')]);
    expect(await content(join(server, 'file'))).toEqual(second);
    await succeed('mv', ['-b', join(local, 'third'), join(mount, 'file')]);
    expect([await content(join(server, 'file')), await content(join(server, 'file~'))]).toEqual([third, second]);
    expect((await stat(join(server, 'file'))).mtimeMs).toBe(1_400_000_000_000);
    expect(existsSync(join(local, 'third'))).toBe(false);
    await succeed('mv', [join(mount, 'file~'), join(local, 'back')]);
    expect(await content(join(local, 'back'))).toEqual(second);
    expect((await stat(join(local, 'back'))).mtimeMs).toBe(1_400_000_000_000);
    expect(await readdir(server)).toEqual(['file']);
  });
});

describe('dd', () => {
  test('from the drive to the drive, with holes, in blocks that fit nothing, and by pieces in reverse', async () => {
    const { mount, server, local } = await drive.place();
    await shell(`cd ${local}; { head -c 100000 /dev/urandom; head -c 300000 /dev/zero; head -c 12345 /dev/urandom; } > f`);
    await shell(`cd ${mount}; dd if=${local}/f of=a bs=7777 conv=sparse status=none; dd if=a of=b bs=1M status=none; dd if=b of=c ibs=999 obs=4096 status=none
for i in 4 2 0 3 1; do dd if=c of=d bs=100000 skip=$i seek=$i count=1 conv=notrunc,nocreat status=none 2>/dev/null || dd if=c of=d bs=100000 skip=$i seek=$i count=1 conv=notrunc status=none; done`);
    for (const name of ['a', 'b', 'c', 'd']) expect(await content(join(server, name))).toEqual(await content(join(local, 'f')));
    await shell(`cd ${mount}; dd if=/dev/zero of=a bs=1 count=0 seek=5000 status=none; dd if=/dev/null of=b status=none`);
    await soon(async () => [(await stat(join(server, 'a'))).size, (await stat(join(server, 'b'))).size]).toEqual([5000, 0]);
  });
});
