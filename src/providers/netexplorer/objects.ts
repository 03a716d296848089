/**
 * NetExplorer's objects as they come, and as the provider works with them. The platform writes ids as
 * numbers, as strings and once as `"29628,"`, names as `name` or `nom`, sums as `hash` or `md5`, and leaves
 * fields out; here all of that is read once, at the border. (NetExplorer's page: objects)
 */
import { z } from 'zod';

/** What this account may do with a thing, as far as the answer said so. */
export interface Permissions {
  readonly read: boolean | undefined;
  readonly download: boolean | undefined;
  readonly write: boolean | undefined;
  readonly edit: boolean | undefined;
  readonly delete: boolean | undefined;
  readonly share: boolean | undefined;
  /** May make a download link, and a deposit link. */
  readonly dlink: boolean | undefined;
  readonly ulink: boolean | undefined;
}

export interface LockObject {
  readonly owner: string | undefined;
  readonly ownerId: string | undefined;
}

export interface FileObject {
  readonly kind: 'file';
  /** Of one version. It does not name its content: a replacement in place keeps it. */
  readonly id: string;
  /** Of the document, through all its versions. */
  readonly guid: string | undefined;
  /** As the platform writes it. */
  readonly name: string;
  readonly parentId: string | undefined;
  /** Bytes; undefined where the answer did not say. */
  readonly size: number | undefined;
  /** Milliseconds since the epoch, a whole second: the newest version's. */
  readonly modified: number | undefined;
  /** Milliseconds since the epoch: this version's. */
  readonly created: number | undefined;
  /** Hex, lower case. */
  readonly md5: string | undefined;
  readonly permissions: Permissions;
  readonly lock: LockObject | undefined;
  /** How many versions the document has. */
  readonly versions: number | undefined;
  readonly owner: string | undefined;
}

export interface FolderObject {
  readonly kind: 'folder';
  readonly id: string;
  readonly name: string;
  /** `0`: a folder at the top. */
  readonly parentId: string | undefined;
  readonly modified: number | undefined;
  readonly created: number | undefined;
  readonly permissions: Permissions;
  readonly owner: string | undefined;
  readonly ownerId: string | undefined;
  /** Files in it are deleted after so many days; undefined: never, or not said. */
  readonly purgeDays: number | undefined;
  /** How many files and folders are in it, where both were said. */
  readonly things: number | undefined;
  /** Bytes that it may hold; undefined: no limit of its own, or not said. */
  readonly quota: number | undefined;
}

export type TreeObject = FileObject | FolderObject;

/** An id: a number, a string, a string with something behind it. Undefined for what is none. */
export function readId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const [, id] = /^\s*([A-Za-z0-9][A-Za-z0-9._{}-]{0,127})[\s,;]*$/.exec(value) ?? [];
  return id;
}

/** A count: a number or its digits, whole and not negative. */
export function readCount(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/**
 * A time in milliseconds since the epoch, rounded down to the second; undefined for what is none. RFC 3339 with
 * an offset, also without its colon, as in the trash; without one it would be anybody's hour.
 */
export function readTime(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const [, day, clock, offset] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|z|[+-]\d\d:?\d\d)$/.exec(value) ?? [];
  if (day === undefined || clock === undefined || offset === undefined) return undefined;
  const zone = /^[+-]\d{4}$/.test(offset) ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset.toUpperCase();
  const time = Date.parse(`${day}T${clock}${zone}`);
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000) * 1000;
}

function readFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === '1' || value === 'true') return true;
  return value === 0 || value === '0' || value === 'false' ? false : undefined;
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Somebody by whatever the answer says of him: a name, or an object with one. */
export function readPerson(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  const text = readText(value);
  if (text !== undefined) return text;
  const person = z.looseObject({}).safeParse(value);
  if (!person.success) return undefined;
  const { name, fullname, login, email } = person.data;
  return readText(name) ?? readText(fullname) ?? readText(login) ?? readText(email);
}

function readMd5(value: unknown): string | undefined {
  return typeof value === 'string' && /^[0-9a-f]{32}$/i.test(value) ? value.toLowerCase() : undefined;
}

/** Null, false or absent: nobody. Anything else is a lock, whatever it says of its owner. */
export function readLock(value: unknown): LockObject | undefined {
  if (value === undefined || value === null || readFlag(value) === false) return undefined;
  const lock = z.looseObject({}).safeParse(value);
  if (!lock.success) return { owner: readText(value), ownerId: undefined };
  const { locked, owner, owner_id: ownerId } = lock.data;
  if (locked === null || readFlag(locked) === false) return undefined;
  return { owner: readPerson(owner), ownerId: readId(ownerId) };
}

const object = z.looseObject({});
type Fields = z.infer<typeof object>;

/** Most things of a drive have the same rights: one object for all of them. */
const shared = new Map<string, Permissions>();

function readPermissions(fields: Fields): Permissions {
  const permissions: Permissions = {
    read: readFlag(fields['can_read']), download: readFlag(fields['can_download']), write: readFlag(fields['can_write']),
    edit: readFlag(fields['can_edit']), delete: readFlag(fields['can_delete']), share: readFlag(fields['can_share']),
    dlink: readFlag(fields['can_dlink']), ulink: readFlag(fields['can_ulink']),
  };
  const key = Object.values(permissions).map((value) => (value === undefined ? '-' : Number(value))).join('');
  const known = shared.get(key);
  if (known !== undefined) return known;
  shared.set(key, permissions);
  return permissions;
}

/** What it is called, by whichever of the two names for a name. */
export function readName(fields: Fields): string | undefined {
  return readText(fields['name']) ?? readText(fields['nom']);
}

/** Reads a File; undefined where it has no id or no name. */
export function readFile(value: unknown): FileObject | undefined {
  const parsed = object.safeParse(value);
  if (!parsed.success) return undefined;
  const fields = parsed.data;
  const id = readId(fields['id']);
  const name = readName(fields);
  if (id === undefined || name === undefined) return undefined;
  return {
    kind: 'file', id, name,
    guid: readId(fields['guid']),
    parentId: readId(fields['parent_id']),
    size: readCount(fields['size']),
    modified: readTime(fields['modification']),
    created: readTime(fields['creation']),
    md5: readMd5(fields['hash']) ?? readMd5(fields['md5']),
    permissions: readPermissions(fields),
    lock: readLock(fields['lock']),
    versions: readCount(fields['nb_versions']),
    owner: readPerson(fields['owner']),
  };
}

/** Reads a Folder; undefined where it has no id or no name. What is in it is read elsewhere. */
export function readFolder(value: unknown): FolderObject | undefined {
  const parsed = object.safeParse(value);
  if (!parsed.success) return undefined;
  const fields = parsed.data;
  const id = readId(fields['id']);
  const name = readName(fields);
  if (id === undefined || name === undefined) return undefined;
  const purgeDays = readCount(fields['purge_frequency']);
  const quota = readCount(fields['quota']);
  const files = readCount(fields['nb_files']);
  const folders = readCount(fields['nb_folders']);
  return {
    kind: 'folder', id, name,
    parentId: readId(fields['parent_id']),
    modified: readTime(fields['modification']),
    created: readTime(fields['creation']),
    permissions: readPermissions(fields),
    owner: readPerson(fields['owner']),
    ownerId: readId(fields['owner_id']),
    purgeDays: purgeDays === 0 ? undefined : purgeDays,
    things: files === undefined || folders === undefined ? undefined : files + folders,
    quota: quota === 0 ? undefined : quota,
  };
}

/** Reads a thing of which a mixed list does not say what it is: a file has a document's id, or a sum. */
export function readEither(value: unknown): TreeObject | undefined {
  const parsed = object.safeParse(value);
  if (!parsed.success) return undefined;
  const { guid, hash, md5, is_file: isFile } = parsed.data;
  const file = readFlag(isFile) ?? [guid, hash, md5].some((field) => field !== undefined && field !== null);
  return file ? readFile(value) : readFolder(value);
}
