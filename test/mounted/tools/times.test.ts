/** touch, chmod and chown: times to the second of the platform, and permissions that no platform keeps. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { can } from '../../support/driver.js';
import { chosen, dated, useToolsDrive } from '../../support/chosen.js';
import type { Place } from '../../support/drive.js';
import { refused, run, shell, succeed } from '../../support/programs.js';
import { soon, text } from './files.js';

const drive = useToolsDrive();

/** Modification and access time as stat(1) shows them, to the nanosecond. */
const times = async (path: string) => (await succeed('stat', ['-c', '%.9Y %.9X', path])).trim().split(' ');

/** The modification time in whole seconds where set times are kept. */
const kept = async (place: Place, ...names: readonly string[]) => Number(await succeed('stat', ['-c', '%Y', join(dated(place), ...names)]));

describe('touch', () => {
  test('-d sets both times, exact to the second, on the server at once', async () => {
    const place = await drive.place();
    const { mount, server } = place;
    await shell(`echo content > ${mount}/f`);
    await succeed('touch', ['-d', '2019-08-07 06:05:04 UTC', join(mount, 'f')]);
    expect(await times(join(mount, 'f'))).toEqual(['1565157904.000000000', '1565157904.000000000']);
    expect(await kept(place, 'f')).toBe(1_565_157_904);
    expect(await text(join(server, 'f'))).toBe('content\n');
  });

  test('-d with a fraction: shown rounded down from the first moment, and the same at the next mount', async () => {
    const place = await drive.place();
    const { mount } = place;
    await shell(`echo content > ${mount}/f`);
    await succeed('touch', [...(can.setsTimesSingly ? ['-m'] : []), '-d', '2019-08-07 06:05:04.999999 UTC', join(mount, 'f')]);
    const [shown] = await times(join(mount, 'f'));
    expect(shown).toBe('1565157904.000000000');
    expect(await kept(place, 'f')).toBe(1_565_157_904);
    await drive.remount();
    expect((await times(join(mount, 'f')))[0]).toBe(shown);
  });

  test('-m -d leaves the access time', async () => {
    const place = await drive.place();
    const { mount } = place;
    await shell(`echo content > ${mount}/f`);
    await succeed('touch', ['-d', '2001-01-01 UTC', join(mount, 'f')]);
    await succeed('touch', ['-m', '-d', '2002-02-02 UTC', join(mount, 'f')]);
    // Where the driver is not told of one time alone, nothing changes, and touch hears nothing of it.
    const modified = can.setsTimesSingly ? 1_012_608_000 : 978_307_200;
    expect(await times(join(mount, 'f'))).toEqual([`${modified}.000000000`, '978307200.000000000']);
    expect(await kept(place, 'f')).toBe(modified);
  });

  test('-a leaves the modification time, and asks the server nothing', async () => {
    const place = await drive.place();
    const { mount } = place;
    await shell(`echo content > ${mount}/f`);
    await succeed('touch', ['-d', '2001-01-01 UTC', join(mount, 'f')]);
    await drive.control.resetCounts();
    await succeed('touch', ['-a', '-d', '2003-03-03 UTC', join(mount, 'f')]);
    expect(await times(join(mount, 'f'))).toEqual(['978307200.000000000', `${can.setsTimesSingly ? 1_046_649_600 : 978_307_200}.000000000`]);
    await succeed('touch', ['-a', join(mount, 'f')]);
    expect((await times(join(mount, 'f')))[0]).toBe('978307200.000000000');
    // Opening it for writing locks it, where the platform has locks.
    expect((await drive.work()).filter((route) => !chosen.locks.includes(route))).toEqual([]);
    if (chosen.locks.length === 0) expect(await drive.byPurpose()).toEqual({});
    expect(await kept(place, 'f')).toBe(978_307_200);
  });

  test('makes an empty file, with the time asked for', async () => {
    const place = await drive.place();
    const { mount, server } = place;
    await succeed('touch', ['-d', '2018-01-01 UTC', join(mount, 'dated')]);
    await succeed('touch', [join(mount, 'now')]);
    await soon(async () => (await readdir(server)).sort()).toEqual(['dated', 'now']);
    expect(await times(join(mount, 'dated'))).toEqual(['1514764800.000000000', '1514764800.000000000']);
    expect(await kept(place, 'dated')).toBe(1_514_764_800);
    expect(Math.abs(await kept(place, 'now') - Date.now() / 1000)).toBeLessThan(30);
    expect((await times(join(mount, 'now')))[0]).toBe(`${await kept(place, 'now')}.000000000`);
  });

  test('alone brings an old file to the present; -c makes none; -r takes another\'s time', async () => {
    const place = await drive.place();
    const { mount, server } = place;
    await succeed('touch', ['-d', '2001-01-01 UTC', join(mount, 'old')]);
    await succeed('touch', ['-r', join(mount, 'old'), join(mount, 'same')]);
    await succeed('touch', ['-c', join(mount, 'none')]);
    await succeed('sync', [join(mount, 'same')]);
    expect(await kept(place, 'same')).toBe(978_307_200);
    await succeed('touch', [join(mount, 'old')]);
    expect(Math.abs(await kept(place, 'old') - Date.now() / 1000)).toBeLessThan(30);
    expect((await readdir(server)).sort()).toEqual(['old', 'same']);
  });

  test('of a folder', async () => {
    const place = await drive.place();
    const { mount } = place;
    await succeed('mkdir', [join(mount, 'folder')]);
    await succeed('touch', ['-d', '2005-05-05 05:05:05 UTC', join(mount, 'folder')]);
    expect((await times(join(mount, 'folder')))[0]).toBe('1115269505.000000000');
    expect(await kept(place, 'folder')).toBe(1_115_269_505);
    await drive.remount();
    expect((await times(join(mount, 'folder')))[0]).toBe('1115269505.000000000');
  });

  test('past the years that fit in 32 bits, and at the epoch', async () => {
    const place = await drive.place();
    const { mount } = place;
    for (const [name, date, seconds] of [['far', '2100-01-01 UTC', 4_102_444_800], ['farther', '2200-01-01 UTC', 7_258_118_400], ['first', '1970-01-01 00:00:01 UTC', 1]] as const) {
      await shell(`echo ${name} > ${mount}/${name}`);
      await succeed('touch', ['-d', date, join(mount, name)]);
      expect((await times(join(mount, name)))[0]).toBe(`${seconds}.000000000`);
      expect(await kept(place, name)).toBe(seconds);
    }
  });
});

describe('a time that was set', () => {
  test('through the handle, before the close (tar, cp -p): the upload carries it', async () => {
    const place = await drive.place();
    const { mount } = place;
    await drive.control.resetCounts();
    await succeed('python3', ['-c', `import os, sys
d = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(d, b"abc"); os.utime(d, (1_100_000_000, 1_200_000_000)); os.close(d)`, join(mount, 'f')]);
    expect(await kept(place, 'f')).toBe(1_200_000_000);
    expect(await times(join(mount, 'f'))).toEqual(['1200000000.000000000', '1100000000.000000000']);
    expect(await drive.requests('writing')).toBe(1);
  });

  test('is replaced by a later write, and not by a flush', async () => {
    const place = await drive.place();
    const { mount, server } = place;
    const script = (then: string) => `import os, sys
d = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(d, b"abc"); os.utime(d, (1_100_000_000, 1_200_000_000)); ${then}; os.close(d)`;
    await succeed('python3', ['-c', script('os.close(os.dup(d))'), join(mount, 'flushed')]);
    expect(await kept(place, 'flushed')).toBe(1_200_000_000);
    await succeed('python3', ['-c', script('os.write(d, b"def")'), join(mount, 'written')]);
    expect(await text(join(server, 'written'))).toBe('abcdef');
    expect(Math.abs(await kept(place, 'written') - Date.now() / 1000)).toBeLessThan(30);
  });

  test('survives a rename', async () => {
    const place = await drive.place();
    const { mount } = place;
    await shell(`cd ${mount}; echo abc > f; touch -d '2010-10-10 UTC' f; mv f g; mkdir in; mv g in/h`);
    expect(await kept(place, 'in', 'h')).toBe(1_286_668_800);
    expect((await times(join(mount, 'in', 'h')))[0]).toBe('1286668800.000000000');
  });
});

describe('chmod and chown', () => {
  const [uid, gid] = [process.getuid?.() ?? -1, process.getgid?.() ?? -1];
  const modes = async (path: string) => (await succeed('stat', ['-c', '%a %u %g', path])).trim();

  test('--permissions ignore: succeed, and change nothing', async () => {
    const place = await drive.place();
    const { mount, server } = place;
    await shell(`echo abc > ${mount}/f; mkdir ${mount}/d`);
    for (const words of [['chmod', '600'], ['chmod', '+x'], ['chmod', '755'], ['chown', '12:34'], ['chgrp', '56']] as const) {
      const { status, stderr } = await run(words[0], [words[1], join(mount, 'f'), join(mount, 'd')]);
      // Giving away is root's alone: the kernel sees to that, as on any file system.
      if (words[0] !== 'chmod' && uid !== 0) expect([words, status, stderr]).toEqual([words, 1, expect.stringContaining('Operation not permitted')]);
      else expect([words, status, stderr]).toEqual([words, 0, '']);
    }
    expect(await modes(join(mount, 'f'))).toBe(`644 ${uid} ${gid}`);
    expect(await modes(join(mount, 'd'))).toBe(`755 ${uid} ${gid}`);
    expect((await stat(join(server, 'f'))).uid).toBe(uid);
    expect(await text(join(server, 'f'))).toBe('abc\n');
  });

  test('--permissions refuse: EPERM, but what asks for what is shown succeeds, and cp and touch do', async () => {
    await drive.remount('--permissions', 'refuse');
    try {
      const place = await drive.place();
      const { mount, server, local } = place;
      await shell(`echo abc > ${mount}/f; mkdir ${mount}/d`);
      for (const words of [['chmod', '600'], ['chmod', '+x'], ['chown', '12:34'], ['chgrp', '56']] as const) {
        expect(await refused(words[0], [words[1], join(mount, 'f')])).toContain('Operation not permitted');
      }
      for (const words of [['chmod', '644'], ['chmod', 'u=rw,go=r'], ['chown', `${uid}:${gid}`], ['chown', `${uid}`], ['chgrp', `${gid}`]] as const) {
        await succeed(words[0], [words[1], join(mount, 'f')]);
      }
      await succeed('chmod', ['755', join(mount, 'd')]);
      await shell(`echo copied > ${local}/g; chmod 644 ${local}/g`);
      await succeed('cp', ['-p', join(local, 'g'), mount]);
      await succeed('touch', ['-d', '2010-10-10 UTC', join(mount, 'f')]);
      expect(await kept(place, 'f')).toBe(1_286_668_800);
      expect(await text(join(server, 'g'))).toBe('copied\n');
    } finally {
      await drive.remount();
    }
  });
});
