/** Asks this machine for all that decides whether it can mount. Looks only, but for a mount on a folder of its own, made and taken away. */
import { access, constants, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DriverName } from '../../fuse/drivers.js';
import { devicePath, readMountFacts } from '../../fuse/mount/facts.js';
import { readMounts, type Mount } from '../../fuse/mount/mountinfo.js';
import { mountState } from '../../fuse/mount/mountpoint.js';
import { mountType } from '../../fuse/mount/options.js';
import { runTool } from '../../fuse/mount/tools.js';
import { tryMount } from '../../fuse/mount/trial.js';
import { chooseWay, type MountFacts } from '../../fuse/mount/ways.js';
import { requireMountable } from '../../fuse/mounting.js';
import { silentLog } from '../../observe/log.js';
import { openMountRecords } from '../../storage/mount-records.js';
import { countKept, type KeptCount } from '../serving/kept-files.js';
import { readStateFolderFacts, stateFolderPath, type StateFolderFacts } from '../state-folder.js';
import type { Found } from './findings.js';
import { ask } from './gathering.js';

/** Milliseconds for a look, and for what runs programs. */
const lookDeadline = 5_000;
const programDeadline = 25_000;

/** What mounting on Linux depends on. */
export interface LinuxFacts {
  readonly mount: Found<MountFacts>;
  /** Permission bits of /dev/fuse; undefined where there is none. */
  readonly deviceMode: Found<number | undefined>;
  /** `mount_max` of /etc/fuse.conf, undefined where it does not say, and how many FUSE mounts there are. */
  readonly mountMax: Found<{ readonly limit: number | undefined; readonly mounts: number }>;
  /** Whether this user may have a user namespace with mounts of its own, or what `unshare` said. */
  readonly userNamespaces: Found<{ readonly allowed: boolean; readonly said: string }>;
  /** A mount that the kernel driver made and took away; undefined where there is no way to try. */
  readonly trial: Found<undefined> | undefined;
  /** Mounts of ours whose process is gone or does not answer. */
  readonly dead: Found<readonly { readonly mountPoint: string; readonly state: 'dead' | 'hangs' }[]>;
}

/** Where FUSE comes from on a Mac. */
export interface MacFacts {
  readonly macFuse: boolean;
  readonly fuseT: boolean;
}

/** The state folder, or where the nearest folder above it is and whether it can be made there. */
export type StateFolderSight =
  | { readonly kind: 'there'; readonly facts: StateFolderFacts }
  | { readonly kind: 'to be made'; readonly folder: string; readonly above: string; readonly writable: boolean };

export interface MachineFacts {
  readonly platform: string;
  readonly arch: string;
  readonly driver: DriverName;
  /** Whether the driver could mount, by its own word. */
  readonly drivable: Found<undefined>;
  /** `20.19.0`. */
  readonly node: string;
  /** UV_THREADPOOL_SIZE as the person's environment has it. */
  readonly threadPool: string | undefined;
  /** Undefined on another system. */
  readonly linux: LinuxFacts | undefined;
  readonly mac: MacFacts | undefined;
  readonly stateFolder: Found<StateFolderSight>;
  /** What mounts that are over could not send. */
  readonly kept: Found<readonly KeptCount[]>;
}

/** `cacheDir`: as the person named it. */
export async function readMachineFacts(
  { cacheDir, driver }: { readonly cacheDir: string | undefined; readonly driver: DriverName }, signal: AbortSignal,
): Promise<MachineFacts> {
  const { platform, arch, versions, env } = process;
  const folder = stateFolderPath(cacheDir);
  return {
    platform,
    arch,
    driver,
    drivable: await ask(programDeadline, signal, () => requireMountable(driver, { allowOther: false }).then(() => undefined)),
    node: versions.node,
    threadPool: env['UV_THREADPOOL_SIZE'],
    linux: platform === 'linux' ? await readLinuxFacts(driver, signal) : undefined,
    mac: platform === 'darwin' ? await readMacFacts() : undefined,
    stateFolder: await ask(lookDeadline, signal, () => lookAtStateFolder(folder, cacheDir !== undefined)),
    kept: await ask(lookDeadline, signal, () => keptByDead(folder)),
  };
}

async function readLinuxFacts(driver: DriverName, signal: AbortSignal): Promise<LinuxFacts> {
  const mount = await ask(lookDeadline, signal, readMountFacts);
  const canTry = driver === 'kernel' && 'value' in mount && chooseWay(mount.value, { allowOther: false }).kind !== 'none';
  return {
    mount,
    deviceMode: await ask(lookDeadline, signal, () => stat(devicePath).then(({ mode }) => mode & 0o7777, () => undefined)),
    mountMax: await ask(lookDeadline, signal, readMountMax),
    userNamespaces: await ask(programDeadline, signal, tryUserNamespace),
    trial: canTry ? await ask(programDeadline, signal, () => tryMount(silentLog()).then(() => undefined)) : undefined,
    dead: await ask(programDeadline, signal, findDead),
  };
}

async function readMountMax(): Promise<{ limit: number | undefined; mounts: number }> {
  const limit = parseMountMax(await readFile('/etc/fuse.conf', 'utf8').catch(() => ''));
  return { limit, mounts: (await readMounts()).filter(isFuse).length };
}

/** `mount_max` in the text of /etc/fuse.conf; -1 is no limit. */
export function parseMountMax(fuseConf: string): number | undefined {
  const values = fuseConf.split('\n').map((line) => /^\s*mount_max\s*=\s*(-?\d+)\s*(?:#.*)?$/.exec(line)?.[1]);
  const last = values.findLast((value) => value !== undefined);
  return last === undefined ? undefined : Number(last);
}

/** As fusermount3 counts them. */
function isFuse({ type }: Mount): boolean {
  return type === 'fuse' || type.startsWith('fuse.');
}

async function tryUserNamespace(): Promise<{ allowed: boolean; said: string }> {
  const result = await runTool('unshare', ['-Urm', 'true'], { deadline: lookDeadline });
  return { allowed: result?.status === 0, said: result === undefined ? 'there is no unshare command' : result.said };
}

async function findDead(): Promise<{ mountPoint: string; state: 'dead' | 'hangs' }[]> {
  const ours = (await readMounts()).filter(({ type }) => type === mountType);
  const states = await Promise.all(ours.map(async ({ mountPoint }) => ({ mountPoint, state: await mountState(mountPoint) })));
  return states.flatMap(({ mountPoint, state }) => (state === 'answers' ? [] : [{ mountPoint, state }]));
}

async function readMacFacts(): Promise<MacFacts> {
  const there = (path: string) => stat(path).then(() => true, () => false);
  return {
    macFuse: await there('/Library/Filesystems/macfuse.fs'),
    fuseT: await there('/Library/Application Support/fuse-t') || await there('/usr/local/lib/libfuse-t.dylib'),
  };
}

async function lookAtStateFolder(folder: string, named: boolean): Promise<StateFolderSight> {
  if (await isThere(folder)) return { kind: 'there', facts: await readStateFolderFacts(folder, named) };
  let above = dirname(folder);
  while (above !== dirname(above) && !await isThere(above)) above = dirname(above);
  return { kind: 'to be made', folder, above, writable: await access(above, constants.W_OK).then(() => true, () => false) };
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(() => true, (error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  });
}

async function keptByDead(folder: string): Promise<readonly KeptCount[]> {
  const counts = await countKept(folder);
  if (counts.length === 0) return [];
  const records = await openMountRecords({ folder });
  return counts.filter(({ instance }) => records.isDead(instance));
}
