/** A zip as the record shows it, read by a library that had no part in writing it. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';

export interface ShownEntry {
  readonly name: string;
  readonly method: number;
  readonly flags: string;
  readonly size: number;
  readonly local_header: Readonly<Record<string, unknown>>;
  readonly extra_mtime_s: number | undefined;
  readonly mode: string;
  /** Text, a folder's null, or the sum of a long content. */
  readonly content: unknown;
}

/** The entries, sorted by name. */
export async function zipEntries(bytes: Buffer): Promise<ShownEntry[]> {
  const zip = await yauzl.fromBufferPromise(bytes, { lazyEntries: true });
  const shown: ShownEntry[] = [];
  for await (const entry of zip.eachEntry()) {
    const isFolder = entry.fileName.endsWith('/');
    const content = isFolder ? null : show(await buffer(await zip.openReadStreamPromise(entry)));
    shown.push({
      name: entry.fileName,
      method: entry.compressionMethod,
      flags: `0x${entry.generalPurposeBitFlag.toString(16)}`,
      size: entry.uncompressedSize,
      local_header: localHeader(bytes, entry.relativeOffsetOfLocalHeader),
      extra_mtime_s: entry.extraFields.find(({ id }) => id === 0x5455)?.data.readInt32LE(1),
      mode: `0o${(entry.externalFileAttributes >>> 16).toString(8)}`,
      content,
    });
  }
  return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function show(content: Buffer): unknown {
  if (content.length <= 100) return content.toString('utf8');
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** What the header before the data says; `false` where it says nothing. */
function localHeader(bytes: Buffer, at: number): Record<string, unknown> {
  return {
    crc: bytes.readUInt32LE(at + 14) !== 0,
    compressed_size: bytes.readUInt32LE(at + 18) !== 0,
    size: bytes.readUInt32LE(at + 22) !== 0,
    method: bytes.readUInt16LE(at + 8),
    flags: `0x${bytes.readUInt16LE(at + 6).toString(16)}`,
  };
}
