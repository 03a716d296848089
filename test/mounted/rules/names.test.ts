/**
 * Unlink, rename, create on a mount, where open files keep their meaning and the server's word counts
 * for more than what a listing said before.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, stat, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { untilStalled } from '../../support/control.js';
import { can } from '../../support/driver.js';
import { useDictated, type Dictated } from '../../support/dictated.js';
import { usePrepared, type PreparedPlace } from '../../support/prepared.js';
import { begin, eventually, refused, run, succeed } from '../../support/programs.js';

const drive = usePrepared();
const dictated = useDictated();

const large = randomBytes(3_000_000);
const whole = large.toString('latin1');

/** What anybody sees on the server but this mount. */
async function visible(place: PreparedPlace): Promise<string[]> {
  return (await readdir(place.server)).filter((name) => !name.startsWith('.amarre-')).sort();
}

/** What stays on the server when all is closed; the last RELEASE comes behind its close(2). */
async function expectOnly(place: PreparedPlace, names: readonly string[]): Promise<void> {
  if (!can.removesOpenFiles) await eventually('what lay aside is gone', async () => (await visible(place)).every((name) => !name.startsWith('.fuse_hidden')));
  expect(await visible(place)).toEqual(names);
}

/** All that is left to read. */
async function readOn(program: Dictated, descriptor: number): Promise<string> {
  let bytes = '';
  for (let piece = await program.read(descriptor, 1 << 20); piece !== ''; piece = await program.read(descriptor, 1 << 20)) bytes += piece;
  return bytes;
}

async function changes(): Promise<string[]> {
  const { counts } = await drive.control.state();
  return Object.keys(counts).filter((route) => !['list', 'head', 'get'].includes(route)).sort();
}

describe('unlink of an open file', () => {
  test('hides it on the platform, and deletes it at the last RELEASE: its readers read on', async () => {
    const place = await drive.prepared({ f: large });
    const [one, two] = [dictated(), dictated()];
    const [first, second] = [await one.open(place.at('f')), await two.open(place.at('f'))];
    expect(await one.read(first, 10)).toBe(whole.slice(0, 10));
    await succeed('rm', [place.at('f')]);
    const aside = await visible(place);
    expect(aside.map((name) => name.slice(0, 12))).toEqual(can.removesOpenFiles ? [] : ['.fuse_hidden']);
    expect(await succeed('ls', ['-A', place.mount])).toBe('');
    await one.close(first);
    expect(await readOn(two, second)).toBe(whole);
    const hidden = async () => (await readdir(drive.root)).filter((name) => name.startsWith('.amarre-')).length;
    expect(await hidden() + aside.length).toBe(1);
    await two.close(second);
    await eventually('it is gone', async () => await hidden() === 0);
    await expectOnly(place, []);
  });

  test('its name is free at once: a new file of that name and the old one do not mix', async () => {
    const place = await drive.prepared({ f: large });
    const program = dictated();
    const descriptor = await program.open(place.at('f'));
    await place.shell('rm f; echo new > f');
    expect(await readOn(program, descriptor)).toBe(whole);
    await program.close(descriptor);
    expect(await place.onServer('f')).toBe('new\n');
    expect(await succeed('cat', [place.at('f')])).toBe('new\n');
  });

  test('what is written to it afterwards is nobody\'s, and is not sent', async () => {
    const place = await drive.prepared({ f: 'old' });
    const program = dictated();
    const descriptor = await program.open(place.at('f'), 'os.O_RDWR');
    await succeed('rm', [place.at('f')]);
    await program.call('write', descriptor, 'nowhere');
    await program.call('fsync', descriptor);
    expect(await program.call('pread', descriptor, 100, 0)).toBe('nowhere');
    await program.close(descriptor);
    await expectOnly(place, []);
    if (can.removesOpenFiles) expect((await drive.control.state()).counts['upload']).toBeUndefined();
  });

  test('of one that was never sent: nothing is sent', async () => {
    const place = await drive.prepared();
    const program = dictated();
    const descriptor = await program.open(place.at('new'), 'os.O_RDWR|os.O_CREAT');
    await program.call('write', descriptor, 'never');
    await succeed('rm', [place.at('new')]);
    expect(await program.call('pread', descriptor, 100, 0)).toBe('never');
    await program.close(descriptor);
    if (can.removesOpenFiles) expect(await changes()).toEqual([]);
    await expectOnly(place, []);
  });

  test('waits for its upload that is under way: afterwards it is gone', async () => {
    const place = await drive.prepared({ f: 'old' });
    await drive.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 0 } });
    const copying = begin('cp', ['/bin/true', place.at('f')]);
    await untilStalled(drive.control);
    const removing = begin('rm', [place.at('f')]);
    await drive.control.removeRules();
    expect([(await copying.result).status, (await removing.result).status]).toEqual([0, 0]);
    await expectOnly(place, []);
  });
});

describe('rename of a file with unsent changes', () => {
  test('sends them first, and later writes go to the new name', async () => {
    const place = await drive.prepared({ f: 'old' });
    const program = dictated();
    const descriptor = await program.open(place.at('f'), 'os.O_WRONLY|os.O_TRUNC');
    await program.call('write', descriptor, 'one');
    await succeed('mv', [place.at('f'), place.at('g')]);
    expect(await visible(place)).toEqual(['g']);
    expect(await place.onServer('g')).toBe('one');
    await program.call('write', descriptor, ' two');
    await program.close(descriptor);
    expect(await visible(place)).toEqual(['g']);
    expect(await place.onServer('g')).toBe('one two');
  });

  test('if that fails the rename fails and both names stay as they were', async () => {
    const place = await drive.prepared({ f: 'old f', g: 'old g' });
    const program = dictated();
    const descriptor = await program.open(place.at('f'), 'os.O_WRONLY|os.O_TRUNC');
    await program.call('write', descriptor, 'new');
    await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'answer', status: 507, body: { error: 'full' } } });
    expect(await program.refused('rename', place.at('f'), place.at('g'))).toBe('ENOSPC');
    expect([await place.onServer('f'), await place.onServer('g')]).toEqual(['old f', 'old g']);
    await drive.control.removeRules();
    await program.close(descriptor);
    expect([await place.onServer('f'), await place.onServer('g')]).toEqual(['new', 'old g']);
    expect(await succeed('cat', [place.at('f'), place.at('g')])).toBe('newold g');
  });

  test('of a new one, as editors save: over the old file in one step', async () => {
    const place = await drive.prepared({ f: 'old' });
    const program = dictated();
    const descriptor = await program.open(place.at('.f.swp'), 'os.O_WRONLY|os.O_CREAT|os.O_EXCL');
    await program.call('write', descriptor, 'new');
    await program.call('rename', place.at('.f.swp'), place.at('f'));
    expect([await visible(place), await place.onServer('f')]).toEqual([['f'], 'new']);
    await program.close(descriptor);
    expect([await visible(place), await place.onServer('f')]).toEqual([['f'], 'new']);
  });
});

describe('rename over an open target', () => {
  test('its readers keep what is cached, else ESTALE, and never see the new bytes', async () => {
    const place = await drive.prepared({ small: 'small old', large, s2: 'small new', l2: 'large new' });
    const program = dictated();
    const [small, big] = [await program.open(place.at('small')), await program.open(place.at('large'))];
    expect(await program.read(small, 5)).toBe('small');
    await program.read(big, 10);
    await place.shell('mv s2 small; mv l2 large');
    expect(await program.read(small, 100)).toBe(' old');
    const got = await readOn(program, big).catch((error: unknown) => error);
    if (got instanceof Error) expect(got.message).toBe('ESTALE');
    else expect(got).toBe(whole.slice(10));
    expect(await succeed('cat', [place.at('small'), place.at('large')])).toBe('small newlarge new');
  });

  test('a writer of the replaced file no longer sends to that name', async () => {
    const place = await drive.prepared({ f: 'f', g: 'g' });
    const program = dictated();
    const descriptor = await program.open(place.at('g'), 'os.O_WRONLY|os.O_TRUNC');
    await program.call('write', descriptor, 'written to what was replaced');
    await succeed('mv', [place.at('f'), place.at('g')]);
    await program.call('write', descriptor, ', and more');
    await program.call('close', descriptor).catch(() => undefined);
    await expectOnly(place, ['g']);
    expect(await place.onServer('g')).toBe('f');
    expect(await succeed('cat', [place.at('g')])).toBe('f');
  });
});

describe('rename of a folder', () => {
  test('waits for uploads below it', async () => {
    const [place, elsewhere] = [await drive.prepared({ 'd/f': 'old' }), await drive.prepared()];
    await drive.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 0 } });
    const copying = begin('cp', ['/bin/true', place.at('d/f')]);
    await untilStalled(drive.control);
    const moving = begin('mv', [place.at('d'), place.at('e')]);
    // Elsewhere nobody is kept waiting; when this is done, there was time to move the one.
    await elsewhere.shell('mkdir x; mv x y; rmdir y');
    expect(await visible(place)).toEqual(['d']);
    await drive.control.removeRules();
    expect([(await copying.result).status, (await moving.result).status]).toEqual([0, 0]);
    expect(await visible(place)).toEqual(['e']);
    expect((await stat(join(place.server, 'e/f'))).size).toBe((await stat('/bin/true')).size);
  });

  test('redirects open handles: their reads and writes go on under the new path', async () => {
    const place = await drive.prepared({ 'd/sub/read': large, 'd/sub/write': 'old' });
    const program = dictated();
    const reader = await program.open(place.at('d/sub/read'));
    const writer = await program.open(place.at('d/sub/write'), 'os.O_WRONLY|os.O_TRUNC');
    expect(await program.read(reader, 10)).toBe(whole.slice(0, 10));
    await program.call('write', writer, 'before');
    await succeed('mv', [place.at('d'), place.at('e')]);
    expect(await readOn(program, reader)).toBe(whole.slice(10));
    await program.call('write', writer, ' and after');
    await program.close(writer);
    expect(await place.onServer('e/sub/write')).toBe('before and after');
    expect(await visible(place)).toEqual(['e']);
  });

  test('a non-empty target folder is ENOTEMPTY by the server\'s answer', async () => {
    const place = await drive.prepared({ 'd/f': 'x' });
    await mkdir(join(place.server, 'e'));
    expect(await succeed('ls', [place.at('e')])).toBe('');
    await place.put('e/behind our back', 'precious');
    const program = dictated();
    expect(await program.refused('rename', place.at('d'), place.at('e'))).toBe('ENOTEMPTY');
    expect(await place.onServer('e/behind our back')).toBe('precious');
    expect(await place.onServer('d/f')).toBe('x');
    await unlink(join(place.server, 'e/behind our back'));
    await program.call('rename', place.at('d'), place.at('e'));
    expect(await visible(place)).toEqual(['e']);
    expect(await place.onServer('e/f')).toBe('x');
  });
});

describe('O_EXCL and RENAME_NOREPLACE look on the server', () => {
  test('a file that the listing does not show yet: EEXIST, and it is untouched', async () => {
    const place = await drive.prepared({ mine: 'mine' });
    expect(await succeed('ls', [place.mount])).toBe('mine\n');
    await place.put('lock', 'another machine\'s');
    const program = dictated();
    expect(await program.refused('renameat2', place.at('mine'), place.at('lock'), 1)).toBe(can.renameNoReplace ? 'EEXIST' : 'EINVAL');
    expect(await program.refused('open', place.at('lock'), 'os.O_WRONLY|os.O_CREAT|os.O_EXCL')).toBe('EEXIST');
    expect([await place.onServer('mine'), await place.onServer('lock')]).toEqual(['mine', 'another machine\'s']);
  });

  test('mkdir of a folder that is there: EEXIST', async () => {
    const place = await drive.prepared({ f: 'x' });
    expect(await succeed('ls', [place.mount])).toBe('f\n');
    await mkdir(join(place.server, 'lock'));
    const program = dictated();
    expect(await program.refused('mkdir', place.at('lock'))).toBe('EEXIST');
  });

  test('>> to a file that the listing does not show yet keeps what is in it', async () => {
    const place = await drive.prepared({ f: 'x' });
    expect(await succeed('ls', [place.mount])).toBe('f\n');
    await place.put('log', 'one\n');
    if (can.knowsCreateFlags) {
      await place.shell('echo two >> log');
    } else {
      expect(await refused('bash', ['-c', 'echo two >> "$0"', place.at('log')])).toContain('File exists');
      expect(await place.onServer('log')).toBe('one\n');
      await eventually('the name is looked up again', async () => (await run('bash', ['-c', 'echo two >> "$0"', place.at('log')])).status === 0);
    }
    expect(await place.onServer('log')).toBe('one\ntwo\n');
  });

  test('EXCHANGE is EINVAL, link() EPERM', async () => {
    const place = await drive.prepared({ f: 'f', g: 'g' });
    const program = dictated();
    expect(await program.refused('renameat2', place.at('f'), place.at('g'), 2)).toBe('EINVAL');
    expect(await program.refused('link', place.at('f'), place.at('h'))).toBe('EPERM');
    expect(await program.refused('symlink', 'f', place.at('h'))).toBe('EPERM');
    expect(await visible(place)).toEqual(['f', 'g']);
  });
});

describe('promise 7: rmdir removes empty folders only', () => {
  test('a file that came behind our back: ENOTEMPTY, and it stays', async () => {
    const place = await drive.prepared();
    await mkdir(join(place.server, 'd'));
    expect(await succeed('ls', ['-A', place.at('d')])).toBe('');
    await place.put('d/precious', 'precious');
    expect(await refused('rmdir', [place.at('d')])).toContain('Directory not empty');
    expect(await place.onServer('d/precious')).toBe('precious');
    expect(await succeed('ls', [place.at('d')])).toBe('precious\n');
  });

  test.each([
    { what: 'a link that leads nowhere', make: (folder: string) => symlink('nowhere', join(folder, 'link')) },
    { what: 'a pipe', make: (folder: string) => succeed('mkfifo', [join(folder, 'pipe')]) },
    { what: 'what another mount is about to upload', make: (folder: string) => mkfile(join(folder, `.amarre-another-${Date.now().toString(16).padStart(12, '0')}-000000`)) },
  ])('$what is left out of the listing, and is no reason to delete it', async ({ make }) => {
    const place = await drive.prepared();
    await mkdir(join(place.server, 'd'));
    await make(join(place.server, 'd'));
    const there = await readdir(join(place.server, 'd'));
    expect(await succeed('ls', ['-A', place.at('d')])).toBe('');
    expect(await refused('rmdir', [place.at('d')])).toContain('Directory not empty');
    expect(await readdir(join(place.server, 'd'))).toEqual(there);
    await succeed('rm', ['-r', join(place.server, 'd')]);
  });

  test('a file that is being written here counts, though the server has nothing yet', async () => {
    const place = await drive.prepared();
    await mkdir(join(place.server, 'd'));
    const program = dictated();
    const descriptor = await program.open(place.at('d/new'), 'os.O_WRONLY|os.O_CREAT');
    await program.call('write', descriptor, 'x');
    expect(await program.refused('rmdir', place.at('d'))).toBe('ENOTEMPTY');
    await program.close(descriptor);
    expect(await place.onServer('d/new')).toBe('x');
  });

  test('rm -r of a folder of 200: every cookie stays true while it deletes', async () => {
    const place = await drive.prepared(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`d/${i}`, ''])));
    await succeed('rm', ['-r', place.at('d')]);
    expect(await visible(place)).toEqual([]);
    expect((await drive.control.state()).counts['delete']).toBe(200);
  });
});

describe('hidden names', () => {
  test('never grow with the target\'s name: one of 255 bytes is written, replaced, and deleted while it is open', async () => {
    const place = await drive.prepared();
    const name = 'n'.repeat(255);
    const program = dictated();
    await place.shell(`echo one > ${name}; echo two > ${name}`);
    expect(await place.onServer(name)).toBe('two\n');
    const descriptor = await program.open(place.at(name));
    await program.call('unlink', place.at(name));
    expect(await program.read(descriptor, 10)).toBe('two\n');
    await program.close(descriptor);
    await expectOnly(place, []);
  });

  test('cannot be made by a program', async () => {
    const place = await drive.prepared();
    const program = dictated();
    const name = `.amarre-someone-${Date.now().toString(16).padStart(12, '0')}-000000`;
    expect(await program.refused('open', place.at(name), 'os.O_WRONLY|os.O_CREAT')).toBe('EINVAL');
    expect(await program.refused('mkdir', place.at(name))).toBe('EINVAL');
    expect(await readdir(place.server)).toEqual([]);
  });
});

async function mkfile(path: string): Promise<void> {
  await succeed('touch', [path]);
}
