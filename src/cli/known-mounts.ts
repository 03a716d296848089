/**
 * Mounts as this machine knows them: by their records in the state folders, and by the kernel's list. No
 * path is touched that lies on a mount of ours: the mount may be dead, hang, or show a folder that is gone.
 */
import { readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mountAt, type Mount } from '../fuse/mount/mountinfo.js';
import { mountType } from '../fuse/mount/options.js';
import { openMountRecords, type MountRecord, type MountRecords } from '../storage/mount-records.js';
import { CommandError } from './exit-status.js';
import { stateFoldersInUse } from './serving/serving-processes.js';
import { defaultStateFolder } from './state-folder.js';

/** A mount's record, and the records that it was found among. */
export interface KnownMount {
  readonly record: MountRecord;
  readonly records: MountRecords;
  readonly stateFolder: string;
}

/** State folders to look into: the one that was named, else the default one and those of running mounts. */
export async function stateFolders(given: string | undefined): Promise<readonly string[]> {
  if (given !== undefined) return [given];
  return [...new Set([defaultStateFolder(process.getuid?.() ?? 0, process.env), ...await stateFoldersInUse()])];
}

/** What lies in those state folders, the newest first. What may not be looked into, or is not there, is passed over. */
export async function knownMounts(folders: readonly string[]): Promise<readonly KnownMount[]> {
  const found: KnownMount[] = [];
  for (const stateFolder of folders) {
    if (!await stat(join(stateFolder, 'mounts')).then((there) => there.isDirectory(), () => false)) continue;
    const records = await openMountRecords({ folder: stateFolder }).catch(() => undefined);
    const all = await records?.all().catch(() => []);
    if (records !== undefined && all !== undefined) found.push(...all.map((record) => ({ record, records, stateFolder })));
  }
  return found.sort((a, b) => b.record.started.localeCompare(a.record.started));
}

/** Where a path leads. */
export interface Place {
  /** Absolute, links outside of our mounts followed; what lies on a mount of ours is taken as it is written. */
  readonly path: string;
  /** The mount that it lies on, if that is one of ours. */
  readonly mount: Mount | undefined;
}

/** Reads a symbolic link: undefined where there is none. */
export type ReadLink = (path: string) => Promise<string | undefined>;

/** As many links as the kernel follows. */
const mostLinks = 40;

/** Where a path leads, without a look at anything on a mount of ours. */
export async function locate(path: string, mounts: readonly Mount[], readLink: ReadLink = linkAt): Promise<Place> {
  const waiting = absolute(path).split('/').filter(isName);
  let at = '/';
  let links = 0;
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const link = oursAbove(next, mounts) === undefined ? await readLink(next) : undefined;
    if (link === undefined) {
      at = next;
      continue;
    }
    links += 1;
    if (links > mostLinks) throw new CommandError('failed', `${path}: too many levels of symbolic links`);
    if (link.startsWith('/')) at = '/';
    waiting.unshift(...link.split('/').filter(isName));
  }
  return { path: at, mount: oursAbove(at, mounts) };
}

/** The part of a path below the mount that it lies on, `/` for the mount point. */
export function belowMount(path: string, mountpoint: string): string {
  const rest = mountpoint === '/' ? path : path.slice(mountpoint.length);
  return rest === '' ? '/' : rest;
}

/** The mount that a path lies on, by the longest mount point above it, if it is ours. */
function oursAbove(path: string, mounts: readonly Mount[]): Mount | undefined {
  for (let at = path; ; at = dirname(at)) {
    const mount = mountAt(mounts, at);
    if (mount !== undefined) return mount.type === mountType ? mount : undefined;
    if (at === '/') return undefined;
  }
}

const isName = (name: string) => name !== '' && name !== '.';

/** A working folder that is gone, or lies on a mount that is dead, is still what the shell says. */
function absolute(path: string): string {
  if (path.startsWith('/')) return path;
  try {
    return join(process.cwd(), '/') + path;
  } catch (error) {
    const told = process.env['PWD'];
    if (told?.startsWith('/') === true) return `${told}/${path}`;
    throw new CommandError('failed', `${path}: the working folder is gone; name the whole path`, { cause: error });
  }
}

async function linkAt(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    // No link, or nothing: what is not there cannot lead elsewhere.
    return undefined;
  }
}
