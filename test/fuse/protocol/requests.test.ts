import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FsError } from '../../../src/errors.js';
import { opcodes } from '../../../src/fuse/protocol/opcodes.js';
import { decodeHeader, decodeOperation, requestHeaderSize, type Operation } from '../../../src/fuse/protocol/requests.js';
import { fields, request, type Field } from './build.js';
import { recordedRequests } from './recorded-requests.js';

function decode(bytes: Buffer): Operation {
  return decodeOperation(decodeHeader(bytes), bytes);
}

function errnoOf(bytes: Buffer): string {
  try {
    decode(bytes);
    return 'none';
  } catch (thrown) {
    return thrown instanceof FsError ? thrown.errno : `not an FsError: ${String(thrown)}`;
  }
}

describe('a request', () => {
  it.each(recordedRequests)('as the kernel sent it: $name', ({ hex, operation }) => {
    expect(decode(Buffer.from(hex, 'hex'))).toEqual(operation);
  });

  it('has a header with who asks for what', () => {
    expect(decodeHeader(request(opcodes.STATFS))).toEqual({
      length: 40, opcode: 17, unique: 0x1_0000_0002, node: 7, uid: 1000, gid: 100, pid: 42,
    });
  });

  it.each<[string, number, Field[], Operation]>([
    ['INTERRUPT', opcodes.INTERRUPT, [0x1_0000_0004n], { op: 'interrupt', target: 0x1_0000_0004 }],
    ['BATCH_FORGET', opcodes.BATCH_FORGET, [2, 0, 5n, 1n, 6n, 3n], { op: 'batchForget', forgets: [{ node: 5, lookups: 1 }, { node: 6, lookups: 3 }] }],
    ['ACCESS', opcodes.ACCESS, [4, 0], { op: 'access', mask: 4 }],
    ['DESTROY', opcodes.DESTROY, [], { op: 'destroy' }],
    ['LISTXATTR', opcodes.LISTXATTR, [100, 0], { op: 'listxattr', size: 100 }],
    ['NOTIFY_REPLY', opcodes.NOTIFY_REPLY, [0n, 0n, 0, 0, 0n, 0n], { op: 'notifyReply' }],
    ['GETATTR with a handle', opcodes.GETATTR, [1, 0, 9n], { op: 'getattr', handle: 9 }],
    ['WRITE from the page cache', opcodes.WRITE, [3n, 5n, 2, 1, 0n, 0, 0, 'hi'], { op: 'write', handle: 3, offset: 5, data: Buffer.from('hi'), fromPageCache: true }],
    ['INIT of FUSE 7.31, without a second word of flags', opcodes.INIT, [7, 31, 131072, 0xff], { op: 'init', major: 7, minor: 31, maxReadahead: 131072, flags: 0xff, flags2: 0 }],
    ['INIT of another major version', opcodes.INIT, [8, 1], { op: 'init', major: 8, minor: 1, maxReadahead: 0, flags: 0, flags2: 0 }],
    ['an operation of tomorrow', 4242, ['whatever'], { op: 'unknown' }],
    ['RENAME2 with EXCHANGE', opcodes.RENAME2, [1n, 2, 0, 'a\0b\0'], { op: 'rename', newParent: 1, flags: 2, name: 'a', newName: 'b' }],
    ['OPEN to read and write, append, truncate', opcodes.OPEN, [0o102 | 0o3000, 0], { op: 'open', flags: { read: true, write: true, append: true, truncate: true, exclusive: false } }],
  ])('made by hand: %s', (_name, opcode, body, operation) => {
    expect(decode(request(opcode, ...body))).toEqual(operation);
  });

  it('keeps no hold on the buffer it was read from, but for a WRITE', () => {
    const setxattr = request(opcodes.SETXATTR, 2, 0, 'user.k\0vv');
    const decoded = decode(setxattr);
    setxattr.fill(0);
    expect(decoded).toEqual({ op: 'setxattr', name: 'user.k', value: Uint8Array.from(Buffer.from('vv')), flags: 0 });
    const write = request(opcodes.WRITE, 3n, 5n, 2, 0, 0n, 0, 0, 'hi');
    const operation = decode(write);
    expect(operation.op === 'write' && operation.data.buffer === write.buffer).toBe(true);
  });
});

describe('SETATTR', () => {
  /** Every field set to something, so that only `valid` decides. */
  const body = (valid: number): Field[] => [
    valid, 0, 11n, 22n, 33n, -5n, 55n, 66n, 700, 800, 900, 0o100644, 0, 1001, 1002, 0,
  ];
  it.each<[string, number, object]>([
    ['nothing', 0, {}],
    ['the mode, without the type', 1, { mode: 0o644 }],
    ['the user', 2, { uid: 1001 }],
    ['the group', 4, { gid: 1002 }],
    ['the size', 8, { size: 22 }],
    ['the access time', 16, { atime: { seconds: -5, nanoseconds: 700 } }],
    ['the modification time', 32, { mtime: { seconds: 55, nanoseconds: 800 } }],
    ['the handle', 64, { handle: 11 }],
    ['the access time: now', 16 | 128, { atime: 'now' }],
    ['the modification time: now', 32 | 256, { mtime: 'now' }],
    ['now without the time\'s own bit: nothing', 128 | 256, {}],
    ['the lock\'s owner, the time of change, the clearing of set-user-id: nothing', 512 | 1024 | 2048, {}],
    ['all', 0x7f, {
      mode: 0o644, uid: 1001, gid: 1002, size: 22, handle: 11,
      atime: { seconds: -5, nanoseconds: 700 }, mtime: { seconds: 55, nanoseconds: 800 },
    }],
  ])('takes what is valid: %s', (_what, valid, expected) => {
    expect(decode(request(opcodes.SETATTR, ...body(valid)))).toEqual({ op: 'setattr', ...expected });
  });

  it('does not look at what is not valid', () => {
    const huge = 0xffff_ffff_ffff_ffffn;
    const all = [1, 0, huge, huge, huge, huge, huge, huge, 0xffffffff, 0xffffffff, 0xffffffff, 0o600, 0, 1, 2, 0] as const;
    expect(decode(request(opcodes.SETATTR, ...all))).toEqual({ op: 'setattr', mode: 0o600 });
  });

  it('refuses a time with more nanoseconds than a second has', () => {
    const all = [32, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 1_000_000_000, 0, 0, 0, 0, 0, 0] as const;
    expect(errnoOf(request(opcodes.SETATTR, ...all))).toBe('EINVAL');
  });
});

describe('a bad request', () => {
  const past = 2n ** 53n;
  it.each<[string, number, Field[], string]>([
    ['a name that is not UTF-8', opcodes.LOOKUP, [Buffer.from([0x63, 0xe9, 0])], 'EILSEQ'],
    ['half of a surrogate pair', opcodes.LOOKUP, [Buffer.from([0xed, 0xa0, 0x80, 0])], 'EILSEQ'],
    ['an overlong form of a slash', opcodes.LOOKUP, [Buffer.from([0xc0, 0xaf, 0])], 'EILSEQ'],
    ['a second name that is not UTF-8', opcodes.RENAME, [1n, 'a\0', Buffer.from([0xff, 0])], 'EILSEQ'],
    ['a true replacement character', opcodes.LOOKUP, ['\uFFFD\0'], 'none'],
    ['a name without its end', opcodes.LOOKUP, ['abc'], 'EINVAL'],
    ['an empty name', opcodes.LOOKUP, ['\0'], 'EINVAL'],
    ['a name with a slash', opcodes.UNLINK, ['a/b\0'], 'EINVAL'],
    ['the folder itself', opcodes.RMDIR, ['.\0'], 'EINVAL'],
    ['the folder above', opcodes.MKDIR, [0, 0, '..\0'], 'EINVAL'],
    ['255 bytes', opcodes.LOOKUP, [`${'é'.repeat(127)}x\0`], 'none'],
    ['256 bytes', opcodes.LOOKUP, [`${'é'.repeat(128)}\0`], 'ENAMETOOLONG'],
    ['one name of two', opcodes.RENAME, [1n, 'a\0'], 'EINVAL'],
    ['a node past 2^53', opcodes.RENAME, [past, 'a\0b\0'], 'EINVAL'],
    ['an offset of 2^53 - 1', opcodes.READ, [1n, past - 1n, 1, 0, 0n, 0, 0], 'none'],
    ['a read past 2^53', opcodes.READ, [1n, past, 1, 0, 0n, 0, 0], 'EINVAL'],
    ['a write past 2^53', opcodes.WRITE, [1n, past, 1, 0, 0n, 0, 0, 'x'], 'EFBIG'],
    ['a write that ends past 2^53', opcodes.WRITE, [1n, past - 1n, 2, 0, 0n, 0, 0, 'xx'], 'EFBIG'],
    ['a write of more than it brings', opcodes.WRITE, [1n, 0n, 3, 0, 0n, 0, 0, 'xx'], 'EINVAL'],
    ['a size past 2^53', opcodes.SETATTR, [8, 0, 0n, past, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 0, 0, 0], 'EFBIG'],
    ['a time past 2^53', opcodes.SETATTR, [32, 0, 0n, 0n, 0n, 0n, past, 0n, 0, 0, 0, 0, 0, 0, 0, 0], 'EINVAL'],
    ['a time before -2^53', opcodes.SETATTR, [32, 0, 0n, 0n, 0n, 0n, -past - 1n, 0n, 0, 0, 0, 0, 0, 0, 0, 0], 'EINVAL'],
    ['a length past 2^53', opcodes.FALLOCATE, [1n, past - 1n, 2n, 0, 0], 'EFBIG'],
    ['a search past 2^53', opcodes.LSEEK, [1n, past, 3, 0], 'ENXIO'],
    ['more forgets than it brings', opcodes.BATCH_FORGET, [0xffffffff, 0, 1n, 1n], 'EINVAL'],
    ['an attribute\'s name without its end', opcodes.GETXATTR, [0, 0, 'user.k'], 'EINVAL'],
    ['an attribute of more than it brings', opcodes.SETXATTR, [9, 0, 'user.k\0vv'], 'EINVAL'],
  ])('%s: %#', (_name, opcode, body, errno) => {
    expect(errnoOf(request(opcode, ...body))).toBe(errno);
  });

  it('has a length that is not its own', () => {
    expect(errnoOf(Buffer.concat([request(opcodes.STATFS), Buffer.from('x')]))).toBe('EINVAL');
    expect(errnoOf(fields(41, opcodes.STATFS, 2n, 1n, 0, 0, 0, 0))).toBe('EINVAL');
  });

  it.each(recordedRequests)('is one cut short at any byte: $name', ({ hex, operation }) => {
    const whole = Buffer.from(hex, 'hex');
    for (let length = 0; length < whole.length; length += 1) {
      const cut = Buffer.from(whole.subarray(0, length));
      if (length >= 4) cut.writeUInt32LE(length, 0);
      const errno = errnoOf(cut);
      // Trailing fields that nothing is read from may be missing; what is read is still right.
      if (errno === 'none') expect({ length, ...withoutFlags(decode(cut)) }).toEqual({ length, ...withoutFlags(operation) });
      else expect(errno).toBe('EINVAL');
    }
  });

  /** An INIT may end early by right, and then offers nothing. */
  function withoutFlags(operation: Operation): object {
    return operation.op === 'init' ? { op: 'init', major: operation.major, minor: operation.minor } : operation;
  }
});

describe('random bytes', () => {
  const opcode = fc.constantFrom(...Object.values(opcodes));

  it('make a request or an FsError, nothing else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(errnoOf(Buffer.from(bytes))).not.toMatch(/not an FsError/);
    }), { numRuns: 2000 });
  });

  it('behind a right header make a request or an FsError, nothing else', () => {
    fc.assert(fc.property(opcode, fc.uint8Array({ maxLength: 300 }), (code, body) => {
      expect(errnoOf(request(code, body))).not.toMatch(/not an FsError/);
    }), { numRuns: 5000 });
  });

  it('in place of some of a real request\'s make a request or an FsError, nothing else', () => {
    const recorded = fc.constantFrom(...recordedRequests.map(({ hex }) => hex));
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(recorded, changes, (hex, changed) => {
      const bytes = Buffer.from(hex, 'hex');
      for (const [place, value] of changed) bytes.writeUInt8(value, 4 + (place % (bytes.length - 4)));
      expect(errnoOf(bytes)).not.toMatch(/not an FsError/);
    }), { numRuns: 5000 });
  });

  it('that decode have names which are UTF-8 and no longer than they came', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (name) => {
      const bytes = request(opcodes.LOOKUP, name, '\0');
      if (errnoOf(bytes) !== 'none') return;
      const operation = decode(bytes);
      const end = bytes.indexOf(0, requestHeaderSize);
      expect(operation.op === 'lookup' && Buffer.from(operation.name)).toEqual(bytes.subarray(requestHeaderSize, end));
    }), { numRuns: 2000 });
  });
});
