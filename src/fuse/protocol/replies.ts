/**
 * Typed replies made bytes: arrays of buffers for one writev, in which a READ's body stays the pieces
 * that the file system gave, uncopied.
 */
import type { Attributes, AttributesReply, EntryReply, NegativeReply, OpenReply, StatfsReply } from '../../filesystem/filesystem.js';
import { modeType, openReplyBits, permissionMask } from './flags.js';
import { fromMilliseconds, ttlTime } from './times.js';
import { writeI64, writeU64 } from './wire.js';

/** What an operation answers when it does not fail. */
export type Reply =
  | { readonly kind: 'done' }
  | { readonly kind: 'entry'; readonly entry: EntryReply | NegativeReply }
  | { readonly kind: 'attributes'; readonly attributes: AttributesReply }
  | { readonly kind: 'opened'; readonly opened: OpenReply }
  | { readonly kind: 'created'; readonly created: EntryReply & OpenReply }
  | { readonly kind: 'data'; readonly pieces: readonly Uint8Array[] }
  | { readonly kind: 'written'; readonly size: number }
  | { readonly kind: 'copied'; readonly size: number }
  | { readonly kind: 'statfs'; readonly statfs: StatfsReply }
  | { readonly kind: 'xattrSize'; readonly size: number }
  | { readonly kind: 'offset'; readonly offset: number };

export const replyHeaderSize = 16;
const attributesSize = 88;
/** `entry_out`: also what stands before each entry of a READDIRPLUS. */
export const entrySize = 40 + attributesSize;
const openSize = 16;
const statfsSize = 80;

/** Unit of `st_blksize`: a page, since the kernel takes it for the unit of its own bookkeeping. */
const blockSize = 4096;

/** The buffers of a reply, the header first. */
export function encodeReply(unique: number, reply: Reply): Uint8Array[] {
  switch (reply.kind) {
    case 'done':
      return [header(unique, 0, 0)];
    case 'entry': {
      const bytes = header(unique, 0, entrySize);
      writeEntry(bytes, reply.entry, replyHeaderSize);
      return [bytes];
    }
    case 'attributes': {
      const bytes = header(unique, 0, 16 + attributesSize);
      const ttl = ttlTime(reply.attributes.ttl);
      writeU64(bytes, ttl.seconds, replyHeaderSize);
      bytes.writeUInt32LE(ttl.nanoseconds, replyHeaderSize + 8);
      bytes.writeUInt32LE(0, replyHeaderSize + 12);
      writeAttributes(bytes, reply.attributes.attributes, replyHeaderSize + 16);
      return [bytes];
    }
    case 'opened': {
      const bytes = header(unique, 0, openSize);
      writeOpened(bytes, reply.opened, replyHeaderSize);
      return [bytes];
    }
    case 'created': {
      const bytes = header(unique, 0, entrySize + openSize);
      writeEntry(bytes, reply.created, replyHeaderSize);
      writeOpened(bytes, reply.created, replyHeaderSize + entrySize);
      return [bytes];
    }
    case 'data': {
      const size = reply.pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
      const bytes = header(unique, 0, 0);
      bytes.writeUInt32LE(replyHeaderSize + size, 0);
      return [bytes, ...reply.pieces];
    }
    case 'written':
    case 'xattrSize': {
      const bytes = header(unique, 0, 8);
      bytes.writeUInt32LE(reply.size, replyHeaderSize);
      bytes.writeUInt32LE(0, replyHeaderSize + 4);
      return [bytes];
    }
    case 'statfs': {
      const bytes = header(unique, 0, statfsSize);
      writeStatfs(bytes, reply.statfs, replyHeaderSize);
      return [bytes];
    }
    case 'copied':
    case 'offset': {
      const bytes = header(unique, 0, 8);
      writeU64(bytes, reply.kind === 'copied' ? reply.size : reply.offset, replyHeaderSize);
      return [bytes];
    }
  }
}

/** The reply of a failed request; `errno` is its positive number on Linux. */
export function encodeError(unique: number, errno: number): Uint8Array[] {
  return [header(unique, -errno, 0)];
}

/** A header with room for `size` bytes behind it, which are not set yet. */
export function header(unique: number, error: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(replyHeaderSize + size);
  bytes.writeUInt32LE(replyHeaderSize + size, 0);
  bytes.writeInt32LE(error, 4);
  writeU64(bytes, unique, 8);
  return bytes;
}

/** Writes an `entry_out`. Nodes are never given twice, so their generation is always 0. */
export function writeEntry(bytes: Buffer, entry: EntryReply | NegativeReply, at: number): void {
  const ttl = ttlTime(entry.ttl);
  bytes.fill(0, at, at + entrySize);
  writeU64(bytes, entry.node, at);
  writeU64(bytes, ttl.seconds, at + 16);
  writeU64(bytes, ttl.seconds, at + 24);
  bytes.writeUInt32LE(ttl.nanoseconds, at + 32);
  bytes.writeUInt32LE(ttl.nanoseconds, at + 36);
  if ('attributes' in entry) writeAttributes(bytes, entry.attributes, at + 40);
}

function writeAttributes(bytes: Buffer, attributes: Attributes, at: number): void {
  const atime = fromMilliseconds(attributes.atime);
  const mtime = fromMilliseconds(attributes.mtime);
  const ctime = fromMilliseconds(attributes.ctime);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, attributes.ino), at);
  writeU64(bytes, attributes.size, at + 8);
  writeU64(bytes, attributes.blocks, at + 16);
  writeI64(bytes, atime.seconds, at + 24);
  writeI64(bytes, mtime.seconds, at + 32);
  writeI64(bytes, ctime.seconds, at + 40);
  bytes.writeUInt32LE(atime.nanoseconds, at + 48);
  bytes.writeUInt32LE(mtime.nanoseconds, at + 52);
  bytes.writeUInt32LE(ctime.nanoseconds, at + 56);
  bytes.writeUInt32LE(modeOf(attributes), at + 60);
  bytes.writeUInt32LE(attributes.nlink, at + 64);
  bytes.writeUInt32LE(attributes.uid, at + 68);
  bytes.writeUInt32LE(attributes.gid, at + 72);
  bytes.writeUInt32LE(0, at + 76); // no device
  bytes.writeUInt32LE(blockSize, at + 80);
  bytes.writeUInt32LE(0, at + 84); // no flags
}

function modeOf(attributes: Attributes): number {
  const type = attributes.kind === 'folder' ? modeType.FOLDER : modeType.FILE;
  return type | (attributes.mode & permissionMask);
}

function writeOpened(bytes: Buffer, opened: OpenReply, at: number): void {
  const keep = opened.keepCache ? openReplyBits.KEEP_CACHE : 0;
  const direct = opened.directIo ? openReplyBits.DIRECT_IO : 0;
  writeU64(bytes, opened.handle, at);
  bytes.writeUInt32LE(keep | direct, at + 8);
  bytes.writeUInt32LE(0, at + 12);
}

function writeStatfs(bytes: Buffer, statfs: StatfsReply, at: number): void {
  bytes.fill(0, at, at + statfsSize);
  writeU64(bytes, statfs.blocks, at);
  writeU64(bytes, statfs.blocksFree, at + 8);
  writeU64(bytes, statfs.blocksFree, at + 16);
  writeU64(bytes, statfs.files, at + 24);
  writeU64(bytes, statfs.filesFree, at + 32);
  bytes.writeUInt32LE(statfs.blockSize, at + 40);
  bytes.writeUInt32LE(statfs.nameLength, at + 44);
  bytes.writeUInt32LE(statfs.blockSize, at + 48);
}
