/**
 * Inodes, attributes and listings as stat(2) and readdir(3) show them on a mount, and what a server
 * may list that no program must meet.
 */
import { chmod, mkdir, readdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { useDictated } from '../../support/dictated.js';
import { can } from '../../support/driver.js';
import { longAgo, usePrepared } from '../../support/prepared.js';
import { refused, run, succeed } from '../../support/programs.js';

const drive = usePrepared();
const dictated = useDictated();

describe('st_ino', () => {
  test('is the same after a remount, and changes with a rename: what rsync wrote under a temporary name keeps its number', async () => {
    const place = await drive.prepared({ 'd/one': '1', two: '2' });
    const source = join(place.local, 'three');
    await writeFile(source, '3');
    await utimes(source, longAgo, longAgo);
    await succeed('rsync', ['-a', source, `${place.mount}/`]);
    await place.shell('echo 4 > .tmp; mv .tmp four; mv two moved');
    const program = dictated();
    const numbers = async () => {
      const found = [];
      for (const name of ['.', 'd', 'd/one', 'moved', 'three', 'four', '..']) found.push(`${name} ${(await program.stat(place.at(name))).ino}`);
      return found;
    };
    const before = await numbers();
    const { ino } = await program.stat(place.at('moved'));
    await drive.remount();
    expect(await numbers()).toEqual(before);
    await place.shell('mv moved two');
    expect((await program.stat(place.at('two'))).ino).not.toBe(ino);
    await place.shell('mv two moved');
    expect((await program.stat(place.at('moved'))).ino).toBe(ino);
  });

  test('two live objects never share one: a deleted file that is open still, and the new one of its name', async () => {
    const place = await drive.prepared({ f: 'old' });
    const program = dictated();
    const descriptor = await program.open(place.at('f'));
    await place.shell('rm f; echo new > f');
    const anew = await program.stat(place.at('f'));
    const old = await program.call('fstat', descriptor);
    expect(z.object({ ino: z.string() }).parse(old).ino).not.toBe(anew.ino);
    await program.close(descriptor);
  });

  test('READDIR\'s d_ino equals stat\'s, whatever was asked first', async () => {
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, 'x']));
    const place = await drive.prepared({ ...files, 'd/x': 'x' });
    const program = dictated();
    // Some are known by a lookup, some by the listing alone, one is new, one is being written.
    for (const name of ['f1', 'f2', 'd']) await program.stat(place.at(name));
    await place.shell('echo x > new');
    const descriptor = await program.open(place.at('unsent'), 'os.O_WRONLY|os.O_CREAT');
    const listed = z.record(z.string(), z.string()).parse(await program.call('inodes', place.mount));
    expect(Object.keys(listed)).toHaveLength(43);
    for (const [name, number] of Object.entries(listed)) expect([name, (await program.stat(place.at(name))).ino]).toEqual([name, number]);
    expect(new Set(Object.values(listed)).size).toBe(43);
    await program.close(descriptor);
  });
});

describe('the root', () => {
  test('has number 1, and its time is the first seen, kept for every mount', async () => {
    const shown = () => succeed('stat', ['-c', '%i %Y %Z', drive.mountpoint]);
    const before = await shown();
    expect(before).toMatch(/^1 \d+ \d+\n$/);
    await utimes(drive.root, longAgo, longAgo);
    await drive.remount();
    expect(await shown()).toBe(before);
  });
});

describe('sizes and modes', () => {
  test.each([0, 1, 512, 513, 1_048_576, 1_048_577])('st_blocks of %i bytes is what holds them, so that cp takes no file for sparse', async (size) => {
    const place = await drive.prepared({ f: 'x'.repeat(size) });
    expect(await place.shell('stat -c "%s %b" f')).toBe(`${size} ${Math.ceil(size / 512)}\n`);
    await drive.control.resetCounts();
    // Read once from start to end; a sparse file would be searched for its holes first.
    await succeed('cp', [place.at('f'), join(place.local, 'copy')]);
    const { responseBytes } = (await drive.control.log()).reduce((sum, one) => ({ responseBytes: sum.responseBytes + one.responseBytes }), { responseBytes: 0 });
    expect(responseBytes).toBe(size);
  });

  test('past 32 bits', async () => {
    const place = await drive.prepared();
    await succeed('truncate', ['-s', '5000000001', join(place.server, 'f')]);
    expect(await place.shell('stat -c "%s %b" f; tail -c 1 f | od -An -tx1')).toBe('5000000001 9765626\n 00\n');
    await rm(join(place.server, 'f'));
  });

  test('the server\'s bits are not shown', async () => {
    const place = await drive.prepared({ open: '', closed: '', 'd/x': '' });
    await chmod(join(place.server, 'open'), 0o777);
    await chmod(join(place.server, 'closed'), 0o600);
    await chmod(join(place.server, 'd'), 0o700);
    expect(await place.shell('stat -c "%a %n" open closed d')).toBe('644 open\n644 closed\n755 d\n');
  });
});

describe('what a server lists', () => {
  test('a symbolic link is shown as what it leads to, and read and written through', async () => {
    const place = await drive.prepared({ target: 'its bytes', 'd/inner': 'inner' });
    await symlink('target', join(place.server, 'to-file'));
    await symlink('d', join(place.server, 'to-folder'));
    expect(await place.shell('stat -c "%F %s" to-file; stat -c %F to-folder; cat to-file to-folder/inner; ls to-folder')).toBe(
      'regular file 9\ndirectory\nits bytesinnerinner\n',
    );
    expect(await place.shell('ls -F')).toBe('d/\ntarget\nto-file\nto-folder/\n');
  });

  test('rm of a link takes the link, and leaves what it led to', async () => {
    const place = await drive.prepared({ target: 'its bytes' });
    await symlink('target', join(place.server, 'link'));
    await succeed('rm', [place.at('link')]);
    expect(await readdir(place.server)).toEqual(['target']);
    expect(await place.onServer('target')).toBe('its bytes');
  });

  test('one that leads nowhere, in a circle or out of the home is left out, and so are pipes and sockets', async () => {
    const place = await drive.prepared({ f: 'x' });
    await symlink('nowhere', join(place.server, 'broken'));
    await symlink('circle', join(place.server, 'circle'));
    await symlink('/etc/passwd', join(place.server, 'outside'));
    await succeed('mkfifo', [join(place.server, 'pipe')]);
    await succeed('python3', ['-c', 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', join(place.server, 'socket')]);
    expect(await succeed('ls', ['-A', place.mount])).toBe('f\n');
    for (const name of ['broken', 'circle', 'outside', 'pipe', 'socket']) {
      expect(await refused('cat', [place.at(name)])).toContain('No such file');
    }
    expect(await readlink(join(place.server, 'broken'))).toBe('nowhere');
  });

  test('a name that is not there under itself, or could do harm, is left out', async () => {
    const place = await drive.prepared({ f: 'x' });
    await succeed('python3', ['-c', 'import os, sys; open(os.fsencode(sys.argv[1]) + b"/caf\\xe9", "w"); open(sys.argv[1] + "/back\\\\slash", "w")', place.server]);
    expect(await succeed('ls', ['-A', place.mount])).toBe('f\n');
  });
});

describe('names from programs', () => {
  test('that are not UTF-8: EILSEQ in every call, and never mangled', async () => {
    const place = await drive.prepared({ f: 'x' });
    const name = Buffer.concat([Buffer.from(`${place.mount}/`), Buffer.from([0x63, 0x61, 0x66, 0xe9])]).toString('hex');
    const program = dictated();
    for (const call of ['stat', 'mkdir', 'mknod', 'unlink', 'rmdir', 'listdir']) expect([call, await program.refused('bytes_call', call, name)]).toEqual([call, 'EILSEQ']);
    const rename = `import errno, os
try: os.rename(os.fsencode('${place.mount}/f'), bytes.fromhex('${name}'))
except OSError as e: print(errno.errorcode[e.errno])
try: os.open(bytes.fromhex('${name}'), os.O_WRONLY | os.O_CREAT)
except OSError as e: print(errno.errorcode[e.errno])`;
    expect(await succeed('python3', ['-c', rename])).toBe('EILSEQ\nEILSEQ\n');
    expect(await readdir(place.server)).toEqual(['f']);
  });
});

describe('extended attributes', () => {
  test('user.amarre.* tell where a file comes from; the rest is EOPNOTSUPP, which cp -p and -a get along with', async () => {
    const place = await drive.prepared({ f: 'x' });
    const told = await place.shell('getfattr --only-values -n user.amarre.all f');
    expect(told).toMatch(/^id=\/ready-\d+\/f\nprovider=sftpgo\nversion=.+\n$/);
    // None is listed: what copies trees would take ours along, and rsync -X would try to take them away.
    expect(await place.shell('getfattr -d -m - f')).toBe('');
    await place.shell(`touch ${place.local}/with && setfattr -n user.amarre.id -v other ${place.local}/with && cp -a ${place.local}/with with && rsync -aX f ${place.local}/ && rsync -aX ${place.local}/f f`);
    // The kernel asks nobody about the names that are root's.
    for (const name of process.getuid?.() === 0 ? ['user.mine', 'security.x', 'trusted.x'] : ['user.mine']) {
      expect((await run('setfattr', ['-n', name, '-v', 'x', place.at('f')])).stderr).toContain('not supported');
    }
    await drive.control.resetCounts();
    await place.shell('getfattr -d f; cp -p f g; cp -a f h');
    expect((await drive.control.state()).counts).toMatchObject(can.copyRange ? { copy: 2 } : { upload: 2 });
  });
});

describe('a listing', () => {
  test('fills the attributes of all its children: ls -l, find and stat of all cost the one request', async () => {
    const place = await drive.prepared(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 'x'.repeat(i)])));
    await mkdir(join(place.server, 'd'));
    await drive.control.resetCounts();
    await place.shell('ls -l > /dev/null; stat f* > /dev/null; find . -size +1 > /dev/null');
    // The empty folder is listed by find.
    expect((await drive.control.state()).counts).toEqual({ list: 2 });
  });
});
