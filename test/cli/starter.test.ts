/** The process that speaks for the one that serves, with small programs in the place of the latter. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toCommandError, type CommandError } from '../../src/cli/exit-status.js';
import type { Plan } from '../../src/cli/serving/plan.js';
import { startServing } from '../../src/cli/serving/starter.js';

let folder = '';
let program = '';
let lines: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-starter-'));
  program = join(folder, 'process.mjs');
  lines = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const neverStopped = new AbortController().signal;

function plan(changes: Partial<Plan> = {}): Plan {
  return {
    instance: 'abcdefghijkl', remote: 'sftpgo+https://ann@host', credentials: { password: 's3cret' }, mountpoint: '/mnt/drive',
    stateFolder: folder, daemon: false, driver: 'kernel', appleFiles: 'store', allowOther: false, readOnly: false, uid: 0, gid: 0, umask: 0o022, stallTimeout: 1,
    serverTimeout: 1, attrTtl: 1, dirTtl: 1, memory: 1, requests: 1, permissions: 'ignore', lockOnWrite: 'auto', insecureHttp: false, profile: 'auto', netexplorer: { names: 'refuse', overwrite: 'version', trash: true, purgeFolders: 'warn', showVersions: false, links: { form: 'auto', shareAddress: '/dl/{key}', depositAddress: '/ul/{key}' } }, documents: { ttl: 1, pretty: false }, faireSimple: { uidField: 'uid' }, logSize: 0, logLevel: 'warn',
    network: { connectTimeout: 1, authorities: [] },
    ...changes,
  };
}

/** Starts a program that has `plan`, `tell` and `done` (a promise of the first signal) at hand. */
async function start(source: string, options: { readonly plan?: Partial<Plan>; readonly signal?: AbortSignal } = {}) {
  await writeFile(program, `
    import { writeFileSync } from 'node:fs';
    const living = setInterval(() => undefined, 1000); // As a read of the device does.
    const done = new Promise((resolve) => { for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => resolve(name)); });
    const plan = await new Promise((resolve) => process.once('message', resolve));
    const tell = (message) => new Promise((resolve) => process.send(message, resolve));
    const end = (status, notes = []) => tell({ kind: 'ended', outcome: { status, unsent: [], notes } });
    ${source}
  `);
  return startServing(plan(options.plan), { tell: (line) => lines.push(line), signal: options.signal ?? neverStopped, program });
}

const failure = (promise: Promise<unknown>): Promise<CommandError> => promise.then(
  () => { throw new Error('it did not fail'); }, toCommandError,
);

describe('a serving process that mounts', () => {
  test('its lines, signals and outcome are passed on', async () => {
    const serving = await start(`
      await tell({ kind: 'told', text: 'an earlier mount left something' });
      await tell({ kind: 'mounted' });
      const name = await done;
      await end(6, ['asked by ' + name]);
      process.exit(0);
    `);
    expect(lines).toEqual(['an earlier mount left something']);
    serving.signal('SIGINT');
    expect(await serving.ended).toEqual({ status: 6, unsent: [], notes: ['asked by SIGINT'] });
  });

  test('one that cannot end after it told its outcome is killed, and the outcome counts', async () => {
    const serving = await start(`
      await tell({ kind: 'mounted' });
      await done;
      await end(0);
      for (;;);
    `);
    serving.signal('SIGTERM');
    expect(await serving.ended).toMatchObject({ status: 0 });
  });

  test('one that dies is told as that', async () => {
    const serving = await start(`await tell({ kind: 'mounted' }); process.kill(process.pid, 'SIGKILL');`);
    const error = await failure(serving.ended);
    expect([error.status, error.message]).toEqual([7, expect.stringMatching(/died \(SIGKILL\)/)]);
  });
});

describe('a serving process that cannot mount', () => {
  test('its error and status are passed on', async () => {
    const error = await failure(start(`await tell({ kind: 'failed', ending: 'signIn', text: 'the password is wrong' }); process.exit(3);`));
    expect([error.status, error.message]).toEqual([3, 'the password is wrong']);
  });

  test('one that ends without a word is told as died', async () => {
    expect((await failure(start('process.exit(9);'))).message).toMatch(/died \(exit status 9\)/);
  });

  test('one that is stopped while it mounts ends', async () => {
    const controller = new AbortController();
    const starting = start(`
      await tell({ kind: 'told', text: 'signing in' });
      await tell({ kind: 'told', text: 'stopped by ' + await done });
      await tell({ kind: 'failed', ending: 'failed', text: 'the platform did not answer' });
      process.exit(1);
    `, { signal: controller.signal });
    const ending = failure(starting);
    await expect.poll(() => lines.length).toBe(1);
    controller.abort();
    expect((await ending).message).toBe('interrupted');
    expect(lines).toEqual(['signing in', 'stopped by SIGINT']);
  });

  test('one that is stopped before it could listen ends', async () => {
    const error = await failure(start('await done;', { signal: AbortSignal.abort() }));
    expect([error.status, error.message]).toEqual([1, 'interrupted']);
  });
});

describe('secrets', () => {
  test('go over the channel alone: not in the arguments, not in the environment', async () => {
    process.env['AMARRE_API_KEY'] = 'k3y';
    const serving = await start(`
      const { readFileSync } = await import('node:fs');
      const seen = ['cmdline', 'environ'].map((name) => readFileSync('/proc/self/' + name, 'utf8')).join('\\n');
      writeFileSync(plan.stateFolder + '/seen', seen + JSON.stringify(plan.credentials));
      await tell({ kind: 'mounted' });
      await end(0);
      process.exit(0);
    `);
    Reflect.deleteProperty(process.env, 'AMARRE_API_KEY');
    await serving.ended;
    const seen = await readFile(join(folder, 'seen'), 'utf8');
    expect(seen).toContain('sftpgo+https://ann@host\0/mnt/drive');
    expect(seen).toMatch(/UV_THREADPOOL_SIZE=(1[6-9]|[2-9]\d)/);
    expect(seen).not.toContain('k3y');
    expect(seen.replace('{"password":"s3cret"}', '')).not.toContain('s3cret');
  });
});

describe('a daemon', () => {
  test('serves on when it is let go, with its complaints in the log', async () => {
    const logFile = join(folder, 'amarre.log');
    const serving = await start(`
      await tell({ kind: 'mounted' });
      await new Promise((resolve) => process.once('disconnect', resolve));
      console.error('a complaint');
      await done;
      writeFileSync(plan.stateFolder + '/ended', '');
      process.exit(0);
    `, { plan: { daemon: true, logFile } });
    serving.release();
    await expect.poll(() => readFile(logFile, 'utf8').catch(() => '')).toBe('a complaint\n');
    process.kill(serving.pid, 'SIGTERM');
    await expect.poll(() => readFile(join(folder, 'ended'), 'utf8').catch(() => 'lives')).toBe('');
  });
});
