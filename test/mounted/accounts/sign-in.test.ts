/** Second factors and API keys on a mount: what lasts, what ends, and how to go on. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useHarbour } from '../../support/amarre-mounts.js';
import { eventually, run, succeed } from '../../support/programs.js';

const make = useHarbour();

test('a one-time code: told that it ends; at the end EACCES without a further try, unsent work kept, and sent by a mount with a new code', async () => {
  const harbour = await make({ users: { u: { secondFactor: true } } });
  const mount = async () => {
    const otp = await harbour.control.oneTimeCode('u');
    return harbour.run(harbour.mountWords('--daemon'), { ...harbour.env, AMARRE_OTP: otp });
  };
  const log = () => readFile(join(harbour.state, 'amarre.log'), 'utf8');
  const source = join(harbour.folder, 'source');
  await writeFile(source, 'bytes');

  expect((await harbour.run(harbour.mountWords('--daemon'))).stderr).toContain('second factor');
  expect((await mount()).status).toBe(0);
  await succeed('cp', [source, join(harbour.mountpoint, 'first')]);
  expect(await log()).toMatch(/works once: this sign-in ends in 20 minutes.*API key/);

  // A program that has begun to write when the sign-in ends.
  const go = join(harbour.folder, 'go');
  const script = 'exec 3> "$1"; while [ ! -e "$2" ]; do sleep 0.05; done; cat "$3" >&3';
  const begun = run('sh', ['-c', script, 'sh', join(harbour.mountpoint, 'third'), go, source]);
  await eventually('the program has begun', async () => (await run('test', ['-e', join(harbour.mountpoint, 'third')])).status === 0);
  await harbour.control.forgetTokens();
  await harbour.control.resetCounts();
  await writeFile(go, '');
  await begun;
  for (const name of ['second', 'fourth']) {
    const { status, stderr } = await run('cp', [source, join(harbour.mountpoint, name)], { env: { LC_ALL: 'C' } });
    expect([status === 0, stderr]).toEqual([false, expect.stringContaining('Permission denied')]);
  }
  await run('ls', [harbour.mountpoint]);
  expect((await harbour.control.state()).counts['token']).toBeUndefined();
  expect(await log()).toMatch(/its one-time code works once: mount again with a new code.*what is unsent is kept/);

  const { status, stderr } = await harbour.umount();
  expect([status, stderr]).toEqual([6, expect.stringContaining('third')]);
  const again = await mount();
  expect(again.status).toBe(0);
  await eventually('what was unsent is on the server', async () => (await readFile(join(harbour.root, 'third'), 'utf8').catch(() => '')) === 'bytes');
  expect((await harbour.umount()).status).toBe(0);
});

test('an API key from a file mounts without a password; one that is not valid says so and ends with the status for it', async () => {
  const harbour = await make();
  const file = join(harbour.folder, 'key');
  const withKey = async (key: string) => {
    await writeFile(file, `${key}\n`, { mode: 0o600 });
    return harbour.run(harbour.mountWords('--daemon', '--api-key-file', file), {});
  };
  for (const key of ['malformed', 'un.known']) {
    const { status, stderr } = await withKey(key);
    expect([status, stderr]).toEqual([3, expect.stringContaining('API key is not valid')]);
    expect(stderr).not.toContain(key);
  }
});
