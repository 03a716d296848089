/** `amarre mount` and `amarre umount` from the outside: when they return, what they say, with which status. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useHarbour } from '../../support/amarre-mounts.js';
import { amarre } from '../../support/cli.js';
import { mountsIn } from '../../support/mount-list.js';
import { begin, eventually, run, succeed, within, type ProgramResult } from '../../support/programs.js';

const harbour = useHarbour();

/** Expects a failure with one line on standard error, and answers the line. */
function complaintOf(result: ProgramResult, status: number): string {
  expect([result.status, result.stdout]).toEqual([status, '']);
  expect(result.stderr).toMatch(/^amarre: [^\n]+\n$/);
  return result.stderr;
}

describe('--daemon', () => {
  test('returns when the mount answers; umount when it is gone, and its process with it', async () => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'a file.txt'), 'its bytes');
    const mounted = await drive.daemon();
    expect([mounted.stdout, mounted.stderr]).toEqual(['', '']);
    expect(await succeed('cat', [join(drive.mountpoint, 'a file.txt')])).toBe('its bytes');
    const unmounted = await drive.umount();
    expect([unmounted.status, unmounted.stdout, unmounted.stderr]).toEqual([0, '', '']);
    expect(await drive.isMounted()).toBe(false);
    expect(await drive.serving()).toEqual([]);
  });

  test('holds neither the output of its starter nor its working folder', async () => {
    const drive = await harbour();
    // `cat` ends when the last writer of the pipe is gone.
    await succeed('bash', ['-c', '"$@" 2>&1 | cat', 'bash', ...amarre(...drive.mountWords('--daemon'))], { env: drive.env, cwd: drive.folder });
    const [pid = 0] = await drive.serving();
    expect(await succeed('readlink', [`/proc/${pid}/cwd`])).toBe('/\n');
    expect((await drive.umount()).status).toBe(0);
  });

  test('of one that cannot mount: its line, its status, no process and no mount', async () => {
    const drive = await harbour();
    const line = complaintOf(await drive.run(drive.mountWords('--daemon'), { AMARRE_PASSWORD: 'wr0ng' }), 3);
    expect(line).not.toContain('wr0ng');
    expect(await drive.serving()).toEqual([]);
    expect(await drive.isMounted()).toBe(false);
  });
});

describe('what cannot be mounted, in one line', () => {
  test('a server that is not there: exit status 4', async () => {
    const drive = await harbour();
    complaintOf(await drive.run(['mount', 'sftpgo+http://u@127.0.0.1:9', drive.mountpoint, '--cache-dir', drive.state, '--stall-timeout', '1s']), 4);
  });

  test('a folder that is not on the server: exit status 4', async () => {
    const drive = await harbour();
    const line = complaintOf(await drive.run(['mount', `${drive.remote.replace(/\/$/, '')}/nowhere`, drive.mountpoint, '--cache-dir', drive.state]), 4);
    expect(line).toContain('nowhere');
  });

  test('a mount point that is not there, is a file, or is taken: exit status 5', async () => {
    const drive = await harbour();
    await writeFile(join(drive.folder, 'file'), '');
    const at = (mountpoint: string) => drive.run(['mount', drive.remote, mountpoint, '--cache-dir', drive.state]);
    expect(complaintOf(await at(join(drive.folder, 'nowhere')), 5)).toContain('make it first');
    expect(complaintOf(await at(join(drive.folder, 'file')), 5)).toContain('not a folder');
    expect(complaintOf(await at('/proc'), 5)).toContain('mount point already');
    await drive.daemon();
    expect(complaintOf(await at(drive.mountpoint), 5)).toContain('a mount of Amarre already');
    expect((await drive.umount()).status).toBe(0);
  });

  test('a state folder that others can look into: exit status 2', async () => {
    const drive = await harbour();
    await mkdir(drive.state, { mode: 0o755 });
    expect(complaintOf(await drive.run(drive.mountWords()), 2)).toContain('chmod 700');
  });

  test('what it writes itself would lie in the mount: exit status 2', async () => {
    const drive = await harbour();
    const inside = join(drive.mountpoint, 'state');
    expect(complaintOf(await drive.run(['mount', drive.remote, drive.mountpoint, '--cache-dir', inside]), 2)).toContain('--cache-dir');
    expect(complaintOf(await drive.run(drive.mountWords('--log-file', join(inside, 'log'))), 2)).toContain('--log-file');
  });

  test('plain http to another machine: exit status 2', async () => {
    const drive = await harbour();
    const line = complaintOf(await drive.run(['mount', 'sftpgo+http://u@192.0.2.1', drive.mountpoint, '--cache-dir', drive.state]), 2);
    expect(line).toContain('--insecure-http');
  });
});

describe('the mount', () => {
  test('has the options of -o, and no user name in its source', async () => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'file'), '');
    await drive.daemon('-o', 'allow_other,uid=1234', '-o', 'gid=2345,umask=027,ro');
    const [mount] = await mountsIn(drive.mountpoint);
    expect(mount?.source).toMatch(/^sftpgo\+http:\/\/127\.0\.0\.1:\d+$/);
    expect(mount?.options.split(',')).toEqual(expect.arrayContaining(['ro', 'allow_other', 'default_permissions']));
    const shown = await succeed('stat', ['-c', '%u %g %a', join(drive.mountpoint, 'file'), drive.mountpoint]);
    expect(shown).toBe('1234 2345 640\n1234 2345 750\n');
    expect((await drive.umount()).status).toBe(0);
  });

  test('keeps its state in a folder for its owner alone', async () => {
    const drive = await harbour();
    await drive.daemon();
    expect((await stat(drive.state)).mode & 0o777).toBe(0o700);
    expect((await stat(join(drive.state, 'amarre.log'))).mode & 0o777).toBe(0o600);
    expect((await drive.umount()).status).toBe(0);
  });

  test('lets no secret out: arguments, environment, records, log at its loudest', async () => {
    const drive = await harbour({ users: { u: { password: 's3cret-pass' } } });
    const env = { AMARRE_PASSWORD: 's3cret-pass' };
    const result = await drive.run(drive.mountWords('--daemon', '--log-level', 'trace'), env);
    expect(result.status).toBe(0);
    await succeed('bash', ['-c', `echo x > ${drive.mountpoint}/a && cat ${drive.mountpoint}/a ${drive.mountpoint}/nothing || true`]);
    const [pid = 0] = await drive.serving();
    const places = [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`, join(drive.state, 'amarre.log')];
    const seen = (await Promise.all(places.map((place) => readFile(place, 'utf8')))).join('\n');
    expect(seen).toContain(drive.mountpoint);
    expect(seen).toMatch(/"level":(10|20)/);
    expect(seen).not.toContain('s3cret-pass');
    // Whatever lies in the state folder, the records among it: 1 is grep's "nowhere".
    expect((await run('grep', ['-rl', 's3cret-pass', drive.state])).status).toBe(1);
    expect((await drive.umount()).status).toBe(0);
  });
});

describe('on a terminal', () => {
  test('the password is asked for, and not shown', async () => {
    const drive = await harbour({ users: { u: { password: 's3cret-pass' } } });
    // script(1) makes a terminal; what it shows is what a person would see.
    const words = amarre(...drive.mountWords('--daemon')).map((word) => `'${word}'`).join(' ');
    const terminal = spawn('script', ['-qec', words, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
    const ended = once(terminal, 'close');
    await eventually('it asks', () => shown.includes(`Password for ${drive.remote}: `));
    terminal.stdin.write('s3cret-pass\r');
    expect(await within(20_000, 'the end', ended)).toEqual([0, null]);
    expect(shown).not.toContain('s3cret');
    expect(await drive.isMounted()).toBe(true);
    expect((await drive.umount()).status).toBe(0);
  });
});

describe('amarre umount', () => {
  test('waits for an upload, tells how many, and ends with 0 when the server has it all', async () => {
    const drive = await harbour();
    await drive.daemon();
    await drive.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 0 } });
    const copying = begin('dd', ['if=/dev/zero', `of=${join(drive.mountpoint, 'file')}`, 'bs=1000', 'count=300']);
    await eventually('the upload is under way', async () => (await drive.control.state()).stalled > 0);
    const [command, ...words] = amarre('umount', drive.mountpoint);
    const unmounting = begin(command, words);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await drive.isMounted()).toBe(true);
    await drive.control.removeRules();
    expect((await copying.result).status).toBe(0);
    const unmounted = await unmounting.result;
    expect([unmounted.status, unmounted.stderr]).toEqual([0, expect.stringMatching(/^amarre: .*waiting for 1 file to be sent[^\n]*\n$/)]);
    expect((await stat(join(drive.root, 'file'))).size).toBe(300_000);
    expect(await drive.isMounted()).toBe(false);
  });

  test('finds a mount whose --cache-dir it is not told, by a path with a link in it too', async () => {
    const drive = await harbour();
    await drive.daemon();
    await succeed('ln', ['-s', '.', join(drive.folder, 'link')]);
    expect((await drive.run(['umount', join(drive.folder, 'link', 'mnt')])).status).toBe(0);
    expect(await drive.isMounted()).toBe(false);
    complaintOf(await drive.umount(), 8);
  });

  test('lists what could not be sent, where it is kept, and ends with 6', async () => {
    const drive = await harbour({ quotaBytes: 1000 });
    await drive.daemon();
    const copy = await begin('cp', ['/proc/self/maps', join(drive.mountpoint, 'too large')]).result;
    expect([copy.status, copy.stderr]).toEqual([1, expect.stringMatching(/quota exceeded/i)]);
    const unmounted = await drive.umount();
    expect(unmounted.status).toBe(6);
    const [, kept = ''] = /\n {2}\/too large .*; kept in (\/.*)\n$/.exec(unmounted.stderr) ?? [];
    expect(await readFile(kept, 'utf8')).toMatch(/cp|libc/);
    const again = await drive.daemon();
    expect(again.stderr).toContain(`not sent by an earlier mount: /too large`);
    expect(again.stderr).toContain(kept);
    expect((await drive.umount()).status).toBe(0);
  });
});
