/**
 * Tokens and API keys: who a request comes from (SFTPGo's page: token). A token is bound to the address that asked for
 * it, holds whatever happens to its user meanwhile, and is unknown after a restart.
 */
import { randomBytes } from 'node:crypto';
import { Refusal } from './errors.js';
import type { ServerChoices } from './options.js';
import { rfc3339 } from './times.js';
import type { User } from './users.js';

interface Token {
  readonly user: User | undefined;
  readonly address: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  loggedOut: boolean;
}

interface ApiKey {
  readonly secret: string;
  /** Undefined: the key names its user after a second dot. */
  readonly user: string | undefined;
}

const unauthorized = 'Unauthorized';

export class Tokens {
  readonly #choices: ServerChoices;
  readonly #users: ReadonlyMap<string, User>;
  #tokens = new Map<string, Token>();
  #keys = new Map<string, ApiKey>();

  constructor(choices: ServerChoices, users: ReadonlyMap<string, User>) {
    this.#choices = choices;
    this.#users = users;
  }

  /** A new token; for no user, an administrator's. */
  issue(user: User | undefined, address: string): { access_token: string; expires_at: string } {
    const expiresAt = Math.floor(this.#choices.now() / 1000) + this.#choices.tokenLifetimeS;
    const text = randomBytes(48).toString('base64url');
    this.#tokens.set(text, { user, address, expiresAt, loggedOut: false });
    return { access_token: text, expires_at: rfc3339(expiresAt) };
  }

  /** A new API key, for one user or for any that it then names. */
  issueKey(user: string | undefined): string {
    const id = randomBytes(12).toString('hex');
    const secret = randomBytes(12).toString('hex');
    this.#keys.set(id, { secret, user });
    return `${id}.${secret}`;
  }

  /** The user of a Bearer token, or the refusal. */
  byToken(authorization: string | undefined, address: string): User {
    const token = this.#tokens.get(bearer(authorization));
    const { now, tokenLeewayS } = this.#choices;
    if (token === undefined || now() >= (token.expiresAt + tokenLeewayS) * 1000) {
      throw new Refusal(401, unauthorized, 'no token found');
    }
    if (token.loggedOut) throw new Refusal(401, 'Your token is no longer valid');
    if (token.user === undefined) throw new Refusal(401, 'Your token audience is not valid');
    if (token.address !== address) throw new Refusal(401, 'Your token is not valid');
    return token.user;
  }

  /** The user of an API key, or the refusal: 400 for one that is unknown or malformed, 401 for a wrong secret. */
  byKey(key: string): User {
    const [id = '', secret = '', ...named] = key.split('.');
    const known = this.#keys.get(id);
    if (known === undefined) throw new Refusal(400, '', 'the provided api key is not valid');
    if (known.secret !== secret) throw new Refusal(401, '', 'the provided api key cannot be authenticated');
    const user = this.#users.get(known.user ?? named.join('.'));
    if (user === undefined || !user.enabled) throw new Refusal(401, '', 'the user associated with the provided api key cannot be authenticated');
    return user;
  }

  logout(authorization: string | undefined): void {
    const token = this.#tokens.get(bearer(authorization));
    if (token !== undefined) token.loggedOut = true;
  }

  forgetAll(): void {
    this.#tokens.clear();
  }
}

function bearer(authorization: string | undefined): string {
  return /^Bearer (.+)$/iu.exec(authorization ?? '')?.[1] ?? '';
}
