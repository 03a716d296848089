/** The scripts that people and machines start with: how they refuse, and how they count. */
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run, succeed } from '../support/programs.js';

const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));

let folder = '';
let bin = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-scripts-'));
  bin = join(folder, 'bin');
  await mkdir(bin);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Puts a program of ours before the system's of that name. */
async function fake(name: string, source: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/bash\n${source}\n`);
  await chmod(join(bin, name), 0o755);
}

const first = () => ({ env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });

/** A PATH with the programs of the system, but for one. */
async function pathWithout(tool: string): Promise<{ env: NodeJS.ProcessEnv }> {
  await succeed('bash', ['-c', `IFS=:; for d in $PATH; do ln -sn "$d"/* ${folder}/bin/ 2>/dev/null; done; rm -f ${folder}/bin/${tool}; true`]);
  return { env: { PATH: bin } };
}

describe('scripts/demo and scripts/test say in one line what is missing', () => {
  test('no Node', async () => {
    for (const name of ['bash', 'dirname']) await symlink((await succeed('which', [name])).trim(), join(bin, name));
    const { status, stderr } = await run('bash', [script('prepare')], { env: { PATH: bin } });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^Amarre needs Node\.js 20\.19 or later: install it[^\n]*\n$/)]);
  });

  test.each([['v18.20.0', 1], ['v20.18.3', 1], ['v22.0.0', 0], ['v20.19.0', 0]])('Node %s', async (version, refused) => {
    // The version check itself runs in a real Node that says it is this one.
    await fake('node', `if [ "$1" = --version ]; then echo ${version}; exit; fi
      if [[ "$2" == *process.versions.node* ]]; then
        version="'${version.slice(1)}'"
        exec ${process.execPath} -e "\${2//process.versions.node/$version}"
      fi
      exit 0`);
    await fake('npm', 'exit 0');
    const { status, stderr } = await run('bash', [script('prepare')], first());
    expect(status).toBe(refused);
    if (refused === 1) expect(stderr).toMatch(new RegExp(`^Amarre needs Node\\.js 20\\.19 or later, and this is ${version}: [^\\n]+\\n$`));
  });

  test('neither root nor fusermount3, for the demo', async () => {
    const environment = await pathWithout('fusermount3');
    for (const name of ['fusermount', 'id']) await rm(join(bin, name), { force: true });
    await fake('id', 'echo 1000');
    const { status, stdout, stderr } = await run('bash', [script('demo'), '--check'], environment);
    expect([status, stdout, stderr]).toEqual([5, '', expect.stringMatching(/^Without root the demo mounts through fusermount3[^\n]+apt-get install fuse3[^\n]+\n$/)]);
  });

  test('another system, for the demo', async () => {
    await fake('uname', 'echo Darwin');
    const { status, stdout, stderr } = await run('bash', [script('demo')], first());
    expect([status, stdout, stderr]).toEqual([5, '', expect.stringMatching(/^The demo mounts through Linux's FUSE; this is Darwin\. [^\n]+\n$/)]);
  });

  test('a tool of the tests, where it may not be installed: the line that installs it, and a failure in the count', async () => {
    const environment = await pathWithout('rsync');
    await rm(join(bin, 'id'));
    await fake('id', 'echo 1000');
    const { status, stdout, stderr } = await run('bash', [script('test')], environment);
    expect([status, stdout, stderr]).toEqual([1, '0 passed, 1 failed\n', expect.stringMatching(/^[^\n]*sudo apt-get install rsync\n$/)]);
  });

  test('npm that fails is quoted, and is a failure', async () => {
    await fake('node', 'case "$1" in scripts/installed.mjs) exit 1;; *) exit 0;; esac');
    await fake('npm', 'echo the registry is out of reach; exit 1');
    const { status, stderr } = await run('bash', [script('prepare')], first());
    expect(status).toBe(1);
    expect(stderr).toContain('the registry is out of reach\nInstalling failed: npm ci');
  });
});

describe('scripts/test-counts.mjs', () => {
  const report = (passed: number, total: number, files: readonly { status: string; assertionResults: readonly unknown[] }[] = []) =>
    JSON.stringify({ numPassedTests: passed, numTotalTests: total, testResults: files });

  test.each([
    ['all passed', report(5, 5), 0, '5 0'],
    ['some failed', report(3, 5), 1, '3 2'],
    ['a skipped test is a failed one', report(4, 5), 0, '4 1'],
    ['a file that could not be loaded', report(5, 5, [{ status: 'failed', assertionResults: [] }]), 1, '5 1'],
    ['a failed file whose tests are counted already', report(4, 5, [{ status: 'failed', assertionResults: [{}] }]), 1, '4 1'],
    ['an error outside of every test', report(5, 5), 1, '5 1'],
    ['no report', undefined, 1, '0 1'],
    ['half a report', '{"numPassedTests": 3', 1, '0 1'],
  ] as const)('%s', async (_, content, status, counts) => {
    const file = join(folder, 'report.json');
    if (content !== undefined) await writeFile(file, content);
    expect(await succeed(process.execPath, [script('test-counts.mjs'), file, String(status)])).toBe(`${counts}\n`);
  });
});

test('scripts/installed.mjs: the packages here are those of the lock file', async () => {
  expect((await run(process.execPath, [script('installed.mjs')])).status).toBe(0);
});

test('.ci/run is what everybody runs', async () => {
  const text = await readFile(script('../.ci/run'), 'utf8');
  expect(text).toMatch(/^set -euo pipefail$/m);
  expect(text).toContain('scripts/test');
});
