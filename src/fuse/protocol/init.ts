/** The first exchange: which version is spoken, which abilities are used, how large a request may be. */
import { FsError } from '../../errors.js';
import type { InitOperation } from './requests.js';
import { header, replyHeaderSize } from './replies.js';

/** Abilities of the kernel, bits 0 to 31 of INIT's flags. */
export const initFlags = {
  ASYNC_READ: 1 << 0,
  ATOMIC_O_TRUNC: 1 << 3,
  BIG_WRITES: 1 << 5,
  AUTO_INVAL_DATA: 1 << 12,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  ASYNC_DIO: 1 << 15,
  PARALLEL_DIROPS: 1 << 18,
  ABORT_ERROR: 1 << 21,
  MAX_PAGES: 1 << 22,
  HANDLE_KILLPRIV_V2: 1 << 28,
  INIT_EXT: 1 << 30,
} as const;

/** Bits 32 to 63, which a kernel with INIT_EXT offers. */
export const initFlags2 = {
  /** MAP_SHARED of a file opened past the kernel's pages (Linux 6.6); ENODEV without it. */
  DIRECT_IO_ALLOW_MMAP: 1 << 4,
} as const;

/**
 * What is asked for, where the kernel offers it. Left out on purpose: WRITEBACK_CACHE (the kernel would
 * own sizes and times), POSIX_LOCKS and FLOCK_LOCKS (locks stay local to the machine, and so work),
 * DONT_MASK (the kernel applies the program's umask), POSIX_ACL, EXPORT_SUPPORT.
 */
export const wantedFlags = Object.values(initFlags).reduce((sum, bit) => sum | bit, 0);
const wantedFlags2 = Object.values(initFlags2).reduce((sum, bit) => sum | bit, 0);

const major = 7;
/** Linux 5.4: the first with every layout that this driver reads. */
const oldestMinor = 31;
/** The newest minor that this driver was written against. */
const newestMinor = 45;

/** The largest READ and WRITE in bytes. */
export const maxRequest = 1024 * 1024;
/** Pages of 4 KiB for one request of that size; the kernel trims it where its pages are larger. */
const maxPages = maxRequest / 4096;
/**
 * Requests that nobody waits for (reading ahead, RELEASE, direct I/O) before the kernel holds them
 * back, and before it calls itself congested. The default, 12, starves parallel readers of a slow remote.
 */
const maxBackground = 64;
const congestionThreshold = 48;

/** What was agreed on. */
export interface Agreement {
  readonly minor: number;
  readonly flags: number;
}

export interface InitWishes {
  /** Bytes to read ahead. The kernel takes at most what it offered; root can raise that afterwards. */
  readonly maxReadahead: number;
  /** Nanoseconds, a power of ten up to 10^9: times that programs set are cut to it. */
  readonly timeGranularity: number;
}

export type InitOutcome =
  | { readonly kind: 'agreed'; readonly agreement: Agreement; readonly reply: Uint8Array[] }
  /** The kernel is newer by a major version: it will ask again in ours. */
  | { readonly kind: 'again'; readonly reply: Uint8Array[] };

/** Answers INIT. Throws an FsError for a kernel that is too old. */
export function negotiate(unique: number, offer: InitOperation, wishes: InitWishes): InitOutcome {
  if (offer.major > major) return { kind: 'again', reply: initReply(unique, 0, 0, 0, newestMinor, wishes) };
  if (offer.major < major || offer.minor < oldestMinor) {
    throw new FsError(
      'ENOSYS',
      `this kernel speaks FUSE ${offer.major}.${offer.minor}; Amarre needs ${major}.${oldestMinor} (Linux 5.4) or later`,
    );
  }
  const flags = offer.flags & wantedFlags;
  const flags2 = (flags & initFlags.INIT_EXT) === 0 ? 0 : offer.flags2 & wantedFlags2;
  const minor = Math.min(offer.minor, newestMinor);
  const readahead = Math.min(offer.maxReadahead, wishes.maxReadahead);
  return { kind: 'agreed', agreement: { minor, flags }, reply: initReply(unique, flags, flags2, readahead, minor, wishes) };
}

function initReply(unique: number, flags: number, flags2: number, readahead: number, minor: number, wishes: InitWishes): Uint8Array[] {
  const at = replyHeaderSize;
  const bytes = header(unique, 0, 64);
  bytes.fill(0, at);
  bytes.writeUInt32LE(major, at);
  bytes.writeUInt32LE(minor, at + 4);
  bytes.writeUInt32LE(readahead, at + 8);
  bytes.writeUInt32LE(flags >>> 0, at + 12);
  bytes.writeUInt16LE(maxBackground, at + 16);
  bytes.writeUInt16LE(congestionThreshold, at + 18);
  bytes.writeUInt32LE(maxRequest, at + 20);
  bytes.writeUInt32LE(wishes.timeGranularity, at + 24);
  bytes.writeUInt16LE(maxPages, at + 28);
  bytes.writeUInt32LE(flags2 >>> 0, at + 32);
  return [bytes];
}
