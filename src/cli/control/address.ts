/**
 * Where the socket of a mount lies: beside its record in the state folder, which is its owner's alone. A
 * socket's path may have 107 bytes (103 on macOS), and a folder given by a person may be longer than
 * that: then the way goes through a descriptor of the folder, which Linux gives a short name.
 */
import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { MountRecords } from '../../storage/mount-records.js';

/** Bytes of a path that every system takes for a socket. */
const longestPath = 100;

const suffix = '.sock';

const folderOf = (stateFolder: string) => join(stateFolder, 'mounts');

/** The socket of a mount, by its own name. */
export function socketOf(stateFolder: string, instance: string): string {
  return join(folderOf(stateFolder), `${instance}${suffix}`);
}

/** A name of a socket that the system takes, for as long as it is not closed. */
export interface ShortName {
  readonly path: string;
  close(): Promise<void>;
}

/** Opens a name for `socket`. Fails where its folder is not there, or not to be entered. */
export async function shortNameOf(socket: string): Promise<ShortName> {
  if (Buffer.byteLength(socket) <= longestPath) return { path: socket, close: () => Promise.resolve() };
  const folder: FileHandle = await open(dirname(socket));
  return { path: `/proc/self/fd/${folder.fd}/${basename(socket)}`, close: () => folder.close() };
}

/** Removes the sockets that mounts of this machine left when they died. Never another's that may live. */
export async function removeDeadSockets(stateFolder: string, records: Pick<MountRecords, 'isDead'>): Promise<void> {
  const folder = folderOf(stateFolder);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (name.endsWith(suffix) && records.isDead(name.slice(0, -suffix.length))) await rm(join(folder, name), { force: true });
  }
}
