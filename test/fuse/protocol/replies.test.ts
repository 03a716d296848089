import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../../src/filesystem/filesystem.js';
import { encodeError, encodeReply, type Reply } from '../../../src/fuse/protocol/replies.js';
import { encodeForgetAttributes, encodeInvalidateEntry, encodeInvalidateNode } from '../../../src/fuse/protocol/notify.js';
import { gather } from '../../../src/fuse/protocol/gather.js';

const unique = 0x1_0000_0002;

const attributes: Attributes = {
  ino: 0xf123_4567_89ab_cdefn, kind: 'file', mode: 0o644, nlink: 1, uid: 1000, gid: 100, size: 5_000_000_001, blocks: 9_765_626,
  atime: 1_706_933_106_000.001, mtime: -1499.999, ctime: 0.5,
};

function hex(message: readonly Uint8Array[]): string {
  return Buffer.concat(message).toString('hex');
}

/** 32 and 64 bits as they stand on the wire. */
const u32 = (value: number): string => hex([Buffer.from(Uint32Array.of(value).buffer)]);
const u64 = (value: bigint): string => hex([Buffer.from(BigInt64Array.of(BigInt.asIntN(64, value)).buffer)]);

const attributeBytes = [
  u64(0xf123_4567_89ab_cdefn), u64(5_000_000_001n), u64(9_765_626n), u64(1_706_933_106n), u64(-2n), u64(0n),
  u32(1000), u32(500_001_000), u32(500_000), u32(0o100644), u32(1), u32(1000), u32(100), u32(0), u32(4096), u32(0),
].join('');
const entryBytes = [u64(7n), u64(0n), u64(1n), u64(1n), u32(500_000_000), u32(500_000_000), attributeBytes].join('');

describe('a reply', () => {
  it.each<[string, Reply, string]>([
    ['done', { kind: 'done' }, u32(16)],
    ['an entry', { kind: 'entry', entry: { node: 7, ttl: 1500, attributes } }, u32(144) + entryBytes],
    ['an absent entry, with how long it may be believed', { kind: 'entry', entry: { node: 0, ttl: 1500 } },
      u32(144) + u64(0n) + u64(0n) + u64(1n) + u64(1n) + u32(500_000_000) + u32(500_000_000) + '00'.repeat(88)],
    ['attributes', { kind: 'attributes', attributes: { ttl: 1500, attributes } }, u32(120) + u64(1n) + u32(500_000_000) + u32(0) + attributeBytes],
    ['an opened file', { kind: 'opened', opened: { handle: 9, keepCache: false, directIo: false } }, u32(32) + u64(9n) + u32(0) + u32(0)],
    ['an opened file whose pages are good', { kind: 'opened', opened: { handle: 9, keepCache: true, directIo: false } }, u32(32) + u64(9n) + u32(2) + u32(0)],
    ['an opened file without pages', { kind: 'opened', opened: { handle: 9, keepCache: false, directIo: true } }, u32(32) + u64(9n) + u32(1) + u32(0)],
    ['a created file', { kind: 'created', created: { node: 7, ttl: 1500, attributes, handle: 9, keepCache: true, directIo: false } },
      u32(160) + entryBytes + u64(9n) + u32(2) + u32(0)],
    ['bytes', { kind: 'data', pieces: [Buffer.from('ab'), Buffer.from(''), Buffer.from('cde')] }, u32(21) + '6162636465'],
    ['no bytes', { kind: 'data', pieces: [] }, u32(16)],
    ['a write', { kind: 'written', size: 1048576 }, u32(24) + u32(1048576) + u32(0)],
    ['the size of an attribute', { kind: 'xattrSize', size: 5 }, u32(24) + u32(5) + u32(0)],
    ['a copy past 2^32', { kind: 'copied', size: 5_000_000_001 }, u32(24) + u64(5_000_000_001n)],
    ['an offset past 2^32', { kind: 'offset', offset: 5_000_000_001 }, u32(24) + u64(5_000_000_001n)],
    ['room past 2^53 bytes', { kind: 'statfs', statfs: { blockSize: 4096, blocks: 2 ** 50, blocksFree: 2 ** 49, files: 10, filesFree: 5, nameLength: 255 } },
      u32(96) + u64(2n ** 50n) + u64(2n ** 49n) + u64(2n ** 49n) + u64(10n) + u64(5n) + u32(4096) + u32(255) + u32(4096) + '00'.repeat(28)],
  ])('is %s', (_name, reply, body) => {
    const message = hex(encodeReply(unique, reply));
    // The length first, then no error and the request's number.
    expect(message).toBe(body.slice(0, 8) + u32(0) + u64(0x1_0000_0002n) + body.slice(8));
    expect(message.length / 2).toBe(Buffer.from(message, 'hex').readUInt32LE(0));
  });

  it('is an error: its negative number', () => {
    expect(hex(encodeError(unique, 5))).toBe(u32(16) + u32(0xfffffffb) + u64(0x1_0000_0002n));
  });

  it('hands the bytes of a READ on as they are', () => {
    const pieces = [Buffer.from('ab'), Buffer.from('cde')];
    expect(encodeReply(unique, { kind: 'data', pieces }).slice(1)).toEqual(pieces);
    expect(encodeReply(unique, { kind: 'data', pieces })[1]).toBe(pieces[0]);
  });

  it('shows a folder as one, and none of the bits above the permissions', () => {
    const folder = encodeReply(unique, { kind: 'attributes', attributes: { ttl: 0, attributes: { ...attributes, kind: 'folder', mode: 0o107755 } } });
    expect(Buffer.concat(folder).readUInt32LE(16 + 16 + 60)).toBe(0o047755);
  });

  it('bears any time, rounded to the microsecond', () => {
    const times = fc.double({ min: -1e14, max: 1e14, noNaN: true });
    fc.assert(fc.property(times, (mtime) => {
      const bytes = Buffer.concat(encodeReply(unique, { kind: 'attributes', attributes: { ttl: 0, attributes: { ...attributes, mtime } } }));
      const seconds = Number(bytes.readBigInt64LE(32 + 32));
      const nanoseconds = bytes.readUInt32LE(32 + 52);
      expect(nanoseconds).toBeLessThan(1e9);
      expect(nanoseconds % 1000).toBe(0);
      // Half a microsecond, and what a double of this size cannot tell apart.
      expect(Math.abs(seconds * 1000 + nanoseconds / 1e6 - mtime)).toBeLessThanOrEqual(0.0005001 + Math.abs(mtime) * 2 ** -52);
    }), { numRuns: 2000 });
  });

  it('bears any time to live', () => {
    for (const [ttl, seconds, nanoseconds] of [[0, 0, 0], [-5, 0, 0], [999.5, 0, 999_500_000], [Infinity, 3_153_600_000, 0]] as const) {
      const bytes = Buffer.concat(encodeReply(unique, { kind: 'attributes', attributes: { ttl, attributes } }));
      expect([Number(bytes.readBigUInt64LE(16)), bytes.readUInt32LE(24)]).toEqual([seconds, nanoseconds]);
    }
  });
});

describe('a notice', () => {
  it('that a node changed: all of its pages', () => {
    expect(hex(encodeInvalidateNode(7))).toBe(u32(40) + u32(2) + u64(0n) + u64(7n) + u64(0n) + u64(0n));
    // A negative offset: the attributes alone.
    expect(hex(encodeForgetAttributes(7))).toBe(u32(40) + u32(2) + u64(0n) + u64(7n) + 'ff'.repeat(8) + u64(0n));
  });

  it('that a name changed', () => {
    expect(hex(encodeInvalidateEntry(7, 'é'))).toBe(u32(35) + u32(3) + u64(0n) + u64(7n) + u32(2) + u32(0) + 'c3a900');
  });
});

describe('the pieces of a reply', () => {
  it('stay as they are up to the 1024 that one writev takes', () => {
    const pieces = Array.from({ length: 1024 }, () => Buffer.from('x'));
    expect(gather(pieces)).toBe(pieces);
  });

  it('are fewer where there were more, with the same bytes, the large ones not copied', () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.constant(5000)), { minLength: 1025, maxLength: 3000 });
    fc.assert(fc.property(sizes, (all) => {
      // Up to 1 MiB and a header, as replies are.
      let sum = 0;
      const pieces = all.filter((size) => (sum += size) <= 1024 * 1024 || size < 20).map((size, index) => Buffer.alloc(size, index));
      const gathered = gather(pieces);
      expect(Buffer.concat(gathered).equals(Buffer.concat(pieces))).toBe(true);
      expect(gathered.length).toBeLessThanOrEqual(1024);
      expect(gathered.filter((piece) => piece.length === 5000 && pieces.some((one) => one === piece)).length)
        .toBe(pieces.filter((piece) => piece.length === 5000).length);
    }), { numRuns: 50 });
  });
});
