/**
 * READs and WRITEs of one file that are under way at the same time. The kernel lets go of a page
 * before the WRITE of it is answered, and an open(2) meanwhile drops the page: a READ that fills it
 * anew without the bytes of that WRITE would hide them from every program, zeros where the file grew.
 * So a READ is answered with all that came before its answer.
 */
import { untilAborted } from './shared-task.js';

/** How often a READ begins anew. */
const attempts = 3;

interface Stretch {
  readonly start: number;
  readonly end: number;
}

interface ReadUnderWay extends Stretch {
  overtaken: boolean;
}

interface WriteUnderWay extends Stretch {
  readonly ended: Promise<unknown>;
}

export class Crossings {
  readonly #reads = new Set<ReadUnderWay>();
  readonly #writes = new Set<WriteUnderWay>();

  /** Runs a WRITE of `[start, end)` as the kernel has it, from its arrival to its answer. */
  async write<T>(start: number, end: number, work: () => Promise<T>): Promise<T> {
    for (const read of this.#reads) if (overlap(read, { start, end })) read.overtaken = true;
    const working = work();
    const write: WriteUnderWay = { start, end, ended: working.catch(() => undefined) };
    this.#writes.add(write);
    try {
      return await working;
    } finally {
      this.#writes.delete(write);
    }
  }

  /**
   * Runs a READ of `[start, end)`: behind the WRITEs under way, and again if one came meanwhile. The
   * kernel sends no further WRITE of pages that it is reading; past its pages there may be no end of them.
   */
  async read<T>(start: number, end: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      for (let ahead = this.#writesIn({ start, end }); ahead.length > 0; ahead = this.#writesIn({ start, end })) {
        await untilAborted(Promise.all(ahead), signal);
      }
      const read: ReadUnderWay = { start, end, overtaken: false };
      this.#reads.add(read);
      try {
        const value = await work();
        if (!read.overtaken || attempt > attempts) return value;
      } finally {
        this.#reads.delete(read);
      }
    }
  }

  #writesIn(stretch: Stretch): Promise<unknown>[] {
    return [...this.#writes].filter((write) => overlap(write, stretch)).map(({ ended }) => ended);
  }
}

function overlap(one: Stretch, other: Stretch): boolean {
  return one.start < other.end && other.start < one.end;
}
