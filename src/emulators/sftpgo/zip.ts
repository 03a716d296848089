/**
 * A zip as it is streamed: sizes and checksum follow the data, since they are not known before. Written here and not
 * by a library, because the record shows the flag bits of each entry (bit 3 for files, none for folders, no UTF-8 bit
 * for plain names) and the libraries at hand set others.
 */
import { crc32, createDeflateRaw } from 'node:zlib';
import { pipeline, Readable } from 'node:stream';

export interface ZipEntry {
  /** Relative, folders with a `/` at the end. */
  readonly name: string;
  /** Seconds since the epoch. */
  readonly modifiedS: number;
  /** A file's bytes; undefined for a folder. */
  readonly content: AsyncIterable<Uint8Array> | undefined;
}

interface Written {
  readonly name: Buffer;
  readonly modifiedS: number;
  readonly flags: number;
  readonly method: 0 | 8;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

const sizesFollow = 0x8;
const nameIsUtf8 = 0x800;
const deflate = 8;
const max32 = 0xffffffff;
const max16 = 0xffff;

/** The bytes of a zip with these entries. Where the entries end in an exception, the zip ends there, too. */
export async function* zip(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Buffer> {
  const written: Written[] = [];
  let offset = 0;
  for await (const { name, modifiedS, content } of entries) {
    const flags = (content === undefined ? 0 : sizesFollow) | (/^[\x20-\x7e]*$/u.test(name) ? 0 : nameIsUtf8);
    const start = { name: Buffer.from(name), modifiedS, flags, method: content === undefined ? 0 : deflate, offset } as const;
    const head = localHeader(start);
    yield head;
    offset += head.length;
    let sums = { crc: 0, packed: 0, size: 0 };
    if (content !== undefined) {
      const counted = { crc: 0, size: 0 };
      let packed = 0;
      for await (const piece of pipeline(Readable.from(counting(content, counted)), createDeflateRaw({ level: 5 }), () => undefined)) {
        const bytes = Buffer.from(piece);
        packed += bytes.length;
        yield bytes;
      }
      sums = { ...counted, packed };
      const descriptor = dataDescriptor(sums);
      yield descriptor;
      offset += packed + descriptor.length;
    }
    written.push({ ...start, ...sums });
  }
  yield* end(written, offset);
}

async function* counting(content: AsyncIterable<Uint8Array>, sums: { crc: number; size: number }): AsyncGenerator<Buffer> {
  for await (const piece of content) {
    // The packer may hold on to a piece while the next is read into the same buffer.
    const bytes = Buffer.from(piece);
    sums.crc = crc32(bytes, sums.crc);
    sums.size += bytes.length;
    yield bytes;
  }
}

function localHeader(entry: Pick<Written, 'name' | 'modifiedS' | 'flags' | 'method'>): Buffer {
  const extra = timeExtra(entry.modifiedS);
  const head = Buffer.alloc(30);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(20, 4);
  head.writeUInt16LE(entry.flags, 6);
  head.writeUInt16LE(entry.method, 8);
  head.writeUInt32LE(dosTime(entry.modifiedS), 10);
  head.writeUInt16LE(entry.name.length, 26);
  head.writeUInt16LE(extra.length, 28);
  return Buffer.concat([head, entry.name, extra]);
}

function dataDescriptor({ crc, packed, size }: Pick<Written, 'crc' | 'packed' | 'size'>): Buffer {
  const isLarge = packed >= max32 || size >= max32;
  const descriptor = Buffer.alloc(isLarge ? 24 : 16);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(crc, 4);
  if (isLarge) {
    descriptor.writeBigUInt64LE(BigInt(packed), 8);
    descriptor.writeBigUInt64LE(BigInt(size), 16);
  } else {
    descriptor.writeUInt32LE(packed, 8);
    descriptor.writeUInt32LE(size, 12);
  }
  return descriptor;
}

function* end(written: readonly Written[], start: number): Generator<Buffer> {
  let size = 0;
  for (const entry of written) {
    const record = centralRecord(entry);
    size += record.length;
    yield record;
  }
  if (written.length >= max16 || size >= max32 || start >= max32) yield zip64End(written.length, size, start);
  const last = Buffer.alloc(22);
  last.writeUInt32LE(0x06054b50, 0);
  last.writeUInt16LE(Math.min(written.length, max16), 8);
  last.writeUInt16LE(Math.min(written.length, max16), 10);
  last.writeUInt32LE(Math.min(size, max32), 12);
  last.writeUInt32LE(Math.min(start, max32), 16);
  yield last;
}

function centralRecord(entry: Written): Buffer {
  const isLarge = entry.packed >= max32 || entry.size >= max32 || entry.offset >= max32;
  const extra = isLarge ? Buffer.concat([timeExtra(entry.modifiedS), largeExtra(entry)]) : timeExtra(entry.modifiedS);
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE(20, 4);
  record.writeUInt16LE(isLarge ? 45 : 20, 6);
  record.writeUInt16LE(entry.flags, 8);
  record.writeUInt16LE(entry.method, 10);
  record.writeUInt32LE(dosTime(entry.modifiedS), 12);
  record.writeUInt32LE(entry.crc, 16);
  record.writeUInt32LE(isLarge ? max32 : entry.packed, 20);
  record.writeUInt32LE(isLarge ? max32 : entry.size, 24);
  record.writeUInt16LE(entry.name.length, 28);
  record.writeUInt16LE(extra.length, 30);
  record.writeUInt32LE(isLarge ? max32 : entry.offset, 42);
  return Buffer.concat([record, entry.name, extra]);
}

/** The extra field for what does not fit into 32 bits. */
function largeExtra(entry: Written): Buffer {
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(entry.size), 4);
  extra.writeBigUInt64LE(BigInt(entry.packed), 12);
  extra.writeBigUInt64LE(BigInt(entry.offset), 20);
  return extra;
}

function zip64End(entries: number, size: number, start: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(entries), 24);
  record.writeBigUInt64LE(BigInt(entries), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(start + size), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

/** The time to the second: the zip's own field knows even seconds only, and no time zone. */
function timeExtra(seconds: number): Buffer {
  const extra = Buffer.alloc(9);
  extra.writeUInt16LE(0x5455, 0);
  extra.writeUInt16LE(5, 2);
  extra.writeUInt8(1, 4);
  extra.writeInt32LE(Math.max(-0x80000000, Math.min(0x7fffffff, seconds)), 5);
  return extra;
}

/** Time in the low 16 bits, date in the high ones, from 1980 on. */
function dosTime(seconds: number): number {
  const date = new Date(Math.max(seconds, 315532800) * 1000);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}
