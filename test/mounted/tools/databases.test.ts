/** git and sqlite at work on the mount: one round each, checked by their own means on the server's side. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chosenCases, useToolsDrive } from '../../support/chosen.js';
import { begin, eventually, shell, succeed } from '../../support/programs.js';
import { sampleTree, soon } from './files.js';

const drive = useToolsDrive();

const identity = {
  GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@example.org', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1',
};

test('git: init, commit, gc and clone on the mount; fsck on the server finds all whole', async () => {
  const { mount, server, local } = await drive.place();
  await sampleTree(join(local, 'tree'), 8);
  const git = (script: string) => shell(script, { env: identity, cwd: mount, deadline: 50_000 });
  await git(`git init -q one; cp -r ${local}/tree/. one; cd one; git add .; git commit -qm first; echo more >> 'folder 1/file-1.bin'; git commit -qam second; git status --porcelain`);
  await git('cd one; git gc -q; git clone -q . ../two; cd ../two; git checkout -qb side; echo x > x; git add x; git commit -qm third; git push -q origin side; git status --porcelain');
  for (const name of ['one', 'two']) {
    expect(await succeed('git', ['-c', 'safe.directory=*', '-C', join(server, name), 'fsck', '--full', '--strict'], { env: identity })).toBe('');
  }
  expect(await succeed('git', ['-C', join(server, 'one'), 'log', '--format=%s', 'side'], { env: identity })).toBe('third\nsecond\nfirst\n');
  expect(await git('git -C two status --porcelain')).toBe('');
  await git('git -C one fsck --full --strict; git -C two fsck --full --strict; git -C two gc -q --prune=now; git -C two diff --quiet');
  expect((await readdir(join(server, 'one', '.git'))).filter((name) => name.endsWith('.lock'))).toEqual([]);
}, 110_000);

test.each(['delete', 'wal'])('sqlite, journal_mode %s: what was committed is in the server\'s file', async (mode) => {
  const { mount, server, local } = await drive.place();
  const sql = (statements: string, path = join(mount, 'db')) => succeed('sqlite3', ['-bail', path], { input: statements });
  expect(await sql(`pragma journal_mode=${mode}; create table t (n integer primary key, v text);`)).toBe(`${mode}\n`);
  await sql(`pragma journal_mode=${mode}; begin; with recursive c(n) as (select 1 union all select n + 1 from c where n < 500) insert into t select n, hex(randomblob(20)) from c; commit;`);
  await sql('update t set v = \'changed\' where n % 7 = 0; delete from t where n > 450; begin; delete from t; rollback;');
  const sum = 'pragma integrity_check; select count(*), sum(n), sum(v = \'changed\') from t;';
  expect(await sql(sum)).toBe('ok\n450|101475|64\n');
  await succeed('cp', [join(server, 'db'), join(local, 'db')]);
  expect(await sql(sum, join(local, 'db'))).toBe('ok\n450|101475|64\n');
  expect(await readdir(server)).toEqual(['db']);
});

test.each(chosenCases('sqlite', ['delete', 'persist', 'wal'], String))('sqlite, journal_mode %s, killed in a transaction: the next to open it finds what was committed, and nothing of the rest', async (mode) => {
  const { mount, server, local } = await drive.place();
  const path = join(mount, 'db');
  const check = "pragma integrity_check; select count(*), min(v), max(v) from t;";
  const many = 'with recursive c(n) as (select 1 union all select n + 1 from c where n < 2000)';
  await succeed('sqlite3', ['-bail', path], { input: `pragma journal_mode=${mode}; create table t (n integer primary key, v text); ${many} insert into t select n, 'committed' from c;` });
  // The small cache makes it write pages of the transaction into the file before its end; then it waits for ever.
  const script = `import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('pragma journal_mode=${mode}'); db.execute('pragma cache_size=5'); db.execute('begin immediate')
db.execute("update t set v = 'never committed'"); db.execute("delete from t where n % 3 = 0")
open(sys.argv[2], 'w').close()
time.sleep(60)`;
  const program = begin('python3', ['-c', script, path, join(local, 'ready')]);
  await eventually('the transaction is under way', () => existsSync(join(local, 'ready')));
  program.kill('SIGKILL');
  expect((await program.result).signal).toBe('SIGKILL');
  expect(await succeed('sqlite3', ['-bail', path], { input: `${check} insert into t values (0, 'after'); ${check}` }))
    .toBe('ok\n2000|committed|committed\nok\n2001|after|committed\n');
  // With what it keeps beside the file, as a copy of the server's folder would have it.
  await succeed('cp', ['-r', server, join(local, 'copy')]);
  expect(await succeed('sqlite3', ['-bail', join(local, 'copy', 'db')], { input: check })).toBe('ok\n2001|after|committed\n');
  await soon(() => readdir(server)).toEqual(['db']);
});
