/** What was consented to, and the codes and refresh tokens that stand for it (RFC 6749, 4.1.2 and 6; RFC 9700, 4.14.2). */
import { newSecret } from '../signing-in/connections.js';
import type { User } from '../users.js';
import { OAuthRefusal } from './refusal.js';

/** One consent of a user for a client. */
export interface Grant {
  /** The connection of its tokens. */
  readonly seat: string;
  readonly client: string;
  readonly user: User;
  readonly scopes: readonly string[];
}

interface Code {
  readonly grant: Grant;
  /** The address that was asked for, where one was. */
  readonly redirect: string | undefined;
  readonly challenge: string | undefined;
  readonly endsAt: number;
  used: boolean;
}

interface RefreshToken {
  readonly grant: Grant;
  readonly endsAt: number;
  /** Another was given for it. */
  spent: boolean;
}

export interface GrantSettings {
  readonly codeLifeMs: number;
  /** Without `offline`: granted with it, a refresh token does not end. */
  readonly refreshLifeMs: number;
  readonly rotatesRefreshTokens: boolean;
  readonly now: () => number;
  /** Called where a code or token came a second time: somebody else may have it. */
  readonly onReuse: (grant: Grant) => void;
}

export class Grants {
  readonly #settings: GrantSettings;
  readonly #codes = new Map<string, Code>();
  readonly #refreshTokens = new Map<string, RefreshToken>();

  constructor(settings: GrantSettings) {
    this.#settings = settings;
  }

  newCode(grant: Grant, redirect: string | undefined, challenge: string | undefined): string {
    const code = newSecret();
    this.#codes.set(code, { grant, redirect, challenge, endsAt: this.#settings.now() + this.#settings.codeLifeMs, used: false });
    return code;
  }

  /** What a code stands for; it stays good until it is spent. */
  code(text: string, client: string): Code {
    const code = this.#codes.get(text);
    if (code === undefined || code.grant.client !== client) throw new OAuthRefusal('invalid_grant', 'unknown code');
    if (code.used) this.#revokeReused(code.grant, 'the code was used before');
    if (this.#settings.now() >= code.endsAt) throw new OAuthRefusal('invalid_grant', 'the code has expired');
    return code;
  }

  spend(code: Code): void {
    code.used = true;
  }

  newRefreshToken(grant: Grant): string {
    const text = newSecret();
    const endsAt = grant.scopes.includes('offline') ? Infinity : this.#settings.now() + this.#settings.refreshLifeMs;
    this.#refreshTokens.set(text, { grant, endsAt, spent: false });
    return text;
  }

  refreshToken(text: string, client: string): RefreshToken {
    const token = this.#refreshTokens.get(text);
    if (token === undefined || token.grant.client !== client) throw new OAuthRefusal('invalid_grant', 'unknown refresh token');
    if (token.spent) this.#revokeReused(token.grant, 'the refresh token was used before');
    if (this.#settings.now() >= token.endsAt) throw new OAuthRefusal('invalid_grant', 'the refresh token has expired');
    return token;
  }

  /** The token to go on with; undefined: the one that came, where the platform does not rotate them. */
  rotated(token: RefreshToken): string | undefined {
    if (!this.#settings.rotatesRefreshTokens) return undefined;
    token.spent = true;
    return this.newRefreshToken(token.grant);
  }

  /** Nobody's consent holds any more: every person has to sign in again. */
  revokeAll(): void {
    this.#codes.clear();
    this.#refreshTokens.clear();
  }

  #revokeReused(grant: Grant, why: string): never {
    for (const [text, token] of [...this.#refreshTokens]) {
      if (token.grant === grant && !token.spent) this.#refreshTokens.delete(text);
    }
    this.#settings.onReuse(grant);
    throw new OAuthRefusal('invalid_grant', why);
  }
}
