/**
 * The time that new changes get. This machine's clock, unless the platform's differs by more than
 * its Date can be rounded: then the platform's, so that a file written now is not from tomorrow.
 */

/** A platform tells whole seconds, and an answer takes its time: below this the clocks agree. Milliseconds. */
const agreement = 3000;

export class Clock {
  readonly #local: () => number;
  #skew = 0;

  constructor(local: () => number = Date.now) {
    this.#local = local;
  }

  /** The platform said what time it is. */
  observe(platform: number): void {
    const skew = platform - this.#local();
    this.#skew = Math.abs(skew) > agreement ? skew : 0;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#local() + this.#skew;
  }
}
