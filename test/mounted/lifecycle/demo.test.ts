/** `amarre demo`: shows what it says it shows, and leaves nothing behind. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { amarre } from '../../support/cli.js';
import { mountsIn } from '../../support/mount-list.js';
import { begin, eventually, run, succeed } from '../../support/programs.js';

let folder = '';
let bin = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-test-'));
  bin = await mkdtemp(join(tmpdir(), 'amarre-bin-'));
});
afterEach(async () => {
  for (const { mountpoint } of await mountsIn(folder)) await run('umount', ['-l', mountpoint]);
  await rm(folder, { recursive: true });
  await rm(bin, { recursive: true });
});

const [command, ...words] = amarre('demo');

/** Temporary files of the demo go below the test's folder. */
const options = () => ({ env: { TMPDIR: folder }, deadline: 55_000 });

describe('amarre demo', () => {
  test('--check tries ls, cp and rsync, says what it did, and ends with 0', async () => {
    const { status, stdout, stderr } = await run(command, [...words, '--check'], options());
    expect([status, stderr]).toEqual([0, '']);
    for (const tool of ['ls', 'cp', 'rsync']) expect(stdout).toMatch(new RegExp(`^\\$ ${tool} `, 'm'));
    expect(stdout).toContain('All as it must be.');
    expect(await readdir(folder)).toEqual([]);
  });

  test('--check without rsync: one line names it, and the end is 1', async () => {
    const { status, stdout } = await run(process.execPath, [...words, '--check'], { ...options(), env: { TMPDIR: folder, PATH: await pathWithout('rsync') } });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAILED: there is no rsync on this machine; install it.*$/m);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stays until %s on a mount point that it makes and removes', async (signal) => {
    const mountpoint = join(folder, 'made', 'here');
    const demo = begin(command, [...words, mountpoint], options());
    await eventually('it is mounted', async () => (await mountsIn(mountpoint)).length > 0);
    await succeed('bash', ['-c', `echo hello > ${mountpoint}/hello.txt && rsync -ai ${mountpoint}/ ${folder}/copy/ && diff -r ${mountpoint} ${folder}/copy`]);
    demo.kill(signal);
    const { status, stdout } = await demo.result;
    expect(status).toBe(0);
    expect(stdout).toContain(`mounted on ${mountpoint}`);
    expect(existsSync(join(folder, 'made', 'here'))).toBe(false);
    await rm(join(folder, 'copy'), { recursive: true });
    await rm(join(folder, 'made'), { recursive: true, force: true });
    expect(await readdir(folder)).toEqual([]);
  });
});

/** A folder with links to all programs of the PATH but one. */
async function pathWithout(tool: string): Promise<string> {
  await succeed('bash', ['-c', `IFS=:; for d in $PATH; do ln -sn "$d"/* ${bin}/ 2>/dev/null; done; rm -f ${bin}/${tool}; true`]);
  return bin;
}
