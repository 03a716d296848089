/** The kernel driver under real tools: bytes, names, times, attributes, errors. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useMemoryMounts } from '../../support/memory-mounts.js';
import { mountsIn } from '../../support/mount-list.js';
import { refused, shell, succeed } from '../../support/programs.js';

const mounts = useMemoryMounts();
const asStranger = ['--reuid=65534', '--regid=65534', '--clear-groups'];

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a mount', () => {
  it('is of type fuse.amarre, with default_permissions, nosuid, nodev and its source', async () => {
    const { mountpoint } = await mounts.mount({ fsname: 'sftpgo+https://drive.example/base' });
    const [mount] = await mountsIn(mountpoint);
    expect(mount).toMatchObject({ type: 'fuse.amarre', source: 'sftpgo+https://drive.example/base' });
    expect(mount?.options.split(',')).toEqual(expect.arrayContaining(['default_permissions', 'nosuid', 'nodev', 'max_read=1048576']));
    expect(mount?.options).not.toContain('allow_other');
  });

  it('takes a source with a comma, and a read-only mount refuses writes with EROFS', async () => {
    const { mountpoint } = await mounts.mount({ fsname: 'a,b', readOnly: true, allowOther: true });
    const [mount] = await mountsIn(mountpoint);
    expect(mount?.source).toBe('a,b');
    expect(mount?.options.split(',')).toEqual(expect.arrayContaining(['ro', 'allow_other']));
    expect(await refused('touch', [join(mountpoint, 'x')])).toContain('Read-only file system');
  });

  it('has the kernel read ahead as far as one request goes', async () => {
    const { mountpoint } = await mounts.mount();
    const device = (await succeed('stat', ['-c', '%Hd:%Ld', mountpoint])).trim();
    expect((await readFile(`/sys/class/bdi/${device}/read_ahead_kb`, 'utf8')).trim()).toBe('1024');
  });

  it('shows numbers of inodes past 2^53, the same in ls -i, stat and find', async () => {
    const { mountpoint } = await mounts.mount({ files: 3 });
    const byStat = (await succeed('stat', ['-c', '%i', join(mountpoint, 'file-00002')])).trim();
    const byList = (await shell(`ls -iU ${mountpoint} | awk '/00002/ {print $1}'`)).trim();
    const byFind = (await succeed('find', [mountpoint, '-name', 'file-00002', '-printf', '%i'])).trim();
    expect(BigInt(byStat)).toBeGreaterThan(2n ** 53n);
    expect([byList, byFind]).toEqual([byStat, byStat]);
  });
});

describe('bytes', () => {
  it.each([0, 1, 4095, 4096, 4097, 1048575, 1048576, 1048577, 10_000_001])('go in and out whole: %i of them', async (size) => {
    const { mountpoint, folder } = await mounts.mount();
    const bytes = randomBytes(size);
    await writeFile(join(folder, 'source'), bytes);
    await succeed('cp', [join(folder, 'source'), join(mountpoint, 'copy')]);
    await shell('echo 3 > /proc/sys/vm/drop_caches');
    await succeed('cp', [join(mountpoint, 'copy'), join(folder, 'back')]);
    expect(digest(await readFile(join(folder, 'back')))).toBe(digest(bytes));
    expect((await succeed('stat', ['-c', '%s', join(mountpoint, 'copy')])).trim()).toBe(String(size));
  });

  it('come in requests of 1 MiB, reading and writing', async () => {
    const mount = await mounts.mount();
    const file = join(mount.mountpoint, 'large');
    await succeed('dd', ['if=/dev/zero', `of=${file}`, 'bs=4M', 'count=8']);
    await shell('echo 3 > /proc/sys/vm/drop_caches');
    await succeed('dd', [`if=${file}`, 'of=/dev/null', 'bs=1M']);
    expect(await mount.report()).toMatchObject({ largestRead: 1048576, largestWrite: 1048576 });
  });

  it('past the kernel\'s pages where the file system says so', async () => {
    const mount = await mounts.mount({ directIo: true });
    const file = join(mount.mountpoint, 'direct');
    await shell(`head -c 3000000 /dev/zero > ${file}`);
    expect((await shell(`wc -c < ${file}; cat ${file} | wc -c`)).trim().split(/\s+/)).toEqual(['3000000', '3000000']);
    const { calls } = await mount.report();
    await shell(`cat ${file} > /dev/null`);
    const after = await mount.report();
    expect(after.calls['read']).toBeGreaterThan(calls['read'] ?? 0);
  });

  it('at any place: sparse writes, truncation, appends, fallocate, holes', async () => {
    const { mountpoint } = await mounts.mount();
    const file = join(mountpoint, 'f');
    await shell(`printf abc > ${file}; printf def >> ${file}; truncate -s 4 ${file}; printf X | dd of=${file} bs=1 seek=6 conv=notrunc status=none`);
    expect(await succeed('od', ['-An', '-c', file])).toBe('   a   b   c   d  \\0  \\0   X\n');
    await succeed('fallocate', ['-l', '100', file]);
    expect((await succeed('stat', ['-c', '%s', file])).trim()).toBe('100');
    expect(await refused('fallocate', ['-p', '-o', '0', '-l', '10', file])).toContain('unsupported');
    // One refused mode does not stop the kernel asking for the other.
    await succeed('fallocate', ['-l', '200', file]);
    expect((await succeed('stat', ['-c', '%s', file])).trim()).toBe('200');
    const seek = `import os; d = os.open("${file}", os.O_RDONLY); print(os.lseek(d, 5, os.SEEK_DATA), os.lseek(d, 5, os.SEEK_HOLE))`;
    expect((await succeed('python3', ['-c', seek])).trim()).toBe('5 200');
  });

  it('at offsets past 2^32, and EFBIG past what can be counted', async () => {
    const { mountpoint } = await mounts.mount();
    const file = join(mountpoint, 'far');
    const far = `import os, errno
d = os.open("${file}", os.O_RDWR | os.O_CREAT)
def tried(what):
    try: return what()
    except OSError as e: return errno.errorcode[e.errno]
print(tried(lambda: os.truncate("${file}", 2**53 + 1)), tried(lambda: os.pwrite(d, b"x", 2**53 + 8)), tried(lambda: os.lseek(d, 2**60, os.SEEK_DATA)))`;
    expect((await succeed('python3', ['-c', far])).trim()).toBe('EFBIG EFBIG ENXIO');
  });

  it('mapped into memory, read and written', async () => {
    const { mountpoint } = await mounts.mount();
    const file = join(mountpoint, 'mapped');
    const map = `import mmap
with open("${file}", "wb") as f: f.write(b"a" * 10000)
with open("${file}", "r+b") as f:
    m = mmap.mmap(f.fileno(), 0); m[5000:5003] = b"XYZ"; m.flush(); print(m[4999:5004])
with open("${file}", "rb") as f: print(f.read()[4999:5004])`;
    expect(await succeed('python3', ['-c', map])).toBe("b'aXYZa'\nb'aXYZa'\n");
  });
});

describe('times', () => {
  it('to the microsecond, before 1970 and after 2106, by path and by handle', async () => {
    const { mountpoint } = await mounts.mount();
    const file = join(mountpoint, 't');
    await shell(`touch -d '2024-05-06 07:08:09.123456789 UTC' ${file}`);
    expect((await succeed('stat', ['-c', '%.9Y %.9X', file])).trim()).toBe('1714979289.123456000 1714979289.123456000');
    await shell(`touch -m -d '1969-12-31 23:59:58.500001 UTC' ${file}`);
    expect((await succeed('stat', ['-c', '%.9Y %.9X', file])).trim()).toBe('-1.499999000 1714979289.123456000');
    await shell(`touch -a -d '2150-01-01 00:00:00.000007 UTC' ${file}`);
    expect((await succeed('stat', ['-c', '%.9X', file])).trim()).toBe('5680281600.000007000');
    const handle = `import os
d = os.open("${file}", os.O_RDWR); os.utime(d, ns=(1000000001002003000, 1000000002003004000))
s = os.stat("${file}"); print(s.st_atime_ns, s.st_mtime_ns)`;
    expect((await succeed('python3', ['-c', handle])).trim()).toBe('1000000001002003000 1000000002003004000');
  });

  it('one alone, the other left; and the moment of the call', async () => {
    const { mountpoint } = await mounts.mount();
    const file = join(mountpoint, 't');
    await shell(`touch -d '2001-01-01 UTC' ${file}; touch -a -d '2002-02-02 UTC' ${file}`);
    expect((await succeed('stat', ['-c', '%X %Y', file])).trim()).toBe('1012608000 978307200');
    const before = Date.now() / 1000;
    await shell(`touch -m ${file}`);
    const [atime, mtime] = (await succeed('stat', ['-c', '%X %.6Y', file])).trim().split(' ').map(Number);
    expect(atime).toBe(1012608000);
    expect(mtime).toBeGreaterThan(before - 1);
  });

  it('cut to the granularity of the mount', async () => {
    const { mountpoint } = await mounts.mount({ timeGranularity: 1_000_000_000 });
    const file = join(mountpoint, 't');
    await shell(`touch -d '2024-05-06 07:08:09.987654321 UTC' ${file}`);
    expect((await succeed('stat', ['-c', '%.9Y', file])).trim()).toBe('1714979289.000000000');
  });
});

describe('names', () => {
  it.each([
    ['blanks and accents', 'été à la plage.txt'], ['decomposed accents', 'e\u0301te\u0301'], ['emoji', '⛵🗂️'], ['a newline', 'a\nb'],
    ['a leading dash', '-rf'], ['255 bytes', 'n'.repeat(255)], ['255 bytes of 3 each', '丂'.repeat(85)],
  ])('with %s stay as they are', async (_what, name) => {
    const { mountpoint } = await mounts.mount();
    await succeed('touch', ['--', name], { cwd: mountpoint });
    expect(await succeed('find', [mountpoint, '-mindepth', '1', '-printf', '%f'])).toBe(name);
    await succeed('mv', ['--', name, 'other'], { cwd: mountpoint });
    expect(await succeed('ls', [mountpoint])).toBe('other\n');
  });

  it('past 255 bytes are ENAMETOOLONG, those not UTF-8 EILSEQ', async () => {
    const { mountpoint } = await mounts.mount();
    expect(await refused('touch', [join(mountpoint, 'n'.repeat(256))])).toContain('File name too long');
    const wrong = `import os, errno
for name in (b"caf\\xe9", b"\\xed\\xa0\\x80"):
    for call in (lambda p: os.stat(p), lambda p: os.mkdir(p), lambda p: os.open(p, os.O_CREAT | os.O_WRONLY)):
        try: call(b"${mountpoint}/" + name)
        except OSError as e: print(errno.errorcode[e.errno])`;
    expect(await succeed('python3', ['-c', wrong])).toBe('EILSEQ\n'.repeat(6));
    expect(await succeed('ls', [mountpoint])).toBe('');
  });
});

describe('folders', () => {
  it('of 10,000 entries: each once, with its attributes, in few requests', async () => {
    const mount = await mounts.mount({ files: 10_000, ttl: 60_000 });
    const lines = (await succeed('ls', ['-l', '--time-style=+%s', mount.mountpoint])).trim().split('\n').slice(1);
    expect(lines.map((line) => line.split(/\s+/).at(-1))).toEqual(
      Array.from({ length: 10_000 }, (_, index) => `file-${String(index).padStart(5, '0')}`),
    );
    expect(lines.slice(9998).map((line) => line.split(/\s+/)[4])).toEqual(['4', '4']);
    const { calls } = await mount.report();
    expect(calls['lookup'] ?? 0).toBeLessThan(200);
    expect(calls['getxattr'] ?? 0).toBe(0);
  });

  it('give every lookup count back, READDIRPLUS\'s included', async () => {
    const mount = await mounts.mount({ files: 3000, ttl: 60_000 });
    await succeed('ls', ['-l', mount.mountpoint]);
    expect((await mount.report()).lookups).toBeGreaterThan(0);
    await shell(`rm -r ${mount.mountpoint}/*; sync; echo 3 > /proc/sys/vm/drop_caches`);
    await expect.poll(async () => (await mount.report()).lookups, { timeout: 10_000 }).toBe(0);
    expect(mount.output()).not.toContain('forgotten more often');
    await expect.poll(async () => (await mount.report()).openHandles, { timeout: 10_000 }).toBe(0);
  });

  it('are emptied by rm -r, made by mkdir -p, moved, and refused where they are not empty', async () => {
    const { mountpoint } = await mounts.mount();
    await shell(`cd ${mountpoint}; mkdir -p a/b/c; for i in $(seq 500); do echo $i > a/b/c/$i; done; mv a/b/c a/moved`);
    expect((await shell(`ls ${mountpoint}/a/moved | wc -l`)).trim()).toBe('500');
    expect(await refused('rmdir', [join(mountpoint, 'a')])).toContain('Directory not empty');
    await succeed('rm', ['-r', join(mountpoint, 'a')]);
    expect(await succeed('ls', ['-A', mountpoint])).toBe('');
  });

  it('sizes and free space are told by df', async () => {
    const { mountpoint } = await mounts.mount();
    const told = await succeed('stat', ['-f', '-c', '%S %b %f %a %c %d %l', mountpoint]);
    expect(told.trim()).toBe(`4096 ${1 << 28} ${1 << 27} ${1 << 27} ${1 << 20} ${1 << 19} 255`);
  });
});

describe('what cannot be done', () => {
  it('links and devices are EPERM, an exchange EINVAL', async () => {
    const { mountpoint } = await mounts.mount();
    await shell(`echo x > ${mountpoint}/a; echo y > ${mountpoint}/b`);
    for (const command of [['ln', 'a', 'c'], ['ln', '-s', 'a', 'c'], ['mkfifo', 'c'], ['mknod', 'c', 'c', '1', '3']] as const) {
      const [program, ...parameters] = command;
      expect(await refused(program, parameters, { cwd: mountpoint })).toContain('Operation not permitted');
    }
    const exchange = `import ctypes, os, errno
libc = ctypes.CDLL(None, use_errno=True)
for flags in (2, 4, 1):
    r = libc.renameat2(-100, b"${mountpoint}/a", -100, b"${mountpoint}/b", flags)
    print(r, errno.errorcode[ctypes.get_errno()])`;
    expect(await succeed('python3', ['-c', exchange])).toBe('-1 EINVAL\n-1 EINVAL\n-1 EEXIST\n');
    expect(await succeed('cat', [join(mountpoint, 'a'), join(mountpoint, 'b')])).toBe('x\ny\n');
  });

  it('attributes of user.* work, those of system.* and security.* are EOPNOTSUPP without the file system', async () => {
    const mount = await mounts.mount();
    const file = join(mount.mountpoint, 'a');
    await shell(`echo x > ${file}; setfattr -n user.one -v 1 ${file}; setfattr -n user.two -v 22 ${file}`);
    expect(await succeed('getfattr', ['-d', '--absolute-names', file])).toBe(`# file: ${file}\nuser.one="1"\nuser.two="22"\n\n`);
    await succeed('setfattr', ['-x', 'user.one', file]);
    const { calls } = await mount.report();
    for (const name of ['security.capability', 'system.posix_acl_access']) {
      expect(await refused('getfattr', ['-n', name, file])).toContain('not supported');
    }
    expect(await refused('setfattr', ['-n', 'security.x', '-v', '1', file])).toContain('not supported');
    expect((await mount.report()).calls).toMatchObject({ getxattr: calls['getxattr'] ?? 0, setxattr: calls['setxattr'] ?? 0 });
    await succeed('cp', ['-p', file, `${file}2`]);
  });

  it('modes are compared by the kernel: a stranger may not read what is 0600, with allow_other', async () => {
    const { mountpoint, folder } = await mounts.mount({ allowOther: true });
    await shell(`chmod 755 ${folder}; echo secret > ${mountpoint}/s; chmod 600 ${mountpoint}/s; echo open > ${mountpoint}/o`);
    expect(await succeed('setpriv', [...asStranger, 'cat', join(mountpoint, 'o')])).toBe('open\n');
    expect(await refused('setpriv', [...asStranger, 'cat', join(mountpoint, 's')])).toContain('Permission denied');
  });

  it('without allow_other no other user may enter', async () => {
    const { mountpoint, folder } = await mounts.mount();
    await shell(`chmod 755 ${folder}`);
    expect(await refused('setpriv', [...asStranger, 'ls', mountpoint])).toContain('Permission denied');
  });
});

describe('modes', () => {
  it('of new files and folders heed the program\'s umask', async () => {
    const { mountpoint } = await mounts.mount();
    await shell('umask 027; touch f; mkdir d; umask 0; touch g; chmod 640 g', { cwd: mountpoint });
    expect(await succeed('stat', ['-c', '%a', 'f', 'd', 'g'], { cwd: mountpoint })).toBe('640\n750\n640\n');
  });
});
