/** How a command finds the running mount that a path lies on, and what it says where that mount does not answer. */
import { readMounts } from '../fuse/mount/mountinfo.js';
import { socketOf } from './control/address.js';
import { ControlError } from './control/client.js';
import { CommandError } from './exit-status.js';
import { belowMount, knownMounts, locate, stateFolders } from './known-mounts.js';

/** A mount that can be asked. */
export interface AskedMount {
  readonly mountpoint: string;
  /** What was named, below the mount point: `/` for itself. */
  readonly below: string;
  readonly socket: string;
  readonly pid: number;
}

/** The mount of this user that a path lies on. `stateFolder`: as --cache-dir named it. Throws the CommandError of one that is none, or dead. */
export async function findMount(path: string, stateFolder: string | undefined): Promise<AskedMount> {
  const place = await locate(path, await readMounts());
  if (place.mount === undefined) throw new CommandError('notMounted', `${place.path} is on no mount of Amarre`);
  const { mountPoint } = place.mount;
  const known = (await knownMounts(await stateFolders(stateFolder))).find(({ record }) => record.mountpoint === mountPoint);
  if (known === undefined) {
    throw new CommandError('failed', `the mount on ${mountPoint} is another user's, or its --cache-dir is not known: ask that user, or name it`);
  }
  const { record, records } = known;
  if (records.life(record) === 'dead') throw new CommandError('died', `the process that served ${mountPoint} has died: amarre umount takes the mount away`);
  return { mountpoint: mountPoint, below: belowMount(place.path, mountPoint), socket: socketOf(known.stateFolder, record.instance), pid: record.process.pid };
}

/** What asking the mount comes to; why it does not answer, as a CommandError. */
export async function asked<T>(mount: AskedMount, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const why = { nobody: 'is of an earlier version, or has no socket', forbidden: "is another user's", unknown: 'is of another version', silent: `does not answer: ${error.message}` };
    throw new CommandError('failed', `the mount on ${mount.mountpoint} (process ${mount.pid}) ${why[error.why]}`, { cause: error });
  }
}
