/**
 * The one connection that a drive has at the platform, which counts them: signed in when the first
 * request needs it, renewed once for however many requests find the token dead, given back at the
 * end. A refused sign-in is told to every request and not repeated in a loop.
 * (NetExplorer's page: common, signing in)
 */
import { FsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import type { HttpClient, HttpOutcome, HttpRequest } from '../../http/client.js';
import { TokenKeeper } from '../../http/token-keeper.js';
import { throwIfAborted } from '../../http/waiting.js';
import type { Log } from '../../observe/log.js';
import type { Credentials, NetexplorerSettings } from '../settings.js';
import { byClientCredentials, byRefreshToken, TokenEndpoint, whoIs } from './oauth.js';
import { byPassword } from './password.js';
import { refusalPause, sentenceOf } from './sign-in-answers.js';
import type { PlatformToken, SignInWay } from './sign-in.js';

export class Session {
  private readonly keeper: TokenKeeper<PlatformToken>;
  private readonly way: SignInWay;
  /** The refusal that the log has heard of. */
  private told: string | undefined;
  private readonly actAs: Readonly<Record<string, string>>;

  /** EINVAL where what signs in is missing or cannot be sent. */
  constructor(
    private readonly http: HttpClient, private readonly user: string | undefined,
    credentials: Credentials, settings: Pick<NetexplorerSettings, 'actAs' | 'oauth'>, private readonly log: Log,
  ) {
    this.way = chooseWay(http, user, credentials, settings);
    this.actAs = settings.actAs === undefined ? {} : { as: settings.actAs };
    this.keeper = new TokenKeeper({
      elapsed: http.elapsed,
      obtain: (signal, patience) => this.signIn(signal, patience),
      refusalLasts: refusalPause,
      onEarlyFailure: () => undefined,
    });
  }

  /**
   * Sends a request signed in. Where the platform no longer knows the token, signs in again and sends
   * it once more. Resolves to any other answer, or to how the connection broke, as `HttpClient.send`;
   * EACCES with the platform's sentence where it lets nobody in.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> {
    for (let signedIn = 0; ;) {
      const outcome = await this.sendOnce(request, signal);
      if (!('dead' in outcome)) return outcome;
      const { dead, answer } = outcome;
      if (dead.shared !== true) signedIn += 1;
      if (signedIn === 2) throw await this.takesNone(dead, answer);
      await answer.discard();
      this.keeper.reject(dead.text);
    }
  }


  /** Gives the connection back. Never throws; takes no longer than the signal allows. */
  async signOut(signal: AbortSignal): Promise<void> {
    const token = await this.keeper.end(signal);
    if (token === undefined) return;
    await this.way.forget?.(token.text, signal).catch((error: unknown) => {
      this.log.debug({ err: error }, 'a token that is given back stays among the kept ones');
    });
    await giveBack(this.http, token.text, this.log, signal);
  }

  private async sendOnce(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome | { readonly dead: PlatformToken; readonly answer: Answer }> {
    const token = await this.keeper.living(signal);
    const headers = { ...request.headers, authorization: `Bearer ${token.text}`, ...this.actAs };
    const outcome = await this.http.send({ ...request, headers }, signal);
    if ('broken' in outcome) return outcome;
    if (outcome.answer.status === 401) return { dead: token, answer: outcome.answer };
    this.keeper.prove(token.text);
    return outcome;
  }

  /** A new token, refused like the one before: a refused sign-in, unless this one was good for something. */
  private async takesNone({ text }: PlatformToken, answer: Answer): Promise<FsError> {
    const said = sentenceOf(await answer.text())?.sentence ?? 'it gives no reason (status 401)';
    const error = new FsError('EACCES', `the platform takes no token of ${this.user ?? 'this OAuth client'} any more, not even a new one: ${said}`);
    this.keeper.reject(text, error);
    return error;
  }

  private async signIn(signal: AbortSignal, patience: AbortSignal): Promise<PlatformToken> {
    const outcome = await this.http.repeat(() => {
      throwIfAborted(patience);
      return this.way.ask(signal);
    }, patience);
    if (!('refused' in outcome)) {
      this.told = undefined;
      return outcome;
    }
    const { error } = outcome.refused;
    // Once for each reason, and not once for each try.
    if (error.message !== this.told) this.log.error({ user: this.user }, `${error.message}; nothing is asked of the platform until it is tried again, and what is unsent is kept on this machine`);
    this.told = error.message;
    throw this.keeper.refuse(error, outcome.lasts);
  }
}

/** Ends the connection of a token. Never throws; takes no longer than the signal allows. */
export async function giveBack(http: HttpClient, token: string, log: Log, signal: AbortSignal): Promise<void> {
  try {
    const outcome = await http.send({
      method: 'DELETE', path: '/api/auth', route: 'DELETE /auth', headers: { authorization: `Bearer ${token}` }, lane: 'call', answerWithin: 'stall',
    }, signal);
    if ('answer' in outcome) await outcome.answer.discard();
  } catch (error) {
    log.debug({ err: error }, 'signing out was not heard');
  }
}

function chooseWay(http: HttpClient, user: string | undefined, { password, oauthSecret }: Credentials, { oauth }: Pick<NetexplorerSettings, 'oauth'>): SignInWay {
  if (oauth !== undefined) {
    const client = { id: oauth.clientId, secret: oauthSecret };
    const endpoint = new TokenEndpoint(http, client);
    if (oauth.kept !== undefined) return byRefreshToken(endpoint, oauth.kept, user ?? whoIs(client));
    if (oauthSecret === undefined) throw new FsError('EINVAL', `no secret of ${whoIs(client)} was given: AMARRE_OAUTH_SECRET`);
    return byClientCredentials(endpoint, oauth.scopes);
  }
  if (user === undefined) throw new FsError('EINVAL', 'the remote names no user: netexplorer+https://user@platform');
  if (password === undefined) throw new FsError('EINVAL', `no password for ${user} was given`);
  return byPassword(http, user, password);
}
