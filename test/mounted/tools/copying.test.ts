/** cp, mv, rm, mkdir and ln on the mount; the truth is what lies on the server's disk. */
import { existsSync } from 'node:fs';
import { link, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chosenCases, dated, testUnlessLeftOut, useToolsDrive } from '../../support/chosen.js';
import { longAgo } from '../../support/prepared.js';
import { refused, run, succeed } from '../../support/programs.js';
import { content, randomFile, sameTrees, sampleTree, soon, text, whilePagesStay } from './files.js';

const sizes = [0, 1, 4095, 4096, 4097, 1_048_575, 1_048_576, 1_048_577];

const drive = useToolsDrive({
  async prepare(root) {
    for (const size of sizes) await randomFile(join(root, 'sizes', `${size}`), size);
    await sampleTree(join(root, 'tree'));
    for (const name of ['target/kept', 'target/sub/kept', 'tree/file']) await randomFile(join(root, 'linked', name), 100);
    await symlink('../target', join(root, 'linked', 'tree', 'link'));
    await randomFile(join(root, 'large', 'file-0'), 40_000_003);
    await utimes(join(root, 'large', 'file-0'), longAgo, longAgo);
    for (let i = 1; i < 10; i += 1) await link(join(root, 'large', 'file-0'), join(root, 'large', `file-${i}`));
  },
});

describe('cp', () => {
  test.each(chosenCases('into the drive', sizes, String))('into the drive: %i bytes', async (size) => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'file'), size);
    // An empty file has no close that could tell: fsync is the way to know.
    await succeed('cp', [join(local, 'file'), mount]);
    if (size === 0) await succeed('sync', [join(mount, 'file')]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(local, 'file')));
  });

  test.each(chosenCases('out of the drive', sizes, String))('out of the drive: %i bytes', async (size) => {
    const { mount, server, local } = await drive.place('sizes');
    await succeed('cp', [join(mount, `${size}`), local]);
    expect(await content(join(local, `${size}`))).toEqual(await content(join(server, `${size}`)));
  });

  test('out of the drive: 40 MB that were never read before, by ranges, each byte once', async () => {
    const { mount, server, local } = await drive.place('large');
    const sent = await whilePagesStay(async (attempt) => {
      const name = `file-${attempt}`;
      await drive.control.resetCounts();
      await succeed('cp', [join(mount, name), local]);
      expect(await content(join(local, name))).toEqual(await content(join(server, name)));
      return (await drive.reads()).reduce((sum, { bytes }) => sum + bytes, 0);
    });
    expect(sent).toBe(40_000_003);
  });

  test('over a longer file: nothing of the old one is left', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'long'), 3_000_000);
    await randomFile(join(local, 'short'), 1000);
    await succeed('cp', [join(local, 'long'), join(mount, 'file')]);
    await succeed('cp', [join(local, 'short'), join(mount, 'file')]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(local, 'short')));
    expect(await readdir(server)).toEqual(['file']);
  });

  test('within the drive', async () => {
    const { mount, server } = await drive.place();
    const { mount: from } = await drive.place('tree');
    await succeed('cp', ['-r', from, join(mount, 'copy')]);
    await sameTrees(join(drive.root, 'tree'), join(server, 'copy'));
  });

  test('-n and -u leave what is there', async () => {
    const { mount, server, local } = await drive.place();
    await writeFile(join(local, 'file'), 'new');
    await utimes(join(local, 'file'), 1_000_000_000, 1_000_000_000);
    await writeFile(join(local, 'other'), 'old');
    await succeed('cp', [join(local, 'other'), join(mount, 'file')]);
    await run('cp', ['-n', join(local, 'file'), mount]);
    await succeed('cp', ['-u', join(local, 'file'), mount]);
    expect(await text(join(server, 'file'))).toBe('old');
  });
});

describe('cp -p', () => {
  test('keeps the time, shown to the second from the first moment, and says nothing', async () => {
    const { mount, server, local } = await drive.place();
    const [source, copy] = [join(local, 'file'), join(mount, 'file')];
    await randomFile(source, 10_000);
    await succeed('touch', ['-d', '2021-03-04 05:06:07.987654321 UTC', source]);
    const { stderr, status } = await run('cp', ['-p', source, copy]);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const shown = (await succeed('stat', ['-c', '%.9Y', copy])).trim();
    expect(shown).toBe('1614834367.000000000');
    expect(Math.floor((await stat(join(server, 'file'))).mtimeMs / 1000)).toBe(1_614_834_367);
    await drive.remount();
    expect((await succeed('stat', ['-c', '%.9Y', copy])).trim()).toBe(shown);
  });

  test('-r keeps the times of a tree, both ways', async () => {
    const place = await drive.place();
    const { mount, server, local } = place;
    await sampleTree(join(local, 'tree'));
    await succeed('touch', ['-d', '2020-02-02 02:02:02 UTC', join(local, 'tree', 'empty'), join(local, 'tree')]);
    const { stderr, status } = await run('cp', ['-rp', join(local, 'tree'), mount]);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    await sameTrees(join(local, 'tree'), join(server, 'tree'));
    await succeed('cp', ['-rp', join(mount, 'tree'), join(local, 'back')]);
    await sameTrees(join(local, 'tree'), join(local, 'back'));
    const times = async (top: string) => (await succeed('find', [top, '-printf', '%P %Ts\\n'])).split('\n').sort();
    const wanted = await times(join(local, 'tree'));
    expect(await times(join(dated(place), 'tree'))).toEqual(wanted);
    expect(await times(join(local, 'back'))).toEqual(wanted);
  });
});

describe('cp -r', () => {
  test('in', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'));
    await succeed('cp', ['-r', join(local, 'tree'), mount]);
    await sameTrees(join(local, 'tree'), join(server, 'tree'));
  });

  test('out', async () => {
    const { mount, server, local } = await drive.place('tree');
    await succeed('cp', ['-r', mount, join(local, 'tree')]);
    await sameTrees(server, join(local, 'tree'));
  });
});

describe('mv', () => {
  test('a file: within a folder, to another, over an existing one', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'file'), 70_000);
    await succeed('mkdir', [join(mount, 'other')]);
    await succeed('cp', [join(local, 'file'), join(mount, 'a')]);
    await succeed('mv', [join(mount, 'a'), join(mount, 'b')]);
    expect((await readdir(server)).sort()).toEqual(['b', 'other']);
    await succeed('mv', [join(mount, 'b'), join(mount, 'other')]);
    expect(await readdir(server, { recursive: true })).toEqual(['other', 'other/b']);
    await succeed('cp', ['/etc/passwd', join(mount, 'other', 'c')]);
    await succeed('mv', [join(mount, 'other', 'b'), join(mount, 'other', 'c')]);
    expect(await readdir(join(server, 'other'))).toEqual(['c']);
    expect(await content(join(server, 'other', 'c'))).toEqual(await content(join(local, 'file')));
    expect(await succeed('cat', [join(mount, 'other', 'c')])).toBe(await succeed('cat', [join(local, 'file')]));
  });

  test('keeps the time of what it moves', async () => {
    const { mount, server } = await drive.place();
    await succeed('touch', ['-d', '2011-11-11 11:11:11 UTC', join(mount, 'a')]);
    await succeed('mv', [join(mount, 'a'), join(mount, 'b')]);
    expect((await stat(join(server, 'b'))).mtimeMs).toBe(1_321_009_871_000);
    expect((await succeed('stat', ['-c', '%Y', join(mount, 'b')])).trim()).toBe('1321009871');
  });

  test('a folder with all that is in it', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'), 8);
    await succeed('cp', ['-r', join(local, 'tree'), join(mount, 'one')]);
    await succeed('mkdir', [join(mount, 'in')]);
    await succeed('mv', [join(mount, 'one'), join(mount, 'in', 'two')]);
    expect(await readdir(server)).toEqual(['in']);
    await sameTrees(join(local, 'tree'), join(server, 'in', 'two'));
    await sameTrees(join(local, 'tree'), join(mount, 'in', 'two'));
  });

  test('-T a folder over an empty one, and not over one with something in it', async () => {
    const { mount, server } = await drive.place();
    await succeed('mkdir', ['-p', join(mount, 'full/in'), join(mount, 'empty'), join(mount, 'other/in')]);
    expect(await refused('mv', ['-T', join(mount, 'other'), join(mount, 'full')])).toContain('Directory not empty');
    await succeed('mv', ['-T', join(mount, 'full'), join(mount, 'empty')]);
    expect((await readdir(server, { recursive: true })).sort()).toEqual(['empty', 'empty/in', 'other', 'other/in']);
  });

  test('-n leaves what is there', async () => {
    const { mount, server, local } = await drive.place();
    for (const name of ['a', 'b']) {
      await writeFile(join(local, name), name);
      await succeed('cp', [join(local, name), mount]);
    }
    await run('mv', ['-n', join(mount, 'a'), join(mount, 'b')]);
    expect([await text(join(server, 'a')), await text(join(server, 'b'))]).toEqual(['a', 'b']);
  });

  test('from this machine onto the drive, and back', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'), 12);
    await succeed('cp', ['-r', join(local, 'tree'), join(local, 'kept')]);
    await succeed('mv', [join(local, 'tree'), mount]);
    expect(existsSync(join(local, 'tree'))).toBe(false);
    await sameTrees(join(local, 'kept'), join(server, 'tree'));
    await succeed('mv', [join(mount, 'tree'), join(local, 'back')]);
    expect(await readdir(server)).toEqual([]);
    await sameTrees(join(local, 'kept'), join(local, 'back'));
  });
});

describe('rm', () => {
  test('-r of a tree of 150 files', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'), 20);
    await succeed('bash', ['-c', 'cd "$1" && for i in {1..130}; do echo $i > "folder 1/small-$i"; done', 'bash', join(local, 'tree')]);
    await succeed('cp', ['-r', join(local, 'tree'), mount]);
    await sameTrees(join(local, 'tree'), join(server, 'tree'));
    await succeed('rm', ['-r', join(mount, 'tree')]);
    expect(await readdir(server)).toEqual([]);
    expect(await succeed('ls', ['-A', mount])).toBe('');
  });

  test('of one file leaves the others; of a folder without -r it refuses', async () => {
    const { mount, server } = await drive.place();
    await succeed('mkdir', [join(mount, 'folder')]);
    await succeed('touch', [join(mount, 'a'), join(mount, 'b')]);
    await succeed('rm', [join(mount, 'a')]);
    expect(await refused('rm', [join(mount, 'folder')])).toContain('Is a directory');
    expect(await refused('rm', [join(mount, 'a')])).toContain('No such file or directory');
    await soon(async () => (await readdir(server)).sort()).toEqual(['b', 'folder']);
  });

  testUnlessLeftOut('-r of a folder with a link to a folder in it leaves what the link leads to as it is: EPERM', async () => {
    const { mount, server } = await drive.place('linked');
    expect(await refused('rm', ['-r', join(mount, 'tree')])).toContain("tree/link/kept': Operation not permitted");
    expect((await readdir(join(server, 'target'), { recursive: true })).sort()).toEqual(['kept', 'sub', 'sub/kept']);
    expect(await readdir(join(server, 'tree'))).toEqual(['link']);
    // In its own folder it goes, and so does what a program has made behind the link.
    await succeed('bash', ['-ec', 'echo x > tree/link/.lock; rm tree/link/.lock target/kept; sed -i s/x/y/ tree/link/sub/kept'], { cwd: mount });
    expect((await readdir(join(server, 'target'), { recursive: true })).sort()).toEqual(['sub', 'sub/kept']);
  });

  test('rmdir takes an empty folder and no other', async () => {
    const { mount, server } = await drive.place();
    await succeed('mkdir', ['-p', join(mount, 'a/b')]);
    expect(await refused('rmdir', [join(mount, 'a')])).toContain('Directory not empty');
    await succeed('rmdir', [join(mount, 'a/b')]);
    expect(await readdir(server, { recursive: true })).toEqual(['a']);
  });
});

describe('mkdir', () => {
  test('-p makes all that is missing, and is content where it is there', async () => {
    const { mount, server } = await drive.place();
    await succeed('mkdir', ['-p', join(mount, 'a/b/c/d')]);
    await succeed('mkdir', ['-p', join(mount, 'a/b/c/d'), join(mount, 'a/b/e')]);
    expect((await readdir(server, { recursive: true })).sort()).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/e']);
    expect(await refused('mkdir', [join(mount, 'a')])).toContain('File exists');
    expect(await refused('mkdir', [join(mount, 'x/y')])).toContain('No such file or directory');
  });
});

describe('ln', () => {
  test.each([{ option: [] }, { option: ['-s'] }])('$option is refused: EPERM', async ({ option }) => {
    const { mount, server } = await drive.place();
    await succeed('touch', [join(mount, 'a')]);
    expect(await refused('ln', [...option, join(mount, 'a'), join(mount, 'b')])).toContain('Operation not permitted');
    expect(await succeed('ls', [mount])).toBe('a\n');
    await soon(() => readdir(server)).toEqual(['a']);
  });
});
