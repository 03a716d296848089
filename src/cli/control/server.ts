/**
 * The running mount's side of its socket. Whoever can open the socket is the mount's owner, and may all
 * the same be a faulty program: requests are small, few at once and limited in time, and none of them
 * can hold up or end what the mount does for others.
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../../observe/log.js';
import { toFsError } from '../../errors.js';
import type { Outcome } from '../../storage/mount-records.js';
import { shortNameOf } from './address.js';
import { serviceRequestSchema, type ServiceEvent, type ServiceRequest } from './services.js';
import {
  controlPaths, refreshRequestSchema, type EndEvent, type EndProgress, type MountStatus, type RefreshAnswer,
} from './protocol.js';

/** What the mount can be asked. */
export interface ControlHandlers {
  status(): MountStatus;
  refresh(path: string): Promise<RefreshAnswer>;
  /** Asks the mount to end in order. Returns at once; asked again it changes nothing. */
  end(): void;
  /** What is left to send. */
  progress(): EndProgress;
  /** Does what was asked on the platform. `signal` is aborted when nobody listens any more. Fails with an FsError. */
  service(request: ServiceRequest, onProgress: (words: string) => void, signal: AbortSignal): Promise<unknown>;
}

export interface ControlServer {
  /** The mount has ended: tells whoever waits for that, and closes. */
  finish(outcome: Outcome): Promise<void>;
  /** Closes, and takes the socket away. */
  close(): Promise<void>;
}

/** Connections at once: a person, his scripts, a scraper. */
const connectionLimit = 32;
/** Bytes of a request's head, and of its body. */
const headLimit = 8 * 1024;
const bodyLimit = 128 * 1024;
/** Milliseconds for a request to come whole, and for a connection in which nothing moves. */
const requestDeadline = 5_000;
const idleDeadline = 15_000;
/** Milliseconds between two lines of progress: also while nothing changes, so that silence means that nobody is there. */
const progressPause = 500;
/** Milliseconds for the last words to be read. */
const lastWords = 1_000;

/** Opens the socket at `path`, for its owner alone. Fails where the system does not let it. */
export async function openControlServer(path: string, handlers: ControlHandlers, log: Log): Promise<ControlServer> {
  const streams = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    take(request, response, handlers, streams).catch((thrown: unknown) => {
      log.warn({ err: thrown, method: request.method }, 'a request to the socket of this mount failed');
      refuse(response, 500, thrown instanceof Error ? thrown.message : String(thrown));
    });
  };
  const server = createServer({ maxHeaderSize: headLimit, headersTimeout: requestDeadline, requestTimeout: requestDeadline, connectionsCheckingInterval: 1_000 }, answer);
  server.maxConnections = connectionLimit;
  server.timeout = idleDeadline;
  server.keepAliveTimeout = 1_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('error', (error) => log.warn({ err: error }, 'the socket of this mount'));

  const name = await shortNameOf(path);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(name.path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // The folder keeps others out from the first moment; this is for whoever opens the folder to them.
    await chmod(path, 0o600);
  } catch (error) {
    server.close();
    await name.close();
    throw error;
  }
  // The end of the mount's other parts is the end of the process, whoever is still connected.
  server.unref();
  const ticking = setInterval(() => {
    for (const stream of streams) tell(stream, handlers.progress());
  }, progressPause);
  ticking.unref();

  const close = async (): Promise<void> => {
    clearInterval(ticking);
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
    await name.close();
    await rm(path, { force: true });
  };
  return {
    async finish(outcome) {
      const told = [...streams].map((stream) => new Promise<void>((resolve) => {
        stream.once('close', resolve);
        stream.end(line({ kind: 'ended', outcome }), () => resolve());
        setTimeout(resolve, lastWords).unref();
      }));
      streams.clear();
      await Promise.all(told);
      await close();
    },
    close,
  };
}

/** One request, one answer; the end goes on in lines. */
async function take(request: IncomingMessage, response: ServerResponse, handlers: ControlHandlers, streams: Set<ServerResponse>): Promise<void> {
  // A connection that breaks is its other side's matter.
  response.on('error', () => undefined);
  switch (`${request.method ?? ''} ${request.url ?? ''}`) {
    case `GET ${controlPaths.status}`:
      reply(response, 200, handlers.status());
      return;
    case `POST ${controlPaths.refresh}`: {
      const wanted = refreshRequestSchema.safeParse(parseJson(await bodyOf(request)));
      if (wanted.success) reply(response, 200, await handlers.refresh(wanted.data.path));
      else refuse(response, 400, `a path below the mount point is wanted, as {"path":"/…"}`);
      return;
    }
    case `POST ${controlPaths.end}`:
      // Whoever hears no more has gone: the mount ends all the same.
      response.on('close', () => streams.delete(response));
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      handlers.end();
      streams.add(response);
      tell(response, handlers.progress());
      return;
    case `POST ${controlPaths.services}`: {
      const wanted = serviceRequestSchema.safeParse(parseJson(await bodyOf(request)));
      if (wanted.success) await serve(wanted.data, response, handlers);
      else refuse(response, 400, 'that is no question about versions, trash, links, history or recognition');
      return;
    }
    default:
      request.resume();
      refuse(response, 404, `no such request; there are ${Object.values(controlPaths).join(', ')}`);
  }
}

/** Lines while it goes on, and what came of it. */
async function serve(wanted: ServiceRequest, response: ServerResponse, handlers: ControlHandlers): Promise<void> {
  const unheard = new AbortController();
  response.on('close', () => unheard.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const ticking = setInterval(() => tell(response, { kind: 'going on' }), progressPause);
  try {
    const value = await handlers.service(wanted, (words) => tell(response, { kind: 'progress', words }), unheard.signal);
    response.end(line({ kind: 'done', value }));
  } catch (thrown) {
    const { errno, message } = toFsError(thrown);
    response.end(line({ kind: 'failed', errno, message }));
  } finally {
    clearInterval(ticking);
  }
}

/** A line to who listens; who does not read what he was told is told no more until he has. */
function tell(stream: ServerResponse, event: EndEvent | ServiceEvent): void {
  if (!stream.writableNeedDrain) stream.write(line(event));
}

function line(event: EndEvent | ServiceEvent): string {
  return `${JSON.stringify(event)}\n`;
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent) return;
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function refuse(response: ServerResponse, status: number, error: string): void {
  // What is left of the request is not waited for.
  if (!response.headersSent) response.setHeader('connection', 'close');
  reply(response, status, { error });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) continue;
    size += piece.length;
    if (size > bodyLimit) return '';
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
