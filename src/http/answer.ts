/** An answer as the providers take it: its head, its body unpacked, and the two ways to be done with it. */
import { createGunzip } from 'node:zlib';
import { pipeline, Readable } from 'node:stream';
import { FsError, toFsError } from '../errors.js';
import type { AnswerBody, AnswerHead } from './exchange.js';

/** Longest text read from an answer that should be short, in bytes. */
const shortText = 64 * 1024;

export class Answer {
  readonly status: number;

  constructor(
    private readonly head: AnswerHead,
    /** The body as it came over the wire, packed or not. */
    readonly body: AnswerBody,
    /** When it was given: milliseconds since the epoch by the server's clock, rounded down to its precision. */
    readonly date: number,
  ) {
    this.status = head.status;
  }

  /** A header's value by its lower-case name. */
  header(name: string): string | undefined {
    return this.head.header(name);
  }

  /** How whoever gave it names itself: a server's name, or the proxies on the way. */
  get sender(): string | undefined {
    return this.header('server') ?? this.header('via');
  }

  /** The body unpacked where it is gzip. EIO for another encoding, or a packed stream that is cut or damaged. */
  unpacked(): AsyncIterable<Uint8Array> {
    const encoding = this.header('content-encoding')?.toLowerCase() ?? 'identity';
    if (encoding === 'identity') return this.body;
    if (encoding === 'gzip' || encoding === 'x-gzip') return gunzip(this.body);
    throw new FsError('EIO', `the server packed its answer as "${encoding}", which was not asked for`);
  }

  /**
   * The body as text, at most 64 KiB of it: for errors and small answers. What is longer is cut. A
   * body that breaks off gives what had come: whoever needs it whole parses it and will see.
   */
  async text(): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of this.unpacked()) {
        pieces.push(piece);
        length += piece.length;
        if (length >= shortText) break;
      }
    } catch (error) {
      if (!(error instanceof FsError) || error.errno === 'EINTR') throw error;
    }
    return Buffer.concat(pieces).subarray(0, shortText).toString('utf8');
  }

  /** The same answer, of which `text` was read already and was all. */
  retold(text: string): Answer {
    const { head } = this;
    const plain = { ...head, header: (name: string) => (name === 'content-encoding' ? undefined : head.header(name)) };
    return new Answer(plain, bodyOf(Buffer.from(text)), this.date);
  }

  /** Done with it: a short rest is read so that the connection can be used again, a long one cut off. */
  async discard(): Promise<void> {
    let length = 0;
    try {
      for await (const piece of this.body) {
        length += piece.length;
        if (length > shortText) break;
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
  }
}

/** A body in one piece. */
function bodyOf(piece: Uint8Array): AnswerBody {
  let left: Uint8Array | undefined = piece;
  const body: AnswerBody = {
    next: () => {
      const value = left;
      left = undefined;
      return Promise.resolve(value === undefined ? { done: true, value } : { done: false, value });
    },
    return: () => {
      left = undefined;
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]: () => body,
  };
  return body;
}

async function* gunzip(body: AnswerBody): AsyncGenerator<Uint8Array> {
  let networkError: unknown;
  const source = Readable.from(watched(body, (error) => {
    networkError = error;
  }));
  const unpacked: AsyncIterable<Uint8Array> = pipeline(source, createGunzip(), () => undefined);
  try {
    yield* unpacked;
  } catch (error) {
    if (networkError !== undefined) throw toFsError(networkError);
    throw new FsError('EIO', 'the packed answer of the server is cut off or damaged', { cause: error, retryable: true });
  }
}

/** Passes a body on, and tells of its own error, which a pipeline would replace by another. */
async function* watched(body: AnswerBody, onError: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    onError(error);
    throw error;
  }
}
