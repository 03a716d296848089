/**
 * Signing in to SFTPGo: a token for name and password, renewed before it ends, once for however many
 * requests wait; or an API key, which needs none of that. A refused password is not tried again in a
 * loop: with the server's defender on, a handful of bad ones bans the address for everybody behind it.
 * (SFTPGo's page: token)
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { answerWords, isPage } from '../../http/answer-words.js';
import { failureOf, type HttpClient } from '../../http/client.js';
import type { Try } from '../../http/retry.js';
import { TokenKeeper, type Token } from '../../http/token-keeper.js';
import type { Log } from '../../observe/log.js';
import type { Credentials } from '../settings.js';
import { judge } from './answers.js';
import { refusalOf } from './refusal.js';

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) });

/** A refused sign-in is not tried again for so many milliseconds: three bad passwords in the defender's half hour, of 15. */
const refusalLasts = 10 * 60_000;

/** A token is renewed a minute before it ends, a short one when a quarter is left. Both in milliseconds. */
export function renewBefore(lifetime: number): number {
  return Math.min(60_000, lifetime / 4);
}

/** What a request must carry, and by which token, so that a refusal can be laid to it. */
export interface Authorization {
  readonly headers: Readonly<Record<string, string>>;
  readonly token: string | undefined;
}

export class SignIn {
  private readonly keeper: TokenKeeper<Token>;
  /** The one-time code, until it is used. */
  private otp: string | undefined;

  /** EINVAL where what signs in is missing or cannot be sent. */
  constructor(
    private readonly http: HttpClient, private readonly user: string | undefined,
    private readonly credentials: Credentials, private readonly log: Log,
  ) {
    this.otp = credentials.otp;
    this.keeper = new TokenKeeper({
      elapsed: http.elapsed,
      // SFTPGo counts no sign-ins: one that is on its way is not waited for.
      obtain: (_signal, patience) => this.signIn(patience),
      refusalLasts: () => refusalLasts,
      onEarlyFailure: (error) => {
        this.log.warn({ err: error }, 'the token could not be renewed before its end');
      },
    });
    const { apiKey, password } = credentials;
    if (apiKey !== undefined) {
      if (!/^[\x21-\x7e]+$/.test(apiKey)) throw new FsError('EINVAL', 'the API key has characters that no key has');
      return;
    }
    if (user === undefined) throw new FsError('EINVAL', 'the remote names no user: sftpgo+https://user@host');
    if (password === undefined) throw new FsError('EINVAL', `neither a password for ${user} nor an API key was given`);
  }

  /** Headers that sign a request in. Waits for a token where there is none that lives. EACCES where the server refuses. */
  async authorize(signal: AbortSignal): Promise<Authorization> {
    const { apiKey } = this.credentials;
    const refused = apiKey === undefined ? undefined : this.keeper.refused();
    if (refused !== undefined) throw refused;
    if (apiKey !== undefined) return { headers: { 'x-sftpgo-api-key': apiKey }, token: undefined };
    const token = await this.keeper.living(signal);
    return { headers: { authorization: `Bearer ${token.text}` }, token: token.text };
  }

  /** True where a key signs in: then 400 may mean the key, and nothing can be renewed. */
  get byKey(): boolean {
    return this.credentials.apiKey !== undefined;
  }

  /** The server has refused this token: the next request fetches another, unless that has happened already. */
  reject(token: string): void {
    this.keeper.reject(token);
  }

  /** The server does not take the API key: it is not shown again for a while, since each time counts with the defender. */
  refuseKey(error: FsError): void {
    this.keeper.refuse(error);
  }

  /** Hands the token back. Never throws; takes no longer than the signal allows. */
  async signOut(signal: AbortSignal): Promise<void> {
    const token = await this.keeper.end(signal);
    if (token === undefined) return;
    try {
      const outcome = await this.http.send({
        method: 'GET', path: '/api/v2/user/logout', route: 'GET /user/logout', headers: { authorization: `Bearer ${token.text}` }, lane: 'call', answerWithin: 'stall',
      }, signal);
      if ('answer' in outcome) await outcome.answer.discard();
    } catch (error) {
      this.log.debug({ err: error }, 'signing out was not heard');
    }
  }

  private async signIn(signal: AbortSignal): Promise<Token> {
    if (this.credentials.otp !== undefined && this.otp === undefined) {
      const ended = new FsError(
        'EACCES', `the sign-in of ${this.user ?? ''} has ended and its one-time code works once: mount again with a new code, or use an API key (AMARRE_API_KEY), which lasts`,
      );
      this.log.error({ user: this.user }, `${ended.message}; what is unsent is kept on this machine, and sent by the next mount`);
      throw this.keeper.refuse(ended, Infinity);
    }
    return this.http.repeat(() => this.tryToSignIn(signal), signal);
  }

  private async tryToSignIn(signal: AbortSignal): Promise<Try<Token>> {
    const asked = this.http.elapsed();
    const basic = Buffer.from(`${this.user ?? ''}:${this.credentials.password ?? ''}`).toString('base64');
    const outcome = await this.http.send({
      method: 'GET', path: '/api/v2/user/token', route: 'GET /user/token', lane: 'call', answerWithin: 'stall',
      headers: { authorization: `Basic ${basic}`, ...(this.otp === undefined ? {} : { 'x-sftpgo-otp': this.otp }) },
    }, signal);
    // A code that may have arrived is used up: the same one again would be a bad sign-in.
    if ('broken' in outcome) return { failure: failureOf(outcome.broken, this.otp === undefined) };
    const { answer } = outcome;
    if (answer.status !== 200) {
      const refusal = await refusalOf(answer, this.http.clock.now());
      const verdict = judge('sign in', refusal, this.user ?? '');
      if (verdict.then === 'wait' || (verdict.then === 'unsure' && this.otp === undefined)) {
        return { failure: { error: verdict.error, again: 'later', retryAfter: refusal.retryAfter } };
      }
      if (verdict.then === 'sign in') throw this.keeper.refuse(this.badSignIn(verdict.error));
      throw verdict.error.errno === 'EACCES' ? this.keeper.refuse(verdict.error) : verdict.error;
    }
    const once = this.otp !== undefined;
    this.otp = undefined;
    const text = await answer.text();
    const token = this.readToken(answer, text, asked);
    if (once) {
      const minutes = Math.round((token.endsAt - asked) / 60_000);
      this.log.warn({ user: this.user, minutes }, `signed in with a one-time code, which works once: this sign-in ends in ${minutes} minutes, and the drive with it; an API key (AMARRE_API_KEY) lasts`);
    }
    return { done: token };
  }

  private readToken(answer: Answer, text: string, asked: number): Token {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    const parsed = tokenAnswer.safeParse(value);
    if (!parsed.success) {
      const words = answerWords(answer.status, answer.header('content-type'), text, answer.sender);
      // What is JSON may hold a token in another form: it is not repeated.
      const said = isPage(answer.header('content-type'), text) ? `: ${words}` : '';
      throw new FsError('EIO', `what answers at this address is not SFTPGo's user API: its sign-in gave no token${said}`);
    }
    // Whose clock is not known cannot be reckoned with: then the token is used until it is refused.
    if (answer.header('date') === undefined) return { text: parsed.data.access_token, renewAt: Infinity, endsAt: Infinity };
    const lifetime = Math.max(0, Date.parse(parsed.data.expires_at) - answer.date);
    // A second factor's code works once: such a token is used to its end.
    const early = this.credentials.otp === undefined ? asked + lifetime - renewBefore(lifetime) : Infinity;
    return { text: parsed.data.access_token, renewAt: early, endsAt: asked + lifetime };
  }

  private badSignIn(cause: FsError): FsError {
    const hint = this.credentials.otp === undefined
      ? 'the password is wrong, or the account has a second factor and wants a one-time code (AMARRE_OTP) or an API key (AMARRE_API_KEY)'
      : 'the password or the one-time code is wrong, or the code was used before: each works once';
    return new FsError('EACCES', `the server does not let ${this.user ?? ''} in: ${hint}`, { cause });
  }
}
