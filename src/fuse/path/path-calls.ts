/** What a binding's callbacks come to, whichever binding it is: calls by path, and by the number of an open file. */
import type { AttributeChanges, Attributes, Caller, DirectoryEntry, OpenFlags, OpenReply, StatfsReply } from '../../filesystem/filesystem.js';

/** The number of an open file, above 0 and below 2^31: a binding may have no more room. */
export type OpenNumber = number;

/** `handle` of the reply is the OpenNumber. */
export type Opened = OpenReply;

export type Listed = Pick<DirectoryEntry, 'name' | 'ino' | 'kind'>;

/** Where a copy begins, in the file that is read or in the one that is written. */
export interface CopyPlace {
  readonly open: OpenNumber;
  readonly offset: number;
}

/** Every member fails with an FsError whose errno is the program's answer. */
export interface PathCalls {
  getattr(path: string, caller: Caller): Promise<Attributes>;
  fgetattr(open: OpenNumber, caller: Caller): Promise<Attributes>;
  /** chmod, chown, utimens and truncate, by path or by open file. */
  setattr(target: string | OpenNumber, changes: AttributeChanges, caller: Caller): Promise<void>;
  /** A folder's entries, `.` and `..` among them. */
  list(path: string, caller: Caller): Promise<readonly Listed[]>;
  mkdir(path: string, mode: number, caller: Caller): Promise<void>;
  /** `mode` with the type. */
  mknod(path: string, mode: number, caller: Caller): Promise<void>;
  unlink(path: string, caller: Caller): Promise<void>;
  rmdir(path: string, caller: Caller): Promise<void>;
  rename(from: string, to: string, options: { readonly noReplace: boolean }, caller: Caller): Promise<void>;
  open(path: string, flags: OpenFlags, caller: Caller): Promise<Opened>;
  create(path: string, flags: OpenFlags, mode: number, caller: Caller): Promise<Opened>;
  read(open: OpenNumber, offset: number, length: number, caller: Caller): Promise<readonly Uint8Array[]>;
  write(open: OpenNumber, offset: number, data: Uint8Array, options: { readonly fromPageCache: boolean }, caller: Caller): Promise<number>;
  flush(open: OpenNumber, caller: Caller): Promise<void>;
  fsync(open: OpenNumber, caller: Caller): Promise<void>;
  release(open: OpenNumber, caller: Caller): Promise<void>;
  fallocate(open: OpenNumber, mode: number, offset: number, length: number, caller: Caller): Promise<void>;
  lseek(open: OpenNumber, offset: number, whence: 'data' | 'hole', caller: Caller): Promise<number>;
  copyRange(from: CopyPlace, to: CopyPlace, length: number, caller: Caller): Promise<number>;
  statfs(): StatfsReply;
  getxattr(path: string, name: string, caller: Caller): Promise<Uint8Array>;
  listxattr(path: string, caller: Caller): Promise<readonly string[]>;
  setxattr(path: string, name: string, value: Uint8Array, caller: Caller): Promise<void>;
  removexattr(path: string, name: string, caller: Caller): Promise<void>;
}

/** The calls of `inner`, some of them replaced. */
export function withChanges(inner: PathCalls, changes: Partial<PathCalls>): PathCalls {
  return {
    getattr: (path, caller) => inner.getattr(path, caller),
    fgetattr: (open, caller) => inner.fgetattr(open, caller),
    setattr: (target, wanted, caller) => inner.setattr(target, wanted, caller),
    list: (path, caller) => inner.list(path, caller),
    mkdir: (path, mode, caller) => inner.mkdir(path, mode, caller),
    mknod: (path, mode, caller) => inner.mknod(path, mode, caller),
    unlink: (path, caller) => inner.unlink(path, caller),
    rmdir: (path, caller) => inner.rmdir(path, caller),
    rename: (from, to, options, caller) => inner.rename(from, to, options, caller),
    open: (path, flags, caller) => inner.open(path, flags, caller),
    create: (path, flags, mode, caller) => inner.create(path, flags, mode, caller),
    read: (open, offset, length, caller) => inner.read(open, offset, length, caller),
    write: (open, offset, data, options, caller) => inner.write(open, offset, data, options, caller),
    flush: (open, caller) => inner.flush(open, caller),
    fsync: (open, caller) => inner.fsync(open, caller),
    release: (open, caller) => inner.release(open, caller),
    fallocate: (open, mode, offset, length, caller) => inner.fallocate(open, mode, offset, length, caller),
    lseek: (open, offset, whence, caller) => inner.lseek(open, offset, whence, caller),
    copyRange: (from, to, length, caller) => inner.copyRange(from, to, length, caller),
    statfs: () => inner.statfs(),
    getxattr: (path, name, caller) => inner.getxattr(path, name, caller),
    listxattr: (path, caller) => inner.listxattr(path, caller),
    setxattr: (path, name, value, caller) => inner.setxattr(path, name, value, caller),
    removexattr: (path, name, caller) => inner.removexattr(path, name, caller),
    ...changes,
  };
}
