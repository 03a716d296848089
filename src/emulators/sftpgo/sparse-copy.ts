/**
 * Copies a file on the emulator's disk without taking more room than it has: a test of 5 GiB serves a
 * file that is all holes, and a copy that filled them would cost it a disk.
 */
import { constants } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';

const piece = 4 * 1024 * 1024;

/** Copies the content, over what is there. Holes stay holes. */
export async function copyContent(from: string, to: string): Promise<void> {
  const { size, blocks } = await stat(from);
  if (blocks * 512 >= size) await copyFile(from, to, constants.COPYFILE_FICLONE);
  else await copySparse(from, to, size);
}

async function copySparse(from: string, to: string, size: number): Promise<void> {
  const source = await open(from);
  try {
    const target = await open(to, 'w');
    try {
      const buffer = Buffer.alloc(piece);
      const zeros = Buffer.alloc(piece);
      for (let at = 0; at < size;) {
        const { bytesRead } = await source.read(buffer, 0, piece, at);
        if (bytesRead === 0) break;
        const bytes = buffer.subarray(0, bytesRead);
        if (!bytes.equals(zeros.subarray(0, bytesRead))) await target.write(bytes, 0, bytesRead, at);
        at += bytesRead;
      }
      await target.truncate(size);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
