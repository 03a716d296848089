/** `amarre demo`: an emulated server over sample files, mounted, until Ctrl-C; nothing is left behind. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseRemote } from '../providers/remote.js';
import type { Outcome } from '../storage/mount-records.js';
import type { Command } from './command.js';
import { runDemoCheck } from './demo-check.js';
import { readDocumentSettings } from './documents.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { checkMountPoint, driverOf, makePlan } from './mount.js';
import { plainPlan } from './netexplorer-access.js';
import { readNetwork } from './network.js';
import { demoSchema, mountSchema, readOptions } from './options.js';
import { takeSecrets } from './secrets.js';
import { showOutcome } from './serving/ending.js';
import { startServing, type Serving } from './serving/starter.js';
import { say, sayLines } from './terminal.js';

export const demoCommand: Command = {
  words: { mountpoint: 'Where to mount; made if missing. Default: a temporary folder' },
  options: demoSchema,
  examples: [['amarre demo', 'says where the mount is, stays until Ctrl-C'], ['amarre demo --check', 'tries it out by itself']],
  run: runDemo,
};

async function runDemo(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { check } = readOptions(demoSchema, written);
  const given = written['mountpoint'];
  const interrupted = untilInterrupted();
  const folder = await mkdtemp(join(tmpdir(), 'amarre-demo-'));
  // What must be undone, last first; an error on the way undoes what there is.
  let kept = false;
  const undo = [() => (kept ? Promise.resolve() : rm(folder, { recursive: true }))];
  try {
    const wanted = typeof given === 'string' ? resolve(given) : join(folder, 'drive');
    if (await mkdir(wanted, { recursive: true }).catch(badMountPoint) !== undefined) undo.push(() => rmdir(wanted));
    const settings = readOptions(mountSchema, {});
    const mountpoint = await checkMountPoint(wanted, { allowOther: false }, driverOf(settings));
    // Here and not above: a mount has no use for an HTTP server in its memory.
    const { startEmulator } = await import('../emulators/start.js');
    const emulator = await startEmulator('sftpgo', {});
    undo.push(() => emulator.close());
    const { remote, env, root } = emulator.announcement;
    const plan = makePlan({
      remote,
      mountpoint,
      stateFolder: join(folder, 'state'),
      credentials: takeSecrets({ ...env }).credentials,
      netexplorer: plainPlan(settings),
      network: await readNetwork(settings, { origin: parseRemote(remote).origin, environment: {}, passphrase: undefined, ask: undefined }),
      settings,
      ...await readDocumentSettings(settings),
    });
    const serving = await startServing(plan, { tell: say, signal: interrupted });
    const tried = check
      ? await runDemoCheck({ mountpoint, root, scratch: join(folder, 'scratch'), print })
      : await stay(serving, interrupted, mountpoint, root);
    const outcome = await unmount(serving);
    kept = outcome.unsent.length > 0;
    if (!kept) print('Unmounted; nothing is left behind.');
    return tried ? outcome.status : exitStatuses.failed.status;
  } finally {
    for (const step of undo.toReversed()) await step();
  }
}

async function unmount(serving: Serving): Promise<Outcome> {
  serving.signal('SIGTERM');
  process.on('SIGINT', () => serving.signal('SIGINT'));
  const outcome = await serving.ended;
  sayLines(showOutcome(outcome));
  return outcome;
}

/** Says what there is to try, and waits for Ctrl-C or the end of the mount. */
async function stay(serving: Serving, interrupted: AbortSignal, mountpoint: string, root: string): Promise<boolean> {
  print(`An emulated SFTPGo server is mounted on ${mountpoint}`);
  print(`The files on its disk: ${root}`);
  print('Try, in another terminal:');
  print(`  ls -l ${mountpoint}`);
  print(`  echo hello > ${mountpoint}/hello.txt && cat ${root}/hello.txt`);
  print(`  rsync -ai ${mountpoint}/ /tmp/a-copy/`);
  print('Ctrl-C ends it and unmounts.');
  await Promise.race([
    serving.ended,
    new Promise((done) => {
      if (interrupted.aborted) done(undefined);
      interrupted.addEventListener('abort', done, { once: true });
    }),
  ]);
  return true;
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort());
  return controller.signal;
}

function badMountPoint(error: unknown): never {
  throw new CommandError('mount', error instanceof Error ? error.message : String(error), { cause: error });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
