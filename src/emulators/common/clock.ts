/** The clock of an emulated server, which a test may move ahead so that what lives for a time ends. */

export class Clock {
  readonly #base: () => number;
  #aheadMs = 0;

  /** Over another clock; milliseconds since the epoch. */
  constructor(base: () => number) {
    this.#base = base;
  }

  now(): number {
    return this.#base() + this.#aheadMs;
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}
