/**
 * How fuse-native 2.2.6 hands numbers over: arrays of 32-bit halves, and a time of modification that it keeps to
 * itself. Its utimens passes the time of access twice. Both times lie in the memory that it gives along as the
 * number of its thread, where they are read here: the first must be the one that was passed, or nothing is believed.
 */
import { modeType } from '../protocol/flags.js';
import type { Attributes, StatfsReply } from '../../filesystem/filesystem.js';

/** The place of utimens in its array of handlers. */
export const utimensHandler = 12;

const word = 2 ** 32;

/** Where the time of access stands in its `fuse_thread_locals_t`; the time of modification is the next word of 8 bytes. */
const accessTimeAt: Readonly<Record<string, number>> = { 'linux x64': 104, 'darwin x64': 96 };

/**
 * The time of modification that a program sets, in milliseconds since the epoch, from the thread's memory and the
 * time of access as it was passed. Undefined where the memory is not laid out as it should be.
 */
export function modificationTime(memory: Uint8Array, accessLow: number, accessHigh: number, system: string): number | undefined {
  const at = accessTimeAt[system];
  if (at === undefined || memory.byteLength < at + 16) return undefined;
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  if (view.getUint32(at, true) !== accessLow || view.getUint32(at + 4, true) !== accessHigh) return undefined;
  return Number(view.getBigInt64(at + 8, true));
}

/** Two halves as one number; those of a negative time are its two's complement. */
export function fromHalves(low: number, high: number): number {
  return Number(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)));
}

/** `struct stat` as it takes it. It knows no time before 1970, and 32 bits of `st_ino`. */
export function statArray(attributes: Attributes, ino: number): Uint32Array {
  const { kind, mode, uid, gid, size, nlink, blocks, atime, mtime, ctime } = attributes;
  const type = kind === 'folder' ? modeType.FOLDER : modeType.FILE;
  return Uint32Array.of(
    type | mode, uid, gid, ...halves(size), 0, nlink, ino, 0, 4096, ...halves(blocks),
    ...halves(Math.max(0, atime)), ...halves(Math.max(0, mtime)), ...halves(Math.max(0, ctime)),
  );
}

/** `struct statvfs` as it takes it: 32 bits a figure, so that a large drive is told in larger blocks. */
export function statvfsArray(statfs: StatfsReply): Uint32Array {
  let { blockSize, blocks, blocksFree } = statfs;
  for (; Math.max(blocks, blocksFree) >= word && blockSize < word / 2; blocks /= 2, blocksFree /= 2) blockSize *= 2;
  const cut = (count: number): number => Math.min(count, word - 1);
  return Uint32Array.of(
    blockSize, blockSize, cut(blocks), cut(blocksFree), cut(blocksFree), cut(statfs.files), cut(statfs.filesFree), cut(statfs.filesFree), 0, 0, statfs.nameLength,
  );
}

function halves(number: number): [number, number] {
  const whole = Math.floor(number);
  return [whole % word, Math.floor(whole / word)];
}
