/**
 * Keeps to what the server's limits allow, for all requests together. A rate limiter counts every request
 * that it refuses, and with the defender on five refusals ban the address: so that the others wait, too,
 * when one is told to. And an address that is banned is left in peace: each further try makes the ban
 * longer, for everybody behind it.
 */
import { FsError } from '../../errors.js';
import { delay } from '../../http/waiting.js';

/** After a ban was told nothing is sent for so long, in milliseconds. */
const banLasts = 10 * 60_000;
/** How often, in waits as long as the server's own, a request is let go after a refusal before all go freely again. */
const pacedTurns = 20;
/** A wait that the server asks for is kept between requests up to this, in milliseconds; a longer one is waited once. */
const longestStep = 2_000;

export class Pace {
  private ban: { readonly error: FsError; readonly until: number } | undefined;
  /** When the next request may go, and from when on all may; by `performance.now()`. */
  private next = 0;
  private free = 0;
  private step = 0;

  /** Resolves when a request may go. EINTR; EACCES while the address is banned. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (this.ban !== undefined && now < this.ban.until) throw new FsError('EACCES', this.ban.error.message, { cause: this.ban.error });
    if (now >= this.free) return;
    const mine = Math.max(now, this.next);
    this.next = mine + this.step;
    if (mine > now) await delay(mine - now, signal);
  }

  /** The rate limiter refused a request and said after how many milliseconds the next may come. */
  slowDown(wait: number): void {
    const now = performance.now();
    // The first refusal may tell of a last fraction only: the longest wait is the limiter's true step.
    this.step = Math.min(Math.max(wait, now < this.free ? this.step : 0), longestStep);
    this.next = Math.max(this.next, now + wait);
    this.free = Math.max(this.free, now + wait + pacedTurns * this.step);
  }

  /** The server said that this address is banned. */
  banned(error: FsError): void {
    this.ban = { error, until: performance.now() + banLasts };
  }
}
