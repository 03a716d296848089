/**
 * Rights that the platform tells beforehand: what mode bits they show as, and EACCES before any data
 * moves for whom the bits do not stop: root, whom the kernel lets pass.
 */
import { FsError } from '../errors.js';
import type { Entry, Provider, Rights } from '../providers/provider.js';
import type { Inode } from './inode.js';

const fileMode = 0o644;
/** Who may not list a folder can still go through it, to names that he knows. */
const folderMode = 0o755;
const readBits = 0o444;
const writeBits = 0o222;

/** Permission bits: those that the umask leaves, less what the account may not do. */
export function modeOf(kind: Entry['kind'], rights: Rights | undefined, umask: number): number {
  const all = (kind === 'folder' ? folderMode : fileMode) & ~umask;
  const unreadable = rights?.read === false ? readBits : 0;
  const unwritable = rights?.write === false ? writeBits : 0;
  return all & ~(unreadable | unwritable);
}

/** What the account may do with a thing; undefined where the platform has not said, as of what it does not have yet. */
export function rightsOf(provider: Provider, inode: Inode): Rights | undefined {
  return inode.isRoot ? provider.baseRights?.() : inode.entry.rights;
}

const deeds: Record<Entry['kind'], Record<keyof Rights, string>> = {
  file: { read: 'read', write: 'change', remove: 'delete or rename' },
  folder: { read: 'list', write: 'make anything in', remove: 'delete or rename' },
};

/** EACCES where the platform has said that the account may not. */
export function mustBeAllowed(provider: Provider, inode: Inode, wanted: keyof Rights): void {
  if (rightsOf(provider, inode)?.[wanted] !== false) return;
  throw new FsError('EACCES', `the platform does not let this account ${deeds[inode.kind][wanted]} ${inode.path}`);
}
