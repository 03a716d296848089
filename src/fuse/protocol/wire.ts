/**
 * The kernel's integers and names, read and written with their bounds checked. FUSE speaks the
 * machine's byte order; every system that Amarre runs on is little-endian, and mounting refuses the rest.
 */
import { isUtf8 } from 'node:buffer';
import { FsError, type Errno } from '../../errors.js';

/** The longest name in bytes that a program can see: `struct dirent` has room for no more. */
export const nameMax = 255;

const two32 = 0x1_0000_0000;
/** The high half of 2^53: a high half from there up is no safe integer. */
const unsafeHigh = 0x20_0000;

/** Reads fields in order. Whatever does not fit throws an FsError: EINVAL where nothing else is said. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** Reads a field of 64 bits where it is meant; else skips it, whatever it holds. */
  when(meant: boolean, field: () => number): number | undefined {
    if (meant) return field();
    this.skip(8);
    return undefined;
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** An unsigned 64-bit number that must be a safe integer, since JavaScript counts no further; else `errno`. */
  u64(what: string, errno: Errno = 'EINVAL'): number {
    const at = this.#take(8);
    const high = this.#bytes.readUInt32LE(at + 4);
    if (high >= unsafeHigh) throw new FsError(errno, `${what} is past 2^53`);
    return high * two32 + this.#bytes.readUInt32LE(at);
  }

  /** A signed 64-bit number, under the same condition: seconds before 1970 are negative. */
  i64(what: string): number {
    const at = this.#take(8);
    const high = this.#bytes.readInt32LE(at + 4);
    if (high >= unsafeHigh || high < -unsafeHigh) throw new FsError('EINVAL', `${what} is past 2^53`);
    return high * two32 + this.#bytes.readUInt32LE(at);
  }

  /** A name of one entry of a folder, closed by NUL. EILSEQ where it is not UTF-8, ENAMETOOLONG past 255 bytes. */
  entryName(): string {
    const name = this.text(nameMax);
    if (!isEntryName(name)) throw new FsError('EINVAL', 'a name that is no name of an entry');
    return name;
  }

  /** Any text closed by NUL, not empty, of at most `limit` bytes. */
  text(limit: number): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(0, start);
    if (end < 0) throw new FsError('EINVAL', 'a name without its end');
    if (end === start) throw new FsError('EINVAL', 'an empty name');
    if (end - start > limit) throw new FsError('ENAMETOOLONG', `a name of ${end - start} bytes: at most ${limit} are allowed`);
    this.#at = end + 1;
    const text = this.#bytes.toString('utf8', start, end);
    // The replacement character is what a wrong byte turns into; a name may also hold it rightly.
    if (text.includes('\uFFFD') && !isUtf8(this.#bytes.subarray(start, end))) {
      throw new FsError('EILSEQ', 'a name that is not UTF-8');
    }
    return text;
  }

  /** The next `count` bytes, not copied: they live as long as the buffer that they were read into. */
  view(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new FsError('EINVAL', 'a request that ends too early');
    this.#at = at + count;
    return at;
  }
}

/** True for what may be the name of one entry: not empty, no slash, no NUL, neither `.` nor `..`. */
export function isEntryName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}

/** Writes a non-negative safe integer as 64 bits. */
export function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % two32, at);
  bytes.writeUInt32LE(Math.floor(value / two32), at + 4);
}

/** Writes a safe integer of either sign as 64 bits in two's complement. */
export function writeI64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / two32);
  bytes.writeUInt32LE(value - high * two32, at);
  bytes.writeInt32LE(high, at + 4);
}
