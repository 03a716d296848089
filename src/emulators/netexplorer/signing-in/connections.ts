/**
 * Tokens and the connections that they are: the platform counts the connections, ends them by idleness and by age
 * without a word, and takes them back (NetExplorer's page: signing in).
 */
import { randomBytes } from 'node:crypto';
import type { User } from '../users.js';
import type { Scopes } from './scopes.js';

export interface ConnectionSettings {
  /** A token from `/auth` ends when it was not used for so long; milliseconds. */
  readonly sessionIdleMs: number;
  /** A token from `/auth` ends at this age; milliseconds. */
  readonly sessionLimitMs: number;
  /** So many connections at one time; 0 is any number. */
  readonly slots: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a live token stands for. */
export interface Connection {
  readonly user: User;
  readonly scopes: Scopes;
  readonly via: 'password' | 'oauth';
  /** Tokens of one consent share a connection, and give it back together. */
  readonly seat: string;
}

/** A connection as a test sees it; no token in it. */
export interface SignedIn {
  readonly login: string;
  readonly via: 'password' | 'oauth';
  readonly scopes: readonly string[];
}

interface Live extends Connection {
  readonly endsAt: number;
  /** Infinity: does not end by idleness. */
  readonly idleMs: number;
  lastUsedAt: number;
}

export class Connections {
  /** Tokens given and given back since the start. */
  given = 0;
  givenBack = 0;
  readonly #settings: ConnectionSettings;
  readonly #tokens = new Map<string, Live>();

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  /** Whether another connection would be one too many. */
  get full(): boolean {
    const { slots } = this.#settings;
    return slots > 0 && this.#seats().size >= slots;
  }

  /** A token from `/auth`: all rights of the user. */
  open(user: User): string {
    const { sessionIdleMs, sessionLimitMs } = this.#settings;
    return this.#give({ user, scopes: new Set(['all']), via: 'password', seat: newSecret() }, sessionLimitMs, sessionIdleMs);
  }

  /** An access token of OAuth, which lives as long as it was told to. */
  openFor(user: User, scopes: Scopes, seat: string, lifeMs: number): string {
    return this.#give({ user, scopes, via: 'oauth', seat }, lifeMs, Infinity);
  }

  /** Whether a connection of this seat is alive. */
  has(seat: string): boolean {
    return this.#seats().has(seat);
  }

  /** What the token stands for, which counts as use; undefined where it is gone. */
  use(token: string): Connection | undefined {
    this.#forgetDead();
    const live = this.#tokens.get(token);
    if (live !== undefined) live.lastUsedAt = this.#settings.now();
    return live;
  }

  /** Gives the token's connection back. False: it was gone. */
  giveBack(token: string): boolean {
    const connection = this.use(token);
    if (connection === undefined) return false;
    this.givenBack += 1;
    this.endSeat(connection.seat);
    return true;
  }

  endSeat(seat: string): void {
    for (const [token, live] of [...this.#tokens]) if (live.seat === seat) this.#tokens.delete(token);
  }

  /** Every token is gone, as after the platform's restart. */
  endAll(): void {
    this.#tokens.clear();
  }

  signedIn(): SignedIn[] {
    return [...this.#seats().values()].map(({ user, via, scopes }) => ({ login: user.login, via, scopes: [...scopes] }));
  }

  #give(connection: Connection, lifeMs: number, idleMs: number): string {
    const token = newSecret();
    const now = this.#settings.now();
    this.#tokens.set(token, { ...connection, endsAt: now + lifeMs, idleMs, lastUsedAt: now });
    this.given += 1;
    return token;
  }

  #seats(): Map<string, Connection> {
    this.#forgetDead();
    return new Map([...this.#tokens.values()].map((live) => [live.seat, live]));
  }

  #forgetDead(): void {
    const now = this.#settings.now();
    for (const [token, { endsAt, lastUsedAt, idleMs }] of [...this.#tokens]) {
      if (now >= endsAt || now - lastUsedAt >= idleMs) this.#tokens.delete(token);
    }
  }
}

/** What nobody can guess: a token, a code, a key. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}
