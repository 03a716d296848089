/** A writev takes 1024 buffers at most; a body of many tiny pieces is made fewer, larger ones. */

const iovMax = 1024;
/** From this size on a piece is never copied. A reply of 1 MiB cannot hold more of them than writev takes. */
const tiny = 4096;

/** The same bytes in at most 1024 buffers: runs of tiny pieces are joined, the others stay as they are. */
export function gather(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  if (pieces.length <= iovMax) return pieces;
  const gathered: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  const endRun = (): void => {
    if (run.length > 0) gathered.push(Buffer.concat(run));
    run = [];
  };
  for (const piece of pieces) {
    if (piece.byteLength < tiny) {
      run.push(piece);
    } else {
      endRun();
      gathered.push(piece);
    }
  }
  endRun();
  return gathered;
}
