import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DirectoryEntry, EntryReply } from '../../../src/filesystem/filesystem.js';
import { packEntries, packEntriesPlus } from '../../../src/fuse/protocol/dirents.js';

function entry(name: string, cookie: number, kind: 'file' | 'folder' = 'file'): DirectoryEntry {
  return { name, ino: 0xf000_0000_0000_0000n + BigInt(cookie), kind, cookie };
}

function found(node: number): EntryReply {
  const attributes = {
    ino: BigInt(node), kind: 'file', mode: 0o644, nlink: 1, uid: 0, gid: 0, size: 0, blocks: 0, atime: 0, mtime: 0, ctime: 0,
  } as const;
  return { node, ttl: 1000, attributes };
}

interface Unpacked {
  readonly name: string;
  readonly ino: bigint;
  readonly cookie: number;
  readonly type: number;
  readonly node?: number;
}

/** Reads records as the kernel does. */
function unpack(bytes: Buffer, prefix: 0 | 128): Unpacked[] {
  const records: Unpacked[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + prefix;
    const size = bytes.readUInt32LE(start + 16);
    records.push({
      name: bytes.toString('utf8', start + 24, start + 24 + size),
      ino: bytes.readBigUInt64LE(start),
      cookie: Number(bytes.readBigUInt64LE(start + 8)),
      type: bytes.readUInt32LE(start + 20),
      ...(prefix === 0 ? {} : { node: Number(bytes.readBigUInt64LE(at)) }),
    });
    at += Math.ceil((prefix + 24 + size) / 8) * 8;
  }
  return records;
}

describe('READDIR', () => {
  it('packs number, cookie, type and name, each record to 8 bytes', () => {
    const bytes = packEntries([entry('.', 1, 'folder'), entry('été', 2)], 4096);
    expect(bytes.toString('hex')).toBe(
      '01000000000000f0' + '0100000000000000' + '01000000' + '04000000' + '2e00000000000000' +
      '02000000000000f0' + '0200000000000000' + '05000000' + '08000000' + 'c3a974c3a9000000',
    );
  });

  it('fills no more than the room it has, and takes up no entry behind', () => {
    let taken = 0;
    function* entries(): Iterable<DirectoryEntry> {
      for (let index = 1; ; index += 1) {
        taken = index;
        yield entry('12345678', index);
      }
    }
    expect(packEntries(entries(), 100).length).toBe(96);
    expect(taken).toBe(4);
    expect(packEntries([entry('x', 1)], 31).length).toBe(0);
  });

  it('leaves out a name that no kernel takes, rather than have the whole folder refused', () => {
    const names = ['a', 'b/c', '', 'n'.repeat(256), 'nul\0', 'z'];
    expect(unpack(packEntries(names.map((name, index) => entry(name, index + 1)), 4096), 0).map(({ name }) => name)).toEqual(['a', 'z']);
  });
});

describe('READDIRPLUS', () => {
  it('looks up what fits, and nothing else', () => {
    const looked: string[] = [];
    const entries = ['.', '..', 'one', 'two', 'three'].map((name, index) => entry(name, index + 1, index < 2 ? 'folder' : 'file'));
    const packed = packEntriesPlus(entries, 4 * 160, ({ name, cookie }) => {
      looked.push(name);
      return found(100 + cookie);
    });
    expect(looked).toEqual(['one', 'two']);
    expect(packed.counted).toEqual([103, 104]);
    expect(unpack(packed.bytes, 128).map(({ name, node }) => [name, node])).toEqual([['.', 0], ['..', 0], ['one', 103], ['two', 104]]);
  });

  it('gives an entry that is not known without its attributes', () => {
    const packed = packEntriesPlus([entry('x', 1)], 4096, () => undefined);
    expect(packed.counted).toEqual([]);
    expect(unpack(packed.bytes, 128)).toEqual([{ name: 'x', ino: 0xf000_0000_0000_0001n, cookie: 1, type: 8, node: 0 }]);
  });
});

describe('a folder read in parts', () => {
  it('has each entry once, whatever the room', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((name) => !/[/\0]/.test(name) && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255), { maxLength: 80 });
    fc.assert(fc.property(names, fc.integer({ min: 450, max: 2000 }), fc.boolean(), (all, room, plus) => {
      const entries = all.map((name, index) => entry(name, index + 1));
      const seen: string[] = [];
      for (let cookie = 0; ;) {
        const rest = entries.slice(cookie);
        const bytes = plus ? packEntriesPlus(rest, room, ({ cookie: node }) => found(node)).bytes : packEntries(rest, room);
        const records = unpack(bytes, plus ? 128 : 0);
        expect(bytes.length).toBeLessThanOrEqual(room);
        if (records.length === 0) break;
        seen.push(...records.map(({ name }) => name));
        cookie = records.at(-1)?.cookie ?? cookie;
      }
      expect(seen).toEqual(all);
    }), { numRuns: 300 });
  });
});
