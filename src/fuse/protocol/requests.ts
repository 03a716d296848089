/**
 * Bytes from the kernel made typed requests. Pure, and strict: what is too short, too large for a
 * safe integer, or not UTF-8 is an FsError (EINVAL, EFBIG, ENAMETOOLONG, EILSEQ), never another throw.
 * Only WRITE keeps a view on the buffer; every other request is a value of its own once decoded.
 */
import { FsError } from '../../errors.js';
import { fsyncDataOnly, getattrHandle, openBits, permissionMask, setattrBits, writeFromCache } from './flags.js';
import { opcodes } from './opcodes.js';
import type { TimeSpec } from './times.js';
import { FieldReader } from './wire.js';

/** What stands before every request. */
export interface RequestHeader {
  /** The whole request's bytes. */
  readonly length: number;
  readonly opcode: number;
  /** The kernel's number for this request; its answer carries it back. */
  readonly unique: number;
  readonly node: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** The bytes of a request's header. */
export const requestHeaderSize = 40;

/** open(2)'s flags as far as a file system can act on them. */
export interface DecodedOpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly truncate: boolean;
  readonly exclusive: boolean;
}

export interface SetattrOperation {
  readonly op: 'setattr';
  readonly handle?: number;
  /** Permission bits, without the type. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: TimeSpec | 'now';
  readonly mtime?: TimeSpec | 'now';
}

/** COPY_FILE_RANGE and COPY_FILE_RANGE_64; the node of the header is the file that is read. */
export interface CopyRangeOperation {
  readonly op: 'copyRange';
  readonly handle: number;
  readonly offset: number;
  readonly toNode: number;
  readonly toHandle: number;
  readonly toOffset: number;
  /** Bytes; no more than the kernel can be answered in the reply's field. */
  readonly length: number;
  /** copy_file_range(2)'s flags, of which there are none yet. */
  readonly flags: number;
  /** The reply's count has 64 bits. */
  readonly wide: boolean;
}

export interface InitOperation {
  readonly op: 'init';
  readonly major: number;
  readonly minor: number;
  /** Bytes that the kernel reads ahead unless it is told otherwise. */
  readonly maxReadahead: number;
  /** What the kernel offers, bits 0 to 31. */
  readonly flags: number;
  /** Bits 32 to 63, 0 from a kernel without INIT_EXT. */
  readonly flags2: number;
}

/** A READ, or a READDIR or READDIRPLUS, whose offset is a cookie. */
interface ReadFields {
  readonly handle: number;
  readonly offset: number;
  readonly size: number;
}

interface RenameFields {
  readonly name: string;
  readonly newParent: number;
  readonly newName: string;
  /** renameat2(2)'s flags; 0 for RENAME. */
  readonly flags: number;
}

export type Operation =
  | { readonly op: 'lookup' | 'unlink' | 'rmdir'; readonly name: string }
  | { readonly op: 'forget'; readonly lookups: number }
  | { readonly op: 'batchForget'; readonly forgets: readonly { readonly node: number; readonly lookups: number }[] }
  | { readonly op: 'getattr'; readonly handle: number | undefined }
  | SetattrOperation
  | { readonly op: 'link' | 'symlink'; readonly name: string }
  | { readonly op: 'mknod'; readonly name: string; /** With the type. */ readonly mode: number; readonly umask: number }
  | { readonly op: 'mkdir'; readonly name: string; readonly mode: number; readonly umask: number }
  | ({ readonly op: 'rename' } & RenameFields)
  | { readonly op: 'open' | 'opendir'; readonly flags: DecodedOpenFlags }
  | { readonly op: 'create'; readonly name: string; readonly flags: DecodedOpenFlags; readonly mode: number; readonly umask: number }
  | ({ readonly op: 'read' | 'readdir' | 'readdirplus' } & ReadFields)
  | {
      readonly op: 'write';
      readonly handle: number;
      readonly offset: number;
      /** A view on the request's buffer. */
      readonly data: Buffer;
      readonly fromPageCache: boolean;
    }
  | { readonly op: 'flush' | 'release' | 'releasedir'; readonly handle: number }
  | { readonly op: 'fsync' | 'fsyncdir'; readonly handle: number; readonly dataOnly: boolean }
  | { readonly op: 'statfs' | 'destroy' }
  | { readonly op: 'notifyReply' }
  | { readonly op: 'access'; readonly mask: number }
  | { readonly op: 'getxattr'; readonly name: string; /** 0: only the value's size is asked for. */ readonly size: number }
  | { readonly op: 'listxattr'; readonly size: number }
  | { readonly op: 'setxattr'; readonly name: string; readonly value: Uint8Array; readonly flags: number }
  | { readonly op: 'removexattr'; readonly name: string }
  | { readonly op: 'interrupt'; /** The request that nobody waits for any more. */ readonly target: number }
  | { readonly op: 'lseek'; readonly handle: number; readonly offset: number; readonly whence: number }
  | { readonly op: 'fallocate'; readonly handle: number; readonly offset: number; readonly length: number; readonly mode: number }
  | CopyRangeOperation
  | InitOperation
  /** One that this driver has no answer for but ENOSYS. */
  | { readonly op: 'unknown' };

/** The longest name of an extended attribute in bytes, as Linux has it. */
const xattrNameMax = 255;

/** The most bytes that a reply to COPY_FILE_RANGE can count in whole pages. */
const narrowCopyMax = 2 ** 32 - 4096;

/** Reads the header. Throws EINVAL where there is none, or its length is not that of `bytes`. */
export function decodeHeader(bytes: Buffer): RequestHeader {
  const fields = new FieldReader(bytes, 0);
  const length = fields.u32();
  if (length !== bytes.length) throw new FsError('EINVAL', `a request of ${bytes.length} bytes that says it has ${length}`);
  return {
    length,
    opcode: fields.u32(),
    unique: fields.u64('the number of a request'),
    node: fields.u64('the number of a node'),
    uid: fields.u32(),
    gid: fields.u32(),
    pid: fields.u32(),
  };
}

/** Reads what stands behind the header. Throws an FsError, whose errno is the answer to the request. */
export function decodeOperation(header: RequestHeader, bytes: Buffer): Operation {
  const fields = new FieldReader(bytes, requestHeaderSize);
  switch (header.opcode) {
    case opcodes.LOOKUP: return { op: 'lookup', name: fields.entryName() };
    case opcodes.UNLINK: return { op: 'unlink', name: fields.entryName() };
    case opcodes.RMDIR: return { op: 'rmdir', name: fields.entryName() };
    case opcodes.FORGET: return { op: 'forget', lookups: fields.u64('a lookup count') };
    case opcodes.BATCH_FORGET: return { op: 'batchForget', forgets: forgets(fields) };
    case opcodes.GETATTR: return getattr(fields);
    case opcodes.SETATTR: return setattr(fields);
    case opcodes.SYMLINK: return { op: 'symlink', name: fields.entryName() };
    case opcodes.LINK: return link(fields);
    case opcodes.MKNOD: return mknod(fields);
    case opcodes.MKDIR: return { op: 'mkdir', mode: fields.u32() & permissionMask, umask: fields.u32(), name: fields.entryName() };
    case opcodes.RENAME: return rename(fields, false);
    case opcodes.RENAME2: return rename(fields, true);
    case opcodes.OPEN: return { op: 'open', flags: openFlags(fields.u32()) };
    case opcodes.OPENDIR: return { op: 'opendir', flags: openFlags(fields.u32()) };
    case opcodes.CREATE: return create(fields);
    case opcodes.READ: return { op: 'read', ...readFields(fields) };
    case opcodes.READDIR: return { op: 'readdir', ...readFields(fields) };
    case opcodes.READDIRPLUS: return { op: 'readdirplus', ...readFields(fields) };
    case opcodes.WRITE: return write(fields);
    case opcodes.FLUSH: return { op: 'flush', handle: handleOf(fields) };
    case opcodes.RELEASE: return { op: 'release', handle: handleOf(fields) };
    case opcodes.RELEASEDIR: return { op: 'releasedir', handle: handleOf(fields) };
    case opcodes.FSYNC: return { op: 'fsync', handle: handleOf(fields), dataOnly: (fields.u32() & fsyncDataOnly) !== 0 };
    case opcodes.FSYNCDIR: return { op: 'fsyncdir', handle: handleOf(fields), dataOnly: (fields.u32() & fsyncDataOnly) !== 0 };
    case opcodes.STATFS: return { op: 'statfs' };
    case opcodes.DESTROY: return { op: 'destroy' };
    case opcodes.NOTIFY_REPLY: return { op: 'notifyReply' };
    case opcodes.ACCESS: return { op: 'access', mask: fields.u32() };
    case opcodes.GETXATTR: return getxattr(fields);
    case opcodes.LISTXATTR: return { op: 'listxattr', size: fields.u32() };
    case opcodes.SETXATTR: return setxattr(fields);
    case opcodes.REMOVEXATTR: return { op: 'removexattr', name: fields.text(xattrNameMax) };
    case opcodes.INTERRUPT: return { op: 'interrupt', target: fields.u64('the number of a request') };
    case opcodes.LSEEK: return lseek(fields);
    case opcodes.FALLOCATE: return fallocate(fields);
    case opcodes.COPY_FILE_RANGE: return copyRange(fields, false);
    case opcodes.COPY_FILE_RANGE_64: return copyRange(fields, true);
    case opcodes.INIT: return init(fields);
    default: return { op: 'unknown' };
  }
}

function handleOf(fields: FieldReader): number {
  return fields.u64('a handle');
}

function openFlags(bits: number): DecodedOpenFlags {
  const access = bits & openBits.ACCMODE;
  return {
    read: access !== openBits.WRONLY,
    write: access === openBits.WRONLY || access === openBits.RDWR,
    append: (bits & openBits.APPEND) !== 0,
    truncate: (bits & openBits.TRUNC) !== 0,
    exclusive: (bits & openBits.EXCL) !== 0,
  };
}

function forgets(fields: FieldReader): { node: number; lookups: number }[] {
  const count = fields.u32();
  fields.skip(4);
  if (fields.left < count * 16) throw new FsError('EINVAL', 'a request that ends too early');
  return Array.from({ length: count }, () => ({
    node: fields.u64('the number of a node'),
    lookups: fields.u64('a lookup count'),
  }));
}

function getattr(fields: FieldReader): Operation {
  const flags = fields.u32();
  fields.skip(4);
  const handle = handleOf(fields);
  return { op: 'getattr', handle: (flags & getattrHandle) === 0 ? undefined : handle };
}

function setattr(fields: FieldReader): Operation {
  const valid = fields.u32();
  const has = (bit: number): boolean => (valid & bit) !== 0;
  fields.skip(4);
  // Fields that are not valid may hold anything: only those that are meant are checked.
  const handle = fields.when(has(setattrBits.FH), () => handleOf(fields));
  const size = fields.when(has(setattrBits.SIZE), () => fields.u64('a size', 'EFBIG'));
  fields.skip(8); // the lock's owner
  const atimeSeconds = fields.when(setsTime(valid, setattrBits.ATIME, setattrBits.ATIME_NOW), () => fields.i64('a time'));
  const mtimeSeconds = fields.when(setsTime(valid, setattrBits.MTIME, setattrBits.MTIME_NOW), () => fields.i64('a time'));
  fields.skip(8); // the time of change: only a kernel that owns the times sends it
  const atimeNanoseconds = fields.u32();
  const mtimeNanoseconds = fields.u32();
  fields.skip(4);
  const mode = fields.u32();
  fields.skip(4);
  const uid = fields.u32();
  const gid = fields.u32();
  fields.skip(4);
  return {
    op: 'setattr',
    ...(handle === undefined ? {} : { handle }),
    ...(has(setattrBits.MODE) ? { mode: mode & permissionMask } : {}),
    ...(has(setattrBits.UID) ? { uid } : {}),
    ...(has(setattrBits.GID) ? { gid } : {}),
    ...(size === undefined ? {} : { size }),
    ...(has(setattrBits.ATIME) ? { atime: timeChange(atimeSeconds, atimeNanoseconds) } : {}),
    ...(has(setattrBits.MTIME) ? { mtime: timeChange(mtimeSeconds, mtimeNanoseconds) } : {}),
  };
}

function setsTime(valid: number, bit: number, nowBit: number): boolean {
  return (valid & bit) !== 0 && (valid & nowBit) === 0;
}

function timeChange(seconds: number | undefined, nanoseconds: number): TimeSpec | 'now' {
  if (seconds === undefined) return 'now';
  if (nanoseconds > 999_999_999) throw new FsError('EINVAL', 'more nanoseconds than a second has');
  return { seconds, nanoseconds };
}

function link(fields: FieldReader): Operation {
  fields.skip(8); // the node to be linked
  return { op: 'link', name: fields.entryName() };
}

function mknod(fields: FieldReader): Operation {
  const mode = fields.u32();
  fields.skip(4); // the device's number
  const umask = fields.u32();
  fields.skip(4);
  return { op: 'mknod', mode, umask, name: fields.entryName() };
}

function rename(fields: FieldReader, second: boolean): Operation {
  const newParent = fields.u64('the number of a node');
  const flags = second ? fields.u32() : 0;
  if (second) fields.skip(4);
  return { op: 'rename', newParent, flags, name: fields.entryName(), newName: fields.entryName() };
}

function create(fields: FieldReader): Operation {
  const flags = openFlags(fields.u32());
  const mode = fields.u32() & permissionMask;
  const umask = fields.u32();
  fields.skip(4);
  return { op: 'create', flags, mode, umask, name: fields.entryName() };
}

function readFields(fields: FieldReader): ReadFields {
  const handle = handleOf(fields);
  const offset = fields.u64('an offset');
  const size = fields.u32();
  fields.skip(20); // flags, the lock's owner, open(2)'s flags again
  return { handle, offset, size };
}

function write(fields: FieldReader): Operation {
  const handle = handleOf(fields);
  const offset = fields.u64('an offset', 'EFBIG');
  const size = fields.u32();
  const fromPageCache = (fields.u32() & writeFromCache) !== 0;
  fields.skip(16); // the lock's owner, open(2)'s flags again
  if (!Number.isSafeInteger(offset + size)) throw new FsError('EFBIG', 'a write that ends past 2^53');
  return { op: 'write', handle, offset, data: fields.view(size), fromPageCache };
}

function getxattr(fields: FieldReader): Operation {
  const size = fields.u32();
  fields.skip(4);
  return { op: 'getxattr', size, name: fields.text(xattrNameMax) };
}

function setxattr(fields: FieldReader): Operation {
  const size = fields.u32();
  const flags = fields.u32();
  const name = fields.text(xattrNameMax);
  return { op: 'setxattr', name, flags, value: Uint8Array.from(fields.view(size)) };
}

function lseek(fields: FieldReader): Operation {
  const handle = handleOf(fields);
  // No file goes that far: what lseek(2) says of an offset behind the end.
  const offset = fields.u64('an offset', 'ENXIO');
  return { op: 'lseek', handle, offset, whence: fields.u32() };
}

function fallocate(fields: FieldReader): Operation {
  const handle = handleOf(fields);
  const offset = fields.u64('an offset', 'EFBIG');
  const length = fields.u64('a length', 'EFBIG');
  if (!Number.isSafeInteger(offset + length)) throw new FsError('EFBIG', 'a size past 2^53');
  return { op: 'fallocate', handle, offset, length, mode: fields.u32() };
}

function copyRange(fields: FieldReader, wide: boolean): Operation {
  const handle = handleOf(fields);
  const offset = fields.u64('an offset', 'EFBIG');
  const toNode = fields.u64('the number of a node');
  const toHandle = handleOf(fields);
  const toOffset = fields.u64('an offset', 'EFBIG');
  const asked = fields.u64('a length', 'EFBIG');
  // Kernels before 6.17 ask for more than the 32 bits of their reply can say.
  const length = wide ? asked : Math.min(asked, narrowCopyMax);
  if (!Number.isSafeInteger(Math.max(offset, toOffset) + length)) throw new FsError('EFBIG', 'a copy that ends past 2^53');
  return { op: 'copyRange', handle, offset, toNode, toHandle, toOffset, length, flags: fields.u64('flags'), wide };
}

function init(fields: FieldReader): Operation {
  const major = fields.u32();
  const minor = fields.u32();
  // A kernel of another major version may send these two alone.
  const rest = fields.left >= 8;
  const maxReadahead = rest ? fields.u32() : 0;
  const flags = rest ? fields.u32() : 0;
  return { op: 'init', major, minor, maxReadahead, flags, flags2: fields.left >= 4 ? fields.u32() : 0 };
}
