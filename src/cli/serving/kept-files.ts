/**
 * Where a remote's files lie in the state folder, and what mounts that are over left there. Each
 * remote has a folder of its own: what a path or an inode number means is the remote's.
 *
 *     <state folder>/remotes/<host>-<hash>/staging/<instance>/
 *     <state folder>/remotes/<host>-<hash>/change-times/
 *     <state folder>/remotes/<host>-<hash>/uploads/
 *     <state folder>/remotes/<host>-<hash>/locks/<instance>/
 */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnsentFile } from '../../filesystem/filesystem.js';
import { describeLeftover } from '../../filesystem/writing/recovery.js';
import { silentLog } from '../../observe/log.js';
import { readLeftovers } from '../../storage/staging.js';

export interface RemoteFolders {
  readonly staging: string;
  readonly changeTimes: string;
  readonly setTimes: string;
  readonly uploads: string;
  readonly locks: string;
}

/** The folders of a remote: `identity` is one text for one remote, `host` helps a person to find it. */
export function remoteFolders(stateFolder: string, host: string, identity: string): RemoteFolders {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  const folder = join(stateFolder, 'remotes', `${host.replaceAll(/[^A-Za-z0-9.-]/g, '_')}-${hash}`);
  return {
    staging: join(folder, 'staging'), changeTimes: join(folder, 'change-times'), setTimes: join(folder, 'set-times'), uploads: join(folder, 'uploads'), locks: join(folder, 'locks'),
  };
}

/** Instances that have something in the state folder: their records must not be forgotten, or nobody would find it. */
export async function instancesWithFiles(stateFolder: string): Promise<ReadonlySet<string>> {
  const folders = [...await foldersOf(stateFolder, 'staging'), ...await foldersOf(stateFolder, 'locks')];
  const instances = await Promise.all(folders.map((folder) => readdir(folder)));
  return new Set(instances.flat());
}

/** Files that one mount left in the state folder. */
export interface KeptCount {
  readonly instance: string;
  readonly files: number;
  readonly bytes: number;
}

/** How much each instance has in the state folder, living mounts among them. Looks only. */
export async function countKept(stateFolder: string): Promise<readonly KeptCount[]> {
  const counts: KeptCount[] = [];
  for (const folder of await foldersOf(stateFolder, 'staging')) {
    for (const instance of await readdir(folder)) {
      const names = (await readdir(join(folder, instance)).catch(() => [])).filter((name) => name.endsWith('.data'));
      const sizes = await Promise.all(names.map((name) => stat(join(folder, instance, name)).then(({ size }) => size, () => 0)));
      if (names.length > 0) counts.push({ instance, files: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
    }
  }
  return counts;
}

/** What one mount that is over left in the state folder, whatever its remote. */
export async function findKept(stateFolder: string, instance: string): Promise<readonly UnsentFile[]> {
  return keptIn(stateFolder, (id) => id === instance);
}

/** What the mounts that `isOver` says so of left in the state folder. Touches nothing. */
export async function keptIn(stateFolder: string, isOver: (instance: string) => boolean): Promise<readonly UnsentFile[]> {
  const found: UnsentFile[] = [];
  for (const folder of await foldersOf(stateFolder, 'staging')) {
    for (const instance of await readdir(folder).catch(() => [])) {
      if (!isOver(instance)) continue;
      // A mount that starts may take them away, sent, while we look.
      const leftovers = await readLeftovers(join(folder, instance), silentLog()).catch(() => []);
      found.push(...await Promise.all(leftovers.map(describeLeftover)));
    }
  }
  return found;
}

/** Of every remote, where it is there. */
async function foldersOf(stateFolder: string, name: 'staging' | 'locks'): Promise<readonly string[]> {
  const remotes = join(stateFolder, 'remotes');
  const names = await readdir(remotes).catch(() => []);
  const folders = names.map((remote) => join(remotes, remote, name));
  const there = await Promise.all(folders.map((folder) => stat(folder).then((found) => found.isDirectory(), () => false)));
  return folders.filter((_, index) => there[index]);
}
