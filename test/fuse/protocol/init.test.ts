import { describe, expect, it } from 'vitest';
import { FsError } from '../../../src/errors.js';
import { initFlags, negotiate } from '../../../src/fuse/protocol/init.js';
import type { InitOperation } from '../../../src/fuse/protocol/requests.js';

const wishes = { maxReadahead: 1048576, timeGranularity: 1000 };
const everything = 0xffffffff;

function offer(changes: Partial<InitOperation> = {}): InitOperation {
  return { op: 'init', major: 7, minor: 45, maxReadahead: 131072, flags: everything, flags2: everything, ...changes };
}

function reply(operation: InitOperation): Buffer {
  return Buffer.concat(negotiate(2, operation, wishes).reply);
}

describe('INIT', () => {
  it('agrees on the older minor, 1 MiB requests, and the granularity of times', () => {
    const bytes = reply(offer());
    expect(bytes.length).toBe(80);
    expect({
      length: bytes.readUInt32LE(0), error: bytes.readInt32LE(4), unique: Number(bytes.readBigUInt64LE(8)),
      major: bytes.readUInt32LE(16), minor: bytes.readUInt32LE(20), readahead: bytes.readUInt32LE(24),
      maxBackground: bytes.readUInt16LE(32), congestion: bytes.readUInt16LE(34),
      maxWrite: bytes.readUInt32LE(36), granularity: bytes.readUInt32LE(40), maxPages: bytes.readUInt16LE(44), flags2: bytes.readUInt32LE(48),
    }).toEqual({
      length: 80, error: 0, unique: 2, major: 7, minor: 45, readahead: 131072,
      maxBackground: 64, congestion: 48, maxWrite: 1048576, granularity: 1000, maxPages: 256, flags2: 1 << 4,
    });
    expect(reply(offer({ minor: 31 })).readUInt32LE(20)).toBe(31);
    expect(reply(offer({ minor: 99 })).readUInt32LE(20)).toBe(45);
  });

  it('asks for what is wanted of what is offered, and for nothing else', () => {
    const wanted = Object.values(initFlags).reduce((sum, bit) => sum | bit, 0);
    expect(reply(offer()).readUInt32LE(28)).toBe(wanted);
    expect(reply(offer({ flags: initFlags.ASYNC_READ | initFlags.MAX_PAGES | (1 << 16) })).readUInt32LE(28)).toBe(initFlags.ASYNC_READ | initFlags.MAX_PAGES);
    expect(reply(offer({ flags: 0 })).readUInt32LE(28)).toBe(0);
    expect(reply(offer({ flags2: 0 })).readUInt32LE(48)).toBe(0);
    // Without INIT_EXT what stands there is none of the kernel's words.
    expect(reply(offer({ flags: initFlags.ASYNC_READ })).readUInt32LE(48)).toBe(0);
  });

  it.each([
    ['POSIX_LOCKS', 1], ['EXPORT_SUPPORT', 4], ['DONT_MASK', 6], ['FLOCK_LOCKS', 10], ['WRITEBACK_CACHE', 16],
    ['NO_OPEN_SUPPORT', 17], ['POSIX_ACL', 20], ['NO_OPENDIR_SUPPORT', 24],
  ])('never asks for %s', (_name, bit) => {
    expect(reply(offer()).readUInt32LE(28) & (1 << bit)).toBe(0);
  });

  it('refuses a kernel before 7.31, with a sentence', () => {
    for (const old of [{ minor: 30 }, { major: 6, minor: 99 }]) {
      expect(() => negotiate(2, offer(old), wishes)).toThrow(FsError);
    }
    expect(() => negotiate(2, offer({ minor: 30 }), wishes)).toThrow('this kernel speaks FUSE 7.30; Amarre needs 7.31 (Linux 5.4) or later');
  });

  it('answers a newer major version with its own, and waits to be asked again', () => {
    const outcome = negotiate(2, offer({ major: 8, minor: 0 }), wishes);
    expect(outcome.kind).toBe('again');
    expect(Buffer.concat(outcome.reply).readUInt32LE(16)).toBe(7);
  });
});
