/**
 * HTTP as the providers use it: requests to one origin, over few warm connections, with stalls
 * found, redirects followed only where that is safe, and the server's clock at hand. What an answer
 * means is the provider's to say; which failures may be repeated is said here.
 */
import { FsError } from '../errors.js';
import type { Log } from '../observe/log.js';
import type { RequestObserver } from '../observe/requests.js';
import { Answer } from './answer.js';
import type { Broken } from './breaks.js';
import { ConnectionPool, type Lane } from './connections.js';
import { Dialer, type NetworkSettings } from './dialing.js';
import { exchange, type WireRequest } from './exchange.js';
import { Heartbeat } from './heartbeat.js';
import { isRedirect, judgeRedirect, maxRedirects } from './redirects.js';
import { repeat, RetryProgress, type Failure, type RepeatContext, type RetryLimits, type Try } from './retry.js';
import { ServerClock } from './server-clock.js';

export interface HttpSettings {
  /** `https://host:port`, without a path. */
  readonly origin: string;
  readonly network: NetworkSettings;
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
  /** Requests at once. */
  readonly parallelRequests: number;
  /** Milliseconds after which an idle connection is closed. */
  readonly keepAlive: number;
  /** Milliseconds without progress while bytes are due. */
  readonly stallTimeout: number;
  /** Milliseconds that the server's end of an upload, a copy or a move may take, with no byte due. */
  readonly serverTimeout: number;
  readonly retry: RetryLimits;
  readonly userAgent: string;
  readonly observer: RequestObserver;
}

export interface HttpRequest extends WireRequest {
  /** Waited for when a connection is there, right before the request goes out: a platform's limits are its own. */
  readonly turn?: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly lane: Lane;
  /** A key or a signature stands in the query: the log gets the path alone. Default: it does not. */
  readonly secretQuery?: boolean | undefined;
  /** What it is counted as: method and the fixed part of the path, without names, ids and query. `GET /user/files`. */
  readonly route: string;
  /** Which time-out waits for the answer: `server` where the server has work to do first. */
  readonly answerWithin: 'stall' | 'server';
}

/** A server that has never answered is more likely a wrong address than a passing trouble: it is tried for so many milliseconds. */
const firstContact = 5_000;

export type HttpOutcome = { readonly answer: Answer } | { readonly broken: Broken };

export class HttpClient {
  readonly clock: ServerClock;
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
  private readonly pool: ConnectionPool;
  private readonly heartbeat: Heartbeat;
  private readonly host: string;
  private readonly origin: string;
  private readonly closing = new AbortController();
  private answered = false;

  constructor(private readonly settings: HttpSettings, private readonly log: Log) {
    const url = new URL(settings.origin);
    this.origin = url.origin;
    this.host = url.host;
    const { elapsed, network, keepAlive, stallTimeout } = settings;
    this.elapsed = elapsed;
    this.clock = new ServerClock(elapsed);
    const connections = { origin: this.origin, keepAlive, elapsed, dialer: new Dialer(this.origin, network) };
    this.pool = new ConnectionPool(connections, settings.parallelRequests);
    settings.observer.watch(() => this.pool.load);
    this.heartbeat = new Heartbeat(connections, this.host, network.connectTimeout, stallTimeout);
  }

  /**
   * Sends a request once, and follows redirects within the origin. Waits for a free connection
   * first. Resolves to the answer, whatever its status, or to how the connection broke. Throws EINTR
   * for an abort, the error of the body's source, EIO for a redirect that may not be followed.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> {
    let path = request.path;
    for (let redirects = 0; ; redirects += 1) {
      const outcome = await this.sendOnce({ ...request, path }, signal);
      if ('broken' in outcome || !isRedirect(outcome.answer.status)) return outcome;
      const { answer } = outcome;
      await answer.discard();
      const redirect = judgeRedirect({ origin: this.origin, method: request.method, path }, answer.status, answer.header('location'));
      if ('refuse' in redirect) throw new FsError('EIO', redirect.refuse);
      if (redirects === maxRedirects) throw new FsError('EIO', `the server redirects more than ${maxRedirects} times in a row`);
      path = redirect.follow;
    }
  }

  /** Repeats `work` as the policy allows. */
  repeat<T>(work: (attempt: number) => Promise<Try<T>>, signal: AbortSignal): Promise<T> {
    return repeat(work, this.repeatContext(signal));
  }

  /** The policy's state for one piece of work that is repeated in parts. */
  retryProgress(signal: AbortSignal): RetryProgress {
    return new RetryProgress(this.repeatContext(signal));
  }

  /** The server allows this user no more requests at once than that. */
  narrow(parallelRequests: number): void {
    if (this.pool.narrow(parallelRequests)) {
      this.log.warn({ parallelRequests }, 'the server allows fewer requests at once: keeping to that');
    }
  }

  /** Requests on their way and waiting. */
  get load(): { readonly active: number; readonly waiting: number } {
    return this.pool.load;
  }

  /** Ends every request and closes every connection. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.heartbeat.close();
    await this.pool.close(new FsError('EIO', 'the connection to the platform is closed'));
  }

  private async sendOnce(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> {
    if (this.closing.signal.aborted) throw new FsError('EIO', 'the connection to the platform is closed');
    const lease = await this.pool.acquire(request.lane, signal);
    await request.turn?.(signal).catch((error: unknown) => {
      lease.release();
      throw error;
    });
    const started = performance.now();
    const { stallTimeout, serverTimeout, network } = this.settings;
    const limits = request.answerWithin === 'server'
      ? { connect: network.connectTimeout, stall: stallTimeout, answer: serverTimeout, stillThere: () => this.heartbeat.ask() }
      : { connect: network.connectTimeout, stall: stallTimeout, answer: stallTimeout };
    const headers = { 'user-agent': this.settings.userAgent, ...request.headers };
    const meter = this.settings.observer.route(request.route);
    const outcome = await exchange(lease, this.host, { ...request, headers }, limits, meter, signal).catch((thrown: unknown) => {
      meter.interrupted();
      throw thrown;
    });
    const path = request.secretQuery === true ? request.path.replace(/\?.*$/s, '') : request.path;
    const about = { method: request.method, path, ms: Math.round(performance.now() - started) };
    if ('broken' in outcome) {
      meter.broken();
      this.log.debug({ ...about, error: outcome.broken.error.message }, 'request without an answer');
      if (outcome.broken.idleConnection) this.pool.distrustIdle();
      return outcome;
    }
    const { answer } = outcome;
    this.answered = true;
    meter.answered(answer.status, (performance.now() - started) / 1000);
    this.log.trace({ ...about, status: answer.status }, 'request answered');
    return { answer: new Answer(answer, answer.body, this.clock.observe(answer.header('date'))) };
  }

  private repeatContext(signal: AbortSignal): RepeatContext {
    const { retry } = this.settings;
    return {
      limits: this.answered ? retry : { ...retry, deadline: Math.min(retry.deadline, firstContact) },
      signal,
      closing: this.closing.signal,
      onRetry: (failure, wait) => this.log.debug({ wait: Math.round(wait), error: failure.error.message }, 'repeating a request'),
    };
  }
}

/**
 * How the policy takes a broken connection. A request that the server cannot have seen may always be
 * sent again; one that it may have carried out only where that does no harm (`idempotent`).
 */
export function failureOf(broken: Broken, idempotent: boolean): Failure {
  const mayRepeat = !broken.lasting && (idempotent || !broken.maybeCarriedOut);
  return { error: broken.error, again: !mayRepeat ? 'never' : broken.staleConnection ? 'at once' : 'later' };
}

/** Reads `Retry-After` (seconds, or an HTTP date against `now`), in milliseconds; undefined where there is none. */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
