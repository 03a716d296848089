/**
 * What the server was asked, for tests that count requests ("`ls -l` of a folder costs one") and look at them after.
 */

/** One request, as it was and as it ended. Sizes in bytes, times in milliseconds. */
export interface TrafficEntry {
  readonly id: number;
  /** Milliseconds since the epoch at which the head arrived. */
  readonly at: number;
  readonly method: string;
  readonly route: string;
  /** The decoded parameters that name things; undefined where the request has none. */
  readonly path: string | undefined;
  readonly target: string | undefined;
  readonly range: string | undefined;
  /** The client's address and port, so that reused connections show. */
  readonly client: string;
  user: string | undefined;
  /** The status sent; undefined where the connection broke before it. */
  status: number | undefined;
  requestBytes: number;
  responseBytes: number;
  durationMs: number | undefined;
  /** `open` while it lasts; `broken` where the answer did not go out whole. */
  end: 'open' | 'complete' | 'broken';
}

/** What is counted at one moment. */
export interface TrafficState {
  /** Requests that arrived since the last reset, by the route's name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly total: number;
  readonly inFlight: number;
  /** The most requests in progress at one time since the last reset. */
  readonly maxInFlight: number;
}

/** The log keeps this many requests; older ones are dropped, the counts are not. */
const logLimit = 20_000;

export class Traffic {
  #counts = new Map<string, number>();
  #log: TrafficEntry[] = [];
  #inFlight = 0;
  #maxInFlight = 0;
  #next = 1;

  begin(request: Pick<TrafficEntry, 'method' | 'route' | 'path' | 'target' | 'range' | 'client'>): TrafficEntry {
    this.#counts.set(request.route, (this.#counts.get(request.route) ?? 0) + 1);
    this.#inFlight += 1;
    this.#maxInFlight = Math.max(this.#maxInFlight, this.#inFlight);
    const entry: TrafficEntry = {
      ...request,
      id: this.#next++,
      at: Date.now(),
      user: undefined,
      status: undefined,
      requestBytes: 0,
      responseBytes: 0,
      durationMs: undefined,
      end: 'open',
    };
    this.#log.push(entry);
    if (this.#log.length > logLimit * 1.5) this.#log = this.#log.slice(-logLimit);
    return entry;
  }

  finish(entry: TrafficEntry, end: 'complete' | 'broken'): void {
    if (entry.end !== 'open') return;
    entry.end = end;
    entry.durationMs = Date.now() - entry.at;
    this.#inFlight -= 1;
  }

  /** Forgets counts and log; requests in progress stay in progress. */
  reset(): void {
    this.#counts.clear();
    this.#log = [];
    this.#maxInFlight = this.#inFlight;
  }

  state(): TrafficState {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return {
      counts: Object.fromEntries(this.#counts),
      total,
      inFlight: this.#inFlight,
      maxInFlight: this.#maxInFlight,
    };
  }

  log(): TrafficEntry[] {
    return this.#log.map((entry) => ({ ...entry }));
  }
}
