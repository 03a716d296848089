/**
 * The connections to one server, and the limit on requests at once: they are the same thing, since
 * a connection carries one request at a time. The last one given back is the first one taken, so
 * that few stay warm and the others go idle and close.
 */
import { Client, type Dispatcher } from 'undici';
import type { FsError } from '../errors.js';
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
}

/** One connection: an undici Client, which opens its socket at need. */
export class Connection {
  private client: Client;
  /** Answers begun on the socket that is open now. */
  private answered = 0;

  constructor(private readonly settings: ConnectionSettings) {
    this.client = this.open();
  }

  /** True where the next request goes over a socket that has carried one before. */
  get reused(): boolean {
    return this.answered > 0;
  }

  /** Sends a request. The handler is told all that follows. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.client.dispatch(options, handler);
  }

  /** An answer began on this connection. */
  markAnswered(): void {
    this.answered += 1;
  }

  /** Gives up a socket that is still being opened, and the requests that wait for it. */
  reset(): void {
    void this.client.destroy();
    this.client = this.open();
  }

  /** Closes the socket at once. */
  async close(): Promise<void> {
    await this.client.destroy();
  }

  private open(): Client {
    const { origin, keepAlive } = this.settings;
    this.answered = 0;
    const client = new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: keepAlive,
      // Our own watchdog counts by progress, and knows when nothing is due.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 0 },
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
