/** Asks every mount of this user how it stands, and gathers what those that are over have left on this machine. */
import type { Mount } from '../fuse/mount/mountinfo.js';
import { mountAt } from '../fuse/mount/mountinfo.js';
import { mountType } from '../fuse/mount/options.js';
import type { UnsentFile } from '../filesystem/filesystem.js';
import { socketOf } from './control/address.js';
import { askStatus, ControlError } from './control/client.js';
import type { MountStatus } from './control/protocol.js';
import { exitStatuses } from './exit-status.js';
import type { KnownMount } from './known-mounts.js';
import { keptIn } from './serving/kept-files.js';

/** A mount that does not speak for itself. */
export interface MuteMount {
  readonly mountpoint: string;
  readonly remote: string;
  readonly pid: number;
  /**
   * `dead`: its process ended without unmounting. `silent`: its process lives and does not answer.
   * `elsewhere`: another machine's or container's. `foreign`: another user's.
   */
  readonly state: 'dead' | 'silent' | 'elsewhere' | 'foreign';
  readonly reason: string;
}

export interface StatusReport {
  readonly mounts: readonly MountStatus[];
  readonly mute: readonly MuteMount[];
  /** Files of mounts that are over, which the platform does not have. */
  readonly kept: readonly UnsentFile[];
}

export interface ReportParts {
  readonly known: readonly KnownMount[];
  /** State folders in which files of earlier mounts may lie. */
  readonly folders: readonly string[];
  readonly mounts: readonly Mount[];
  /** Only this mount point. */
  readonly only?: string | undefined;
  /** Mounts that none of the state folders knows are not asked for: a person named the folder. */
  readonly knownOnly: boolean;
}

export async function reportStatus({ known, folders, mounts, only, knownOnly }: ReportParts): Promise<StatusReport> {
  const asked = await Promise.all(newestByMountpoint(known)
    .filter(({ record }) => only === undefined || record.mountpoint === only)
    .map((mount) => ask(mount, mounts)));
  const told = asked.filter((answer) => answer !== undefined);
  const names = new Set(known.map(({ record }) => record.mountpoint));
  const foreign = mounts
    .filter((mount) => mount.type === mountType && !names.has(mount.mountPoint) && (only === undefined ? !knownOnly : mount.mountPoint === only))
    .map((mount): MuteMount => ({
      mountpoint: mount.mountPoint, remote: mount.source, pid: 0, state: 'foreign', reason: 'of another user, or its --cache-dir is not known: name it, as root',
    }));
  const living = new Set(known.filter(({ record, records }) => records.life(record) !== 'dead').map(({ record }) => record.instance));
  // What an earlier mount left belongs to its remote, not to a mount point.
  const kept = only === undefined ? (await Promise.all(folders.map((folder) => keptIn(folder, (instance) => !living.has(instance))))).flat() : await keptBy(known, only);
  return { mounts: told.filter((one) => 'instance' in one), mute: [...told.filter((one) => 'state' in one), ...foreign], kept };
}

/** What the dead mounts of one mount point left. */
async function keptBy(known: readonly KnownMount[], mountpoint: string): Promise<readonly UnsentFile[]> {
  const dead = known.filter(({ record, records }) => record.mountpoint === mountpoint && records.life(record) === 'dead');
  return (await Promise.all(dead.map(({ stateFolder, record }) => keptIn(stateFolder, (instance) => instance === record.instance)))).flat();
}

function newestByMountpoint(known: readonly KnownMount[]): readonly KnownMount[] {
  const newest = new Map<string, KnownMount>();
  for (const mount of known) if (!newest.has(mount.record.mountpoint)) newest.set(mount.record.mountpoint, mount);
  return [...newest.values()];
}

/** Undefined for a mount that is over and gone. */
async function ask({ record, records, stateFolder }: KnownMount, mounts: readonly Mount[]): Promise<MountStatus | MuteMount | undefined> {
  const { mountpoint, remote, instance } = record;
  const about = { mountpoint, remote, pid: record.process.pid };
  switch (records.life(record)) {
    case 'dead':
      if (mountAt(mounts, mountpoint)?.type !== mountType) return undefined;
      return { ...about, state: 'dead', reason: `its process (${about.pid}) died; amarre umount takes the mount away` };
    case 'unknown':
      return { ...about, state: 'elsewhere', reason: `process ${about.pid} of another machine or container` };
    default:
      try {
        return await askStatus(socketOf(stateFolder, instance));
      } catch (error) {
        return { ...about, state: 'silent', reason: `process ${about.pid} lives, but does not answer: ${reasonOf(error, record.phase)}` };
      }
  }
}

function reasonOf(error: unknown, phase: string): string {
  if (phase === 'mounting') return 'it is mounting';
  if (!(error instanceof ControlError)) return error instanceof Error ? error.message : String(error);
  switch (error.why) {
    case 'nobody': return 'it has no socket, or is of an earlier version';
    case 'forbidden': return 'its socket is another user\'s';
    case 'unknown': return 'it is of another version';
    case 'silent': return error.message;
  }
}

/** The exit status that goes with a report: the worst first. */
export function statusOf({ mounts, mute, kept }: StatusReport): number {
  if (mute.some(({ state }) => state === 'dead')) return exitStatuses.died.status;
  if (kept.length > 0 || mounts.some((mount) => mount.kept.length > 0)) return exitStatuses.unsent.status;
  return mute.some(({ state }) => state === 'silent') ? exitStatuses.failed.status : exitStatuses.ok.status;
}
