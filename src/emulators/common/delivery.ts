/**
 * Puts an answer on the wire the way a Go server does, which clients can tell from Node's: no `Connection` or
 * `Keep-Alive` header, a length on every short body, nothing sent of an answer that breaks within its first 2 KiB, and
 * a refusal that comes while the client is still sending its body.
 */
import type { ServerResponse } from 'node:http';
import { BodyCut, ConnectionBroken } from './broken.js';
import type { Passage } from './flow.js';
import type { RequestBody } from './request-body.js';
import type { TrafficEntry } from './traffic.js';

/** What a handler answers. A piece of a streamed body is valid until the next one is asked for. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | AsyncIterable<Uint8Array> | undefined;
  /** The length of a streamed body, where it is known; the connection breaks if the stream is shorter. */
  readonly length?: number | undefined;
  /** A body that is here is sent in chunks all the same, as frameworks on Node do. */
  readonly chunked?: true | undefined;
}

/** Go holds this much of an answer back; a body that ends before it goes out with its length. */
const heldBack = 2048;
/** More of a request's body than this is not read after the answer: the connection is closed instead. */
const readAfterAnswer = 256 * 1024;
/** How long a closing connection stays half open, so that the client can read the answer. */
const lingerMs = 500;

export interface Outgoing {
  readonly response: ServerResponse;
  readonly isHead: boolean;
  readonly body: RequestBody;
  readonly passage: Passage;
  readonly log: TrafficEntry;
  /** The work is done: called before the client can know it, so that its next request finds it so. */
  readonly leave: () => void;
}

/** Lets go of an answer that nobody gets: its body may hold a file, which it closes once it has begun. */
export async function dispose({ body }: Answer): Promise<void> {
  if (body === undefined || Buffer.isBuffer(body)) return;
  const pieces = body[Symbol.asyncIterator]();
  await pieces.next();
  await pieces.return?.();
}

/** Sends the answer and resolves when it is out. Throws ConnectionBroken where it is to be broken off. */
export async function deliver(out: Outgoing, answer: Answer): Promise<void> {
  const headers: Record<string, string> = { ...answer.headers };
  const leavesUnread = await leavesBodyUnread(out.body).catch(async (error: unknown) => {
    await dispose(answer);
    throw error;
  });
  if (leavesUnread) {
    headers['Connection'] = 'close';
    out.body.leave();
    closeSlowly(out.response);
  } else {
    out.response.removeHeader('connection');
    if (out.body.wasCut) closeSlowly(out.response);
  }
  const { body } = answer;
  const bare = out.isHead || answer.status === 304 || answer.status === 204;
  if (body === undefined || Buffer.isBuffer(body)) {
    const lengthTold = answer.status !== 304 && answer.status !== 204 && answer.chunked !== true;
    if (lengthTold) headers['Content-Length'] = String(body?.length ?? answer.length ?? 0);
    head(out, answer.status, headers);
    await finish(out, bare ? undefined : body);
    return;
  }
  if (answer.length !== undefined) {
    headers['Content-Length'] = String(answer.length);
    if (bare) {
      await dispose(answer);
      head(out, answer.status, headers);
      await finish(out);
      return;
    }
  }
  await stream(out, answer.status, headers, body, answer.length, bare);
}

async function stream(
  out: Outgoing,
  status: number,
  headers: Record<string, string>,
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
  bare: boolean,
): Promise<void> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    let started = length !== undefined;
    if (started) head(out, status, headers);
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    let sent = 0;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      if (started) {
        sent += next.value.length;
        // Head and body of a short file go out in one.
        if (sent === length) {
          await finish(out, next.value);
          return;
        }
        await sendPiece(out, next.value);
        continue;
      }
      held.push(Uint8Array.from(next.value));
      heldBytes += next.value.length;
      if (heldBytes <= heldBack) continue;
      head(out, status, headers);
      started = true;
      if (bare) break;
      await sendPiece(out, Buffer.concat(held));
      held = [];
    }
    if (!started) {
      head(out, status, { ...headers, 'Content-Length': String(heldBytes) });
      await finish(out, bare ? undefined : Buffer.concat(held));
      return;
    }
    if (length !== undefined && sent < length) throw new ConnectionBroken('the file ended early');
    await finish(out);
  } finally {
    await pieces.return?.();
  }
}

function head(out: Outgoing, status: number, headers: Record<string, string>): void {
  out.response.writeHead(status, headers);
  out.log.status = status;
}

async function sendPiece(out: Outgoing, piece: Uint8Array): Promise<void> {
  let rest = piece;
  while (rest.length > 0) {
    const admitted = out.passage.free ? rest.length : await out.passage.admit(rest.length);
    if (admitted === 0) {
      await flushed(out);
      throw new ConnectionBroken('cut by a rule');
    }
    await write(out, rest.subarray(0, admitted));
    rest = rest.subarray(admitted);
  }
}

/** Node holds the head back until the first byte of the body: a cut at 0 bytes still shows the head. */
async function flushed(out: Outgoing): Promise<void> {
  out.response.flushHeaders();
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Resolves when the kernel has the bytes, so that their buffer may be used again. */
async function write(out: Outgoing, piece: Uint8Array): Promise<void> {
  await untilDone(out.response, (done) => out.response.write(piece, done));
  out.log.responseBytes += piece.length;
}

/** Ends the answer, with the last bytes of its body where there are any. */
async function finish(out: Outgoing, last?: Uint8Array): Promise<void> {
  if (!out.passage.free) {
    if (last !== undefined) await sendPiece(out, last);
    if (await out.passage.finish()) {
      await flushed(out);
      throw new ConnectionBroken('cut by a rule');
    }
    out.leave();
    await untilDone(out.response, (done) => out.response.end(done));
    return;
  }
  out.leave();
  await untilDone(out.response, (done) => out.response.end(last, done));
  out.log.responseBytes += last?.length ?? 0;
}

/** Starts something that calls back, and gives up when the client goes away: Node may never call back then. */
async function untilDone(response: ServerResponse, start: (done: (error?: Error | null) => void) => void): Promise<void> {
  if (response.destroyed) throw new ConnectionBroken('the client went away');
  await new Promise<void>((resolve, reject) => {
    const lost = (): void => {
      reject(new ConnectionBroken('the client went away'));
    };
    response.once('close', lost);
    start((error) => {
      response.removeListener('close', lost);
      if (error) lost();
      else resolve();
    });
  });
}

/** Go reads the rest of a short body before it answers, and closes the connection after a long one. */
async function leavesBodyUnread(body: RequestBody): Promise<boolean> {
  if (body.awaitsContinue) return true;
  if (body.unread === 0) return false;
  if (body.unread !== Infinity && body.unread >= readAfterAnswer) return true;
  try {
    return !(await body.drain(readAfterAnswer));
  } catch (error) {
    if (error instanceof BodyCut) return false;
    throw error;
  }
}

/**
 * Ends this side after the answer and leaves the client's bytes unread for a while: closed at once, the kernel would
 * send a reset, and the client might never see the answer.
 */
function closeSlowly(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  const socket = response.socket;
  if (socket === null) return;
  socket.destroySoon = () => {
    socket.pause();
    socket.end();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}
