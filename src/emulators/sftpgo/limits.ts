/**
 * What SFTPGo looks at before it looks at the request: the defender, the rate limiter, and how many requests one
 * address has in progress. All three count every client behind an address together, the sign-in too.
 */
import { Refusal } from './errors.js';
import type { RateLimiterSettings, ServerChoices } from './options.js';

export class Limits {
  readonly #choices: ServerChoices;
  #inProgress = new Map<string, number>();
  #badLogins = new Map<string, number[]>();
  #bannedUntil = new Map<string, number>();
  #buckets = new Map<string, Bucket>();

  constructor(choices: ServerChoices) {
    this.#choices = choices;
  }

  /** Lets a request in, or throws the refusal. What is let in must leave. */
  enter(address: string): void {
    if ((this.#bannedUntil.get(address) ?? 0) > this.#choices.now()) throw new Refusal(403, '', 'your IP address is blocked');
    const inProgress = this.#inProgress.get(address) ?? 0;
    if (this.#choices.maxPerHost > 0 && inProgress >= this.#choices.maxPerHost) {
      throw new Refusal(403, '', 'you are not allowed to connect');
    }
    this.#limitRate(address);
    this.#inProgress.set(address, inProgress + 1);
  }

  leave(address: string): void {
    const left = (this.#inProgress.get(address) ?? 1) - 1;
    if (left === 0) this.#inProgress.delete(address);
    else this.#inProgress.set(address, left);
  }

  /** Notes a bad login for the defender. Returns how late its answer is to be, in milliseconds. */
  badLogin(address: string): number {
    const { defender, now } = this.#choices;
    if (defender === undefined) return 0;
    const since = now() - defender.observationS * 1000;
    const recent = [...(this.#badLogins.get(address) ?? []).filter((at) => at > since), now()];
    this.#badLogins.set(address, recent);
    if (recent.length >= defender.threshold) {
      this.#bannedUntil.set(address, now() + defender.banS * 1000);
      this.#badLogins.delete(address);
    }
    return defender.badLoginDelayMs;
  }

  #limitRate(address: string): void {
    const { rateLimiter } = this.#choices;
    if (rateLimiter === undefined) return;
    let bucket = this.#buckets.get(address);
    if (bucket === undefined) {
      bucket = new Bucket(rateLimiter);
      this.#buckets.set(address, bucket);
    }
    const waitMs = bucket.take(performance.now());
    if (waitMs === 0) return;
    const wait = goDuration(waitMs);
    throw new Refusal(429, 'Too Many Requests', `rate limit exceed, wait time to respect rate ${wait}, max wait time allowed 0s`, {
      'Retry-After': String(Math.ceil(waitMs / 1000)),
      'X-Retry-In': wait,
    });
  }
}

/** A token bucket. */
class Bucket {
  readonly #settings: RateLimiterSettings;
  #tokens: number;
  #at: number | undefined;

  constructor(settings: RateLimiterSettings) {
    this.#settings = settings;
    this.#tokens = settings.burst;
  }

  /** 0 where a request may pass now, else the milliseconds until one may. */
  take(now: number): number {
    const { average, periodMs, burst } = this.#settings;
    this.#tokens = Math.min(burst, this.#tokens + ((now - (this.#at ?? now)) * average) / periodMs);
    this.#at = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return ((1 - this.#tokens) * periodMs) / average;
  }
}

/** A duration as Go writes it: `518.890516ms`, `2.5s`. */
export function goDuration(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toFixed(9))}s`;
  return `${Number(ms.toFixed(6))}ms`;
}
