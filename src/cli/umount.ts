/** `amarre umount`: asks the process that serves a mount to send what is unsent and go, and tells what came of it. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountAt, readMounts, type Mount } from '../fuse/mount/mountinfo.js';
import { mountType } from '../fuse/mount/options.js';
import { detachMount } from '../fuse/mount/unmount.js';
import { openMountRecords, type MountRecord, type MountRecords } from '../storage/mount-records.js';
import type { Command } from './command.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { readOptions, umountSchema } from './options.js';
import { showOutcome } from './serving/ending.js';
import { findKept } from './serving/kept-files.js';
import { stateFoldersInUse } from './serving/serving-processes.js';
import { defaultStateFolder } from './state-folder.js';
import { say, sayLines } from './terminal.js';

export const umountCommand: Command = {
  usage: 'umount <mountpoint>',
  aliases: ['unmount'],
  describe: 'Wait for uploads, tell how many, then unmount',
  words: { mountpoint: 'Where the remote is mounted' },
  options: umountSchema,
  examples: [['amarre umount /mnt/files', 'exit status 0 if all is on the platform']],
  run: runUmount,
};

/** Between two looks at the record, in milliseconds. */
const pause = 100;

/** A mount's record, and the records that it was found among. */
interface Found {
  readonly record: MountRecord;
  readonly records: MountRecords;
  readonly stateFolder: string;
}

async function runUmount(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { 'cache-dir': given } = readOptions(umountSchema, written);
  const mountpoint = await untouchedPath(String(written['mountpoint']), await readMounts());
  const found = await findRecord(mountpoint, given);
  if (found !== undefined && found.records.life(found.record) !== 'dead') return endServing(found);
  const mounted = mountAt(await readMounts(), mountpoint);
  if (mounted?.type === mountType) return detachDead(mountpoint, found);
  const what = mounted === undefined ? 'nothing is mounted there' : `what is mounted there (${mounted.type}) is not Amarre's; use umount`;
  throw new CommandError('notMounted', `${mountpoint}: ${what}`);
}

/**
 * The canonical path of a mount point, without asking the mount itself, which may be dead or hang:
 * its parents are looked at, and the last part only where no mount is on it.
 */
async function untouchedPath(path: string, mounts: readonly Mount[]): Promise<string> {
  const absolute = resolve(path);
  if (mountAt(mounts, absolute) !== undefined) return absolute;
  try {
    const parent = await realpath(dirname(absolute));
    const candidate = join(parent, basename(absolute));
    return mountAt(mounts, candidate) === undefined ? await realpath(absolute) : candidate;
  } catch (error) {
    throw new CommandError('notMounted', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The newest record of a mount there: where --cache-dir says, else in the default folder and those of running mounts. */
async function findRecord(mountpoint: string, given: string | undefined): Promise<Found | undefined> {
  const own = defaultStateFolder(process.getuid?.() ?? 0, process.env);
  const folders = given === undefined ? new Set([own, ...await stateFoldersInUse()]) : new Set([given]);
  const found: Found[] = [];
  for (const stateFolder of folders) {
    const records = await openMountRecords({ folder: stateFolder }).catch(() => undefined);
    const record = (await records?.all())?.find((one) => one.mountpoint === mountpoint);
    if (records !== undefined && record !== undefined) found.push({ record, records, stateFolder });
  }
  return found.sort((a, b) => b.record.started.localeCompare(a.record.started))[0];
}

/** Asks, waits however long the uploads take, and passes on how it ended. */
async function endServing(found: Found): Promise<number> {
  let { record } = found;
  const { pid } = record.process;
  if (found.records.life(record) === 'unknown') {
    throw new CommandError('failed', `${record.mountpoint} is served by process ${pid} of another container or machine: unmount there`);
  }
  askToEnd(pid);
  let told = 0;
  for (;;) {
    const alive = found.records.life({ ...record, phase: 'mounted' }) === 'alive';
    record = (await found.records.all()).find((one) => one.instance === record.instance) ?? record;
    if (record.phase === 'ending' && record.waiting !== told) {
      told = record.waiting;
      if (told > 0) say(`${record.mountpoint}: waiting for ${showFiles(told)} to be sent; Ctrl-C leaves that to the background`);
    }
    // The outcome first, then the process is gone: only then is the mount point free for certain.
    if (!alive) break;
    await sleep(pause);
  }
  if (record.outcome === undefined) return detachDead(record.mountpoint, found);
  sayLines(showOutcome(record.outcome));
  return record.outcome.status;
}

function askToEnd(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // It ended meanwhile: its record tells.
    if (code === 'ESRCH') return;
    throw new CommandError('failed', `the mount is served by process ${pid} of another user: ask that user, or run as root`, { cause: error });
  }
}

/** A mount whose process died: taken away, and told with what it left. */
async function detachDead(mountpoint: string, found: Found | undefined): Promise<number> {
  if (mountAt(await readMounts(), mountpoint)?.type === mountType) await detachMount(mountpoint);
  const unknown = found === undefined ? '; what it left is told if you name its --cache-dir, or at its next mount' : '';
  say(`${mountpoint}: the process that served this mount had died; detached${unknown}`);
  if (found === undefined) return exitStatuses.died.status;
  const kept = await findKept(found.stateFolder, found.record.instance);
  sayLines(showOutcome({ status: exitStatuses.unsent.status, unsent: [...kept], notes: [] }));
  return kept.length > 0 ? exitStatuses.unsent.status : exitStatuses.ok.status;
}

function showFiles(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}
