/** Unmounting by umount(8), or by fusermount3 for ordinary users, and what to tell where it will not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { effectiveUser, findHelper } from './facts.js';
import { describeHolders } from './holders.js';
import { mountAt, readMounts } from './mountinfo.js';
import { runTool } from './tools.js';
import { unmountCommand } from './ways.js';

/** Milliseconds that the program has: it waits for the file system's last answers. */
const deadline = 10_000;

/** `busy`: who may hold it, empty where that is not known. */
export type UnmountResult = 'unmounted' | { readonly busy: string };

/** How often, and after how many milliseconds, a mount is tried again that nobody seems to hold. */
const retries = 5;
const retryPause = 100;

/**
 * Unmounts what was mounted last on a canonical path. Nothing mounted there is `unmounted`. A mount that is
 * busy by nobody is tried again: a program on its way out, or somebody else's umount. EPERM where it is refused.
 */
export async function unmount(mountPoint: string, options: { readonly lazy: boolean }): Promise<UnmountResult> {
  for (let left = retries; ; left -= 1) {
    const result = await unmountOnce(mountPoint, options.lazy);
    if (result === 'unmounted' || result.busy !== '' || left === 0) return result;
    await sleep(retryPause);
  }
}

async function unmountOnce(mountPoint: string, lazy: boolean): Promise<UnmountResult> {
  const before = mountAt(await readMounts(), mountPoint);
  if (before === undefined) return 'unmounted';
  const euid = effectiveUser();
  const helper = euid === 0 ? undefined : await findHelper(process.env['PATH'] ?? '');
  const [program, ...parameters] = unmountCommand({ euid, helper, platform: process.platform }, mountPoint, lazy);
  const result = await runTool(program, parameters, { deadline });
  if (result === undefined) throw new FsError('ENOSYS', `there is no ${program} command on this machine: install util-linux`);
  if (mountAt(await readMounts(), mountPoint)?.id !== before.id) return 'unmounted';
  if (result.status === undefined) throw new FsError('ETIMEDOUT', `${program} of ${mountPoint} did not end`);
  if (/busy/.test(result.said)) return { busy: await describeHolders(mountPoint) };
  throw new FsError('EPERM', `umount failed: ${result.said}`);
}

/** Unmounts the mount of a device, if it is the last that was made there; one that is gone already is `unmounted`. */
export async function unmountDevice(mountPoint: string, device: string): Promise<UnmountResult> {
  const mounts = await readMounts();
  if (mountAt(mounts, mountPoint)?.device === device) return unmount(mountPoint, { lazy: false });
  if (mounts.some((mount) => mount.device === device)) return { busy: 'another mount on top of it, or a copy of it elsewhere' };
  return 'unmounted';
}

/** Takes the mount of a device out of sight, and logs who uses it. */
export async function detachDevice(mountPoint: string, device: string, log: Log): Promise<void> {
  const holders = await describeHolders(mountPoint);
  const used = holders === '' ? 'used by somebody' : `used by ${holders}`;
  log.warn({ mountpoint: mountPoint }, `${mountPoint} is ${used}: it is detached and ends when they are done`);
  if (mountAt(await readMounts(), mountPoint)?.device === device) await detachMount(mountPoint);
}

/** Takes a mount out of sight at once; it ends when its last user goes. */
export async function detachMount(mountPoint: string): Promise<void> {
  const result = await unmount(mountPoint, { lazy: true });
  if (result !== 'unmounted') throw new FsError('EBUSY', `${mountPoint} could not be detached`);
}
