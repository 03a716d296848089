/** How many requests a user may make in a second, where a surprise limits them. */
import { Refusal } from './errors.js';
import type { Switches } from './surprises.js';

export class Rate {
  readonly #switches: Switches;
  readonly #recent = new Map<string, number[]>();

  constructor(switches: Switches) {
    this.#switches = switches;
  }

  /** Counts a request. Throws 429 for one too many in the last second. */
  take(login: string): void {
    const { requestsPerSecond, retryAfter } = this.#switches.now;
    if (requestsPerSecond === 0) return;
    const now = Date.now();
    const recent = (this.#recent.get(login) ?? []).filter((at) => at > now - 1000);
    if (recent.length >= requestsPerSecond) throw new Refusal(429, 'Trop de requêtes', retryAfter ? { 'Retry-After': '1' } : {});
    this.#recent.set(login, [...recent, now]);
  }
}
