/**
 * What a driver may ask of the file system: an interface by inodes, shaped after FUSE's low-level
 * operations, that knows neither FUSE's bytes nor the platform. Drivers import this file and no
 * other of the folder. Every member fails with an FsError whose errno is the program's answer.
 */

/** A number for an inode while the mount lives; never given twice. The root's is `rootNode`. */
export type NodeId = number;
export const rootNode: NodeId = 1;

export type FileHandle = number;

/** Who asks, and whether he still waits. */
export interface Caller {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Aborted when the program was interrupted: the answer is EINTR then. */
  readonly signal: AbortSignal;
}

/** stat(2), with times in milliseconds since the epoch. */
export interface Attributes {
  /** `st_ino`: the same at every mount. Not the NodeId. */
  readonly ino: bigint;
  readonly kind: 'file' | 'folder';
  /** Permission bits, without the type. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** Attributes, and for how many milliseconds the kernel may believe them. */
export interface AttributesReply {
  readonly attributes: Attributes;
  readonly ttl: number;
}

/** A name that was found; each such reply adds one to the node's lookup count until `forget`. */
export interface EntryReply extends AttributesReply {
  readonly node: NodeId;
}

/** A name that is not there, and for how many milliseconds the kernel may believe that. */
export interface NegativeReply {
  readonly node: 0;
  readonly ttl: number;
}

/** Times in milliseconds since the epoch (fractions allowed), or the moment of the call. */
export type TimeChange = number | 'now';

/** The valid parts of a SETATTR; what is absent stays. */
export interface AttributeChanges {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: TimeChange;
  readonly mtime?: TimeChange;
}

export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  /** O_TRUNC: empty the file. */
  readonly truncate: boolean;
  /** O_EXCL, with CREATE. */
  readonly exclusive: boolean;
}

export interface OpenReply {
  readonly handle: FileHandle;
  /** The kernel's pages from earlier opens are of this version still. */
  readonly keepCache: boolean;
  /** Reads must not go through the kernel's pages: they would mix two versions. */
  readonly directIo: boolean;
  /** With `directIo`: the pages are of another version for certain. A driver that cannot read past them must not open. Absent: no. */
  readonly pagesOfAnother?: boolean;
}

/** Where a copy begins: in the file that is read, or in the one that is written. */
export interface CopyEnd {
  readonly node: NodeId;
  readonly handle: FileHandle;
  readonly offset: number;
}

/** One name of a folder. `cookie` is where the next read goes on. */
export interface DirectoryEntry {
  readonly name: string;
  readonly ino: bigint;
  readonly kind: 'file' | 'folder';
  readonly cookie: number;
}

/** Sizes in bytes; `files` is a count of inodes. */
export interface StatfsReply {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameLength: number;
}

/** What the file system tells the kernel by itself. What returns nothing returns at once; the driver queues it. */
export interface KernelNotices {
  /**
   * Forget attributes of a node, its size among them, and no page. Resolves when the kernel has. It waits for
   * no lock to do so, and may be told from inside a request: a READ that is answered next ends where the file does.
   */
  forgetAttributes(node: NodeId): Promise<void>;
  /** Forget pages and attributes of a node (a change came from elsewhere). */
  invalidateNode(node: NodeId): void;
  /** Forget that a name is, or is not, in a folder. */
  invalidateEntry(parent: NodeId, name: string): void;
  /**
   * Look up a name anew before it is used again, whether it was there or not; who is in the folder of that
   * name stays there. Resolves when the kernel has been told, which waits for the requests under way in `parent`.
   */
  expireEntry(parent: NodeId, name: string): Promise<void>;
}

/** A file whose last changes the platform does not hold, and where they are kept. */
export interface UnsentFile {
  /** Its path below the mount point. */
  readonly path: string;
  readonly size: number;
  /** The file on this machine's disk that holds its content. */
  readonly kept: string;
  readonly reason: string;
}

/** How many files there are whose last changes the platform does not hold. */
export interface Pending {
  /** Whose upload is under way. */
  readonly sending: number;
  /** Written, and not closed yet by the program that writes. */
  readonly open: number;
}

export interface FileSystem {
  /** Where notices go. Called once, before the first request. */
  attachKernel(notices: KernelNotices): void;

  lookup(parent: NodeId, name: string, caller: Caller): Promise<EntryReply | NegativeReply>;
  forget(node: NodeId, lookups: number): void;
  getattr(node: NodeId, handle: FileHandle | undefined, caller: Caller): Promise<AttributesReply>;
  setattr(node: NodeId, changes: AttributeChanges, handle: FileHandle | undefined, caller: Caller): Promise<AttributesReply>;

  mkdir(parent: NodeId, name: string, mode: number, caller: Caller): Promise<EntryReply>;
  /** A regular file, empty and not open. */
  mknod(parent: NodeId, name: string, mode: number, caller: Caller): Promise<EntryReply>;
  create(parent: NodeId, name: string, flags: OpenFlags, mode: number, caller: Caller): Promise<EntryReply & OpenReply>;
  unlink(parent: NodeId, name: string, caller: Caller): Promise<void>;
  rmdir(parent: NodeId, name: string, caller: Caller): Promise<void>;
  rename(
    parent: NodeId, name: string, newParent: NodeId, newName: string,
    options: { readonly noReplace: boolean }, caller: Caller,
  ): Promise<void>;

  open(node: NodeId, flags: OpenFlags, caller: Caller): Promise<OpenReply>;
  /** The bytes asked for, in pieces, fewer at the end of the file. The pieces are not changed afterwards. */
  read(node: NodeId, handle: FileHandle, offset: number, length: number, caller: Caller): Promise<readonly Uint8Array[]>;
  /** Writes all of `data`, which is the caller's again when the promise settles. `handle` may be another's when `fromPageCache`. */
  write(
    node: NodeId, handle: FileHandle, offset: number, data: Uint8Array,
    options: { readonly fromPageCache: boolean }, caller: Caller,
  ): Promise<number>;
  /** close(2) of one descriptor: fails where the platform does not hold what was written. */
  flush(node: NodeId, handle: FileHandle, caller: Caller): Promise<void>;
  fsync(node: NodeId, handle: FileHandle, caller: Caller): Promise<void>;
  release(node: NodeId, handle: FileHandle, caller: Caller): Promise<void>;
  /** Mode 0 alone: grows the file to at least `offset + length`. */
  fallocate(node: NodeId, handle: FileHandle, mode: number, offset: number, length: number, caller: Caller): Promise<void>;
  /**
   * copy_file_range(2): makes a stretch of one open file that of another, and says how many bytes of it.
   * Taken where the platform may copy the file itself, which it does at the next FLUSH or FSYNC; all
   * else is EOPNOTSUPP, and the kernel reads and writes instead.
   */
  copyRange(from: CopyEnd, to: CopyEnd, length: number, caller: Caller): Promise<number>;
  /** SEEK_DATA and SEEK_HOLE. */
  lseek(node: NodeId, handle: FileHandle, offset: number, whence: 'data' | 'hole', caller: Caller): Promise<number>;

  /** Takes a snapshot of a folder's names. */
  opendir(node: NodeId, caller: Caller): Promise<FileHandle>;
  /** The snapshot's entries behind `cookie` (0: from the start), `.` and `..` first. No lookup is counted. */
  readdir(node: NodeId, handle: FileHandle, cookie: number): Iterable<DirectoryEntry>;
  /**
   * READDIRPLUS: what a lookup of that entry of the snapshot says, from memory, counted as a lookup;
   * undefined where it must be looked up anew (and for `.` and `..`).
   */
  lookupListed(node: NodeId, handle: FileHandle, entry: DirectoryEntry): EntryReply | undefined;
  releasedir(node: NodeId, handle: FileHandle): void;

  /** From memory: never a request in the way of `df`. */
  statfs(): StatfsReply;

  getxattr(node: NodeId, name: string, caller: Caller): Promise<Uint8Array>;
  /** Never a request: tools ask for the list of every file that they come by. */
  listxattr(node: NodeId): readonly string[];
  setxattr(node: NodeId, name: string, value: Uint8Array, caller: Caller): Promise<void>;
  removexattr(node: NodeId, name: string, caller: Caller): Promise<void>;

  /** What an end of the mount would have to wait for. From memory. */
  pending(): Pending;

  /**
   * Sends what is unsent, as far as it can, and closes everything. What could not be sent is listed.
   * `cutOff`: the mount was taken from under programs; what they had open for writing is kept, not sent.
   */
  shutdown(signal: AbortSignal, cutOff: boolean): Promise<readonly UnsentFile[]>;
}
