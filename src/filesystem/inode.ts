/**
 * One file or folder that the kernel knows: its place in the tree, what the platform last said of
 * it, and the state of those who have it open. Holds no policy; the rooms beside it do.
 */
import type { FsError } from '../errors.js';
import type { Entry, Location } from '../providers/provider.js';
import { Crossings } from './crossings.js';
import type { NodeId } from './filesystem.js';
import type { RemoteContent } from './reading/remote-content.js';
import type { Draft } from './writing/draft.js';

/** The version of a file that was made here and that the platform has not seen. */
export const unsentVersion = 'unsent';

/** Where an inode stands in the tree. */
export interface Place {
  readonly parent: Inode;
  readonly name: string;
}

/** Of more absent names than this in one folder the kernel may believe the older ones until `--attr-ttl` has passed. */
const maxAbsent = 1000;

/** The children of every file: there may be a hundred thousand of them, which share it. */
const noChildren = new Map<string, Inode>();

export class Inode {
  readonly node: NodeId;
  readonly kind: Entry['kind'];
  /** What the platform said last, or what this mount made of it since. */
  entry: Entry;
  /** When `entry` was learnt: `performance.now()`. */
  learnt: number;
  /** Undefined for the root, and for what was deleted or replaced. */
  place: Place | undefined;
  /** The path that it had when it lost its name. */
  lastPath = '/';
  /** Others took it from the platform: what is written to it would reach nobody. */
  vanished = false;
  /** Where the content of a deleted file that is still open stands. */
  parked: Location | undefined;
  /** The children that the kernel knows. */
  readonly children: Map<string, Inode>;
  /** Lookups that the kernel has not given back. */
  lookups = 0;
  /** Handles open on it. */
  handles = 0;
  /** Handles open for writing. */
  writers = 0;
  /** Copies of it that the platform has not made yet. */
  lent = 0;
  /** Handles that read through the kernel's pages. */
  pagers = 0;
  /** The version in `entry`, to be read. Made when it is first read. */
  content: RemoteContent | undefined;
  /**
   * The version that the kernel's pages are of: set by the first delivery, shared by all who read
   * through the pages, so that none of them sees two versions. `lost`: of changes made here that
   * could not be sent and are shown no more.
   */
  pages: RemoteContent | 'lost' | undefined;
  /** Since the kernel learnt of it somebody had it open, and there may be pages. */
  opened = false;
  /**
   * Versions that this mount itself has turned into the present one: who read of them past the pages
   * goes on in it, as those do who read through the pages.
   */
  #ours: Set<string> | undefined;
  /** The local copy while somebody writes. */
  draft: Draft | undefined;
  #crossings: Crossings | undefined;
  /** Names in this folder that the kernel was told are not there. */
  #absent: Set<string> | undefined;
  /** The size that the kernel believes in: told by us, and grown by what it wrote since. */
  kernelSize: number | undefined;
  /** While the kernel is being told that the file is longer than that. */
  telling: Promise<void> | undefined;
  /** How far behind the kernel's idea of the end the real one is, where O_APPEND writes. */
  appendShift = 0;
  /** An error that no close has told yet: the next FLUSH, FSYNC or OPEN does. */
  untold: FsError | undefined;
  /** An upload of it began and was not heard to succeed: the platform may have it. */
  uncertain = false;
  /** While another file is moved over its name: what the platform gives for the name may be of either. */
  replacing: Promise<void> | undefined;
  /** An access time set here; shown while the inode is in memory. Milliseconds since the epoch. */
  atime: number | undefined;
  /** Time of the last change made here. Milliseconds since the epoch. */
  changed: number | undefined;
  /** Who made it through this mount; the platform keeps no owner. */
  owner: { readonly uid: number; readonly gid: number } | undefined;
  /** It got its name through this mount, by a program that may take it away again wherever it stands. */
  namedHere = false;
  /** Its `st_ino`, and the identity that it was made from. */
  ino: { readonly identity: string; readonly number: bigint } | undefined;
  /** The number that those were told who have it open. */
  told: bigint | undefined;

  constructor(node: NodeId, entry: Entry, place: Place | undefined, learnt: number) {
    this.node = node;
    this.kind = entry.kind;
    this.children = entry.kind === 'folder' ? new Map<string, Inode>() : noChildren;
    this.entry = entry;
    this.place = place;
    this.learnt = learnt;
  }

  /** Its READs and WRITEs that are under way. Few files ever have any. */
  get crossings(): Crossings {
    this.#crossings ??= new Crossings();
    return this.#crossings;
  }

  /** The kernel is told that a name is not in this folder, and may believe it for a while. */
  noteAbsent(name: string): void {
    this.#absent ??= new Set();
    // Entered anew: the oldest go first.
    this.#absent.delete(name);
    this.#absent.add(name);
    if (this.#absent.size <= maxAbsent) return;
    const [oldest = ''] = this.#absent;
    this.#absent.delete(oldest);
  }

  /** What was noted since the last time. */
  takeAbsent(): readonly string[] {
    const names = [...this.#absent ?? []];
    this.#absent = undefined;
    return names;
  }

  get isRoot(): boolean {
    return this.node === 1;
  }

  /** Deleted, or replaced by another file: it has no name any more. */
  get isOrphan(): boolean {
    return this.place === undefined && !this.isRoot;
  }

  /** It, or a folder above it, has no name any more: no path leads to it. */
  get isDetached(): boolean {
    return this.place === undefined ? !this.isRoot : this.place.parent.isDetached;
  }

  /** The path below the mount point, `/` for the root; of what lost its name, the last one. */
  get path(): string {
    if (this.place === undefined) return this.lastPath;
    const above = this.place.parent.path;
    return above === '/' ? `/${this.place.name}` : `${above}/${this.place.name}`;
  }

  /** The version `before` became the present one by our own doing. */
  succeed(before: string | undefined): void {
    if (this.handles === this.pagers) this.#ours = undefined;
    else if (before !== undefined) (this.#ours ??= new Set()).add(before);
  }

  /** Whether this mount has turned that version into the present one. */
  isOurs(version: string): boolean {
    return this.#ours?.has(version) === true;
  }

  /** Somebody else made the present version. */
  notOurs(): void {
    this.#ours = undefined;
  }

  /** True where a folder stands above this inode, or is it. */
  isBelow(folder: Inode): boolean {
    if (folder === this) return true;
    return this.place !== undefined && this.place.parent.isBelow(folder);
  }

  /** The version's size as programs see it: the draft's while there is one. */
  get size(): number {
    return this.draft?.size ?? this.entry.size ?? 0;
  }
}
