/**
 * Who may sign in and what he may do. The record's users: `u` has all rights, `ro` lists and downloads, `quota` has
 * 1 MiB, `otp` a second factor, and for each right X there is a `no_X` with all the others. All have the password `p`
 * and see the same folder, so that a test writes as one and is refused as another.
 */
import { posix } from 'node:path';
import type { UserChange } from './control.js';
import { denied } from './errors.js';
import { Home } from './home.js';

export const rights = ['list', 'download', 'upload', 'overwrite', 'delete', 'rename', 'create_dirs', 'chtimes', 'copy'] as const;
export type Right = (typeof rights)[number];

/** A user as options describe him; what is left out is as for `u`. */
export interface UserSettings {
  readonly password?: string | undefined;
  readonly rights?: readonly string[] | undefined;
  /** Rights of folders and what is below them, by path; they replace `rights` there. */
  readonly folderRights?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The folder on this machine's disk that he sees; it must exist. Default: the emulator's root. */
  readonly home?: string | undefined;
  /** Bytes that he may have uploaded at one time; 0, the default, is no limit. */
  readonly quotaBytes?: number | undefined;
  /** Bytes that one upload may have; 0, the default, is no limit. */
  readonly maxUploadBytes?: number | undefined;
  /** Requests that he may have in progress; 0, the default, is no limit. */
  readonly maxSessions?: number | undefined;
  readonly secondFactor?: boolean | undefined;
  readonly httpDenied?: boolean | undefined;
  readonly mustChangePassword?: boolean | undefined;
}

export class User {
  readonly name: string;
  readonly home: Home;
  readonly secondFactor: boolean;
  readonly httpDenied: boolean;
  readonly mustChangePassword: boolean;
  readonly maxUploadBytes: number;
  password: string;
  enabled = true;
  quotaBytes: number;
  usedBytes = 0;
  maxSessions: number;
  /** Requests of his in progress. */
  sessions = 0;
  /** Codes of the second factor that are still good. */
  readonly codes = new Set<string>();
  #rights: readonly Right[];
  #folderRights: readonly (readonly [string, readonly Right[]])[];

  constructor(name: string, settings: UserSettings, root: string) {
    this.name = name;
    this.home = new Home(settings.home ?? root);
    this.password = settings.password ?? 'p';
    this.#rights = parseRights(settings.rights ?? rights);
    this.#folderRights = sortFolders(settings.folderRights ?? {});
    this.quotaBytes = settings.quotaBytes ?? 0;
    this.maxUploadBytes = settings.maxUploadBytes ?? 0;
    this.maxSessions = settings.maxSessions ?? 0;
    this.secondFactor = settings.secondFactor ?? false;
    this.httpDenied = settings.httpDenied ?? false;
    this.mustChangePassword = settings.mustChangePassword ?? false;
  }

  /** Whether he has a right in this folder. */
  may(right: Right, folder: string): boolean {
    const nearest = this.#folderRights.find(([path]) => folder === path || folder.startsWith(`${path}/`));
    return (nearest?.[1] ?? this.#rights).includes(right);
  }

  /** Throws `permission denied` where he lacks a right in this folder. */
  need(right: Right, folder: string): void {
    if (!this.may(right, folder)) throw denied();
  }

  /** The same for a file or folder: what counts are the rights of the folder it is in. */
  needFor(right: Right, path: string): void {
    this.need(right, posix.dirname(path));
  }

  /** Bytes that may still come; Infinity without a quota. */
  get roomBytes(): number {
    return this.quotaBytes === 0 ? Infinity : this.quotaBytes - this.usedBytes;
  }

  /** Counts bytes that came or went. */
  use(bytes: number): void {
    this.usedBytes = Math.max(0, this.usedBytes + bytes);
  }

  change(change: UserChange): void {
    this.password = change.password ?? this.password;
    this.enabled = change.enabled ?? this.enabled;
    this.quotaBytes = change.quotaBytes ?? this.quotaBytes;
    this.usedBytes = change.usedBytes ?? this.usedBytes;
    this.maxSessions = change.maxSessions ?? this.maxSessions;
    if (change.rights !== undefined) this.#rights = parseRights(change.rights);
    if (change.folderRights !== undefined) this.#folderRights = sortFolders(change.folderRights);
  }
}

/** The rights of these names. Throws for a name that is none. */
function parseRights(names: readonly string[]): readonly Right[] {
  const unknown = names.find((name) => !rights.some((right) => right === name));
  if (unknown !== undefined) throw new Error(`no such right: ${unknown}; there are: ${rights.join(', ')}`);
  return rights.filter((right) => names.includes(right));
}

/** The longest path first: the nearest folder decides. */
function sortFolders(folders: Readonly<Record<string, readonly string[]>>): readonly (readonly [string, readonly Right[]])[] {
  return Object.entries(folders).map(([path, names]) => [path, parseRights(names)] as const).sort(([a], [b]) => b.length - a.length);
}

/** The record's users, each as far as he differs from `u`. */
function recordedUsers(): Map<string, UserSettings> {
  const users = new Map<string, UserSettings>([
    ['u', {}],
    ['ro', { rights: ['list', 'download'] }],
    ['quota', { quotaBytes: 1 << 20 }],
    ['maxsize', { maxUploadBytes: 1000 }],
    ['otp', { secondFactor: true }],
    ['nohttp', { httpDenied: true }],
    ['nokey', {}],
    ['chpwd', { mustChangePassword: true }],
    ['sess1', { maxSessions: 1 }],
    ['perdir', { folderRights: { '/secret': [] } }],
  ]);
  for (const missing of rights) users.set(`no_${missing}`, { rights: rights.filter((right) => right !== missing) });
  return users;
}

/** All users of an emulator by name: the record's, with the changes and additions of the options. */
export function makeUsers(root: string, changes: Readonly<Record<string, UserSettings>>): Map<string, User> {
  const settings = recordedUsers();
  for (const [name, change] of Object.entries(changes)) settings.set(name, { ...settings.get(name), ...change });
  return new Map([...settings].map(([name, one]) => [name, new User(name, one, root)]));
}
