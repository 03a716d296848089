/**
 * Reads the one file of a zip while it streams in. Its sizes and checksum stand behind its data (deflate
 * with a data descriptor), so that only the end tells whether all came. (SFTPGo's page: files, streamzip)
 */
import { once } from 'node:events';
import { crc32, createInflateRaw } from 'node:zlib';
import { FsError, toFsError } from '../../errors.js';

const localHeader = 0x04034b50;
const descriptorMark = 0x08074b50;
const headerLength = 30;
const deflated = 8;
const sizesFollow = 0x8;
const timeField = 0x5455;
/** From this size on, in bytes, the descriptor has eight bytes for each size. */
const large = 0xffffffff;

/** What the zip says of the file before its data. */
export interface ZipHead {
  readonly name: string;
  /** Milliseconds since the epoch, a whole second; undefined where only the old field, without a time zone, tells. */
  readonly modified: number | undefined;
}

/** Takes bytes from pieces as they are asked for. */
class Source {
  private piece: Uint8Array = new Uint8Array(0);
  constructor(private readonly pieces: AsyncIterator<Uint8Array>) {}

  /** The next piece; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.piece.length > 0) {
      const { piece } = this;
      this.piece = new Uint8Array(0);
      return piece;
    }
    const next = await this.pieces.next();
    return next.done === true ? undefined : next.value;
  }

  giveBack(rest: Uint8Array): void {
    this.piece = this.piece.length === 0 ? rest : Buffer.concat([rest, this.piece]);
  }

  /** Exactly so many bytes. EIO, retryable, where the zip ends before. */
  async take(length: number): Promise<Buffer> {
    const taken: Uint8Array[] = [];
    let count = 0;
    while (count < length) {
      const piece = await this.next();
      if (piece === undefined) throw cutOff();
      taken.push(piece);
      count += piece.length;
    }
    const all = Buffer.concat(taken);
    if (count > length) this.giveBack(all.subarray(length));
    return all.subarray(0, length);
  }
}

function cutOff(): FsError {
  return new FsError('EIO', 'the zip breaks off', { retryable: true });
}

function damaged(why: string): FsError {
  return new FsError('EIO', `the zip is not understood: ${why}`);
}

export class ZipEntry {
  private constructor(readonly head: ZipHead, private readonly source: Source) {}

  /** Reads up to the data. EIO where this is no zip, is empty, or breaks off; EISDIR for a folder. */
  static async open(pieces: AsyncIterator<Uint8Array>): Promise<ZipEntry> {
    const source = new Source(pieces);
    const fixed = await source.take(4);
    if (fixed.readUInt32LE(0) !== localHeader) throw damaged('it holds no file');
    const header = Buffer.concat([fixed, await source.take(headerLength - 4)]);
    const flags = header.readUInt16LE(6);
    const name = (await source.take(header.readUInt16LE(26))).toString('utf8');
    const modified = readTime(await source.take(header.readUInt16LE(28)));
    if (name.endsWith('/')) throw new FsError('EISDIR', `${name} is a folder`);
    if (header.readUInt16LE(8) !== deflated || (flags & sizesFollow) === 0) throw damaged('it is packed in another way');
    return new ZipEntry({ name, modified }, source);
  }

  /** The file's bytes, to the end, where number and checksum are compared. EIO, retryable, for whatever is not whole. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const inflate = createInflateRaw();
    /** Given to the inflater and perhaps not taken yet; with these, `given` bytes in all. */
    let held: Uint8Array[] = [];
    let given = 0;
    const over = new AbortController();
    const feed = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const piece = await this.source.next();
        if (piece === undefined) {
          inflate.end();
          return;
        }
        held.push(piece);
        given += piece.length;
        if (given - piece.length === inflate.bytesWritten) held = [piece];
        if (!inflate.write(piece)) await once(inflate, 'drain', { signal: over.signal });
      }
    };
    let failure: FsError | undefined;
    inflate.once('end', () => over.abort());
    const feeding = feed().catch((error: unknown) => {
      if (over.signal.aborted) return;
      failure = toFsError(error);
      inflate.destroy();
    });
    const count = { crc: 0, size: 0 };
    try {
      for await (const piece of inflate) {
        if (!Buffer.isBuffer(piece)) throw damaged('text came for bytes');
        count.crc = crc32(piece, count.crc);
        count.size += piece.length;
        yield piece;
      }
    } catch (error) {
      if (failure !== undefined) throw failure;
      if (error instanceof FsError) throw error;
      throw new FsError('EIO', 'the zip is cut off or damaged', { cause: error, retryable: true });
    } finally {
      over.abort();
      inflate.destroy();
    }
    await feeding;
    // What the inflater did not take stands behind the data.
    const all = Buffer.concat(held);
    this.source.giveBack(all.subarray(all.length - (given - inflate.bytesWritten)));
    await this.checkEnd({ ...count, packed: inflate.bytesWritten });
  }

  private async checkEnd({ crc, size, packed }: { readonly crc: number; readonly size: number; readonly packed: number }): Promise<void> {
    const descriptor = await this.source.take(size >= large || packed >= large ? 24 : 16);
    const told = descriptor.length === 24 ? Number(descriptor.readBigUInt64LE(16)) : descriptor.readUInt32LE(12);
    if (descriptor.readUInt32LE(0) !== descriptorMark || descriptor.readUInt32LE(4) !== crc || told !== size) {
      throw new FsError('EIO', 'the zip is damaged: its checksum is another', { retryable: true });
    }
  }
}

/** The time to the second, from the extra fields; the zip's own field has no time zone. */
function readTime(extra: Buffer): number | undefined {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === timeField && at + 9 <= extra.length && (extra.readUInt8(at + 4) & 1) === 1) return extra.readInt32LE(at + 5) * 1000;
  }
  return undefined;
}
