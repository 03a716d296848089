/** Mounts made by the built command on an emulated platform, SFTPGo where no other is named, for tests of a mount's life from the outside. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { EmulatorControl } from '../../src/emulators/emulator.js';
import type { SftpgoControl, SftpgoOptions } from '../../src/emulators/start.js';
import { amarre } from './cli.js';
import { driver } from './driver.js';
import { mountsIn } from './mount-list.js';
import { useMounts, type Behind, type Mounted } from './mounted.js';
import { sftpgo, type Platform, type Server } from './platforms.js';
import { eventually, run, type ProgramResult } from './programs.js';

export interface Harbour<C extends EmulatorControl = SftpgoControl> {
  /** The test's own folder; everything lies in it. */
  readonly folder: string;
  readonly mountpoint: string;
  /** What the server has on its disk, where it has one. */
  readonly root: string;
  readonly state: string;
  readonly remote: string;
  readonly env: Readonly<Record<string, string>>;
  readonly control: C;
  /** The server ends as it stands: what is under way breaks off. */
  stopServer(): Promise<void>;
  /** The server is there again, with the same files at the same address. Tokens, rules and counts are new. */
  startServer(): Promise<void>;
  /** The words of `amarre mount` for this harbour. */
  mountWords(...options: readonly string[]): readonly string[];
  /** Runs the command with these words to its end. The environment signs in unless it is told otherwise. */
  run(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<ProgramResult>;
  /** `amarre mount` in the foreground; resolves when the mount can be used. */
  mount(...options: readonly string[]): Promise<Mounted>;
  /** `amarre mount --daemon`, which has to succeed. */
  daemon(...options: readonly string[]): Promise<ProgramResult>;
  umount(...options: readonly string[]): Promise<ProgramResult>;
  /** Whether something is mounted there. */
  isMounted(): Promise<boolean>;
  /** Ids of the processes that serve mounts of this harbour. */
  serving(): Promise<readonly number[]>;
}

/** Call once in a test file. Behind each test, or behind all, mounts, processes and servers are gone, or it fails. */
export function useHarbour(behind: Behind = afterEach): (options?: SftpgoOptions) => Promise<Harbour> {
  const make = useHarbours(behind);
  return (options) => make(sftpgo(options));
}

/** The same on any platform. */
export function useHarbours(behind: Behind = afterEach): <C extends EmulatorControl>(platform: Platform<C>) => Promise<Harbour<C>> {
  const folders: string[] = [];
  const emulators = new Set<Server<EmulatorControl>>();
  // Hooks run the other way round: mounts go first, while their servers are there, processes are looked for last.
  behind(async () => {
    for (const folder of folders.splice(0)) await requireNoProcess(folder);
  });
  behind(async () => {
    for (const emulator of emulators) await emulator.close();
    emulators.clear();
  });
  const mounts = useMounts(behind);

  return async (platform) => {
    const folder = await mounts.folder();
    folders.push(folder);
    const [root, mountpoint, state] = [join(folder, 'server'), join(folder, 'mnt'), join(folder, 'state')];
    await mkdir(root);
    let emulator = await platform.start(root, undefined);
    emulators.add(emulator);
    const { remote, env, url } = emulator.announcement;
    const start = (words: readonly string[], other: NodeJS.ProcessEnv = env) => {
      const [command, ...parameters] = amarre(...words);
      return run(command, parameters, { env: other, deadline: 40_000 });
    };
    const mountWords = (...more: readonly string[]) => ['mount', remote, mountpoint, '--cache-dir', state, '--driver', driver, ...more];
    const isMounted = async () => (await mountsIn(mountpoint)).length > 0;
    return {
      folder, mountpoint, root, state, remote, env, isMounted, mountWords,
      get control() {
        return emulator.control;
      },
      async stopServer() {
        emulators.delete(emulator);
        await emulator.close();
      },
      async startServer() {
        emulator = await platform.start(root, Number(new URL(url).port));
        emulators.add(emulator);
      },
      run: start,
      async mount(...more) {
        const mounted = mounts.start({ command: () => amarre(...mountWords(...more)), env }, folder);
        await eventually(`amarre says that it is mounted`, () => mounted.output().includes(` is on ${mountpoint};`)).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${mounted.output()}`);
        });
        return mounted;
      },
      async daemon(...more) {
        const result = await start(mountWords('--daemon', ...more));
        if (result.status !== 0) throw new Error(`amarre mount --daemon: status ${result.status ?? 'none'}\n${result.stderr}`);
        return result;
      },
      async umount(...more) {
        const result = await start(['umount', mountpoint, ...more]);
        await requireNoFault(join(state, 'amarre.log'));
        return result;
      },
      serving: () => processesOf(folder),
    };
  };
}

/** The serving process goes on where a promise fails unheard, and logs it: a test does not. */
async function requireNoFault(logFile: string): Promise<void> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const fault = log.split('\n').find((line) => line.includes('a fault in Amarre'));
  if (fault !== undefined) throw new Error(fault);
}

/** Processes that have the folder in their arguments and serve. */
async function processesOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => /cli\/serving\/process\.js\0/.test(lines[index] ?? '') && lines[index]?.includes(folder)).map(Number);
}

async function requireNoProcess(folder: string): Promise<void> {
  try {
    await eventually('no serving process is left', async () => (await processesOf(folder)).length === 0, 5000);
  } catch (error) {
    for (const pid of await processesOf(folder)) process.kill(pid, 'SIGKILL');
    throw error;
  }
}
