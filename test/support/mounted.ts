/**
 * Mounts for tests. The daemon runs in a process of its own with a folder of its own; every wait has a
 * deadline; and whatever a test does, its end takes away mount, processes and folder, and fails where
 * something stays. A mount that hangs is aborted, not waited for.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { mountsIn } from './mount-list.js';
import { ProcessGroup } from './process-group.js';
import { eventually, run, within } from './programs.js';

export interface MountRequest {
  /**
   * The daemon's command line for a mount point. `folder` is the test's own, outside of the mount:
   * for a state folder, a log, a server's root.
   */
  readonly command: (mountpoint: string, folder: string) => readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** The daemon is a Node program with a channel to this process. */
  readonly channel?: boolean;
  /** Milliseconds until the mount is to be seen. Default 20,000. */
  readonly deadline?: number;
}

/** A daemon whose mount can be used. */
export interface Mounted {
  readonly mountpoint: string;
  /** The test's own folder; `mountpoint` lies in it. Removed at the end. */
  readonly folder: string;
  readonly child: ChildProcess;
  /** The daemon and what it started, but for what left its group. */
  readonly group: ProcessGroup;
  /** How the daemon ended. Wait with `within`. */
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
  /** All that the daemon wrote on standard output and standard error so far. */
  output(): string;
}

export interface Mounter {
  /** An empty folder of the test's own, with `mnt` in it. */
  folder(): Promise<string>;
  /** Starts a daemon and waits for its mount. Fails with the daemon's words where it ends instead. */
  mount(request: MountRequest): Promise<Mounted>;
  /** Starts a daemon on the mount point of `folder`, and does not wait. */
  start(request: MountRequest, folder: string): Mounted;
}

/** The node program and parameters that run a TypeScript file of the tests. */
export function typescript(file: URL, ...parameters: readonly string[]): [string, ...string[]] {
  return [process.execPath, '--import', import.meta.resolve('tsx'), file.pathname, ...parameters];
}

/** When what was started is taken away: `afterEach` test, or `afterAll` of the file. */
export type Behind = (clearAway: () => Promise<void>, deadline?: number) => void;

/** Call once in a test file: what is started by it is taken away behind each test, or behind all. */
export function useMounts(behind: Behind = afterEach): Mounter {
  const folders: string[] = [];
  const started: Mounted[] = [];
  behind(async () => {
    const daemons = started.splice(0);
    const failures: string[] = [];
    for (const folder of folders.splice(0)) failures.push(...(await clear(folder, daemons.filter((one) => one.folder === folder))));
    if (failures.length > 0) throw new Error(failures.join('\n'));
  }, 60_000);

  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), 'amarre-test-'));
    folders.push(made);
    await mkdir(join(made, 'mnt'));
    return made;
  };
  const start = (request: MountRequest, place: string): Mounted => {
    const daemon = spawnDaemon(request, place);
    started.push(daemon);
    return daemon;
  };
  const mount = async (request: MountRequest): Promise<Mounted> => {
    const daemon = start(request, await folder());
    let over = false;
    void daemon.ended.then(() => (over = true));
    await eventually(`a mount on ${daemon.mountpoint}`, async () => {
      if (over) throw new Error(`the daemon ended before its mount was there:\n${daemon.output()}`);
      return (await mountsIn(daemon.mountpoint)).length > 0;
    }, request.deadline ?? 20_000).catch((failure: unknown) => {
      throw new Error(`${String(failure)}\n${daemon.output()}`);
    });
    return daemon;
  };
  return { folder, mount, start };
}

function spawnDaemon(request: MountRequest, folder: string): Mounted {
  const mountpoint = join(folder, 'mnt');
  const [command, ...parameters] = request.command(mountpoint, folder);
  const child = spawn(command, parameters, {
    cwd: folder,
    env: { ...process.env, UV_THREADPOOL_SIZE: '16', ...request.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(request.channel === true ? ['ipc' as const] : [])],
  });
  const group = new ProcessGroup(child);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => resolve({ status, signal }));
  });
  ended.catch(() => undefined);
  return { mountpoint, folder, child, group, ended, output: () => output };
}

/** Takes all of a folder's mounts and daemons away. Answers what could not be. */
async function clear(folder: string, daemons: readonly Mounted[]): Promise<string[]> {
  const failures: string[] = [];
  // Twice at most for each: kindly, so that the daemon ends by itself; then by force.
  await unmountAll(folder, []);
  for (const daemon of daemons) {
    daemon.child.kill('SIGTERM');
    await within(3000, 'the daemon ends by itself', daemon.ended).catch(() => undefined);
  }
  await unmountAll(folder, ['-f']);
  await unmountAll(folder, ['-l']);
  for (const { child, group, ended } of daemons) {
    group.kill();
    await within(5000, `the daemon ${child.pid ?? ''} ends when it is killed`, ended).catch((failure: unknown) => failures.push(String(failure)));
    await eventually(`no process of the daemon ${child.pid ?? ''} is left`, () => !group.lives(), 5000).catch((failure: unknown) => failures.push(String(failure)));
  }
  const left = await mountsIn(folder);
  if (left.length > 0) failures.push(`mounts are left: ${left.map(({ mountpoint }) => mountpoint).join(', ')}`);
  // What serves it has left the group, and may be writing its last words into the folder.
  else await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  return failures;
}

/** Unmounts the folder's mounts, the last first. `-f` aborts a FUSE connection, which frees whoever waits for it. */
async function unmountAll(folder: string, how: readonly string[]): Promise<void> {
  for (const { mountpoint } of (await mountsIn(folder)).reverse()) {
    const plain = mountpoint.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
    await run('umount', [...how, '-c', '-i', '--', plain], { deadline: 5000 }).catch(() => undefined);
  }
}
