/**
 * A mount made only to see whether it can be made. What decides lies partly where nobody can look (a
 * container's seccomp filter, an AppArmor profile), so that nothing else is certain.
 */
import { close } from 'node:fs';
import { mkdtemp, realpath, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../../observe/log.js';
import { mountOnLinux } from './linux.js';
import { detachMount } from './unmount.js';

const closeDevice = promisify(close);

/** Mounts on an empty folder of its own, and unmounts at once: nobody is served. Throws the FsError that a real mount would. */
export async function tryMount(log: Log): Promise<void> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'amarre-trial-')));
  try {
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const { fd } = await mountOnLinux({ mountpoint: folder, fsname: 'amarre-trial', allowOther: false, readOnly: true, uid, gid }, log);
    // Dead from here on: whoever looks at it meanwhile gets an error and does not hang.
    await closeDevice(fd);
    await detachMount(folder);
  } finally {
    await rmdir(folder).catch((error: unknown) => log.warn({ folder, err: error }, 'a folder of a trial mount is left'));
  }
}
