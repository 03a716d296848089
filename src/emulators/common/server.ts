/**
 * The HTTP server under every emulator: fastify routes and holds the connections, while bodies and answers go through
 * the exchange, because the emulators must control the wire to the byte.
 */
import type { AddressInfo, Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { EmulatorControl } from '../emulator.js';
import { addControlRoutes } from './control-routes.js';
import { bodyCutOn, serve, type ExchangeSettings, type Handler, type Subject } from './exchange.js';

export interface Route {
  /** The stable name by which tests count and match. */
  readonly name: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly handler: Handler;
}

export interface ServerSettings extends ExchangeSettings {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** Answers what no route matches. */
  readonly otherwise: Handler;
  /** What a request is about, from its target. */
  readonly subject: (url: string) => Subject;
  readonly control: EmulatorControl;
  /** Adds the platform's own routes of the control interface. */
  readonly addOwnControl: (app: FastifyInstance) => void;
}

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

export async function startServer(settings: ServerSettings): Promise<Server> {
  const working = new Set<Promise<void>>();
  /** The route handler that hands a request to the exchange. */
  const handing = (name: string, handler: Handler) => (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    const subject = settings.subject(request.raw.url ?? '/');
    const exchange = serve(settings, name, subject, request.raw, reply.raw, handler);
    working.add(exchange);
    void exchange.finally(() => working.delete(exchange));
  };
  const app = Fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    keepAliveTimeout: settings.idleTimeoutMs,
    requestTimeout: 0,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // Paths of 4096 bytes are three times as long when encoded; Go takes heads of 1 MiB.
    http: { maxHeaderSize: 1 << 20 },
    // Platforms read the query as their servers do.
    routerOptions: { querystringParser: () => ({}) },
    clientErrorHandler: onClientError,
  });
  // Bodies stay on the socket: handlers read them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null);
  });
  // Without a listener Node would answer `100 Continue` itself, before anybody has looked at the request.
  app.server.on('checkContinue', (request, response) => {
    app.server.emit('request', request, response);
  });
  for (const route of settings.routes) {
    app.route({ method: route.method, url: route.url, handler: handing(route.name, route.handler) });
  }
  app.setNotFoundHandler(handing('other', settings.otherwise));
  await app.register((scope: FastifyInstance, _options, done) => {
    addControlRoutes(scope, settings.control);
    settings.addOwnControl(scope);
    done();
  });
  await app.listen({ host: settings.host, port: settings.port });
  return {
    url: addressOf(app.server.address()),
    close: async () => {
      await app.close();
      // What was at work lets go of its files, so that the folder can be removed.
      await Promise.all(working);
    },
  };
}

/** A client that closes its side inside a body is still answered; anything else that Node cannot parse is dropped. */
function onClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'HPE_INVALID_EOF_STATE' && bodyCutOn(socket)) return;
  if (error.code !== 'ECONNRESET' && socket.writable) {
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request');
    return;
  }
  socket.destroy();
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the emulator has no port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
