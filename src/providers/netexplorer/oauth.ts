/**
 * OAuth2 as NetExplorer offers it, at the platform's root and not below its API: what is asked of the
 * token endpoint, for a person who signed in with a browser and for a client of its own.
 * (NetExplorer's page: signing in; RFC 6749, 7636)
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { FsError } from '../../errors.js';
import type { HttpClient } from '../../http/client.js';
import type { Try } from '../../http/retry.js';
import type { KeptTokens, SharedTokens } from '../settings.js';
import { askForToken, sendable, type PlatformToken, type Refused, type SignInWay } from './sign-in.js';

export interface OAuthClient {
  readonly id: string;
  /** Undefined for a client that cannot keep one. */
  readonly secret: string | undefined;
}

/** A token with what came beside it. */
export interface OAuthToken extends PlatformToken {
  /** Absent where the platform keeps the one that it gave before. */
  readonly refreshToken: string | undefined;
}

/** What a drive touches, and nothing else of an account. */
const areas = ['files', 'folders', 'trashes', 'sharelinks'] as const;

/** The scopes that a drive needs. `offline`: the sign-in has no end. */
export function scopesFor({ readOnly, offline }: { readonly readOnly: boolean; readonly offline: boolean }): readonly string[] {
  return [...areas.map((area) => `${area}.${readOnly ? 'read' : 'readwrite'}`), ...(offline ? ['offline'] : [])];
}

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  /** Seconds; some write numbers as strings. */
  expires_in: z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/).transform(Number)]).optional().catch(undefined),
  refresh_token: z.string().min(1).optional().catch(undefined),
});

type Fields = Readonly<Record<string, string>>;

/** The token endpoint as one client uses it. */
export class TokenEndpoint {
  /** The client shows itself in the form, as most platforms take it; in the header, where this one does not know it otherwise. */
  private inHeader = false;

  constructor(private readonly http: HttpClient, readonly client: OAuthClient) {}

  async ask(fields: Fields, who: string, signal: AbortSignal): Promise<Try<OAuthToken | Refused>> {
    const outcome = await this.post(fields, who, signal);
    if (this.inHeader || this.client.secret === undefined || !('done' in outcome) || !('refused' in outcome.done) || outcome.done.refused.code !== 'invalid_client') return outcome;
    this.inHeader = true;
    const other = await this.post(fields, who, signal);
    if ('done' in other && 'refused' in other.done && other.done.refused.code === 'invalid_client') this.inHeader = false;
    return other;
  }

  /** A token as others can use it, by the calendar. */
  sharedForm({ text, endsAt }: OAuthToken): SharedTokens['access'] {
    return { text, endsAt: endsAt === Infinity ? undefined : Date.now() + endsAt - this.http.elapsed() };
  }

  /** A token that another renewed; undefined where it has ended. */
  ownForm({ text, endsAt }: NonNullable<SharedTokens['access']>): OAuthToken | undefined {
    const left = endsAt === undefined ? Infinity : endsAt - Date.now();
    return left <= 0 ? undefined : { text, renewAt: Infinity, endsAt: this.http.elapsed() + left, refreshToken: undefined, shared: true };
  }

  private async post(fields: Fields, who: string, signal: AbortSignal): Promise<Try<OAuthToken | Refused>> {
    const { id, secret } = this.client;
    const shown: Fields = this.inHeader ? {} : { client_id: id, ...(secret !== undefined && { client_secret: secret }) };
    const authorization: Fields = this.inHeader && secret !== undefined ? { authorization: `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}` } : {};
    return askForToken(this.http, {
      path: '/oauth2/token', route: 'POST /oauth2/token', who,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...authorization },
      body: new URLSearchParams({ ...fields, ...shown }).toString(),
    }, readToken, signal);
  }
}

function readToken(value: unknown, asked: number): OAuthToken | undefined {
  const parsed = tokenAnswer.safeParse(value);
  if (!parsed.success) return undefined;
  const { access_token: text, expires_in: seconds, refresh_token: refreshToken } = parsed.data;
  // No end, or one that was over before it came, is how platforms write "never".
  const endsAt = seconds === undefined || seconds <= 0 ? Infinity : asked + seconds * 1000;
  // Never renewed beside the work: the platform would count two connections.
  return { text: sendable(text), renewAt: Infinity, endsAt, refreshToken };
}

/** As RFC 6749 wants a client's name and secret in the header. */
function formEncoded(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}

/** A client that signs in for itself. */
export function byClientCredentials(endpoint: TokenEndpoint, scopes: readonly string[]): SignInWay {
  const fields = { grant_type: 'client_credentials', scope: scopes.join(' ') };
  return { ask: (signal) => endpoint.ask(fields, whoIs(endpoint.client), signal) };
}

/** Milliseconds after which it is looked whether somebody has signed in anew where a sign-in had ended. */
const lookAgain = 5_000;

/**
 * A person who signed in with a browser, some time before. All mounts of his account use one token: many a platform
 * ends the token that it gave before when it gives another, and the mounts would take it from each other in turn.
 */
export function byRefreshToken(endpoint: TokenEndpoint, kept: KeptTokens, who: string): SignInWay {
  let ended: { readonly refreshToken: string; readonly refused: Refused } | undefined;
  /** The token that this mount had: who asks for another has found it dead. */
  let last: string | undefined;
  const renew = async ({ refreshToken }: SharedTokens, signal: AbortSignal): Promise<{ readonly result: Try<OAuthToken | Refused>; readonly next?: SharedTokens }> => {
    // It would be refused again, and again: what can change is only that another is kept.
    if (ended?.refreshToken === refreshToken) return { result: { done: ended.refused } };
    const result = await endpoint.ask({ grant_type: 'refresh_token', refresh_token: refreshToken }, who, signal);
    if (!('done' in result)) return { result };
    const { done } = result;
    if (!('refused' in done)) return { result, next: { refreshToken: done.refreshToken ?? refreshToken, access: endpoint.sharedForm(done) } };
    if (done.refused.code !== 'invalid_grant') return { result };
    ended = { refreshToken, refused: { ...done, lasts: lookAgain } };
    return { result: { done: ended.refused } };
  };
  return {
    async ask(signal) {
      const outcome = await kept.use<Try<OAuthToken | Refused>>(async (tokens) => {
        const others = tokens.access === undefined || tokens.access.text === last ? undefined : endpoint.ownForm(tokens.access);
        return others === undefined ? renew(tokens, signal) : { result: { done: others } };
      }, signal);
      if (outcome === undefined) return { done: forgotten(who) };
      if ('done' in outcome && !('refused' in outcome.done)) last = outcome.done.text;
      return outcome;
    },
    async forget(token, signal) {
      await kept.use(({ refreshToken, access }) => Promise.resolve(access?.text === token ? { result: undefined, next: { refreshToken } } : { result: undefined }), signal);
    },
  };
}

function forgotten(who: string): Refused {
  const error = new FsError('EACCES', `the sign-in of ${who} is kept no longer: run "amarre sign-in" again`);
  return { refused: { kind: 'refused', error }, lasts: lookAgain };
}

/** Whom a sentence about a sign-in without a user is about. */
export function whoIs(client: OAuthClient): string {
  return `the OAuth client ${client.id}`;
}

/** What a sign-in with a browser goes out with, and what its answer is checked by. */
export interface BrowserSignIn {
  /** For the person's browser. */
  readonly address: string;
  readonly state: string;
  /** Undefined where the platform does not take PKCE. */
  readonly verifier: string | undefined;
  readonly redirectUri: string;
}

/** Begins one. `pkce` false: for a platform that refuses the parameter. */
export function beginBrowserSignIn(parts: {
  readonly origin: string;
  readonly client: OAuthClient;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly pkce: boolean;
}): BrowserSignIn {
  const { origin, client, scopes, redirectUri, pkce } = parts;
  const state = randomBytes(24).toString('base64url');
  const verifier = pkce ? randomBytes(48).toString('base64url') : undefined;
  const address = new URL('/oauth2/authorize', origin);
  address.search = new URLSearchParams({
    response_type: 'code', client_id: client.id, redirect_uri: redirectUri, scope: scopes.join(' '), state,
    ...(verifier !== undefined && { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' }),
  }).toString();
  return { address: address.href, state, verifier, redirectUri };
}

/** Makes tokens of the code that the browser brought. It works once: a lost answer is not asked for again. EACCES where it is refused. */
export async function redeemCode(endpoint: TokenEndpoint, code: string, { verifier, redirectUri }: BrowserSignIn, who: string, signal: AbortSignal): Promise<OAuthToken> {
  const outcome = await endpoint.ask({
    grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...(verifier !== undefined && { code_verifier: verifier }),
  }, who, signal);
  if ('failure' in outcome) throw outcome.failure.error;
  if ('refused' in outcome.done) {
    const { error, code } = outcome.done.refused;
    if (code !== 'invalid_grant') throw error;
    throw new FsError('EACCES', 'the platform does not take the code that the browser brought: it has run out, or the platform does not know PKCE (--no-pkce)', { cause: error });
  }
  return outcome.done;
}
