/** What the rooms of the file system share: the tree, the caches, the platform, the settings. */
import type { Log } from '../observe/log.js';
import type { Entry, Provider } from '../providers/provider.js';
import type { KeptTimes } from '../storage/kept-times.js';
import type { LockRecords } from '../storage/lock-records.js';
import type { Staging } from '../storage/staging.js';
import type { Clock } from './clock.js';
import type { KernelNotices } from './filesystem.js';
import type { InodeTable } from './inode-table.js';
import type { Listings } from './listings.js';
import type { BlockStore } from './reading/block-store.js';
import type { Spools } from './reading/spool.js';

export interface FileSystemSettings {
  /** Who owns what is on the platform. */
  readonly uid: number;
  readonly gid: number;
  /** Bits taken from 0644 and 0755. */
  readonly umask: number;
  readonly readOnly: boolean;
  /** What chmod and chown do: nothing, or EPERM where they would change what is shown. */
  readonly permissions: 'ignore' | 'refuse';
  /** Whether what is open for writing is locked on the platform: where it has locks, always (what cannot be locked is not opened), never. */
  readonly lockOnWrite: 'auto' | 'on' | 'off';
  /** How long the kernel believes names and attributes, milliseconds. */
  readonly attrTtl: number;
  /** How long listings are believed, milliseconds. */
  readonly dirTtl: number;
  /** The budget for file content and listings in memory, bytes. */
  readonly memory: number;
}

export interface Core {
  readonly provider: Provider;
  readonly staging: Staging;
  /** When this mount changed what. */
  readonly changeTimes: KeptTimes;
  /** Modification times that programs set and the platform does not keep. */
  readonly setTimes: KeptTimes;
  /** What this mount has locked on the platform. */
  readonly lockRecords: LockRecords;
  readonly settings: FileSystemSettings;
  readonly log: Log;
  readonly clock: Clock;
  readonly table: InodeTable;
  readonly listings: Listings;
  readonly store: BlockStore;
  /** For a platform that gives no parts of files. */
  readonly spools: Spools;
  /** The kernel; until a driver is attached notices go nowhere. */
  notices: KernelNotices;
}

/** A version younger than this by the platform's clock may change and look the same. Milliseconds. */
const settling = 2000;

/** Whether an equal version next time means equal bytes. */
export function isSettled(entry: Entry): boolean {
  return entry.unsure === true || (entry.modified !== undefined && entry.observed - entry.modified >= settling);
}

/** A time as the platform will show it. */
export function rounded({ provider }: Pick<Core, 'provider'>, time: number): number {
  const step = provider.traits.timeResolution;
  return Math.floor(time / step) * step;
}
