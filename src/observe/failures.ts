/** The last failures that programs were told, kept for the person who asks what went wrong. */

/** A request of the kernel that failed. No secret is ever in the sentence of a failure. */
export interface Failure {
  /** The kernel's name for the call: `FLUSH`. */
  readonly operation: string;
  /** Below the mount point. */
  readonly path: string;
  readonly errno: string;
  /** Why, in a sentence. */
  readonly message: string;
}

export interface FailureReport extends Failure {
  /** Of the last time, ISO 8601. */
  readonly time: string;
  /** How often it came in a row. */
  readonly times: number;
}

/** As many as a person reads. */
const kept = 50;

export class RecentFailures {
  readonly #failures: FailureReport[] = [];

  /** `now`: milliseconds since the epoch. */
  note(failure: Failure, now: number): void {
    const last = this.#failures.at(-1);
    const again = last?.operation === failure.operation && last.path === failure.path && last.errno === failure.errno && last.message === failure.message;
    if (again) this.#failures.pop();
    this.#failures.push({ ...failure, time: new Date(now).toISOString(), times: again ? last.times + 1 : 1 });
    if (this.#failures.length > kept) this.#failures.shift();
  }

  /** Oldest first. */
  report(): readonly FailureReport[] {
    return [...this.#failures];
  }
}
