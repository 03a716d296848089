/**
 * What NetExplorer does besides being a drive, as a person asks for it: versions, trash, links and history by command, and
 * `.versions` and `.trash` by `cp` and `mv`. Two mounts; programs alone touch them.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { NetexplorerControl } from '../../../src/emulators/start.js';
import { useHarbours, type Harbour } from '../../support/amarre-mounts.js';
import { netexplorer } from '../../support/platforms.js';
import { run, shell, type ProgramResult } from '../../support/programs.js';

/** The platform's time at the beginning. */
const begin = Date.UTC(2026, 10, 22, 10);

const make = useHarbours(afterAll);
let drive: Harbour<NetexplorerControl>;

/** Runs a command of Amarre on a path below the mount. */
function ask(command: string, below: string, ...options: readonly string[]): Promise<ProgramResult> {
  return drive.run([command, '--cache-dir', drive.state, ...options, join(drive.mountpoint, below)]);
}

/** The same where it must succeed: what it printed. */
async function told(command: string, below: string, ...options: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await ask(command, below, ...options);
  if (status !== 0) throw new Error(`amarre ${command} ${below}: ${status ?? 'a signal'}\n${stderr}`);
  return stdout;
}

/** The same where it must fail: what it said. */
async function refused(command: string, below: string, ...options: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await ask(command, below, ...options);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  return stderr;
}

/** Runs a script in the root of the drive. It must succeed. */
const here = (script: string): Promise<string> => shell(`cd "$mnt"\n${script}`, { env: { mnt: drive.mountpoint } });

/** Runs a script there that may fail: what it complained of. */
async function complaint(script: string): Promise<string> {
  const { status, stderr } = await run('bash', ['-c', `cd "$mnt"\n${script}`], { env: { mnt: drive.mountpoint } });
  expect(status).not.toBe(0);
  return stderr;
}

describe('with --show-versions', () => {
  beforeAll(async () => {
    drive = await make(netexplorer({ now: () => begin }));
    await drive.mount('--show-versions', '--dir-ttl', '0', '--attr-ttl', '0');
  });

  test('an older version is brought back by cp, and by command', async () => {
    await here('mkdir reports; echo one > reports/plan.txt');
    for (const text of ['the second', 'third']) {
      await drive.control.advance(60_000);
      await here(`echo '${text}' > reports/plan.txt`);
    }
    expect((await here('ls reports/.versions/plan.txt')).trim().split('\n')).toEqual(['2026-11-22_10-00-00Z', '2026-11-22_10-01-00Z', '2026-11-22_10-02-00Z']);
    expect(await here('cat reports/.versions/plan.txt/*')).toBe('one\nthe second\nthird\n');
    expect(await here('stat -c "%s %Y %A" reports/.versions/plan.txt/2026-11-22_10-01-00Z')).toBe(`11 ${(begin + 60_000) / 1000} -r--r--r--\n`);
    await here('cp reports/.versions/plan.txt/2026-11-22_10-01-00Z reports/plan.txt');
    expect(await here('cat reports/plan.txt')).toBe('the second\n');
    expect(await told('versions', 'reports/plan.txt')).toMatch(/^\* {2}4 .* 11 bytes .*\n {3}3 .* 6 bytes .*\n {3}2 .* 11 bytes .*\n {3}1 .* 4 bytes .*\n$/);
    await told('versions', 'reports/plan.txt', '--restore', '1');
    expect(await here('cat reports/plan.txt')).toBe('one\n');
    expect((await drive.control.versionsOf('/Commun/reports/plan.txt')).map(({ size }) => size)).toEqual([4, 11, 6, 11, 4]);
    expect(await refused('versions', 'reports/plan.txt', '--restore', '9')).toMatch(/there is no version 9/);
    expect(await refused('versions', 'reports')).toMatch(/is a folder/);
    expect(await refused('versions', 'reports/nothing')).toMatch(/nothing is not there/);
  });

  test('walks and copies of the drive do not take older versions along, and nothing in them can be changed', async () => {
    await here('mkdir copied; echo x > copied/file; echo y > copied/file; mkdir sub; cp -a copied sub/');
    expect(await here('find . -path "*copied*" | sort')).toBe('./copied\n./copied/file\n./sub/copied\n./sub/copied/file\n');
    expect(await here('ls -A . | grep "^\\." || true')).toBe('');
    for (const change of ['echo x > copied/.versions/file/x', 'touch copied/.versions/x', 'rm -f copied/.versions/file/*', 'mkdir copied/.versions/a']) {
      expect(await complaint(change)).toMatch(/Permission denied|Read-only file system/);
    }
    expect(await complaint('mkdir sub/.versions')).toMatch(/File exists/);
    expect(await complaint('mv copied sub/.versions/')).toMatch(/Permission denied|Read-only file system/);
    expect(await here('rm -r copied sub; ls -d copied sub 2>/dev/null || echo gone')).toBe('gone\n');
  });

  test('what was deleted is moved back, or restored by its id', async () => {
    await here('mkdir back; echo kept > "back/my notes.txt"; echo other > other.txt; rm "back/my notes.txt" other.txt');
    expect(await here('ls .trash')).toContain('my notes.txt\n');
    expect(await complaint('cp ".trash/my notes.txt" back/')).toMatch(/Permission denied/);
    expect(await here('ls -A back')).toBe('');
    await here('mv ".trash/my notes.txt" back/again.txt');
    expect(await here('cat back/again.txt; ls .trash | grep -c notes || true')).toBe('kept\n0\n');
    const [, id = ''] = /^(\d+) .*other\.txt$/m.exec(await told('trash', '')) ?? [];
    await told('trash', 'back', '--restore', id);
    expect(await here('cat back/other.txt')).toBe('other\n');
    await here('rm back/other.txt; echo "another" > back/other.txt');
    const [, again = ''] = /^(\d+) .*other\.txt$/m.exec(await told('trash', '')) ?? [];
    expect(await refused('trash', 'back', '--restore', again)).toMatch(/has a other\.txt already/);
    expect(await here('cat back/other.txt')).toBe('another\n');
  });

  test('emptying the trash destroys the own things and nobody else\'s', async () => {
    await here('echo mine > mine.txt; rm mine.txt');
    await drive.control.writeAs('/Commun/theirs.txt', 'theirs');
    // Somebody else deletes it: a drive of his own.
    const url = new URL(drive.remote.replace(/^netexplorer\+/, ''));
    const api = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${url.origin}/api${path}`, init);
    const { token } = z.object({ token: z.string() }).parse(await (await api('/auth', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: 'marie', password: 'p' }),
    })).json());
    const theirs = (await drive.control.objects())['/Commun/theirs.txt'];
    expect((await api(`/file/${theirs?.id ?? ''}?trash=1`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).ok).toBe(true);
    const { stderr } = await ask('trash', '', '--empty');
    expect(stderr).toMatch(/things? (is|are) destroyed/);
    expect((await drive.control.trash()).map(({ path }) => path)).toEqual(['/Commun/theirs.txt']);
    expect(await drive.control.emptyings()).toEqual([]);
    expect((await ask('trash', '', '--empty')).stderr).toMatch(/0 things are destroyed/);
  });
});

describe('with the older form of links', () => {
  beforeAll(async () => {
    drive = await make(netexplorer({ links: { form: 'old' }, surprises: { features: { trash: false } } }));
    await drive.mount();
    await here('mkdir open; echo report > open/report.txt');
  });

  test('an address is printed and opens, is listed, and is taken away', async () => {
    const secret = join(drive.folder, 'secret');
    await writeFile(secret, 'open sesame\n', { mode: 0o600 });
    const address = (await told('link', 'open/report.txt', '--expires', '7d')).trim();
    expect(await (await fetch(address)).text()).toBe('report\n');
    const guarded = (await told('link', 'open/report.txt', '--password-file', secret, '--downloads', '3')).trim();
    expect((await fetch(guarded)).ok).toBe(false);
    expect((await drive.control.links()).map(({ password, maxDownloads }) => [password, maxDownloads])).toEqual([[undefined, undefined], ['open sesame', 3]]);
    expect(await told('link', '', '--list')).toMatch(/^(\d+) +until .* report\.txt +http:\S+\n(\d+) +for ever +3 downloads +report\.txt +http:\S+\n$/);
    const listed = z.array(z.looseObject({ id: z.string(), address: z.string() })).parse(JSON.parse(await told('link', 'open/report.txt', '--list', '--json')));
    expect(listed.map((link) => link.address)).toEqual([address, guarded]);
    for (const { id } of listed) await told('link', '', '--remove', id);
    expect((await fetch(address)).ok).toBe(false);
    expect(await refused('link', '', '--remove', listed[0]?.id ?? '')).toMatch(/no link of yours/);
    await rm(secret);
  });

  test('a deposit link takes folders alone, and rights are heeded', async () => {
    expect(await told('deposit-link', 'open', '--expires', '2099-01-31')).toMatch(/^http:\S+\/ul\/\S+\n$/);
    expect(await told('deposit-link', 'open', '--list')).toMatch(/until 2099-01-31 /);
    expect(await refused('deposit-link', 'open/report.txt')).toMatch(/is a file/);
    await drive.control.setRights('/Commun/open', ['read', 'download', 'write', 'edit', 'delete', 'share']);
    expect(await refused('link', 'open/report.txt')).toMatch(/does not let this account make links/);
    expect(await refused('deposit-link', 'open')).toMatch(/does not let this account make deposit links/);
    await drive.control.setRights('/Commun/open', ['read', 'download', 'write', 'edit', 'delete', 'share', 'dlink', 'ulink']);
  });

  test('the history tells who did what', async () => {
    await drive.control.writeAs('/Commun/open/report.txt', 'changed', 'marie');
    const [newest = '', ...older] = (await told('history', 'open/report.txt')).trim().split('\n');
    expect(newest).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +marie +\S/);
    expect(older.at(-1)).toMatch(/ u +create$/);
    expect(await refused('history', 'open')).toMatch(/is a folder/);
  });

  test('a platform without a trash says so', async () => {
    expect(await refused('trash', '')).toMatch(/this platform has no trash/);
    expect(await complaint('ls .trash')).toMatch(/No such file or directory/);
    expect(await refused('ocr', 'open/report.txt')).toMatch(/no recognition of text/);
  });
});
