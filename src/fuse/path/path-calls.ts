/** What a binding's callbacks come to, whichever binding it is: calls by path, and by the number of an open file. */
import type { AttributeChanges, Attributes, Caller, DirectoryEntry, OpenFlags, OpenReply, StatfsReply } from '../../filesystem/filesystem.js';

/** The number of an open file, above 0 and below 2^31: a binding may have no more room. */
export type OpenNumber = number;

/** `handle` of the reply is the OpenNumber. */
export type Opened = OpenReply;

export type Listed = Pick<DirectoryEntry, 'name' | 'ino' | 'kind'>;

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
  statfs(): StatfsReply;
  getxattr(path: string, name: string, caller: Caller): Promise<Uint8Array>;
  listxattr(path: string, caller: Caller): Promise<readonly string[]>;
  setxattr(path: string, name: string, value: Uint8Array, caller: Caller): Promise<void>;
  removexattr(path: string, name: string, caller: Caller): Promise<void>;
}
