/**
 * faire-simple mounted: feeds whose size only reading tells, as the tools see them, and the one file a partner that takes an
 * order. One mount; programs alone touch it.
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FaireSimpleControl } from '../../../src/emulators/start.js';
import { useHarbours, type Harbour } from '../../support/amarre-mounts.js';
import { like } from '../../support/like.js';
import type { Mounted } from '../../support/mounted.js';
import { faireSimple } from '../../support/platforms.js';
import { run, shell, within } from '../../support/programs.js';

const [key, password] = ['clef-très-secrète', 'mot de passe'];
const make = useHarbours(afterAll);
let drive: Harbour<FaireSimpleControl>;
let mounted: Mounted;
let local = '';
let log = '';
const options = (): string[] => ['--log-level', 'trace', '--log-file', log];

beforeAll(async () => {
  drive = await make(faireSimple({ partners: 20, feedBytes: 2_000_000, key, password }));
  [local, log] = [join(drive.folder, 'local'), join(drive.folder, 'log')];
  await mkdir(local);
  mounted = await drive.mount(...options());
});
beforeEach(() => drive.control.resetCounts());
afterEach(() => drive.control.removeRules());

async function remount(): Promise<void> {
  mounted.child.kill('SIGTERM');
  expect((await within(20_000, 'the mount ends', mounted.ended)).status).toBe(0);
  mounted = await drive.mount(...options());
}

/** Runs a script in the root of the drive. It must succeed. */
const here = (script: string): Promise<string> => shell(`cd "$mnt"\n${script}`, { env: { mnt: drive.mountpoint, local } });

/** Runs a script there that may fail: its status and what it complained of. */
async function tried(script: string): Promise<{ readonly status: number | undefined; readonly said: string }> {
  const { status, stderr } = await run('bash', ['-c', `cd "$mnt"\n${script}`], { env: { mnt: drive.mountpoint, local } });
  return { status, said: stderr };
}

const asked = async (): Promise<Readonly<Record<string, number>>> => (await drive.control.state()).counts;

describe('looking', () => {
  test('find, ls -lR and du read no document', async () => {
    const found = (await here('find . -type f | sort')).trim().split('\n');
    expect(found).toHaveLength(4 + 40 + 5);
    expect(found).toContain('./partenaires/1001.statut');
    await here('ls -lR > "$local/ls"; du -a . > "$local/du"; find . -newer thematiques.json -size +1k');
    expect(await asked()).toEqual({ partners: 1 });
  });

  test('a half-year that is not listed opens by its name, and one that there is not is not there', async () => {
    expect(JSON.parse(await here('jq -c .semestres actualisation/2024-1.json'))).toEqual(['2024-1']);
    expect(await here('ls actualisation | wc -l')).toBe('5\n');
    expect((await tried('cat actualisation/1999-1.json')).said).toContain('No such file or directory');
    expect((await tried('cat actualisation/1999-3.json')).said).toContain('No such file or directory');
  });
});

describe('rsync -a', () => {
  test('brings all of it, and a second time nothing, at the next mount neither', async () => {
    const rsync = 'rsync -a --itemize-changes --out-format="%i %n %l" . "$local/copy"';
    const first = await here(rsync);
    expect(first).toContain('partenaires/1005.json');
    expect(await here('diff -r --exclude="1*.json" . "$local/copy" && ls "$local/copy/partenaires" | wc -l')).toBe('40\n');
    for (const name of await readdir(join(local, 'copy/partenaires'))) {
      if (name.endsWith('.json')) expect(JSON.parse(await readFile(join(local, 'copy/partenaires', name), 'utf8'))).toHaveProperty('uid');
    }
    await drive.control.resetCounts();
    expect(await here(rsync)).toBe('');
    expect((await asked())['partner']).toBeUndefined();
    await remount();
    expect(await here(rsync)).toBe('');
    expect((await asked())['partner']).toBeUndefined();
  });

  test('brings what has changed once somebody has looked', async () => {
    await here('mkdir -p "$local/one"; rsync -a partenaires/1007.json "$local/one/"');
    await drive.control.changePartner('1007', { nom: 'Changé' });
    await here('cat partenaires/1007.json > /dev/null; rsync -a partenaires/1007.json "$local/one/"');
    expect(JSON.parse(await readFile(join(local, 'one/1007.json'), 'utf8'))).toMatchObject({ nom: 'Changé' });
  });
});

describe('reading', () => {
  test.each([
    ['cat', 'cat thematiques.json > "$local/out"'],
    ['cp', 'cp campagnes.json "$local/out"'],
    ['dd with direct I/O off', 'dd if=propositions.json of="$local/out" bs=64k status=none'],
    ['tail', 'tail -c 1000000000 actualisation/totale.json > "$local/out"'],
    ['Python, by the size that fstat tells', 'python3 -c \'import os,sys; f=os.open("partenaires.json",0); n=os.fstat(f).st_size; d=os.pread(f,n,0); assert len(d)==n and os.pread(f,1,n)==b"", n; open(sys.argv[1],"wb").write(d)\' "$local/out"'],
  ])('%s gets every byte of a feed that was not read before', async (_name, script) => {
    await here(script);
    const value: unknown = JSON.parse(await readFile(join(local, 'out'), 'utf8'));
    expect(value).toBeTruthy();
  });

  test('jq works on the feeds, wc tells their size, and a feed is asked for once', async () => {
    expect(await here('jq length partenaires.json')).toBe('20\n');
    expect(await here('jq -r ".[0].uid" partenaires.json')).toBe('1001\n');
    const [size, counted, tail] = (await here('stat -c %s partenaires.json; wc -c < partenaires.json; tail -c 1 partenaires.json')).split('\n');
    expect(Number(size)).toBeGreaterThan(1_500_000);
    expect([counted, tail]).toEqual([size, ']']);
    expect(await asked()).toEqual({});
  });

  test('a partner is asked for at every open, and shows what is so now', async () => {
    await here('cat partenaires/1002.json > "$local/before"');
    await drive.control.changePartner('1002', { nom: 'Un nom nettement plus long qu’avant', commentaire: 'x'.repeat(5000) });
    expect(await here('jq -r .nom partenaires/1002.json')).toBe('Un nom nettement plus long qu’avant\n');
    expect(JSON.parse(await here('cat partenaires/1002.json'))).toMatchObject({ commentaire: 'x'.repeat(5000) });
    expect(await asked()).toEqual({ partner: 3 });
  });

  test('grep -r looks into all of them', async () => {
    expect((await here('grep -rl \'"uid"\' --include="*.json" . | sort')).split('\n')).toEqual(expect.arrayContaining(['./partenaires.json', './partenaires/1001.json']));
    expect(await here('grep -c "" partenaires/1001.statut || true')).toBe('0\n');
  });
});

describe('the status of a partner', () => {
  test('takes 1 and 0 from echo, printf and cp, and shows what was sent', async () => {
    await writeFile(join(local, 'zero'), '0\n');
    expect(await here('cat partenaires/1003.statut')).toBe('');
    expect(await here('echo 1 > partenaires/1003.statut; cat partenaires/1003.statut')).toBe('1\n');
    expect(await here('cp "$local/zero" partenaires/1003.statut; cat partenaires/1003.statut; stat -c %s partenaires/1003.statut')).toBe('0\n2\n');
    await here('printf 1 > partenaires/1003.statut; touch partenaires/1003.statut; : > partenaires/1003.statut');
    expect(await drive.control.enrolments()).toEqual([1, 0, 1].map((action) => ({ uid: '1003', action })));
    expect(await here('cat partenaires/1003.statut')).toBe('1');
  });

  test('refuses all else at the write itself, so that a shell hears of it, and sends nothing', async () => {
    const before = (await drive.control.enrolments()).length;
    for (const text of ['2', 'oui', '1 ', '10']) {
      const { status, said } = await tried(`echo ${JSON.stringify(text)} > partenaires/1004.statut`);
      expect([text, status, said]).toEqual([text, 1, like('Invalid argument')]);
    }
    expect((await tried('echo 1 >> partenaires/1003.statut')).said).toContain('Invalid argument');
    expect(await drive.control.enrolments()).toHaveLength(before);
    expect(await here('cat partenaires/1004.statut')).toBe('');
  });

  test.each([
    [403, 'Permission denied'], [401, 'Permission denied'], [500, 'Input/output error'], [404, 'Stale file handle'],
  ])('a %i from the platform is told at close(2): %s', async (status, words) => {
    await writeFile(join(local, 'order'), '1\n');
    await drive.control.addRule({ route: 'enrol', action: { kind: 'answer', status, body: {} } });
    const before = (await drive.control.enrolments()).length;
    expect(await tried('cp "$local/order" partenaires/1006.statut')).toEqual({ status: 1, said: like(words) });
    expect(await drive.control.enrolments()).toHaveLength(before);
    await drive.control.addRule({ route: 'enrol', action: { kind: 'answer', status, body: {} } });
    expect((await tried('/bin/echo 1 > partenaires/1006.statut')).said).toContain(words);
    expect(await here('cat partenaires/1006.statut')).toBe('');
  });
});

describe('everything else', () => {
  test.each([
    'touch thematiques.json', 'touch neu', 'mkdir neu', 'rm thematiques.json', 'rm partenaires/1001.statut', 'rmdir partenaires', 'mv thematiques.json x', 'mv partenaires y',
    'cp campagnes.json thematiques.json', 'echo x >> thematiques.json', 'truncate -s 0 thematiques.json', 'sed -i s/a/b/ thematiques.json', 'rsync -a campagnes.json partenaires/',
  ])('%s: read-only', async (script) => {
    const { status, said } = await tried(script);
    expect([status === 0, said]).toEqual([false, like('Read-only file system')]);
    expect(await asked()).not.toHaveProperty('enrol');
  });

  test('an editor can save a status, and not a feed', async () => {
    const before = (await drive.control.enrolments()).length;
    await here('vim -es -u NONE -n -c "set nobackup nowritebackup" -c "call setline(1, 1)" -c wq partenaires/1008.statut');
    expect((await drive.control.enrolments()).slice(before)).toEqual([{ uid: '1008', action: 1 }]);
    expect((await tried('vim -es -u NONE -n -c "call setline(1, 1)" -c "w!" -c "cq" thematiques.json')).status).not.toBe(0);
    expect(await here('jq -r type thematiques.json')).toBe('array\n');
  });
});

test('neither key nor password is in the status, the log or the list of mounts', async () => {
  await tried('cat partenaires/1001.json thematiques.json > /dev/null; cat /proc/mounts > "$local/mounts"');
  const status = await drive.run(['status', '--json', '--cache-dir', drive.state]);
  const logged = await readFile(log, 'utf8');
  const shown = [status.stdout, status.stderr, mounted.output(), logged, await readFile(join(local, 'mounts'), 'utf8')].join('\n');
  expect(status.stdout).toContain('/users/{uid}');
  expect(logged).toContain('request answered');
  for (const secret of [key, encodeURIComponent(key), password, Buffer.from(`amarre:${password}`).toString('base64')]) expect(shown.includes(secret)).toBe(false);
});
