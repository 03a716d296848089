/**
 * One body on its way, in either direction, subject to what a test ordered: it is cut, stops, or goes slowly at exact
 * byte positions. Both directions count bytes the same way, so the arithmetic stands here once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Flow } from './faults.js';

/** Waits, or returns early when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** A body's passage: pieces are cut where the flow stops or breaks. */
export class Passage {
  readonly #flow: Flow;
  readonly #signal: AbortSignal;
  #stalls: Flow['stalls'];
  #passed = 0;
  #startedAt: number | undefined;

  constructor(flow: Flow, signal: AbortSignal) {
    this.#flow = flow;
    this.#stalls = flow.stalls;
    this.#signal = signal;
  }

  /** True where nothing was ordered, and bytes need not be looked at one by one. */
  get free(): boolean {
    return this.#flow.cutAfter === undefined && this.#stalls.length === 0 && this.#flow.bytesPerSecond === undefined;
  }

  /** How many of the next `available` bytes may pass now; waits out stalls. 0 means: cut here. */
  async admit(available: number): Promise<number> {
    let stall = this.#stalls[0];
    while (stall !== undefined && stall.afterBytes <= this.#passed) {
      await stall.gate.wait(this.#signal);
      this.#stalls = this.#stalls.slice(1);
      stall = this.#stalls[0];
    }
    const { cutAfter, bytesPerSecond } = this.#flow;
    const untilCut = cutAfter === undefined ? Infinity : cutAfter - this.#passed;
    const untilStall = stall === undefined ? Infinity : stall.afterBytes - this.#passed;
    // A tenth of a second's worth at a time: slow, yet moving.
    const slice = bytesPerSecond === undefined ? Infinity : Math.max(1, Math.floor(bytesPerSecond / 10));
    const admitted = Math.max(0, Math.min(available, untilCut, untilStall, slice));
    if (bytesPerSecond !== undefined) {
      this.#startedAt ??= performance.now();
      const due = this.#startedAt + ((this.#passed + admitted) / bytesPerSecond) * 1000;
      await pause(due - performance.now(), this.#signal);
    }
    this.#passed += admitted;
    return admitted;
  }

  /** A stall that stands exactly at the end of the body, and the cut that falls on it. True: cut. */
  async finish(): Promise<boolean> {
    for (const stall of this.#stalls) {
      if (stall.afterBytes <= this.#passed) await stall.gate.wait(this.#signal);
    }
    return this.#flow.cutAfter !== undefined && this.#flow.cutAfter <= this.#passed;
  }
}
