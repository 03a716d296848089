/** What a file system tells the kernel unasked, as bytes: messages whose `unique` is 0 and whose error is a code. */
import { header, replyHeaderSize } from './replies.js';
import { writeU64 } from './wire.js';

const codes = { INVAL_INODE: 2, INVAL_ENTRY: 3 } as const;

/** Forget a node's attributes and all of its pages. */
export function encodeInvalidateNode(node: number): Uint8Array[] {
  // From offset 0, length 0: all.
  return invalidateInode(node, 0n);
}

/** Forget a node's attributes alone. */
export function encodeForgetAttributes(node: number): Uint8Array[] {
  return invalidateInode(node, -1n);
}

function invalidateInode(node: number, offset: bigint): Uint8Array[] {
  const bytes = header(0, codes.INVAL_INODE, 24);
  writeU64(bytes, node, replyHeaderSize);
  bytes.writeBigInt64LE(offset, replyHeaderSize + 8);
  bytes.fill(0, replyHeaderSize + 16);
  return [bytes];
}

/** Forget what is known of a name in a folder. */
export function encodeInvalidateEntry(parent: number, name: string): Uint8Array[] {
  return invalidateEntry(parent, name, 0);
}

/** Believe what is known of a name in a folder no longer; a kernel before 6.2 forgets it instead. */
export function encodeExpireEntry(parent: number, name: string): Uint8Array[] {
  return invalidateEntry(parent, name, expireOnly);
}

/** FUSE_EXPIRE_ONLY. */
const expireOnly = 1;

function invalidateEntry(parent: number, name: string, flags: number): Uint8Array[] {
  const size = Buffer.byteLength(name);
  const bytes = header(0, codes.INVAL_ENTRY, 16 + size + 1);
  writeU64(bytes, parent, replyHeaderSize);
  bytes.writeUInt32LE(size, replyHeaderSize + 8);
  bytes.writeUInt32LE(flags, replyHeaderSize + 12);
  bytes.write(name, replyHeaderSize + 16, 'utf8');
  bytes.writeUInt8(0, bytes.length - 1);
  return [bytes];
}
