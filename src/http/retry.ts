/**
 * The one retry policy: which failed request is sent again, and when. A pure function decides;
 * `repeat` waits and calls. Everything that talks to a platform comes through here, so that retries
 * never multiply by being nested.
 */
import type { FsError } from '../errors.js';
import { delay } from './waiting.js';

/** How a request failed, as far as the policy needs to know. */
export interface Failure {
  /** What is thrown when it is not repeated. */
  readonly error: FsError;
  /**
   * `never`: the same request would fail the same way, or its repetition could do harm.
   * `later`: it may succeed after a while.
   * `at once`: the connection had been closed while it lay idle; the first such failure is
   * repeated without a wait, further ones like `later`.
   */
  readonly again: 'never' | 'later' | 'at once';
  /** The wait that the server asked for, in milliseconds. */
  readonly retryAfter?: number | undefined;
  /** What the server answered; undefined where no answer came. */
  readonly status?: number | undefined;
}

export interface RetryLimits {
  /** No repetition begins later than this after the first failure, in milliseconds. */
  readonly deadline: number;
  /** The first wait, before jitter, in milliseconds; each further one is twice the last. */
  readonly firstDelay: number;
  /** The longest wait of our own choice, in milliseconds. */
  readonly maxDelay: number;
}

/**
 * Of requests of a drive that waits `stallTimeout` milliseconds for a byte: long enough to live through a platform's
 * restart, short enough that nobody takes the drive for hung.
 */
export function driveRetries(stallTimeout: number): RetryLimits {
  return { deadline: 2 * stallTimeout, firstDelay: 250, maxDelay: 5_000 };
}

/** What has happened so far to a request that is being repeated. */
export interface RetryState {
  /** How many times it has failed, from 1. */
  readonly failures: number;
  /** Milliseconds since it failed first. */
  readonly elapsed: number;
  /** Whether it has been repeated at once before. */
  readonly repeatedAtOnce: boolean;
}

/**
 * The milliseconds to wait before the request is sent again, or undefined: give up. `random` is in
 * [0, 1). The jitter takes up to half of a wait away, so that fifty processes that failed together
 * do not come back together; a server's own Retry-After is never undercut, and one that
 * ends behind the deadline is not waited for at all.
 */
export function nextDelay(failure: Failure, state: RetryState, limits: RetryLimits, random: number): number | undefined {
  if (failure.again === 'never') return undefined;
  if (failure.again === 'at once' && !state.repeatedAtOnce) return 0;
  const backOff = Math.min(limits.maxDelay, limits.firstDelay * 2 ** (state.failures - 1));
  const jittered = backOff * (0.5 + random / 2);
  const wait = failure.retryAfter === undefined ? jittered : failure.retryAfter + jittered * random;
  return state.elapsed + wait > limits.deadline ? undefined : wait;
}

/** The outcome of one try. */
export type Try<T> = { readonly done: T } | { readonly failure: Failure };

export interface RepeatContext {
  readonly limits: RetryLimits;
  readonly signal: AbortSignal;
  /** Aborted when the client is closed: nobody waits for a repetition that will not come. */
  readonly closing: AbortSignal;
  /** Told before each wait. */
  readonly onRetry: (failure: Failure, wait: number) => void;
}

/**
 * Tries until it is done, the policy gives up (throws the last failure's error) or the signal is
 * aborted (EINTR). What a try throws, instead of returning, is final. `attempt` counts from 0.
 */
export async function repeat<T>(work: (attempt: number) => Promise<Try<T>>, context: RepeatContext): Promise<T> {
  const progress = new RetryProgress(context);
  for (;;) {
    const outcome = await work(progress.failures);
    if ('done' in outcome) return outcome.done;
    await progress.wait(outcome.failure);
  }
}

/** The state of one request's repetitions, for who cannot put his work into one function. */
export class RetryProgress {
  failures = 0;
  private firstFailure = 0;
  private repeatedAtOnce = false;

  constructor(private readonly context: RepeatContext) {}

  /** Waits as long as the policy says, or throws the failure's error. */
  async wait(failure: Failure): Promise<void> {
    const now = performance.now();
    if (this.failures === 0) this.firstFailure = now;
    this.failures += 1;
    const state = { failures: this.failures, elapsed: now - this.firstFailure, repeatedAtOnce: this.repeatedAtOnce };
    const wait = nextDelay(failure, state, this.context.limits, Math.random());
    if (wait === undefined) throw failure.error;
    if (failure.again === 'at once') this.repeatedAtOnce = true;
    this.context.onRetry(failure, wait);
    if (wait > 0) await delay(wait, AbortSignal.any([this.context.signal, this.context.closing]));
  }

  /** Something was gained since the last failure: what comes next is a new request's first failure. */
  reset(): void {
    this.failures = 0;
    this.repeatedAtOnce = false;
  }
}
