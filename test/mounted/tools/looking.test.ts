/** ls, find, du, df, stat and getfattr: what the drive shows, and what it costs in requests. */
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chosen, platformName, useToolsDrive } from '../../support/chosen.js';
import { eventually, refused, run, shell, succeed } from '../../support/programs.js';
import { randomFile, sampleTree } from './files.js';

const drive = useToolsDrive({
  async prepare(root) {
    await sampleTree(join(root, 'tree'));
    await randomFile(join(root, 'few', 'file'), 100);
    await mkdir(join(root, 'few', 'folder'));
    await mkdir(join(root, 'few', 'void'));
    await mkdir(join(root, 'many'));
    for (let i = 0; i < 10; i += 1) {
      await randomFile(join(root, 'changing', `file-${i}`), 50_000);
      await utimes(join(root, 'changing', `file-${i}`), 1_600_000_000, 1_600_000_000);
    }
    for (let i = 0; i < 10_000; i += 1) {
      const path = join(root, 'many', `entry-${i}`);
      await writeFile(path, 'x'.repeat(i % 7));
      await utimes(path, 1_600_000_000, 1_600_000_000 + i);
    }
  },
});

const requests = () => drive.byPurpose();

/** Makes everything above `path` known, so that only the folder itself has to be asked for. */
async function comeTo(path: string): Promise<void> {
  await succeed('stat', [path]);
  await drive.control.resetCounts();
}

describe('ls -l', () => {
  test('of a folder costs one request', async () => {
    const { mount, server } = await drive.place('few');
    await comeTo(mount);
    const lines = (await succeed('ls', ['-l', '--time-style=+%s', mount])).trimEnd().split('\n').slice(1);
    expect(await requests()).toEqual({ asking: 1 });
    const { mtimeMs, size } = await stat(join(server, 'file'));
    expect(lines).toHaveLength(3);
    const owner = (await shell('echo $(id -un) $(id -gn)')).trim();
    expect(lines[0]).toMatch(new RegExp(`^-rw-r--r-- 1 ${owner} +${size} ${Math.floor(mtimeMs / 1000)} file$`));
    expect(lines[1]).toMatch(new RegExp(`^drwxr-xr-x 1 ${owner} +\\d+ \\d+ folder$`));
  });

  test('again, while the listing is young, costs none', async () => {
    const { mount } = await drive.place('few');
    await succeed('ls', ['-l', mount]);
    await drive.control.resetCounts();
    await succeed('ls', ['-l', mount]);
    expect(await requests()).toEqual({});
  });

  test('of 10,000 entries costs one request, and shows each name, size and time', async () => {
    const { mount, server } = await drive.place('many');
    await comeTo(mount);
    const listed = await shell(`ls -lU --time-style=+%s ${mount} | awk 'NR > 1 {print $7, $5, $6}' | sort`);
    expect(await requests()).toEqual({ asking: 1 });
    const wanted = await shell(`find ${server} -type f -printf '%f %s %Ts\\n' | sort`);
    expect(wanted.split('\n')).toHaveLength(10_001);
    expect(listed === wanted).toBe(true);
  });

  test('-R of a tree costs one request a folder, or four where the platform tells trees', async () => {
    const { mount, server } = await drive.place('tree');
    await comeTo(mount);
    await succeed('ls', ['-lR', mount]);
    const folders = (await succeed('find', [server, '-type', 'd'])).trimEnd().split('\n');
    expect(await requests()).toEqual({ asking: chosen.tellsTrees ? 4 : folders.length });
  });

  test('of a file in a folder costs the one listing', async () => {
    await drive.remount();
    const { mount } = await drive.place('few');
    await comeTo(mount);
    await succeed('ls', ['-l', join(mount, 'file')]);
    await succeed('ls', ['-ld', join(mount, 'folder')]);
    await run('ls', ['-l', join(mount, 'not there')]);
    expect(await requests()).toEqual({ asking: 1 });
  });
});

describe('find', () => {
  test.each([
    [['-type', 'f']], [['-type', 'd']], [['-name', '*-1*']], [['-size', '+40k']], [['-empty']],
    [['-newermt', '2020-09-13 12:27:00.9 UTC']], [['-mindepth', '2', '-maxdepth', '3']], [['-depth']],
  ])('%j finds what it finds on the server', async (tests) => {
    const { mount, server } = await drive.place('tree');
    const found = async (top: string) => (await succeed('find', [top, ...tests, '-printf', '%P %y\\n'])).split('\n').sort();
    const wanted = await found(server);
    expect(wanted.length).toBeGreaterThan(1);
    expect(await found(mount)).toEqual(wanted);
  });

  test('-delete takes a whole tree', async () => {
    const { mount, server } = await drive.place();
    await succeed('cp', ['-r', join(drive.root, 'tree', 'folder 0'), join(mount, 'tree')]);
    await succeed('find', [mount, '-mindepth', '1', '-delete']);
    expect(await readdir(server)).toEqual([]);
  });
});

describe('du', () => {
  test('-b of files tells their bytes; without it, their blocks of 512', async () => {
    const { mount, server } = await drive.place('tree');
    const files = (await succeed('find', [server, '-type', 'f', '-printf', '%s\\n'])).trimEnd().split('\n').map(Number);
    const sum = async (...options: string[]) => Number((await shell(`find ${mount} -type f -print0 | du --files0-from=- -c ${options.join(' ')} | tail -n 1`)).split('\t')[0]);
    expect(await sum('-b')).toBe(files.reduce((total, size) => total + size, 0));
    expect(await sum('-B', '512')).toBe(files.reduce((total, size) => total + Math.ceil(size / 512), 0));
    await succeed('du', ['-s', mount]);
  });
});

describe('df', () => {
  test('asks the server nothing, and answers while the server does not', async () => {
    await succeed('ls', [drive.mountpoint]);
    await drive.control.addRule({ times: 0, action: { kind: 'stall', at: 'request' } });
    try {
      await drive.control.resetCounts();
      const [, line = ''] = (await succeed('df', ['-B1', '--output=fstype,size,used,avail,target', drive.mountpoint])).trim().split('\n');
      const [type, size, used, available, target] = line.split(/\s+/);
      expect({ type, used, target }).toEqual({ type: 'fuse.amarre', used: '0', target: drive.mountpoint });
      expect([size, available]).toEqual([String(2 ** 50), String(2 ** 50)]);
      await succeed('df', ['-i', drive.mountpoint]);
      expect(await requests()).toEqual({});
    } finally {
      await drive.control.removeRules();
    }
  });
});

describe('stat', () => {
  test('shows kind, mode, owner, links, size, blocks and the time to the second', async () => {
    const { mount, server } = await drive.place('few');
    const { mtimeMs } = await stat(join(server, 'file'));
    const second = Math.floor(mtimeMs / 1000);
    const owner = (await shell('echo "$(id -u)|$(id -g)"')).trim();
    const shown = await succeed('stat', ['-c', '%F|%a|%u|%g|%h|%s|%b|%.9Y|%.9Z', join(mount, 'file')]);
    expect(shown).toBe(`regular file|644|${owner}|1|100|1|${second}.000000000|${second}.000000000\n`);
    expect(await succeed('stat', ['-c', '%F|%a|%u|%g', join(mount, 'folder')])).toBe(`directory|755|${owner}\n`);
  });

  test('of what is not there is ENOENT, and so is what lies in a file ENOTDIR', async () => {
    const { mount } = await drive.place('few');
    expect(await refused('stat', [join(mount, 'nothing')])).toContain('No such file or directory');
    expect(await refused('stat', [join(mount, 'file', 'x')])).toContain('Not a directory');
  });

  test('ls -i, find and stat tell one number, which no two share', async () => {
    const { mount } = await drive.place('many');
    const byFind = await shell(`find ${mount} -type f -printf '%i %f\\n' | sort`);
    const byList = await shell(`ls -iU1 ${mount} | awk '{print $1, $2}' | sort`);
    const byStat = await shell(`cd ${mount} && ls -U | xargs stat -c '%i %n' | sort`);
    expect(byList === byFind && byStat === byFind).toBe(true);
    expect(new Set(byFind.trimEnd().split('\n').map((line) => line.split(' ')[0])).size).toBe(10_000);
  });

  test('promise 11: what has not changed has the same number, size and times at the next mount', async () => {
    const { mount } = await drive.place('tree');
    const look = async () => (await succeed('find', [mount, '-printf', '%P|%y|%i|%s|%b|%T@|%C@|%m|%U|%G\\n'])).split('\n').sort();
    const before = await look();
    await drive.remount();
    expect(await look()).toEqual(before);
  });
});

describe('what changed on the server', () => {
  test('while the kernel still believes in the old size: who reads gets the new version whole, longer or shorter', async () => {
    const { mount, server } = await drive.place('changing');
    for (let i = 0; i < 10; i += 1) {
      const name = `file-${i}`;
      await succeed('stat', [join(mount, name)]);
      const newer = `version ${i}\n`.repeat(i % 2 === 0 ? 9000 : 3000);
      await writeFile(join(server, name), newer);
      expect(await succeed('cat', [join(mount, name)]) === newer).toBe(true);
    }
  });

  test('shows once the listing is older than --dir-ttl', async () => {
    await drive.remount('--dir-ttl', '300ms', '--attr-ttl', '100ms');
    const { mount, server } = await drive.place('few');
    expect(await succeed('ls', [mount])).toBe('file\nfolder\nvoid\n');
    await writeFile(join(server, 'newcomer'), 'from elsewhere');
    await eventually('the new name shows', async () => (await succeed('ls', [mount])).includes('newcomer'));
    expect(await succeed('cat', [join(mount, 'newcomer')])).toBe('from elsewhere');
    await writeFile(join(server, 'newcomer'), 'and longer than it was');
    await eventually('the new size shows', async () => (await succeed('stat', ['-c', '%s', join(mount, 'newcomer')])) === '22\n');
    expect(await succeed('cat', [join(mount, 'newcomer')])).toBe('and longer than it was');
    await succeed('rm', [join(server, 'newcomer')]);
    await eventually('the name goes', async () => (await succeed('ls', [mount])) === 'file\nfolder\nvoid\n');
    await drive.remount();
  });
});

describe('getfattr', () => {
  test('shows provider, version and id, and takes no others: EOPNOTSUPP', async () => {
    const { mount } = await drive.place('few');
    const file = join(mount, 'file');
    const all = await succeed('getfattr', ['-n', 'user.amarre.all', '--only-values', '--absolute-names', file]);
    expect(all).toContain(`provider=${platformName}\n`);
    expect(all).toMatch(/^version=.+$/m);
    expect(await succeed('getfattr', ['-n', 'user.amarre.provider', '--only-values', '--absolute-names', file])).toBe(platformName);
    expect(await refused('getfattr', ['-n', 'user.other', file])).toMatch(/No such attribute|Operation not supported/);
    expect(await refused('setfattr', ['-n', 'user.other', '-v', 'x', file])).toContain('Operation not supported');
    expect(await refused('setfattr', ['-x', 'user.amarre.version', file])).toMatch(/Operation not supported|Operation not permitted/);
  });

  test('the version changes with the content, and with nothing else', async () => {
    const { mount } = await drive.place();
    const version = () => succeed('getfattr', ['-n', 'user.amarre.version', '--only-values', '--absolute-names', join(mount, 'f')]);
    await shell(`echo one > ${mount}/f`);
    const first = await version();
    await succeed('cat', [join(mount, 'f')]);
    expect(await version()).toBe(first);
    await shell(`echo two and more > ${mount}/f`);
    expect(await version()).not.toBe(first);
  });
});
