/** Copies within the drive, which the platform makes by itself: by what the emulator was asked, no content went either way. */
import { mkdir, open, readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useDrive } from '../../support/drive.js';
import { refused, succeed } from '../../support/programs.js';
import { content, randomFile, sameTrees, sampleTree } from './files.js';

const large = 5 * 2 ** 30;
const old = 1_600_000_000;
/** What the large file has in it, about the border of 32 bits and at both ends. */
const marks: readonly (readonly [number, string])[] = [[0, 'first'], [2 ** 32 - 3, 'over the border'], [large - 4, 'last']];

const drive = useDrive({
  async prepare(root) {
    await randomFile(join(root, 'files', 'file'), 3_000_001);
    await utimes(join(root, 'files', 'file'), old, old);
    await sampleTree(join(root, 'tree'));
    await mkdir(join(root, 'large'));
    const file = await open(join(root, 'large', 'large'), 'w');
    await file.truncate(large);
    for (const [offset, mark] of marks) await file.write(mark, offset);
    await file.close();
    await utimes(join(root, 'large', 'large'), old, old);
  },
});

beforeEach(() => drive.control.resetCounts());
afterEach(() => drive.control.removeRules());

/** How many requests there were that carry content: none of a copy may. */
async function moved(): Promise<readonly string[]> {
  const routes = (await drive.control.log()).map(({ route }) => route);
  return routes.filter((route) => ['get', 'upload', 'multipart', 'streamzip'].includes(route));
}

async function copies(): Promise<number> {
  return (await drive.control.log()).filter(({ route }) => route === 'copy').length;
}

describe('cp moves nothing', () => {
  test('of 5 GiB', async () => {
    const { mount, server } = await drive.place('large');
    await succeed('cp', ['-p', join(mount, 'large'), join(mount, 'copy')], { deadline: 100_000 });
    expect([await moved(), await copies()]).toEqual([[], 1]);
    const { size, mtimeMs, blocks } = await stat(join(server, 'copy'));
    expect([size, mtimeMs]).toEqual([large, old * 1000]);
    expect(blocks * 512).toBeLessThan(2 ** 30);
    expect((await succeed('stat', ['-c', '%s %Y', join(mount, 'copy')])).trim()).toBe(`${large} ${old}`);
    for (const [offset, mark] of marks) {
      expect(await succeed('dd', [`if=${join(mount, 'copy')}`, 'bs=1', `skip=${offset}`, `count=${mark.length}`, 'status=none'])).toBe(mark);
    }
  }, 150_000);

  test.each([[[]], [['-p']], [['-a']], [['--reflink=auto']], [['--preserve=timestamps']]])('of a file, and the bytes are the same: cp %j', async (words) => {
    const { mount, server } = await drive.place();
    const { mount: from } = await drive.place('files');
    await succeed('cp', [...words, join(from, 'file'), mount]);
    expect([await moved(), await copies()]).toEqual([[], 1]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(drive.root, 'files', 'file')));
    expect(await readdir(server)).toEqual(['file']);
    const time = (await stat(join(server, 'file'))).mtimeMs;
    if (words.length > 0 && !words.includes('--reflink=auto')) expect(time).toBe(old * 1000);
    else expect(time).toBeGreaterThan(Date.now() - 60_000);
    await succeed('cmp', [join(from, 'file'), join(mount, 'file')]);
    expect(await moved()).not.toEqual([]);
  });

  test.each(['-r', '-a'])('of a tree: cp %s', async (how) => {
    const { mount, server } = await drive.place();
    const { mount: from } = await drive.place('tree');
    await succeed('cp', [how, from, join(mount, 'copy')], { deadline: 60_000 });
    expect(await moved()).toEqual((await drive.control.log()).filter(({ route }) => route === 'upload').map(({ route }) => route));
    // An empty file is no copy of anything: it is sent as it is.
    expect((await drive.control.log()).filter(({ route, requestBytes }) => route === 'upload' && requestBytes > 0)).toEqual([]);
    expect(await copies()).toBe(39);
    await sameTrees(join(drive.root, 'tree'), join(server, 'copy'));
    const shown = async (path: string) => (await succeed('sh', ['-c', 'cd "$0" && find . -type f -printf "%P %Ts\\n" | sort', path]));
    if (how === '-a') expect(await shown(join(mount, 'copy'))).toBe(await shown(from));
  }, 90_000);

  test('over a longer file: the older one is there until the newer is', async () => {
    const { mount, server, local } = await drive.place();
    const { mount: from } = await drive.place('files');
    await randomFile(join(local, 'file'), 5_000_000);
    await succeed('cp', [join(local, 'file'), mount]);
    await drive.control.resetCounts();
    const before = await content(join(server, 'file'));
    await drive.control.addRule({ route: 'copy', times: 1, action: { kind: 'answer', status: 413, body: { message: '', error: 'denied due to space limit' } } });
    expect(await refused('cp', [join(from, 'file'), mount])).toContain('Disk quota exceeded');
    expect(await content(join(server, 'file'))).toEqual(before);
    await succeed('cp', [join(from, 'file'), mount]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(drive.root, 'files', 'file')));
    expect(await moved()).toEqual([]);
  });

  test('by Python: copy_file_range in pieces, read before it is closed', async () => {
    const { mount, server } = await drive.place();
    const { mount: from } = await drive.place('files');
    const program = `
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
target = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
size = os.fstat(source).st_size
while os.copy_file_range(source, target, 1000000) > 0: pass
assert os.fstat(target).st_size == size
assert os.pread(target, 1000, 999900) == os.pread(source, 1000, 999900)
os.close(target)`;
    await succeed('python3', ['-c', program, join(from, 'file'), join(mount, 'file')]);
    expect([await copies(), (await moved()).includes('upload')]).toEqual([1, false]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(drive.root, 'files', 'file')));
  });
});

describe('the bytes are sent', () => {
  test('where the server does not copy', async () => {
    const { mount, server } = await drive.place();
    const { mount: from } = await drive.place('files');
    await drive.control.addRule({ route: 'copy', times: 0, action: { kind: 'answer', status: 403, body: { message: '', error: 'permission denied' } } });
    await succeed('cp', ['-p', join(from, 'file'), mount]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(drive.root, 'files', 'file')));
    expect((await stat(join(server, 'file'))).mtimeMs).toBe(old * 1000);
  });

  test('where a program writes into what it has copied', async () => {
    const { mount, server } = await drive.place();
    const { mount: from } = await drive.place('files');
    const program = `
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
target = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
while os.copy_file_range(source, target, 1 << 30) > 0: pass
os.pwrite(target, b'mine', 1000000)
os.close(target)`;
    await succeed('python3', ['-c', program, join(from, 'file'), join(mount, 'file')]);
    expect(await copies()).toBe(0);
    const expected = await open(join(server, 'expected'), 'w');
    await expected.close();
    await succeed('cp', [join(drive.root, 'files', 'file'), join(server, 'expected')]);
    await succeed('sh', ['-c', 'printf mine | dd of="$0" bs=1 seek=1000000 conv=notrunc status=none', join(server, 'expected')]);
    expect(await content(join(server, 'file'))).toEqual(await content(join(server, 'expected')));
  });
});
