/** Whether two files of this machine hold the same bytes: a kept file is let go once its content is safe elsewhere. */
import { open, type FileHandle } from 'node:fs/promises';

/** Bytes compared at once. */
const piece = 1024 * 1024;

/** A part of a file that is not compared: from its first byte to before its last, `[start, end)`. */
export type Stretch = readonly [start: number, end: number];

/**
 * True where the first `size` bytes are the same, but for those in `except`, and both files have as
 * many. Throws where one cannot be read.
 */
export async function sameBytes(one: string, other: string, size: number, except: readonly Stretch[]): Promise<boolean> {
  if (size === 0) return true;
  const first = await open(one);
  try {
    const second = await open(other);
    try {
      for (let at = 0; at < size; at += piece) {
        const length = Math.min(piece, size - at);
        const [a, b] = await Promise.all([readAt(first, at, length), readAt(second, at, length)]);
        if (a.length < length || b.length < length) return false;
        for (const [start, end] of except) for (const bytes of [a, b]) blank(bytes, start - at, end - at);
        if (!a.equals(b)) return false;
      }
      return true;
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

function blank(bytes: Buffer, start: number, end: number): void {
  if (end > 0 && start < bytes.length) bytes.fill(0, Math.max(0, start), Math.min(bytes.length, end));
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
