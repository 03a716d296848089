/** Numbers as fuse-native hands them over. */
import { describe, expect, test } from 'vitest';
import { fromHalves, modificationTime, statArray, statvfsArray } from '../../../src/fuse/path/fuse-native-layout.js';
import { FoldedInodeNumbers } from '../../../src/fuse/path/inode-numbers.js';

describe('the time of modification', () => {
  const memory = (at: number) => {
    const bytes = Buffer.alloc(200);
    bytes.writeBigInt64LE(1_000_000_000_123n, at);
    bytes.writeBigInt64LE(1_500_000_000_456n, at + 8);
    return bytes;
  };
  const access = [1_000_000_000_123 % 2 ** 32, Math.floor(1_000_000_000_123 / 2 ** 32)] as const;

  test.each([['linux x64', 104], ['darwin x64', 96]])('stands behind the time of access in the memory of %s', (system, at) => {
    expect(modificationTime(memory(at), ...access, system)).toBe(1_500_000_000_456);
  });

  test('is not believed where the time of access does not stand there, nor on a system that nobody has looked at', () => {
    expect(modificationTime(memory(96), ...access, 'linux x64')).toBeUndefined();
    expect(modificationTime(memory(104), ...access, 'linux arm64')).toBeUndefined();
    expect(modificationTime(Buffer.alloc(100), ...access, 'linux x64')).toBeUndefined();
  });
});

test.each([[5, 0, 5], [0, 1, 2 ** 32], [0xffff_ffff, 0xffff_ffff, -1]])('halves %i and %i are %i', (low, high, number) => {
  expect(fromHalves(low, high)).toBe(number);
});

test('a drive of 1 EiB is told in blocks that 32 bits can count', () => {
  const told = statvfsArray({ blockSize: 4096, blocks: 2 ** 48, blocksFree: 2 ** 47, files: 2 ** 40, filesFree: 2 ** 40, nameLength: 255 });
  expect((told[1] ?? 0) * (told[2] ?? 0)).toBe(2 ** 60);
});

test('a time before 1970 is told as 1970', () => {
  const told = statArray({ ino: 1n, kind: 'file', mode: 0o644, nlink: 1, uid: 0, gid: 0, size: 2 ** 40 + 7, blocks: 1, atime: -5, mtime: -5, ctime: 2 ** 41 }, 9);
  expect([told[0], told[3], told[4], told[7], told[12], told[14], told[16], told[17]]).toEqual([0o100644, 7, 256, 9, 0, 0, 0, 512]);
});

describe('numbers of inodes in 32 bits', () => {
  test('are the same at every mount, and the root keeps its own', () => {
    const ino = 0x1234_5678_9abc_def0n;
    expect(new FoldedInodeNumbers(10).number(ino)).toBe(new FoldedInodeNumbers(10).number(ino));
    expect(new FoldedInodeNumbers(10).number(1n)).toBe(1);
  });

  test('no two files that are remembered share one', () => {
    const numbers = new FoldedInodeNumbers(100);
    // The same when folded.
    const found = [0x1_0000_0100n, 0x2_0000_0103n, 0x3_0000_0102n].map((ino) => numbers.number(ino));
    expect(new Set(found).size).toBe(3);
    expect(numbers.number(0x1_0000_0100n)).toBe(found[0]);
  });
});
