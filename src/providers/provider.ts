/**
 * The contract between the file system and a platform. Small on purpose: what every platform can be
 * made to do, and a record of traits for what differs. The comments bind; `test/providers/` holds
 * the suite that every provider passes against its emulator.
 *
 * Rules for all members:
 * - A failure is an FsError. ENOENT only where the platform clearly said "not found"; a time-out, a
 *   5xx, a cut-off answer is EIO (retryable where a repeat may help), never an empty result.
 * - A member repeats what may be repeated by itself; what it throws is final for this call.
 * - `signal` ends the call soon, with an AbortError or EINTR; an ended write leaves the target as it was.
 * - Names that come out are safe to show: never empty, `.`, `..`, with `/` or NUL, or over 255 bytes.
 * - Temporary objects of a provider's own never come out of `list` or `stat`.
 */
import type { FsError } from '../errors.js';
import type { Entry, Location, Rights } from './entry.js';
import type { Probe } from './probe.js';
import type { Services } from './services.js';

export type { Entry, Location, Rights } from './entry.js';

/** A part of a file, as it arrives. */
export interface Download {
  /** The file as it is now, from the same answer as the bytes. `size` is known. */
  readonly entry: Entry & { readonly size: number };
  /**
   * Exactly the bytes from `start` to `min(end, entry.size)`, else it throws: a short body is an
   * error, never an end. Whoever takes the download reads it to its end or calls `return()`.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ReadRequest {
  /** First byte wanted, and the byte after the last. `0 <= start < end`. */
  readonly start: number;
  readonly end: number;
  /** The version that the bytes must be of; another is ESTALE. Undefined: whatever is there now. */
  readonly version: string | undefined;
}

/** The bytes of a file to be written, which can be asked for again when a request is repeated. */
export interface Content {
  readonly size: number;
  /** The bytes from `start` to the end, in pieces that do not change afterwards. A call gives a fresh iteration. */
  open(start: number): AsyncIterable<Uint8Array>;
}

export interface WriteOptions {
  /** The modification time to give the file, milliseconds since the epoch. */
  readonly modified: number;
  /** Told from time to time how many bytes have gone out. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

export interface CopyOptions {
  /** The modification time to give the copy, milliseconds since the epoch. */
  readonly modified: number;
  /** The version of the source that is to be copied. */
  readonly version: string;
}

/** All of a folder's children, from an answer that told of many folders. */
export interface ListedFolder {
  /** From the folder that was asked for: `` for itself, else names with `/` between. */
  readonly below: string;
  readonly entries: readonly Entry[];
}

export interface Quota {
  readonly total: number;
  readonly used: number;
}

/** What a platform can and cannot, for the file system to decide by. */
export interface Traits {
  /** A move over an existing file puts the new one in its place in one step. */
  readonly atomicReplace: boolean;
  /** The platform copies a file itself (`copy` is there). */
  readonly serverSideCopy: boolean;
  /** Whose modification time `setModified` can set. */
  readonly settableTimes: 'none' | 'files' | 'files and folders';
  /** Times are shown rounded down to a multiple of this many milliseconds. */
  readonly timeResolution: number;
  /** Parts of a file can be read; without it a read starts at 0. */
  readonly ranges: boolean;
  /**
   * The platform may put other bytes in the place of a version: what is remembered of a file is looked at before it is
   * shown to whoever opens it next. Absent: no.
   */
  readonly changesInPlace?: boolean;
  /** Entries carry an `id`. */
  readonly stableIds: boolean;
  readonly caseSensitive: boolean;
  /** A single file's largest size in bytes. */
  readonly maxFileSize: number;
  /** How many requests the platform bears at once from one user. */
  readonly parallelRequests: number;
}

/**
 * What an account may lack the right to. `see`: what is in a folder can neither be listed nor looked at.
 * `read`, `replace`: a file's content. `make`: a new file of that name. `date`: setting the time.
 */
export type Access = 'see' | 'read' | 'make' | 'replace' | 'date';

export interface Provider {
  /** The platform's name, as in the remote's scheme. */
  readonly name: string;
  readonly traits: Traits;
  /** Known after `connect`: nothing can be changed here, whoever asks. Changes are EROFS. */
  readonly readOnly?: boolean;
  /** For `amarre doctor`: there where what the account may do can be tried. */
  readonly probe?: Probe;

  /** Signs in and looks whether the base is a folder. The error's sentence is for the person who mounts. */
  connect(signal: AbortSignal): Promise<void>;

  /** Why the platform could not keep a file of this name, or undefined where it could. Members that make a name refuse it alike. */
  refuseName(name: string): FsError | undefined;

  /**
   * Why the platform would refuse this, as far as it has refused the like a little while ago; undefined
   * where it may go well. From memory, without a request: for whoever would rather know before data moves.
   * EROFS: nobody can ever, so that a time is not kept on this machine in its stead either.
   */
  learntRefusal?(access: Access, location: Location): FsError | undefined;

  /** What this account may do with the base, whose own entry no listing shows: as `connect` or a later answer told. From memory. */
  baseRights?(): Rights | undefined;

  /**
   * Why no file there can have these bytes at this place, or undefined. From memory, asked at each write(2), which
   * fails with it: most programs do not hear what their close(2) answers. There where few contents mean something.
   */
  refuseBytes?(target: Location, offset: number, data: Uint8Array): FsError | undefined;

  /**
   * Whether what is written there is an order to the platform, and no content: one that failed is told at close(2), is not
   * kept on this machine and never sent again by itself. From memory. Nothing written sends nothing.
   */
  isOrder?(location: Location): boolean;

  /** Whether this may be there although its folder's listing does not show it: whoever names it looks. From memory. */
  isUnlisted?(location: Location): boolean;

  /**
   * Lets go of what is kept in memory of a place and all below it, answers and learnt refusals (those of the folder that it is
   * in, too): somebody says that something has changed.
   */
  forget?(location: Location): void;

  /**
   * A folder's children, in batches, in the platform's order. A listing that breaks off throws. A
   * symbolic link comes as what it leads to, or not at all. ENOENT, ENOTDIR.
   */
  list(folder: Location, signal: AbortSignal): AsyncIterable<readonly Entry[]>;

  /**
   * The folder and all that is below it, in one request or few, a folder at a time, each whole, in any
   * order. Folders that the answer did not list do not come. Fails as `list` does; who has heard enough
   * calls `return()`. There where this costs less than a `list` for each folder of a walk.
   */
  listTree?(folder: Location, signal: AbortSignal): AsyncIterable<ListedFolder>;

  /** A fresh look at one thing. EACCES where the account may not; ENOENT where it is not there, ENOTDIR where its path goes through a file. */
  stat(location: Location, signal: AbortSignal): Promise<Entry>;

  /**
   * Reads a part of a file. The answer's status, range, length and version are checked before a byte
   * is given. At or behind the end of the file the body is empty. A body that breaks off is gone on
   * with by the provider where the version still holds.
   */
  read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download>;

  /**
   * Puts the whole content at `target`, over what is there or as a new file, and resolves once the
   * platform holds it all and was seen to. Whatever fails: the old file is whole, and no half file
   * or empty file stands under its name. Resolves to the file as the platform shows it now, with the
   * time that the platform gave it, which may not be the one that was asked for.
   */
  write(target: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry>;

  /** Makes a folder: EEXIST where anything has that name, ENOENT where the parent is missing. */
  createFolder(folder: Location, signal: AbortSignal): Promise<Entry>;

  /** Deletes a file: EISDIR for a folder. */
  removeFile(file: Location, signal: AbortSignal): Promise<void>;

  /** Deletes an empty folder: ENOTEMPTY by the server's own answer, ENOTDIR for a file. */
  removeFolder(folder: Location, signal: AbortSignal): Promise<void>;

  /**
   * Renames or moves a file or folder, content and times kept. With `replace` a file takes the place
   * of a file and a folder that of an empty folder; without it anything at `to` is EEXIST. Resolves
   * to the entry at `to` where the platform told it.
   */
  move(from: Location, to: Location, options: { readonly replace: boolean }, signal: AbortSignal): Promise<Entry | undefined>;

  /**
   * Sets a modification time, milliseconds since the epoch. EPERM where `settableTimes` says no.
   * `current` is the entry as last known. Resolves to it as it is now, with the time rounded as the
   * platform shows it and the version that goes with it.
   */
  setModified(location: Location, current: Entry, modified: number, signal: AbortSignal): Promise<Entry>;

  /**
   * Takes a file that is still open out of everybody's sight, under a hidden name and maybe in
   * another folder, so that its name is free. Resolves to where it can be read, and removed when it
   * is closed.
   */
  park(file: Location, signal: AbortSignal): Promise<Location>;

  /**
   * Copies a file on the platform, over what is at `to` or as a new file, under the promises of `write`.
   * What was copied is of `options.version`, before and after: another version, or none any more, is
   * ESTALE. EOPNOTSUPP where the platform does not copy this file, or not for this user. There where
   * `serverSideCopy` says so.
   */
  copy?(from: Location, to: Location, options: CopyOptions, signal: AbortSignal): Promise<Entry>;

  /**
   * What the platform knows of it besides, by name without the `user.amarre.` before it: `id`, `owner`, …
   * A name whose value it does not have is left out. `current` is the entry as last known.
   */
  attributes?(location: Location, current: Entry, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;

  /**
   * Gives one of these another value, or takes it away (undefined). EPERM for one that is read only or
   * not known, EINVAL for a value that cannot be. Resolves to the entry as it is now.
   */
  setAttribute?(location: Location, current: Entry, name: string, value: string | undefined, signal: AbortSignal): Promise<Entry>;

  /** Locks a file against other users' changes. EBUSY names who has it; EOPNOTSUPP where this platform locks nothing. */
  lock?(file: Location, signal: AbortSignal): Promise<void>;

  /** Takes the own lock away; none there is no failure. */
  unlock?(file: Location, signal: AbortSignal): Promise<void>;

  /** What the platform does besides being a drive, for the commands that are named for it. */
  readonly services?: Services;

  /** Room in all and room taken, in bytes; undefined where the platform does not tell. */
  quota(signal: AbortSignal): Promise<Quota | undefined>;

  /** Signs out where the platform counts sessions, and closes every connection and timer. */
  close(): Promise<void>;
}

