/** The built command, as a person runs it: what it says, where, and with which exit status. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exitStatuses } from '../../src/cli/exit-status.js';
import { emulateSchema } from '../../src/cli/emulator-options.js';
import { demoSchema, doctorSchema, mountSchema, optionTexts, refreshSchema, shownDefault, signInSchema, statusSchema, umountSchema, writtenName } from '../../src/cli/options.js';
import { amarre } from '../support/cli.js';
import { run, type ProgramResult } from '../support/programs.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-cli-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function cli(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
  const [command, ...parameters] = amarre(...words);
  return run(command, parameters, { cwd: folder, env: { LC_ALL: 'fr_FR.UTF-8', LANG: 'fr_FR.UTF-8', ...env } });
}

/** Expects one line on standard error and nothing else, and answers the line. */
function complaintOf(result: ProgramResult, status: number): string {
  expect([result.status, result.stdout]).toEqual([status, '']);
  expect(result.stderr).toMatch(/^amarre: [^\n]+\n$/);
  return result.stderr;
}

const plain = (text: string) => text.replaceAll(/\s+/g, ' ');

describe('--help', () => {
  test.each([
    ['mount', mountSchema], ['umount', umountSchema], ['status', statusSchema], ['refresh', refreshSchema], ['sign-in', signInSchema], ['doctor', doctorSchema], ['emulate', emulateSchema], ['demo', demoSchema],
  ] as const)('of %s shows each option with its unit and its default', async (command, schema) => {
    const { status, stdout } = await cli([command, '--help']);
    expect(status).toBe(0);
    const shown = plain(stdout);
    for (const [name, text] of optionTexts(schema)) {
      const kind = text.kind === 'flag' ? 'boolean' : text.kind === 'list' ? 'array' : 'string';
      expect(shown).toContain(plain(`${writtenName(name)} ${text.describe} (${text.unit}) [${kind}] [default: ${shownDefault(text)}]`));
    }
  });

  test('shows the commands and every exit status', async () => {
    const { status, stdout } = await cli(['--help']);
    expect(status).toBe(0);
    for (const command of ['mount <remote> <mountpoint>', 'umount <mountpoint>', 'status [mountpoint]', 'refresh <path>', 'sign-in <remote>', 'doctor [remote]', 'emulate <platform>', 'demo [mountpoint]']) {
      expect(stdout).toContain(`amarre ${command}`);
    }
    for (const { status: number, meaning } of Object.values(exitStatuses)) expect(stdout).toContain(`${number}  ${meaning}`);
  });
});

describe('a wrong command line is one line on standard error that names what is wrong, and exit status 2', () => {
  const remote = 'sftpgo+https://ann@files.example.org';
  test.each([
    [[], /name a command/],
    [['muont', remote, '/mnt'], /muont/],
    [['mount'], /arguments.*amarre mount --help/],
    [['mount', remote], /arguments/],
    [['mount', remote, '/tmp', 'more'], /more/],
    [['mount', remote, '/tmp', '--nosuch'], /nosuch/],
    [['mount', remote, '/tmp', '-o', 'nosuch=1'], /-o nosuch=1: no such mount option/],
    [['mount', remote, '/tmp', '-o'], /\bo\b/],
    [['mount', remote, '/tmp', '--attr-ttl', '1'], /--attr-ttl 1: wanted a duration/],
    [['mount', remote, '/tmp', '--memory'], /memory/],
    [['mount', 'https://files.example.org', '/tmp'], /not a remote/],
    [['mount', 'nosuch+https://files.example.org', '/tmp'], /nosuch/],
    [['emulate', 'nosuch'], /nosuch: no emulator/],
    [['emulate', 'arrhes', '--upload-mode', '1'], /--upload-mode: not an option of arrhes/],
    [['emulate', 'sftpgo', '--awkward'], /--awkward: not an option of sftpgo/],
    [['emulate', 'faire-simple', '--root', '/srv'], /--root: not an option of faire-simple/],
    [['emulate', 'arrhes', '--offsets', 'noon'], /--offsets noon: wanted minutes/],
    [['emulate', 'netexplorer', '--surprise', 'nosuch=1'], /--surprise: wanted a switch/],
    [['emulate', 'netexplorer', '--refuse-sign-in', 'rain'], /--refuse-sign-in rain: wanted mfa/],
    [['emulate', 'sftpgo', '--port', '70000'], /--port 70000: wanted a whole number/],
    [['umount'], /arguments/],
    [['doctor', 'https://files.example.org'], /not a remote/],
    [['doctor', remote, '--no-daemon'], /no-daemon/],
    [['refresh'], /arguments/],
    [['status', '/a', '/b'], /\/b/],
  ])('amarre %j', async (words, complaint) => {
    expect(complaintOf(await cli(words), 2)).toMatch(complaint);
  });

  test('a password in the remote is refused and not repeated', async () => {
    const complaint = complaintOf(await cli(['mount', 'sftpgo+https://ann:s3cret@files.example.org', folder]), 2);
    expect(complaint).toContain('AMARRE_PASSWORD');
    expect(complaint).not.toContain('s3cret');
  });

  test('a password file that others can read is refused', async () => {
    const file = join(folder, 'password');
    await mkdir(join(folder, 'mnt'));
    await writeFile(file, 's3cret\n', { mode: 0o644 });
    const result = await cli(['mount', remote, join(folder, 'mnt'), '--cache-dir', join(folder, 'state'), '--password-file', file]);
    expect(complaintOf(result, 2)).toMatch(/--password-file .*chmod 600/);
  });
});

describe('umount', () => {
  test.each([['a folder', '.'], ['what is not there', './nothing'], ["another's mount", '/proc']])('of %s: exit status 8 and one line', async (_, path) => {
    complaintOf(await cli(['umount', path]), 8);
  });
});

describe('refresh and status', () => {
  test.each([['refresh', 'a folder', '.'], ['refresh', 'what is not there', './nothing/at/all'], ['status', 'a folder', '.']])('%s of %s that is on no mount of ours: exit status 8 and one line', async (command, _, path) => {
    complaintOf(await cli([command, path, '--cache-dir', join(folder, 'state')]), 8);
  });

  test('status of nothing at all is one calm line, and makes no folder', async () => {
    const state = join(folder, 'state');
    const calm = await cli(['status', '--cache-dir', state]);
    expect([calm.status, calm.stderr]).toEqual([0, '']);
    expect(calm.stdout).toMatch(/^Nothing is mounted[^\n]*\n$/);
    const { stdout } = await cli(['status', '--json', '--cache-dir', state]);
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, mounts: [], kept: [] });
    await expect(stat(state)).rejects.toThrow('ENOENT');
  });
});

describe('emulate', () => {
  const announcementSchema = z.strictObject({
    platform: z.literal('sftpgo'), url: z.url(), remote: z.string(), env: z.record(z.string(), z.string()), root: z.string(),
  });

  test('prints one line of JSON, serves, and ends with 0 at SIGTERM', async () => {
    await writeFile(join(folder, 'a file.txt'), 'its bytes');
    const [command, ...parameters] = amarre('emulate', 'sftpgo', '--root', folder, '--latency', '1');
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      child.stdout.setEncoding('utf8');
      const line = await new Promise<unknown>((resolve) => child.stdout.once('data', resolve));
      expect(line).toMatch(/^[^\n]+\n$/);
      const announcement = announcementSchema.parse(JSON.parse(String(line)));
      expect(announcement.root).toBe(folder);
      expect(announcement.remote).toMatch(/^sftpgo\+http:\/\/[^@]+@127\.0\.0\.1:\d+/);
      const { username } = new URL(announcement.remote.replace('sftpgo+', ''));
      const login = Buffer.from(`${username}:${announcement.env['AMARRE_PASSWORD'] ?? ''}`).toString('base64');
      const token = await fetch(`${announcement.url}/api/v2/user/token`, { headers: { authorization: `Basic ${login}` } });
      const { access_token: bearer } = z.object({ access_token: z.string() }).parse(await token.json());
      const file = await fetch(`${announcement.url}/api/v2/user/files?path=a%20file.txt`, { headers: { authorization: `Bearer ${bearer}` } });
      expect(await file.text()).toBe('its bytes');
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('serves an Arrhes to whoever has the announced key', async () => {
    const [command, ...parameters] = amarre('emulate', 'arrhes', '--url-life', '5s', '--closed-year', '--offsets', '60');
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      child.stdout.setEncoding('utf8');
      const line = await new Promise<unknown>((resolve) => child.stdout.once('data', resolve));
      const { remote, env } = z.object({ remote: z.string(), env: z.record(z.string(), z.string()) }).parse(JSON.parse(String(line)));
      const year = remote.replace(/^arrhes\+/, '');
      const asked = async (url: string, init: RequestInit = {}): Promise<unknown> => {
        const answer = await fetch(url, { ...init, headers: { authorization: `Bearer ${env['AMARRE_API_KEY'] ?? ''}` } });
        return answer.json();
      };
      const files = z.array(z.object({ id: z.string(), createdAt: z.string() })).parse(await asked(`${year}/files`));
      const [first] = files;
      expect(first?.createdAt).toMatch(/\+01$/);
      const { url } = z.object({ url: z.string() }).parse(await asked(`${year}/files/${first?.id ?? ''}/upload-url`, { method: 'POST', body: '{"type":"a/b","size":1}' }));
      expect(url).toContain('X-Amz-Expires=5&');
      expect(await asked(year.replace(/\/[^/]*$/, ''))).toMatchObject([{ isClosed: true }, { isClosed: false }]);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
