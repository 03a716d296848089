/**
 * Reads a long JSON array as it arrives. Only the cuts between its elements are found here; the
 * elements themselves go to JSON.parse in groups, which is several times faster than a parser that
 * builds values piece by piece, and the text is never held whole.
 */
import { FsError } from '../errors.js';

const quote = 0x22, backslash = 0x5c, comma = 0x2c;
const openBracket = 0x5b, closeBracket = 0x5d, openBrace = 0x7b, closeBrace = 0x7d;

/** EIO: the text ended, or was none, before the array was whole. */
function broken(why: string): FsError {
  return new FsError('EIO', `the list that the server sent ${why}`, { retryable: true });
}

/**
 * Takes the bytes of one JSON array in any pieces and gives its elements in groups, each as parsed
 * by JSON.parse. Throws EIO where the text is not an array, or ends before its `]`.
 */
export async function* parseJsonArray(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<unknown[]> {
  const cutter = new ArrayCutter();
  for await (const piece of pieces) {
    const group = cutter.push(piece);
    if (group.length > 0) yield group;
  }
  cutter.end();
}

/** The state between two pieces of an array's text. */
export class ArrayCutter {
  private state: 'before' | 'inside' | 'after' = 'before';
  /** Brackets and braces open inside the array. */
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** A comma was passed: an element must follow. */
  private afterComma = false;
  /** The text of elements not yet given. */
  private held: Uint8Array[] = [];

  /** Takes a piece; gives the elements that are whole with it. */
  push(piece: Uint8Array): unknown[] {
    let at = 0;
    if (this.state === 'before') {
      at = skipSpace(piece, 0);
      if (at === piece.length) return [];
      if (piece[at] !== openBracket) throw broken('is not a list');
      this.state = 'inside';
      at += 1;
    }
    if (this.state === 'after') {
      if (skipSpace(piece, at) < piece.length) throw broken('goes on behind its end');
      return [];
    }
    const { lastCut, end } = this.scan(piece, at);
    if (end !== undefined) {
      this.state = 'after';
      if (skipSpace(piece, end + 1) < piece.length) throw broken('goes on behind its end');
      const group = this.take(piece.subarray(at, end));
      if (this.afterComma && group.length === 0) throw broken('is not JSON');
      return group;
    }
    if (lastCut === undefined) {
      this.held.push(piece.subarray(at));
      return [];
    }
    const group = this.take(piece.subarray(at, lastCut));
    if (group.length === 0) throw broken('is not JSON');
    this.afterComma = true;
    this.held.push(piece.subarray(lastCut + 1));
    return group;
  }

  /** The text is over. */
  end(): void {
    if (this.state !== 'after') throw broken('broke off');
  }

  /** Finds the last comma between two elements, and the array's own `]`. */
  private scan(piece: Uint8Array, from: number): { lastCut: number | undefined; end: number | undefined } {
    let { depth, inString, escaped } = this;
    let lastCut: number | undefined;
    let end: number | undefined;
    for (let at = from; at < piece.length; at += 1) {
      const byte = piece[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) {
        inString = true;
      } else if (byte === openBrace || byte === openBracket) {
        depth += 1;
      } else if (byte === closeBrace || byte === closeBracket) {
        if (depth === 0) {
          end = at;
          break;
        }
        depth -= 1;
      } else if (byte === comma && depth === 0) {
        lastCut = at;
      }
    }
    Object.assign(this, { depth, inString, escaped });
    return { lastCut, end };
  }

  private take(last: Uint8Array): unknown[] {
    const text = Buffer.concat([...this.held, last]).toString('utf8');
    this.held = [];
    let parsed: unknown;
    try {
      parsed = JSON.parse(`[${text}]`);
    } catch (error) {
      throw new FsError('EIO', 'the list that the server sent is not JSON', { cause: error });
    }
    return Array.isArray(parsed) ? parsed : [];
  }
}

function skipSpace(piece: Uint8Array, from: number): number {
  let at = from;
  while (at < piece.length && (piece[at] === 0x20 || piece[at] === 0x0a || piece[at] === 0x0d || piece[at] === 0x09)) at += 1;
  return at;
}
