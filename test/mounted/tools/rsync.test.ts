/** rsync onto the drive and off it: what has not changed is not sent again, now or at the next mount. */
import { appendFile, open, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Place } from '../../support/drive.js';
import { chosen, dated, useToolsDrive } from '../../support/chosen.js';
import { succeed } from '../../support/programs.js';
import { content, randomFile, sameTrees, sampleTree } from './files.js';

const drive = useToolsDrive({
  prepare: async (root) => { await sampleTree(join(root, 'tree')); },
});

/** What rsync says that it did, one line a change. */
async function rsync(...words: readonly string[]): Promise<string[]> {
  const said = await succeed('rsync', ['--itemize-changes', ...words], { deadline: 90_000 });
  return said.split('\n').filter((line) => line !== '');
}

/** Files that a run sent. */
const sent = (lines: readonly string[]) => lines.filter((line) => /^[<>]f/.test(line));

const uploads = () => drive.requests('writing');

const files = 1000 / chosen.slowness;

describe(`rsync -a of ${files} files`, () => {
  let place: Place | undefined;

  const words = (): [string, string] => {
    if (place === undefined) throw new Error('nothing was copied');
    return [`${place.local}/tree/`, `${place.mount}/tree`];
  };
  const numbers = async (): Promise<string> => (await succeed('find', [words()[1], '-printf', '%P %i %T@ %C@\\n'])).split('\n').sort().join('\n');

  test('brings all of them, with their times', async () => {
    place = await drive.place();
    const tree = join(place.local, 'tree');
    for (let i = 0; i < files; i += 1) {
      const path = join(tree, `folder-${i % 10}`, `file-${i}`);
      await randomFile(path, (i * 37) % 3000);
      await utimes(path, 1_500_000_000 + i, 1_500_000_000.123456 + i * 1000);
    }
    expect(sent(await rsync('-a', ...words()))).toHaveLength(files);
    await sameTrees(tree, join(place.server, 'tree'));
    const listed = async (top: string) => (await succeed('find', [top, '-printf', '%P %Ts\\n'])).split('\n').sort();
    expect(await listed(join(dated(place), 'tree'))).toEqual(await listed(tree));
  });

  test('again: the second run sends none, and changes nothing', async () => {
    await drive.control.resetCounts();
    expect(await rsync('-a', ...words())).toEqual([]);
    expect(await drive.work()).toEqual([]);
  });

  test('again after a fresh mount: none, and the inode numbers and change times are the same', async () => {
    const before = await numbers();
    await drive.remount();
    await drive.control.resetCounts();
    expect(await numbers()).toBe(before);
    expect(await rsync('-a', ...words())).toEqual([]);
    expect(await drive.work()).toEqual([]);
  });

  test('again after one file changed: that one alone', async () => {
    await appendFile(join(words()[0], 'folder-3', 'file-13'), 'more');
    await drive.control.resetCounts();
    const lines = await rsync('-a', ...words());
    expect(sent(lines)).toEqual([expect.stringMatching(/^>f\S+ folder-3\/file-13$/)]);
    expect(await uploads()).toBe(chosen.uploadsToReplace);
    await sameTrees(words()[0], join(drive.root, place?.mount.slice(drive.mountpoint.length) ?? '', 'tree'));
  });
});

describe('rsync', () => {
  test('-t keeps times exact to the second; -c compares the bytes themselves', async () => {
    const place = await drive.place();
    const { mount, local } = place;
    await randomFile(join(local, 'f'), 5000);
    await utimes(join(local, 'f'), 1_234_567_890.9, 1_234_567_890.9);
    await rsync('-t', join(local, 'f'), `${mount}/`);
    expect(await succeed('stat', ['-c', '%Y', join(dated(place), 'f')])).toBe('1234567890\n');
    expect(await succeed('stat', ['-c', '%.9Y', join(mount, 'f')])).toBe('1234567890.000000000\n');
    expect(await rsync('-t', join(local, 'f'), `${mount}/`)).toEqual([]);
    expect(await rsync('-tc', join(local, 'f'), `${mount}/`)).toEqual([]);
  });

  test('--inplace with differences only: the changed block and no more goes into the file', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 2_000_000);
    await rsync('-a', join(local, 'f'), `${mount}/`);
    const source = await open(join(local, 'f'), 'r+');
    await source.write(Buffer.from('changed in the middle'), 0, undefined, 1_000_000);
    await source.close();
    // Size and second are what rsync goes by.
    await utimes(join(local, 'f'), 1_700_000_000, 1_700_000_000);
    expect(sent(await rsync('-a', '--inplace', '--no-whole-file', join(local, 'f'), `${mount}/`))).toHaveLength(1);
    expect(await content(join(server, 'f'))).toEqual(await content(join(local, 'f')));
    expect(await readdir(server)).toEqual(['f']);
    expect(await rsync('-a', '--inplace', join(local, 'f'), `${mount}/`)).toEqual([]);
  });

  test('--inplace of a shorter file cuts off what is too much', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 500_000);
    await rsync('-a', join(local, 'f'), `${mount}/`);
    await randomFile(join(local, 'f'), 1000);
    await rsync('-a', '--inplace', '--ignore-times', join(local, 'f'), `${mount}/`);
    expect(await content(join(server, 'f'))).toEqual(await content(join(local, 'f')));
  });

  test.each(['--append', '--append-verify'])('%s sends what is missing at the end', async (option) => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 300_000);
    await rsync('-a', join(local, 'f'), `${mount}/`);
    await appendFile(join(local, 'f'), 'what came later');
    expect(sent(await rsync('-a', option, join(local, 'f'), `${mount}/`))).toHaveLength(1);
    expect(await content(join(server, 'f'))).toEqual(await content(join(local, 'f')));
  });

  test('--delete takes away what the source has no more, in whichever order', async () => {
    const { mount, server, local } = await drive.place();
    await sampleTree(join(local, 'tree'), 12);
    await rsync('-a', `${local}/tree/`, mount);
    await sameTrees(join(local, 'tree'), server);
    await rm(join(local, 'tree', 'folder 0'), { recursive: true });
    await rm(join(local, 'tree', 'folder 1', 'file-1.bin'));
    const lines = await rsync('-a', '--delete', `${local}/tree/`, mount);
    expect(lines.filter((line) => line.startsWith('*deleting')).length).toBeGreaterThan(3);
    await sameTrees(join(local, 'tree'), server);
    await rm(join(local, 'tree', 'folder 2'), { recursive: true });
    await rsync('-a', '--delete-after', `${local}/tree/`, mount);
    await sameTrees(join(local, 'tree'), server);
  });

  test('--backup keeps the old version beside the new', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 1000);
    await rsync('-a', join(local, 'f'), `${mount}/`);
    const old = await readFile(join(local, 'f'));
    await randomFile(join(local, 'f'), 2000);
    await rsync('-a', '--backup', join(local, 'f'), `${mount}/`);
    expect((await readdir(server)).sort()).toEqual(['f', 'f~']);
    expect((await readFile(join(server, 'f~'))).equals(old)).toBe(true);
    expect(await content(join(server, 'f'))).toEqual(await content(join(local, 'f')));
  });

  test('off the drive: all, and the second run none, also after a fresh mount', async () => {
    const { mount, server, local } = await drive.place('tree');
    expect(sent(await rsync('-a', `${mount}/`, join(local, 'tree')))).toHaveLength(40);
    await sameTrees(server, join(local, 'tree'));
    await drive.control.resetCounts();
    expect(await rsync('-a', `${mount}/`, join(local, 'tree'))).toEqual([]);
    await drive.remount();
    expect(await rsync('-a', `${mount}/`, join(local, 'tree'))).toEqual([]);
    expect(await drive.requests('reading')).toBe(0);
  });
});
