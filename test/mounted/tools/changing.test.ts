/** What changes a file in place: redirections, truncate, dd, sed, mmap. The truth is what lies on the server's disk. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useToolsDrive } from '../../support/chosen.js';
import { refused, shell, succeed } from '../../support/programs.js';
import { content, contentOf, randomFile, soon, text } from './files.js';

const drive = useToolsDrive({
  async prepare(root) {
    await randomFile(join(root, 'prepared', 'file'), 3_000_000);
    await randomFile(join(root, 'prepared', 'to be emptied'), 3_000_000);
    await writeFile(join(root, 'prepared', 'log'), 'the first line\n');
  },
});

const uploads = () => drive.requests('writing');

describe('>', () => {
  test('makes a file, and replaces one, each with one upload', async () => {
    const { mount, server } = await drive.place();
    await drive.control.resetCounts();
    await shell(`echo 'a first content, rather long' > ${mount}/f`);
    expect(await text(join(server, 'f'))).toBe('a first content, rather long\n');
    expect(await uploads()).toBe(1);
    await shell(`echo short > ${mount}/f`);
    expect(await text(join(server, 'f'))).toBe('short\n');
    expect(await uploads()).toBe(2);
  });

  test('alone empties a file, and reads nothing of it', async () => {
    const { mount, server } = await drive.place('prepared');
    await drive.control.resetCounts();
    await shell(`> '${mount}/to be emptied'`);
    await soon(async () => (await stat(join(server, 'to be emptied'))).size).toBe(0);
    expect(await drive.requests('reading')).toBe(0);
  });

  test('around several programs: all of their words, in order', async () => {
    const { mount, server } = await drive.place();
    await shell(`{ echo one; /bin/echo two; /bin/echo three; } > ${mount}/f; (echo a; cat /etc/passwd | tail -n 1) > ${mount}/g`);
    expect(await text(join(server, 'f'))).toBe('one\ntwo\nthree\n');
    expect(await text(join(server, 'g'))).toBe(`a\n${await shell('tail -n 1 /etc/passwd')}`);
  });

  test('behind a pipe of 5 MB', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 5_000_000);
    await shell(`gzip -1 < ${local}/f | gzip -d > ${mount}/f`);
    expect(await content(join(server, 'f'))).toEqual(await content(join(local, 'f')));
  });
});

describe('>>', () => {
  test('appends to what the server has', async () => {
    const { mount, server } = await drive.place('prepared');
    await shell(`echo second >> ${mount}/log; echo third >> ${mount}/log`);
    expect(await text(join(server, 'log'))).toBe('the first line\nsecond\nthird\n');
    expect(await succeed('cat', [join(mount, 'log')])).toBe('the first line\nsecond\nthird\n');
  });

  test('makes the file where there is none; tee -a appends, too', async () => {
    const { mount, server } = await drive.place();
    await shell(`for i in 1 2 3 4 5; do echo $i >> ${mount}/f; done; echo 6 | tee -a ${mount}/f`);
    expect(await text(join(server, 'f'))).toBe('1\n2\n3\n4\n5\n6\n');
  });
});

describe('truncate', () => {
  test('is on the server when it returns: shorter, longer with zeros, and to nothing', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 200_000);
    await succeed('cp', [join(local, 'f'), mount]);
    const original = await readFile(join(local, 'f'));
    const expected = [[150_000, original.subarray(0, 150_000)], [150_001, Buffer.concat([original.subarray(0, 150_000), Buffer.alloc(1)])]] as const;
    for (const [size, bytes] of expected) {
      await succeed('truncate', ['-s', String(size), join(mount, 'f')]);
      expect((await readFile(join(server, 'f'))).equals(bytes)).toBe(true);
    }
    await succeed('truncate', ['-s', '1000000', join(mount, 'f')]);
    expect((await readFile(join(server, 'f'))).subarray(150_000).equals(Buffer.alloc(850_000))).toBe(true);
    await succeed('truncate', ['-s', '0', join(mount, 'f')]);
    await soon(async () => (await stat(join(server, 'f'))).size).toBe(0);
  });

  test('by path alone, with no handle: truncate(2)', async () => {
    const { mount, server } = await drive.place();
    await shell(`echo 0123456789 > ${mount}/f`);
    await succeed('python3', ['-c', 'import os, sys; os.truncate(sys.argv[1], 4)', join(mount, 'f')]);
    expect(await text(join(server, 'f'))).toBe('0123');
    await succeed('python3', ['-c', 'import os, sys; os.truncate(sys.argv[1], 0)', join(mount, 'f')]);
    expect(await text(join(server, 'f'))).toBe('');
  });

  test('makes a new file of zeros', async () => {
    const { mount, server } = await drive.place();
    await succeed('truncate', ['-s', '70000', join(mount, 'f')]);
    await soon(() => content(join(server, 'f')).catch(() => undefined)).toEqual(contentOf(Buffer.alloc(70_000)));
  });
});

describe('dd conv=notrunc', () => {
  test('writes in the middle of a file that was never read, and leaves the rest', async () => {
    const { mount, server, local } = await drive.place('prepared');
    const wanted = await readFile(join(server, 'file'));
    await randomFile(join(local, 'patch'), 10_000);
    (await readFile(join(local, 'patch'))).copy(wanted, 1_234_567);
    await succeed('dd', [`if=${join(local, 'patch')}`, `of=${join(mount, 'file')}`, 'bs=10000', 'seek=1234567', 'oflag=seek_bytes', 'conv=notrunc']);
    expect((await readFile(join(server, 'file'))).equals(wanted)).toBe(true);
    await succeed('cmp', [join(mount, 'file'), join(server, 'file')]);
  });

  test('past the end: zeros between', async () => {
    const { mount, server } = await drive.place();
    await shell(`printf abc > ${mount}/f; printf X | dd of=${mount}/f bs=1 seek=100000 conv=notrunc`);
    const wanted = Buffer.alloc(100_001);
    wanted.write('abc', 0);
    wanted.write('X', 100_000);
    expect((await readFile(join(server, 'f'))).equals(wanted)).toBe(true);
  });

  test('backwards and in odd pieces: every byte at its place', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 1_000_003);
    await shell(`for i in 9 3 7 0 8 1 6 2 5 4 10; do dd if=${local}/f of=${mount}/f bs=100000 skip=$i seek=$i count=1 conv=notrunc status=none; done`);
    expect(await content(join(server, 'f'))).toEqual(await content(join(local, 'f')));
  });

  test('with oflag=direct, oflag=append and conv=fsync', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 1_048_576);
    await succeed('dd', [`if=${join(local, 'f')}`, `of=${join(mount, 'direct')}`, 'bs=64K', 'oflag=direct', 'conv=fsync']);
    expect(await content(join(server, 'direct'))).toEqual(await content(join(local, 'f')));
    await succeed('dd', [`if=${join(mount, 'direct')}`, `of=${join(local, 'back')}`, 'bs=64K', 'iflag=direct']);
    expect(await content(join(local, 'back'))).toEqual(await content(join(local, 'f')));
    await shell(`printf one > ${mount}/a; printf two | dd of=${mount}/a oflag=append conv=notrunc status=none`);
    expect(await text(join(server, 'a'))).toBe('onetwo');
  });
});

describe('sed -i', () => {
  test('changes a file, keeps a copy where it is asked to, and leaves nothing else', async () => {
    const { mount, server } = await drive.place();
    await shell(`printf 'red\\ngreen\\nred\\n' > ${mount}/f; sed -i s/red/blue/ ${mount}/f; sed -i.bak s/green/white/ ${mount}/f`);
    expect(await text(join(server, 'f'))).toBe('blue\nwhite\nblue\n');
    expect(await text(join(server, 'f.bak'))).toBe('blue\ngreen\nblue\n');
    expect((await readdir(server)).sort()).toEqual(['f', 'f.bak']);
    expect(await succeed('cat', [join(mount, 'f')])).toBe('blue\nwhite\nblue\n');
  });
});

describe('mmap', () => {
  const map = (body: string) => `import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 0)
${body}`;

  test('written and flushed (msync): the server has it', async () => {
    const { mount, server, local } = await drive.place();
    await randomFile(join(local, 'f'), 300_000);
    await succeed('cp', [join(local, 'f'), mount]);
    const wanted = await readFile(join(local, 'f'));
    wanted.write('in the middle', 123_456);
    wanted.write('!', 299_999);
    const server_ = join(server, 'f');
    const script = map(`m[123456:123469] = b"in the middle"; m[299999] = 33; m.flush()
sys.stdout.buffer.write(open(sys.argv[2], "rb").read()[123456:123469])`);
    expect(await succeed('python3', ['-c', script, join(mount, 'f'), server_])).toBe('in the middle');
    expect((await readFile(server_)).equals(wanted)).toBe(true);
  });

  test('written after the last close: sent when the pages go', async () => {
    const { mount, server } = await drive.place();
    await shell(`head -c 20000 /dev/zero > ${mount}/f`);
    await succeed('python3', ['-c', map('os.close(fd); m[10000:10005] = b"later"; m.close()'), join(mount, 'f')]);
    const wanted = Buffer.alloc(20_000);
    wanted.write('later', 10_000);
    await soon(async () => (await readFile(join(server, 'f'))).equals(wanted)).toBe(true);
    await succeed('cmp', [join(mount, 'f'), join(server, 'f')]);
  });

  test('read: the bytes of a file that was never read, and of a write meanwhile', async () => {
    const { mount, server } = await drive.place('prepared');
    const bytes = await readFile(join(server, 'file'));
    const script = map('a = bytes(m[2000000:2000016]); os.pwrite(fd, b"written", 2000004); sys.stdout.write(a.hex() + bytes(m[2000000:2000016]).hex())');
    const before = bytes.toString('hex', 2_000_000, 2_000_016);
    bytes.write('written', 2_000_004);
    expect(await succeed('python3', ['-c', script, join(mount, 'file')])).toBe(before + bytes.toString('hex', 2_000_000, 2_000_016));
    expect((await readFile(join(server, 'file'))).equals(bytes)).toBe(true);
  });
});

describe('fallocate', () => {
  test('makes a file longer, with zeros; punching a hole is refused: EOPNOTSUPP', async () => {
    const { mount, server } = await drive.place();
    await shell(`printf abc > ${mount}/f`);
    await succeed('fallocate', ['-l', '5000', join(mount, 'f')]);
    await soon(async () => (await stat(join(server, 'f'))).size).toBe(5000);
    expect(await refused('fallocate', ['-p', '-o', '0', '-l', '10', join(mount, 'f')])).toContain('unsupported');
    expect((await readFile(join(server, 'f'))).equals(Buffer.concat([Buffer.from('abc'), Buffer.alloc(4997)]))).toBe(true);
  });
});
