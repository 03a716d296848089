/**
 * What stands between a machine and a server, as small servers of a test: TLS in front of a plain
 * one, a proxy that tunnels and forwards, and a line that stops carrying without a word.
 */
import { createServer as createHttpServer, request, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface Listening {
  readonly port: number;
  /** Connections ever accepted. */
  readonly accepted: () => number;
  close(): Promise<void>;
}

/** Listens on this machine; closing cuts what is open. `from`: connections taken. */
async function listen(server: Server, sockets: Set<Socket>, accepted: () => number): Promise<Listening> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    accepted,
    close: () => new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of sockets) socket.destroy();
    }),
  };
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => undefined);
}

function join(near: Socket, far: Socket): void {
  near.pipe(far);
  far.pipe(near);
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
}

/** TLS in front of the server at a port. */
export async function startTls(port: number, options: TlsOptions): Promise<Listening> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createTlsServer(options, (near) => {
    accepted += 1;
    keep(sockets, near);
    const far = connect(port, '127.0.0.1');
    keep(sockets, far);
    join(near, far);
  });
  server.on('connection', (socket: Socket) => keep(sockets, socket));
  return listen(server, sockets, () => accepted);
}

export interface ProxyOptions {
  /** `name:password` that it asks for. */
  readonly user?: string;
  /** Where a `host:port` really is: the names of tests are nowhere else. */
  readonly route: (authority: string) => number;
  /** Answers a CONNECT instead of tunnelling: status line, headers and body as they go out. */
  readonly refuse?: () => string | undefined;
  /** Takes a CONNECT and never answers it. */
  readonly silent?: boolean;
  /** It is spoken to in TLS itself. */
  readonly tls?: TlsOptions;
}

export interface TestProxy extends Listening {
  /** What it was asked: `CONNECT host:port`, `GET http://…`. */
  readonly asked: readonly string[];
  /** The headers that it was sent. */
  readonly headers: readonly IncomingMessage['headers'][];
  /** Bytes carried through tunnels from the client. */
  readonly carried: () => number;
}

/** A proxy that tunnels by CONNECT, and forwards plain http that is asked for by its whole address. */
export async function startProxy(options: ProxyOptions): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  let accepted = 0;
  let carried = 0;
  const wanted = options.user === undefined ? undefined : `Basic ${Buffer.from(options.user).toString('base64')}`;
  const denied = 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="office"\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html><title>Please sign in</title></html>';
  const inner = createHttpServer((incoming, response) => {
    asked.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    headers.push(incoming.headers);
    if (wanted !== undefined && incoming.headers['proxy-authorization'] !== wanted) {
      response.writeHead(407, { 'content-type': 'text/html', 'server': 'office-proxy/1' }).end('<html><title>Please sign in</title></html>');
      return;
    }
    const url = new URL(incoming.url ?? '');
    const passed = { ...incoming.headers };
    delete passed['proxy-authorization'];
    const out = request({ port: options.route(url.host), host: '127.0.0.1', method: incoming.method, path: `${url.pathname}${url.search}`, headers: passed, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    out.on('error', () => response.destroy());
    incoming.pipe(out);
  });
  inner.on('connect', (incoming, near: Socket, head: Buffer) => {
    asked.push(`CONNECT ${incoming.url ?? ''}`);
    headers.push(incoming.headers);
    keep(sockets, near);
    if (options.silent === true) return;
    const refusal = wanted !== undefined && incoming.headers['proxy-authorization'] !== wanted ? denied : options.refuse?.();
    if (refusal !== undefined) {
      near.end(refusal);
      return;
    }
    const far = connect(options.route(incoming.url ?? ''), '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.write(head);
      near.on('data', (piece: Buffer) => {
        carried += piece.length;
      });
      join(near, far);
    });
    keep(sockets, far);
  });
  // A proxy in TLS is the same proxy behind a handshake.
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    accepted += 1;
    keep(sockets, socket);
    inner.emit('connection', socket);
  });
  const listening = await listen(server, sockets, () => accepted);
  return { ...listening, asked, headers, carried: () => carried };
}

export interface TestLine extends Listening {
  /** From now on the connections that are open carry nothing any more, and nobody is told; new ones work. */
  forget(): void;
}

/** A line to a port, as a firewall that forgets connections makes it. */
export async function startLine(port: number): Promise<TestLine> {
  const sockets = new Set<Socket>();
  const pairs = new Set<readonly [Socket, Socket]>();
  let accepted = 0;
  const server = createServer((near) => {
    accepted += 1;
    const far = connect(port, '127.0.0.1');
    keep(sockets, near);
    keep(sockets, far);
    join(near, far);
    pairs.add([near, far]);
  });
  const listening = await listen(server, sockets, () => accepted);
  return {
    ...listening,
    forget() {
      for (const [near, far] of pairs) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
      pairs.clear();
    },
  };
}
