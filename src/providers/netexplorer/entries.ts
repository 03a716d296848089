/**
 * The contract's entries from NetExplorer's objects: versions, rights and locks in the file system's words.
 * (NetExplorer's page: objects)
 */
import { FsError } from '../../errors.js';
import type { Entry, Rights } from '../provider.js';
import type { FileObject, FolderObject, LockObject, Permissions } from './objects.js';

/**
 * What tells one content from another: a version's id stays when its content is replaced, so that sum, size
 * and time belong to it. What the platform did not say is undefined.
 */
export interface VersionParts {
  readonly id: string;
  readonly md5: string | undefined;
  readonly size: number | undefined;
  readonly modified: number | undefined;
}

export function formatVersion({ id, md5, size, modified }: VersionParts): string {
  return [id, md5 ?? '', size ?? '', modified ?? ''].join(':');
}

/** Reads a version back; undefined for one that this provider never made. */
export function parseVersion(version: string): VersionParts | undefined {
  const [, id, md5, size, modified] = /^([^:]+):([0-9a-f]{32}|):(\d*):(-?\d*)$/.exec(version) ?? [];
  if (id === undefined) return undefined;
  const number = (text: string | undefined): number | undefined => (text === undefined || text === '' ? undefined : Number(text));
  return { id, md5: md5 === '' ? undefined : md5, size: number(size), modified: number(modified) };
}

/** Whether both can be the same content; what one of them does not know decides nothing. */
export function sameVersion(one: VersionParts, other: VersionParts): boolean {
  const agree = (a: string | number | undefined, b: string | number | undefined): boolean => a === undefined || b === undefined || a === b;
  return one.id === other.id && agree(one.md5, other.md5) && agree(one.size, other.size) && agree(one.modified, other.modified);
}

const rights = [false, true].flatMap((read) => [false, true].flatMap((write) => [false, true].map((remove): Rights => ({ read, write, remove }))));

/** One object for all entries with the same rights. What the platform did not say counts as allowed: what it refuses shows. */
function rightsOf(said: readonly (boolean | undefined)[], read = true, write = true, remove = true): Rights | undefined {
  if (said.every((flag) => flag === undefined)) return undefined;
  return rights[(read ? 4 : 0) + (write ? 2 : 0) + (remove ? 1 : 0)];
}

/** Readable where it may be downloaded (`can_read` is the preview), writable where a version may be added or changed. */
export function fileRights({ download, write, edit, delete: remove }: Permissions): Rights | undefined {
  const writable = write === true || edit === true ? true : write === undefined && edit === undefined ? undefined : false;
  return rightsOf([download, write, edit, remove], download, writable, remove);
}

/** A folder that is shown can be listed; it takes new things where `can_write`. */
export function folderRights({ read, download, write, delete: remove }: Permissions): Rights | undefined {
  return rightsOf([read, download, write, remove], read !== false || download !== false, write, remove);
}

/** Who else has the file locked, for a person. `self`: the account's own id, where it is known. */
export function lockedBy(lock: LockObject | undefined, self: string | undefined): string | undefined {
  if (lock === undefined || (lock.ownerId !== undefined && lock.ownerId === self)) return undefined;
  return lock.owner ?? lock.ownerId ?? 'somebody';
}

export interface Showing {
  /** As the name is shown. */
  readonly name: string;
  /** When it was so: milliseconds since the epoch by the platform's clock. */
  readonly observed: number;
  /** The account's own id. */
  readonly self: string | undefined;
}

/** A file's entry; of one whose size was not said it is unsure, until somebody looks. */
export function fileEntry(file: FileObject, { name, observed, self }: Showing): Entry {
  return {
    name, kind: 'file', size: file.size, modified: file.modified, version: formatVersion(file), id: file.guid,
    ...(file.size === undefined && { unsure: true }),
    rights: fileRights(file.permissions), lockedBy: lockedBy(file.lock, self), observed,
  };
}

/** Folders and files count their ids apart. */
export function folderEntry(folder: FolderObject, { name, observed }: Showing): Entry {
  return {
    name, kind: 'folder', size: undefined, modified: folder.modified, version: '', id: `folder ${folder.id}`,
    rights: folderRights(folder.permissions), observed,
  };
}

/** ESTALE: the file at `path` is another content than the one that was asked for. */
export function stale(path: string): FsError {
  return new FsError('ESTALE', `${path} was changed on the platform: it is of another version now`);
}
