/**
 * One open file, and the version that it is bound to: what it has delivered bytes of, itself or through
 * the kernel's pages, which all share who do not read past them (promise 3).
 */
import { FsError } from '../errors.js';
import { isSettled } from './core.js';
import type { OpenFlags, OpenReply } from './filesystem.js';
import type { Inode } from './inode.js';
import type { WindowState } from './reading/prefetch-window.js';
import type { RemoteContent } from './reading/remote-content.js';
import type { Draft } from './writing/draft.js';
import type { Lease } from './writing/locks.js';

export interface OpenFile {
  readonly inode: Inode;
  /** A writer's share of the file's lock on the platform. */
  readonly lease: Lease | undefined;
  readonly flags: OpenFlags;
  /** Reads bypass the kernel's pages, which hold another version for other handles. */
  readonly direct: boolean;
  /** The version that a direct handle has delivered bytes of. */
  content: RemoteContent | undefined;
  /** The draft that a direct handle has delivered bytes of since. */
  draft: Draft | undefined;
  window: WindowState;
  /** Reads that are not answered yet, and who sent them. */
  readonly reads: Map<AbortController, number>;
}

/** What a new handle may make of the kernel's pages: keep them, have them forgotten, or read past them. */
export function pagesAt(inode: Inode, { read }: OpenFlags): Omit<OpenReply, 'handle'> {
  const version = inode.draft === undefined ? inode.entry.version : inode.draft.version;
  if (inode.pagers > 0) {
    // Those who read through the pages must not see another version, nor this handle theirs.
    const mixed = inode.pages === 'lost' || (inode.pages !== undefined && inode.pages.version !== version);
    const unsettled = inode.draft === undefined && inode.pages !== undefined && inode.pages !== 'lost' && !inode.pages.settled;
    // Who only writes reads nothing that may be older, and what he writes is in the pages for those who read.
    if (unsettled && !mixed && !read) return { keepCache: true, directIo: false };
    if (unsettled && inode.content === inode.pages) inode.content = undefined;
    // Past the pages, these are not touched: for them to be forgotten the open would wait for every read under way, deaf to Ctrl-C.
    const directIo = mixed || unsettled;
    return { keepCache: directIo || inode.draft === undefined, directIo, pagesOfAnother: mixed };
  }
  const { pages } = inode;
  const same = inode.draft === undefined && pages !== 'lost' && pages?.settled === true && pages.version === version && isSettled(inode.entry);
  if (!same) inode.pages = undefined;
  // Of a file that was never opened there are none to forget, and two who open it at once do not wait for each other.
  const keepCache = same || !inode.opened;
  inode.opened = true;
  if (inode.content?.settled === false) inode.content = undefined;
  return { keepCache, directIo: false };
}

/** The version that a handle has delivered bytes of: its own, or that of the kernel's pages. */
export function pinOf(file: OpenFile): RemoteContent | 'lost' | undefined {
  return file.direct ? file.content : file.inode.pages;
}

/** Binds what shows these bytes to their version; false where it shows another already. */
export function deliver(file: OpenFile, content: RemoteContent): boolean {
  if (file.direct) {
    file.content = content;
    file.draft = undefined;
    return true;
  }
  file.inode.pages ??= content;
  return file.inode.pages === content;
}

/** ESTALE for a handle that has delivered bytes of a version other than this. */
export function mustBeOf(file: OpenFile, version: string | undefined): void {
  const pin = pinOf(file);
  if (pin === 'lost' || file.draft?.lost === true) throw lost(file.inode);
  const seen = file.draft ?? pin;
  if (seen?.version !== undefined && file.direct && file.inode.isOurs(seen.version)) return;
  if (seen !== undefined && seen.version !== version) {
    throw new FsError('ESTALE', `${file.inode.path} was changed by somebody else while it was open`);
  }
}

/** False where the handle has delivered bytes of a version other than this. */
export function isOf(file: OpenFile, version: string): boolean {
  try {
    mustBeOf(file, version);
    return true;
  } catch {
    return false;
  }
}

/** The error of whoever reads on in changes that were given up. */
export function lost(inode: Inode): FsError {
  return new FsError('ESTALE', `changes of ${inode.path} that were read here could not be sent: what is there now is older`);
}
