/**
 * What a platform does that no file system call asks for: versions, a trash, links to give away, a
 * history, recognition of text. Each is there where the platform has it, and each has its command.
 * The rules of the contract (`provider.ts`) hold: FsErrors, an abort ends a call soon. Times are
 * milliseconds since the epoch, sizes bytes. Paths are as in `Location`.
 */
import type { Entry, Location } from './entry.js';

export interface Services {
  readonly versions?: Versions;
  readonly trash?: Trash;
  readonly shareLinks?: Links;
  readonly depositLinks?: Links;
  readonly history?: History;
  readonly recognition?: Recognition;
}

export interface FileVersion {
  /** Counted from 1, the oldest. */
  readonly number: number;
  readonly created: number;
  readonly size: number | undefined;
  readonly author: string | undefined;
  /** What a program reads now. */
  readonly current: boolean;
}

export interface Versions {
  /** Newest first. */
  list(file: Location, signal: AbortSignal): Promise<readonly FileVersion[]>;
  /** Makes an older version the present one; the present one stays among the versions. ENOENT where there is no such number. */
  restore(file: Location, number: number, signal: AbortSignal): Promise<Entry>;
}

export interface TrashedThing {
  /** Of the trash, not of the file. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'file' | 'folder';
  readonly deleted: number;
  readonly size: number | undefined;
  readonly owner: string | undefined;
}

export interface Trash {
  list(signal: AbortSignal): Promise<readonly TrashedThing[]>;
  /** Puts a thing into a folder. EEXIST where its name is taken there; ENOENT where the trash does not have it. */
  restore(id: string, folder: Location, signal: AbortSignal): Promise<Entry>;
  /** Destroys what this account has put there, and nothing of another's. Resolves to how many things. */
  empty(signal: AbortSignal): Promise<number>;
}

export interface LinkOptions {
  readonly expires: number | undefined;
  readonly password: string | undefined;
  readonly downloads: number | undefined;
}

export interface Link {
  readonly id: string;
  /** What a person opens. */
  readonly address: string;
  /** What it leads to: its name, or path where the platform tells it. */
  readonly leadsTo: string;
  readonly created: number | undefined;
  readonly expires: number | undefined;
  /** Downloads that are left; undefined where they are not counted. */
  readonly downloads: number | undefined;
}

export interface Links {
  /** The rights are looked at first: EACCES. EOPNOTSUPP for an option that the platform does not have. */
  make(location: Location, options: LinkOptions, signal: AbortSignal): Promise<Link>;
  /** The account's own links: to this thing, or all. */
  list(location: Location | undefined, signal: AbortSignal): Promise<readonly Link[]>;
  remove(id: string, signal: AbortSignal): Promise<void>;
}

export interface HistoryEvent {
  readonly time: number;
  /** What happened, in the platform's words. */
  readonly event: string;
  readonly who: string | undefined;
}

export interface History {
  /** Newest first. */
  list(file: Location, signal: AbortSignal): Promise<readonly HistoryEvent[]>;
}

export interface Recognition {
  /**
   * Has the text of a document recognized. `onProgress` is told what is waited for, in words for a
   * person. Resolves to the name of the file that holds the text, beside the document. EDQUOT where
   * nothing is left of what the platform allows, EOPNOTSUPP for a document of another kind.
   */
  run(file: Location, onProgress: (words: string) => void, signal: AbortSignal): Promise<string>;
}
