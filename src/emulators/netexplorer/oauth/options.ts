/** What can be chosen of OAuth: who may ask, what a person says, how long what is given lives. */
import { clientOf, type ClientProof, type ClientSeed } from './clients.js';
import type { Consent } from './authorize.js';
import type { Pkce } from './pkce.js';

export interface OAuthOptions {
  /**
   * Default: `amarre-person`, without a secret, for people at their own machine, and `amarre-server`, whose secret is
   * `s`, for client credentials, too.
   */
  readonly clients?: readonly ClientSeed[] | undefined;
  /** Default `taken`. */
  readonly pkce?: Pkce | undefined;
  /** Default `form`: a person is asked. */
  readonly consent?: Consent | undefined;
  /** Default `any`. */
  readonly clientProof?: ClientProof | undefined;
  /** A refresh token is good for one renewal, which gives the next. Default true. */
  readonly rotatesRefreshTokens?: boolean | undefined;
  /** Default `always`; `offline` gives them where this scope was granted. */
  readonly givesRefreshTokens?: 'always' | 'offline' | 'never' | undefined;
  /** Life of a code, in milliseconds. Default a minute. */
  readonly codeLifeMs?: number | undefined;
  /** Life of an access token, in milliseconds. Default an hour. */
  readonly accessLifeMs?: number | undefined;
  /** Life of a refresh token that was granted without `offline`, in milliseconds. Default twelve hours. */
  readonly refreshLifeMs?: number | undefined;
  /** What `expires_in` says, in seconds; null leaves it out. Default: the true life. */
  readonly expiresIn?: number | null | undefined;
}

const usual: readonly ClientSeed[] = [{ id: 'amarre-person' }, { id: 'amarre-server', secret: 's' }];

export function oauthChoices(options: OAuthOptions) {
  const accessLifeMs = options.accessLifeMs ?? 3_600_000;
  const { expiresIn = Math.floor(accessLifeMs / 1000) } = options;
  return {
    clients: new Map((options.clients ?? usual).map((seed) => [seed.id, clientOf(seed)])),
    pkce: options.pkce ?? 'taken',
    consent: options.consent ?? 'form',
    clientProof: options.clientProof ?? 'any',
    rotatesRefreshTokens: options.rotatesRefreshTokens ?? true,
    givesRefreshTokens: options.givesRefreshTokens ?? 'always',
    codeLifeMs: options.codeLifeMs ?? 60_000,
    accessLifeMs,
    refreshLifeMs: options.refreshLifeMs ?? 12 * 3_600_000,
    expiresIn: expiresIn ?? undefined,
  } as const;
}

export type OAuthChoices = ReturnType<typeof oauthChoices>;
