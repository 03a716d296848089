/**
 * A request's body as undici takes it: pulled piece by piece, so that the file is never held whole,
 * and always closed, however the request ends. It tells when bytes are due to go out, which is what
 * the watchdog needs to know.
 */
import { Readable } from 'node:stream';
import { toFsError, type FsError } from '../errors.js';

/** Bytes to send, which can be asked for again when the request is repeated. */
export interface RequestContent {
  readonly size: number;
  /** The bytes from `start` to the end. A call gives a fresh iteration. */
  open(start: number): AsyncIterable<Uint8Array>;
}

export interface UploadEvents {
  /** The network has the stream's last piece to send: time counts. */
  readonly onDue: () => void;
  /** The next piece is being fetched from its source: time does not count. Told how many bytes the network has taken. */
  readonly onTaken: (sent: number) => void;
  /** All bytes were handed over. */
  readonly onEnd: () => void;
  /** The source failed: not the network's fault. */
  readonly onFailed: (error: FsError) => void;
}

/** Pieces are cut to this size, in bytes, so that even on a slow line one is gone well within the stall time-out. */
const largestPiece = 128 * 1024;

/** Opens the content as a stream of exactly `content.size` bytes; another number of bytes is an error. */
export function openUploadBody(content: RequestContent, events: UploadEvents): Readable {
  const source = content.open(0)[Symbol.asyncIterator]();
  let piece: Uint8Array = new Uint8Array(0);
  let sent = 0;
  let closed = false;

  const pull = async (stream: Readable): Promise<void> => {
    events.onTaken(sent);
    while (piece.length === 0) {
      const next = await source.next();
      if (next.done === true) {
        closed = true;
        if (sent !== content.size) throw new Error(`the file to send has ${sent} bytes instead of ${content.size}`);
        stream.push(null);
        return;
      }
      piece = next.value;
    }
    const part = piece.subarray(0, largestPiece);
    piece = piece.subarray(part.length);
    sent += part.length;
    if (sent > content.size) throw new Error(`the file to send has more than ${content.size} bytes`);
    events.onDue();
    stream.push(part);
  };

  const stream = new Readable({
    highWaterMark: 1,
    objectMode: true,
    read() {
      pull(this).catch((thrown: unknown) => {
        const error = toFsError(thrown);
        events.onFailed(error);
        this.destroy(error);
      });
    },
    destroy(error, done) {
      const finish = (): void => {
        done(error);
      };
      if (closed) finish();
      else Promise.resolve(source.return?.()).then(finish, finish);
    },
  });
  stream.on('end', events.onEnd);
  return stream;
}
