/**
 * What the table of drivers says of this one, line by line: that it can, or what happens where it cannot.
 * The file system behind it can all of it.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { can, driver } from '../../support/driver.js';
import { useMemoryMounts, type MemoryMount } from '../../support/memory-mounts.js';
import { begin, eventually, refused, run, shell, succeed, within } from '../../support/programs.js';

const mounts = useMemoryMounts();
const stranger = ['--reuid=65534', '--regid=65534', '--clear-groups'];
/** The kernel believes what it was told for longer than a test takes. */
const longTtl = 60_000;

const python = async (script: string, ...words: string[]): Promise<string> => (await succeed('python3', ['-c', script, ...words])).trim();
const shown = async (format: string, path: string): Promise<string> => (await succeed('stat', ['-c', format, path])).trim();
const calls = async (mount: MemoryMount, member: string): Promise<number> => (await mount.report()).calls[member] ?? 0;

async function withFile(options: Parameters<typeof mounts.mount>[0] = {}): Promise<{ mount: MemoryMount; file: string }> {
  const mount = await mounts.mount({ timeGranularity: 1000, ...options });
  await mount.tell({ do: 'plant', name: 'f', text: 'content' });
  return { mount, file: join(mount.mountpoint, 'f') };
}

describe(`the table of drivers says of ${driver}`, () => {
  test('setsTimesSingly', async () => {
    const { file } = await withFile();
    await shell(`touch -d '2001-01-01 UTC' ${file}; touch -m -d '2002-01-01 UTC' ${file}`);
    const [first, second] = ['978307200', '1009843200'];
    expect(await shown('%X %Y', file)).toBe(`${first} ${can.setsTimesSingly ? second : first}`);
  });

  test('both times of a program arrive, each as it is', async () => {
    const { file } = await withFile();
    await python('import os, sys; os.utime(sys.argv[1], ns=(1000000001 * 10**9, 1500000002 * 10**9))', file);
    expect(await shown('%X %Y', file)).toBe('1000000001 1500000002');
  });

  test('timesBefore1970', async () => {
    const { file } = await withFile();
    await shell(`touch -d '1969-12-31 12:00:00 UTC' ${file}`);
    expect(await shown('%Y', file)).toBe(can.timesBefore1970 ? '-43200' : '0');
  });

  test('timeStep', async () => {
    const { file } = await withFile();
    await shell(`touch -d '2024-05-06 07:08:09.123456789 UTC' ${file}`);
    const nanoseconds = String(123_456_789 - 123_456_789 % can.timeStep);
    expect(await shown('%.9Y', file)).toBe(`1714979289.${nanoseconds}`);
  });

  test('knowsCaller', async () => {
    const { mountpoint } = await mounts.mount({ allowOther: true });
    await succeed('chmod', ['777', mountpoint]);
    // From within: the folders above are closed to strangers.
    await shell(`cd ${mountpoint}; setpriv ${stranger.join(' ')} sh -c ': > new'`);
    expect(await shown('%u %g', join(mountpoint, 'new'))).toBe(can.knowsCaller ? '65534 65534' : '0 0');
  });

  test('interrupts', async () => {
    const { mount, file } = await withFile();
    await mount.tell({ do: 'stall', member: 'open' });
    const cat = begin('cat', [file]);
    await eventually('the open waits', async () => await calls(mount, 'open') > 0);
    cat.kill('SIGINT');
    if (can.interrupts) {
      expect(await within(5000, 'cat ends', cat.result)).toMatchObject({ signal: 'SIGINT' });
      return;
    }
    const ended = await Promise.race([cat.result.then(() => 'ended'), new Promise((resolve) => setTimeout(resolve, 1000, 'waits'))]);
    expect(ended).toBe('waits');
    await mount.tell({ do: 'abort' });
    expect(await within(5000, 'cat ends with the mount', cat.result)).toMatchObject({ signal: 'SIGINT' });
  });

  test('renameNoReplace', async () => {
    const { file } = await withFile();
    // To a name that is free: of one that is taken the kernel knows by itself.
    const rename = `import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
print(libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 1), errno.errorcode.get(ctypes.get_errno()))`;
    expect(await python(rename, file, `${file}2`)).toBe(can.renameNoReplace ? '0 None' : '-1 EINVAL');
    await succeed('mv', ['-n', can.renameNoReplace ? `${file}2` : file, `${file}3`]);
    expect(await succeed('cat', [`${file}3`])).toBe('content');
  });

  test('knowsCreateFlags', async () => {
    const mount = await mounts.mount({ ttl: longTtl });
    const file = join(mount.mountpoint, 'late');
    await refused('stat', [file]);
    // Another machine's: the kernel believes that there is no such name.
    await mount.tell({ do: 'plant', name: 'late', text: 'theirs' });
    const appended = await run('bash', ['-c', 'printf ours >> "$1"', 'bash', file]);
    if (!can.knowsCreateFlags) {
      expect(appended.stderr).toContain('File exists');
      await shell(`printf ours >> ${file}`);
    }
    expect(await succeed('cat', [file])).toBe('theirsours');
  });

  test('copyRange', async () => {
    const { mount, file } = await withFile();
    const copy = `import os, sys
source, target = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[1] + "2", os.O_WRONLY | os.O_CREAT)
print(os.copy_file_range(source, target, 7))`;
    expect(await python(copy, file)).toBe('7');
    expect(await succeed('cat', [`${file}2`])).toBe('content');
    expect(Object.keys((await mount.report()).calls).some((name) => name.startsWith('copy'))).toBe(can.copyRange);
  });

  test('fallocate', async () => {
    const { file } = await withFile();
    const { status } = await run('fallocate', ['-l', '100', file]);
    expect([status === 0, await shown('%s', file)]).toEqual([can.fallocate, can.fallocate ? '100' : '7']);
  });

  test('seeksData', async () => {
    const { mount, file } = await withFile();
    const seek = `import os, sys
d = os.open(sys.argv[1], os.O_RDONLY); print(os.lseek(d, 5, os.SEEK_DATA), os.lseek(d, 5, os.SEEK_HOLE))`;
    expect(await python(seek, file)).toBe('5 7');
    expect(await calls(mount, 'lseek') > 0).toBe(can.seeksData);
  });

  test('largestRead, largestWrite', async () => {
    const { mount, file } = await withFile();
    await succeed('dd', ['if=/dev/zero', `of=${file}`, 'bs=4M', 'count=4']);
    await shell('echo 3 > /proc/sys/vm/drop_caches');
    await python('import os, sys; d = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT); import mmap; os.preadv(d, [mmap.mmap(-1, 4 << 20)], 0)', file);
    expect(await mount.report()).toMatchObject({ largestRead: can.largestRead, largestWrite: can.largestWrite });
  });

  test('inodeBits', async () => {
    const { file } = await withFile();
    const number = BigInt(await shown('%i', file));
    if (can.inodeBits === 64) expect(number).toBeGreaterThan(2n ** 53n);
    if (can.inodeBits === 32) expect(number > 2n ** 16n && number < 2n ** 32n).toBe(true);
    if (can.inodeBits === 0) expect(number).toBeLessThan(100n);
  });

  test('listsAttributes', async () => {
    const mount = await mounts.mount({ files: 200, ttl: longTtl });
    expect((await succeed('ls', ['-l', mount.mountpoint])).split('\n')).toHaveLength(202);
    expect(await calls(mount, 'lookup') < 100).toBe(can.listsAttributes);
  });

  test('removesOpenFiles', async () => {
    const { mount, file } = await withFile();
    await mount.tell({ do: 'stall', member: 'rename' });
    // Whatever moves an open file aside waits; what only removes it does not.
    const removing = begin('bash', ['-c', 'exec 3<"$1"; rm "$1"; cat <&3', 'bash', file]);
    if (can.removesOpenFiles) {
      expect(await removing.result).toMatchObject({ status: 0, stdout: 'content' });
    } else {
      await eventually('it is moved aside', async () => await calls(mount, 'rename') > 0);
      await mount.tell({ do: 'abort' });
      await removing.result;
    }
  });

  test('a removed file can be used by whoever has it open, is not seen, and leaves nothing', async () => {
    const { mount, file } = await withFile();
    await mount.tell({ do: 'plant', name: 'g', text: 'other' });
    const script = 'exec 3<"$1" 4<"$2"; rm "$1"; ls -A "$3"; cat <&3; mv "$2" "$1"; ls -A "$3"; cat <&4; mv "$1" "$2"';
    expect(await succeed('bash', ['-e', '-c', script, 'bash', file, join(mount.mountpoint, 'g'), mount.mountpoint])).toBe('g\ncontentf\nother');
    await eventually('nothing is left of it', async () => {
      const { openHandles } = await mount.report();
      return openHandles === 0;
    });
    expect(await succeed('ls', ['-A', mount.mountpoint])).toBe('g\n');
  });

  test('readsPastPages', async () => {
    const { mount, file } = await withFile({ directIo: true, ttl: longTtl });
    await python('import os, sys; d = os.open(sys.argv[1], os.O_RDONLY); os.pread(d, 7, 0); os.pread(d, 7, 0)', file);
    expect(await calls(mount, 'read')).toBe(can.readsPastPages ? 2 : 1);
  });

  test('keepsPages', async () => {
    const { mount, file } = await withFile({ keepCache: true, ttl: longTtl });
    await shell(`cat ${file} ${file} ${file}`);
    expect(await calls(mount, 'read')).toBe(can.keepsPages ? 1 : 3);
  });

  test('notifiesKernel', async () => {
    const { mount, file } = await withFile({ ttl: longTtl });
    expect(await shown('%s', file)).toBe('7');
    await mount.tell({ do: 'plant', name: 'f', text: 'longer content' });
    expect(await shown('%s', file)).toBe(can.notifiesKernel ? '7' : '14');
    await mount.tell({ do: 'invalidateNode', name: 'f' });
    await eventually('the kernel knows', async () => await shown('%s', file) === '14');
  });

  test('seesForeignNames', async () => {
    const { mountpoint } = await mounts.mount();
    expect(await refused('bash', ['-c', 'echo > "$1"/$\'\\xff\'', 'bash', mountpoint])).toContain('Invalid or incomplete multibyte');
    const { status } = await run('touch', [join(mountpoint, '\ufffd')]);
    expect(status === 0).toBe(can.seesForeignNames);
  });
});
