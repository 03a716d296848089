/** The bytes of a file on their way out: large enough pieces that gigabytes cost few trips to the disk. */
import type { FileHandle } from 'node:fs/promises';

/** So much is read at a time, and so much ahead. */
const pieceSize = 512 * 1024;

/**
 * The bytes, read one piece ahead into two buffers in turn: a piece is valid until the next is asked for. Ends early
 * where the file does. Closes the file.
 */
export async function* filePieces(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  const bufferSize = Math.min(pieceSize, length);
  const buffers = [Buffer.allocUnsafe(bufferSize), Buffer.allocUnsafe(length > bufferSize ? bufferSize : 0)] as const;
  let position = start;
  const end = start + length;
  const read = async (buffer: Buffer): Promise<Buffer> => {
    const wanted = Math.min(bufferSize, end - position);
    if (wanted <= 0) return buffer.subarray(0, 0);
    const { bytesRead } = await file.read(buffer, 0, wanted, position);
    position += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  let ahead: Promise<Buffer> | undefined;
  try {
    for (let turn = 0; ; turn += 1) {
      const piece = await (ahead ?? read(buffers[0]));
      if (piece.length === 0) return;
      ahead = position < end ? read(turn % 2 === 0 ? buffers[1] : buffers[0]) : undefined;
      yield piece;
      if (ahead === undefined) return;
    }
  } finally {
    await ahead?.catch(() => undefined);
    await file.close();
  }
}
