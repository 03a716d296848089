/** Unmounting by umount(8), or by fusermount3 for ordinary users, and what to tell where it will not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FsError } from '../../errors.js';
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
  const [program, ...parameters] = unmountCommand({ euid, helper }, mountPoint, lazy);
  const result = await runTool(program, parameters, { deadline });
  if (result === undefined) throw new FsError('ENOSYS', `there is no ${program} command on this machine: install util-linux`);
  if (mountAt(await readMounts(), mountPoint)?.id !== before.id) return 'unmounted';
  if (result.status === undefined) throw new FsError('ETIMEDOUT', `${program} of ${mountPoint} did not end`);
  if (/busy/.test(result.said)) return { busy: await describeHolders(mountPoint) };
  throw new FsError('EPERM', `umount failed: ${result.said}`);
}

/** Takes a mount out of sight at once; it ends when its last user goes. */
export async function detachMount(mountPoint: string): Promise<void> {
  const result = await unmount(mountPoint, { lazy: true });
  if (result !== 'unmounted') throw new FsError('EBUSY', `${mountPoint} could not be detached`);
}
