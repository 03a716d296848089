/** What `df` shows: the platform's quota as it was told last. Asked for in the background, never while `df` waits. */
import type { Log } from '../observe/log.js';
import type { Provider, Quota } from '../providers/provider.js';
import type { StatfsReply } from './filesystem.js';

const blockSize = 4096;

/** Shown where a platform does not tell: 1 PiB, so that no tool refuses for want of room. */
const unknownRoom = 2 ** 50;

/** How long an answer is shown before the next is asked for, milliseconds. */
const maxAge = 60_000;

/** Inodes are no limit on a platform. */
const manyFiles = 1_000_000_000;

export class Room {
  readonly #provider: Provider;
  readonly #log: Log;
  readonly #abort = new AbortController();
  #quota: Quota | undefined;
  #asked = -Infinity;

  constructor(provider: Provider, log: Log) {
    this.#provider = provider;
    this.#log = log;
    this.#ask();
  }

  statfs(): StatfsReply {
    if (performance.now() - this.#asked > maxAge) this.#ask();
    const total = this.#quota?.total ?? unknownRoom;
    const free = Math.max(0, total - (this.#quota?.used ?? 0));
    return {
      blockSize,
      blocks: Math.floor(total / blockSize),
      blocksFree: Math.floor(free / blockSize),
      files: manyFiles,
      filesFree: manyFiles,
      nameLength: 255,
    };
  }

  close(): void {
    this.#abort.abort();
  }

  #ask(): void {
    this.#asked = performance.now();
    this.#provider.quota(this.#abort.signal).then(
      (quota) => { this.#quota = quota; },
      (thrown: unknown) => {
        if (!this.#abort.signal.aborted) this.#log.debug({ err: thrown }, 'the platform did not tell its quota');
      },
    );
  }
}
