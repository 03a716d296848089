/** The objects of the emulated store, by key. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

export interface StoredObject {
  readonly pieces: readonly Uint8Array[];
  readonly size: number;
  readonly type: string;
  /** The quoted MD5. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** What a store calls a body whose type nobody told. */
const defaultType = 'binary/octet-stream';

export function makeObject(pieces: readonly Uint8Array[], type: string | undefined, modifiedAt: number): StoredObject {
  const hash = createHash('md5');
  let size = 0;
  for (const piece of pieces) {
    hash.update(piece);
    size += piece.length;
  }
  return { pieces, size, type: type === undefined || type === '' ? defaultType : type, etag: `"${hash.digest('hex')}"`, modifiedAt };
}

/** The bytes from `start` to before `end`, piece by piece. */
export function partOf({ pieces }: StoredObject, start: number, end: number): Readable {
  const part: Uint8Array[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(0, start - at);
    const to = Math.min(piece.length, end - at);
    if (from < to) part.push(piece.subarray(from, to));
    at += piece.length;
  }
  return Readable.from(part);
}
