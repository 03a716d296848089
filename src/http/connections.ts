/**
 * The connections to one server, and the limit on requests at once: they are the same thing, since
 * a connection carries one request at a time. The last one given back is the first one taken, so
 * that few stay warm and the others go idle and close.
 */
import type { Readable } from 'node:stream';
import { Client, errors, type Dispatcher } from 'undici';
import { toFsError, type FsError } from '../errors.js';
import type { Dialer } from './dialing.js';
import { interrupted } from './waiting.js';

/**
 * `transfer`: a file's bytes in either direction, which may take long. `call`: all else. Transfers
 * never take the last connection, so that `ls` is answered while six large files are on their way.
 */
export type Lane = 'transfer' | 'call';

export interface ConnectionSettings {
  /** `https://host:port`. */
  readonly origin: string;
  /** Idle connections are closed after this many milliseconds. Below the server's own limit: a request must not cross its goodbye. */
  readonly keepAlive: number;
  /** Opens sockets. */
  readonly dialer: Dialer;
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
}

/** A request as a connection carries it. */
export interface ConnectionRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | Readable | null;
}

/** One connection: an undici Client, which opens its socket at need. */
export class Connection {
  private client: Client;
  /** Ends the dial of the client that is open now. */
  private dialing = new AbortController();
  /** Answers begun on the socket that is open now. */
  private answered = 0;
  /** What the socket that is open now, or was last, said first. */
  private firstError: Error | undefined;
  private restingSince: number | undefined;
  /** What the dial that is under way waits for. */
  step = 'connecting';

  constructor(private readonly settings: ConnectionSettings) {
    this.client = this.open();
  }

  /** True where the next request goes over a socket that has carried one before. */
  get reused(): boolean {
    return this.answered > 0;
  }

  /** Sends a request. The handler is told all that follows. */
  dispatch(request: ConnectionRequest, handler: Dispatcher.DispatchHandler): void {
    const { keepAlive, elapsed, dialer } = this.settings;
    // The timer that closes an idle socket stands still while the machine sleeps; the server's does not.
    if (this.reused && this.restingSince !== undefined && elapsed() - this.restingSince > keepAlive) this.reset();
    this.restingSince = undefined;
    const { forwarding } = dialer;
    const { method, path, headers, body } = request;
    this.client.dispatch({
      method, body,
      path: forwarding === undefined ? path : `${forwarding.prefix}${path}`,
      headers: forwarding === undefined ? headers : { ...headers, ...forwarding.headers },
      // undici would close the connection after each HEAD, which is our stat.
      reset: false,
    }, handler);
  }

  /**
   * Why a socket broke. A TLS server's last word is an alert, then it closes: undici tells the closing
   * alone, and the alert is what says what to do.
   */
  explain(error: Error): Error {
    return error instanceof errors.SocketError ? (this.firstError ?? error) : error;
  }

  /** Nobody uses it from now on. */
  rest(): void {
    this.restingSince = this.settings.elapsed();
  }

  /** An answer began on this connection. */
  markAnswered(): void {
    this.answered += 1;
  }

  /** Gives up a socket that is still being opened, and the requests that wait for it. */
  reset(): void {
    this.dialing.abort();
    void this.client.destroy();
    this.client = this.open();
  }

  /** Closes the socket at once. */
  async close(): Promise<void> {
    this.dialing.abort();
    await this.client.destroy();
  }

  private open(): Client {
    const { origin, keepAlive, dialer } = this.settings;
    this.answered = 0;
    const { signal } = this.dialing = new AbortController();
    const onStep = (step: string): void => {
      if (!signal.aborted) this.step = step;
    };
    const client = new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: keepAlive,
      // Our own watchdog counts by progress, and knows when nothing is due.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, done) => {
        dialer.dial({ signal, onStep }).then((socket) => {
          this.firstError = undefined;
          socket.on('error', (error) => {
            this.firstError ??= error;
          });
          done(null, socket);
        }, (error: unknown) => done(toFsError(error), null));
      },
    });
    client.on('connect', () => {
      this.answered = 0;
    });
    return client;
  }
}

/** A connection for one request, until `release`. */
export interface Lease {
  readonly connection: Connection;
  release(): void;
}

interface Waiter {
  readonly grant: (lease: Lease) => void;
  readonly fail: (error: FsError) => void;
}

/** Hands connections out, calls before transfers, each lane first come first served. */
export class ConnectionPool {
  private readonly idle: Connection[] = [];
  private readonly all = new Set<Connection>();
  private readonly waiting: Record<Lane, Set<Waiter>> = { call: new Set(), transfer: new Set() };
  private readonly active: Record<Lane, number> = { call: 0, transfer: 0 };

  /** `limit`: requests at once. */
  constructor(private readonly settings: ConnectionSettings, private limit: number) {}

  /** Waits for a connection. EINTR when the signal is aborted. */
  acquire(lane: Lane, signal: AbortSignal): Promise<Lease> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(interrupted(signal));
        return;
      }
      const stop = (): void => {
        this.waiting[lane].delete(waiter);
        reject(interrupted(signal));
      };
      const waiter: Waiter = {
        grant: (lease) => {
          signal.removeEventListener('abort', stop);
          resolve(lease);
        },
        fail: (error) => {
          signal.removeEventListener('abort', stop);
          reject(error);
        },
      };
      signal.addEventListener('abort', stop, { once: true });
      this.waiting[lane].add(waiter);
      this.serve();
    });
  }

  /** Fewer requests at once from now on: the server allows this user no more. Never fewer than one. */
  narrow(limit: number): boolean {
    const narrower = Math.max(1, Math.min(this.limit, limit));
    const changed = narrower < this.limit;
    this.limit = narrower;
    return changed;
  }

  /**
   * A connection that had lain idle turned out to be dead. What closed it without a word, a firewall
   * or the machine's sleep, has closed the others that lie idle, too.
   */
  distrustIdle(): void {
    for (const connection of this.idle) connection.reset();
  }

  /** Requests on their way, and those that wait for their turn. */
  get load(): { readonly active: number; readonly waiting: number } {
    return {
      active: this.active.call + this.active.transfer,
      waiting: this.waiting.call.size + this.waiting.transfer.size,
    };
  }

  /** Fails all who wait with `error` and closes every connection. */
  async close(error: FsError): Promise<void> {
    for (const lane of [this.waiting.call, this.waiting.transfer]) {
      for (const waiter of lane) waiter.fail(error);
      lane.clear();
    }
    await Promise.all([...this.all].map((connection) => connection.close()));
  }

  private serve(): void {
    for (;;) {
      const lane = this.nextLane();
      if (lane === undefined) return;
      const [waiter] = this.waiting[lane];
      if (waiter === undefined) return;
      this.waiting[lane].delete(waiter);
      this.active[lane] += 1;
      waiter.grant(this.lease(lane));
    }
  }

  private nextLane(): Lane | undefined {
    if (this.active.call + this.active.transfer >= this.limit) return undefined;
    if (this.waiting.call.size > 0) return 'call';
    const transfers = Math.max(1, this.limit - 1);
    return this.waiting.transfer.size > 0 && this.active.transfer < transfers ? 'transfer' : undefined;
  }

  private lease(lane: Lane): Lease {
    const connection = this.idle.pop() ?? this.create();
    let held = true;
    return {
      connection,
      release: () => {
        if (!held) return;
        held = false;
        this.active[lane] -= 1;
        connection.rest();
        this.idle.push(connection);
        this.serve();
      },
    };
  }

  private create(): Connection {
    const connection = new Connection(this.settings);
    this.all.add(connection);
    return connection;
  }
}
