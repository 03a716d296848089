/** The calls that a binding has handed over and that are not answered yet: who waits, and what is told where one fails. */
import { constants } from 'node:os';
import { toFsError, type Errno, type FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { RequestCaller } from '../caller.js';
import type { Counter } from '../../observe/metrics.js';
import { logLevelOf } from '../failures.js';
import { RequestWatch, type RequestWatcher } from '../watching.js';

/** Who asks, as the binding tells it. */
export interface Asker {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What brings a program's bytes to the platform: goes on although nobody waits any more. */
const lasting: ReadonlySet<string> = new Set(['write', 'flush', 'fsync', 'release']);

export class Requests {
  readonly #log: Log;
  readonly #watch: RequestWatch;
  readonly #counters = new Map<string, Counter>();
  #active = 0;
  readonly #underWay = new Set<RequestCaller>();
  #refusing = false;

  constructor(log: Log, watcher: RequestWatcher) {
    this.#log = log;
    this.#watch = new RequestWatch(watcher, () => this.#active);
  }

  /**
   * Performs an operation and answers it: `succeed` with its value, or `fail` with a negative errno. Never throws;
   * `path` is for the log.
   */
  perform<Value>(
    operation: string, path: string | number, asker: Asker, run: (caller: RequestCaller) => Promise<Value> | Value,
    succeed: (value: Value) => void, fail: (result: number) => void,
  ): void {
    if (this.#refusing) {
      fail(-constants.errno.ENOTCONN);
      return;
    }
    this.#counterOf(operation).add();
    this.#active += 1;
    const caller = new RequestCaller(asker);
    if (!lasting.has(operation)) this.#underWay.add(caller);
    const answer = async (): Promise<void> => {
      try {
        succeed(await run(caller));
      } catch (thrown) {
        const error = toFsError(thrown);
        this.#note(operation, path, error);
        fail(-errnoNumber(error.errno));
      } finally {
        this.#active -= 1;
        this.#underWay.delete(caller);
      }
    };
    void answer();
  }

  /** Nobody waits any more: the mount has ended. */
  abandon(): void {
    for (const caller of this.#underWay) caller.interrupt();
  }

  /** As `abandon`, and whatever still comes is answered with ENOTCONN. */
  refuseAll(): void {
    this.#refusing = true;
    this.abandon();
  }

  /** What a package says of itself. That its loop has ended is news to it alone. */
  complain(thrown: unknown): void {
    const expected = thrown instanceof Error && 'code' in thrown && thrown.code === 'EFUSELOOPEXIT';
    this.#log[expected ? 'debug' : 'warn']({ err: thrown }, 'the package that serves this mount has complained');
  }

  #counterOf(operation: string): Counter {
    const counter = this.#counters.get(operation) ?? this.#watch.counterOf(operation.toUpperCase());
    this.#counters.set(operation, counter);
    return counter;
  }

  #note(operation: string, path: string | number, error: FsError): void {
    const fields = {
      operation, ...(typeof path === 'number' ? { open: path } : { path }), errno: error.errno,
      ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
    };
    this.#log[logLevelOf(error.errno)](fields, error.message);
    const at = typeof path === 'number' ? `(open file ${path})` : path;
    this.#watch.failed({ operation: operation.toUpperCase(), at, name: undefined, errno: error.errno, message: error.message });
  }
}

/** The number that this system's programs know an errno by. */
function errnoNumber(errno: Errno): number {
  // Of an attribute that is not there macOS has a name of its own, 93.
  if (errno === 'ENODATA' && process.platform === 'darwin') return 93;
  return constants.errno[errno];
}
