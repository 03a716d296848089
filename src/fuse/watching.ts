/** What is counted and told of the requests that come through a driver, whichever it is. */
import type { Errno } from '../errors.js';
import type { Counter, Metrics } from '../observe/metrics.js';
import { logLevelOf } from './failures.js';

/** A request that failed in a way that is news. */
export interface FailedRequest {
  /** The kernel's name for it: `FLUSH`. */
  readonly operation: string;
  /** Its node, or its path below the mount point. */
  readonly at: number | string;
  /** The name in the folder `at`, where the request is about one. */
  readonly name: string | undefined;
  readonly errno: Errno;
  readonly message: string;
}

/** Who watches what programs ask. */
export interface RequestWatcher {
  readonly metrics: Metrics;
  /** Told of failures that are logged as warning or error, at once: the node is still known. */
  failed(failure: FailedRequest): void;
}

export class RequestWatch {
  readonly #watcher: RequestWatcher;
  /** By operation and errno. */
  readonly #failures = new Map<string, Counter>();

  /** `active`: how many requests are not answered yet. */
  constructor(watcher: RequestWatcher, active: () => number) {
    this.#watcher = watcher;
    watcher.metrics.gauge('amarre_fuse_requests_active', 'Requests of programs that are not answered yet.', active);
  }

  /** Where requests of a kind are counted. */
  counterOf(operation: string): Counter {
    return this.#watcher.metrics.counter('amarre_fuse_requests_total', 'Requests of programs.', { operation });
  }

  failed(failure: FailedRequest): void {
    const { operation, errno } = failure;
    const key = `${operation} ${errno}`;
    const known = this.#failures.get(key);
    const counter = known ?? this.#watcher.metrics.counter('amarre_fuse_failures_total', 'Requests of programs answered with an error.', { operation, errno });
    if (known === undefined) this.#failures.set(key, counter);
    counter.add();
    if (logLevelOf(errno) !== 'debug') this.#watcher.failed(failure);
  }
}
