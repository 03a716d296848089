/**
 * The token of a drive: fetched when it is first needed, renewed once for however many requests wait,
 * and not fetched again for a while after the platform refused to give one. How a platform gives
 * tokens is the provider's to say.
 */
import type { FsError } from '../errors.js';
import { interrupted, orAborted } from './waiting.js';

export interface Token {
  readonly text: string;
  /** By the clock of elapsed time: from when a new one is fetched beside the work. Infinity: not before its end. */
  readonly renewAt: number;
  /** When it ends. Infinity: when it is refused. */
  readonly endsAt: number;
}

export interface TokenKeeperParts<T extends Token> {
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
  /**
   * Signs in. `signal` ends it at once; `patience` ends only its waits between two tries, so that the
   * answer of a request on its way is still heard, and its token can be given back.
   */
  readonly obtain: (signal: AbortSignal, patience: AbortSignal) => Promise<T>;
  /** Milliseconds that a refusal lasts, the `count`-th in a row, from 1. */
  readonly refusalLasts: (count: number) => number;
  /** A renewal beside the work failed; the token that there is goes on being used. */
  readonly onEarlyFailure: (error: unknown) => void;
}

export class TokenKeeper<T extends Token> {
  private token: T | undefined;
  private renewal: Promise<T> | undefined;
  private refusal: { readonly error: FsError; readonly until: number } | undefined;
  /** Refusals since the last token that was good for something. */
  private refusals = 0;
  /** The token that there is has been good for a request. */
  private proven = false;
  private readonly patience = new AbortController();
  private readonly lifetime = new AbortController();

  constructor(private readonly parts: TokenKeeperParts<T>) {}

  /** A token that lives, as far as is known. Throws the refusal while one lasts, what `obtain` throws, EINTR. */
  async living(signal: AbortSignal): Promise<T> {
    const { token } = this;
    const now = this.parts.elapsed();
    if (token === undefined || now >= token.endsAt) return orAborted(this.renew(), signal);
    if (now >= token.renewAt && this.refused() === undefined) this.renew().catch(this.parts.onEarlyFailure);
    return token;
  }

  /** The platform has taken this token. */
  prove(text: string): void {
    if (this.token?.text !== text) return;
    this.proven = true;
    this.refusals = 0;
  }

  /**
   * The platform has refused this token: the next request fetches another, unless that has happened
   * already. A token that was never good for anything is a refused sign-in, of which `error` tells:
   * fetching another for each request would be a loop.
   */
  reject(text: string, error?: FsError): void {
    if (this.token?.text !== text) return;
    if (!this.proven && error !== undefined) this.refuse(error);
    this.token = undefined;
  }

  /** Nothing is asked for until the refusal is over (`lasts`, in milliseconds, where it is not the usual time). Hands the error back. */
  refuse(error: FsError, lasts?: number): FsError {
    this.refusals += 1;
    this.refusal = { error, until: this.parts.elapsed() + (lasts ?? this.parts.refusalLasts(this.refusals)) };
    return error;
  }

  /** The refusal that still lasts. */
  refused(): FsError | undefined {
    if (this.refusal !== undefined && this.parts.elapsed() >= this.refusal.until) this.refusal = undefined;
    return this.refusal?.error;
  }

  /**
   * The end: no token is fetched any more, and the one that there is is handed out, to be given back.
   * A sign-in that is on its way is waited for, as long as the signal allows. Never throws.
   */
  async end(signal: AbortSignal): Promise<T | undefined> {
    this.patience.abort();
    if (this.renewal !== undefined) await orAborted(this.renewal, signal).catch(() => undefined);
    this.lifetime.abort();
    const { token } = this;
    this.token = undefined;
    return token;
  }

  /** One sign-in at a time, whoever asks; nobody's interrupt ends it for the others. */
  private renew(): Promise<T> {
    const refused = this.refused();
    if (refused !== undefined) return Promise.reject(refused);
    if (this.patience.signal.aborted) return Promise.reject(interrupted(this.patience.signal));
    this.renewal ??= this.fetch().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  private async fetch(): Promise<T> {
    const token = await this.parts.obtain(this.lifetime.signal, this.patience.signal);
    this.token = token;
    this.proven = false;
    return token;
  }
}
