/** How fast a number grows: over the last seconds, since what a person asks is whether it moves now. */

/** Samples are no closer together than this, in milliseconds. */
const apart = 500;
/** And none is older. */
const window = 10_000;

export class Rate {
  /** Oldest first. */
  readonly #samples: { readonly at: number; readonly value: number }[] = [];

  /** Tells what the number is now; `now` in milliseconds of a clock that only goes on. Cheap: few calls keep a sample. */
  note(value: number, now: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && now - last.at < apart) return;
    this.#samples.push({ at: now, value });
    while ((this.#samples[1]?.at ?? Infinity) <= now - window) this.#samples.shift();
  }

  /** Growth a second, from the oldest sample of the window to `value` now; 0 while there is nothing to compare with. */
  perSecond(value: number, now: number): number {
    const first = this.#samples.find(({ at }) => at >= now - window - apart) ?? this.#samples.at(-1);
    if (first === undefined || now <= first.at || value <= first.value) return 0;
    return (value - first.value) * 1000 / (now - first.at);
  }
}
