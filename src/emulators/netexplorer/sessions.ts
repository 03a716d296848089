/** Who has signed in: tokens, and whom a request speaks for. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { forbidden, Refusal } from './errors.js';
import type { User, Users } from './users.js';

/** What a route needs to be allowed: the scope's name, and whether it changes something. */
export interface Need {
  readonly area: Area;
  readonly writes: boolean;
}

/** The names of OAuth2 scopes before `.read` and `.readwrite`. */
export type Area = 'files' | 'folders' | 'trashes' | 'account' | 'sharelinks';

/** A session as a test sees it. */
export interface SeenSession {
  readonly login: string;
  readonly token: string;
}

interface Session {
  readonly user: User;
  /** Whether its scopes allow this. */
  readonly allows: (need: Need) => boolean;
}

export class Sessions {
  readonly #users: Users;
  readonly #tokens = new Map<string, Session>();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Signs in with a password. Throws the refusal. */
  signIn(login: string, password: string): string {
    const user = this.#users.byLogin(login);
    if (user?.password !== password) throw new Refusal(401, 'Identifiant ou mot de passe incorrect');
    const token = randomBytes(24).toString('hex');
    this.#tokens.set(token, { user, allows: () => true });
    return token;
  }

  /** The user that a request speaks for, and may do what it needs. Throws the refusal: 401, or 403 for a scope. */
  check(request: IncomingMessage, need?: Need): User {
    const session = this.#tokens.get(bearer(request));
    if (session === undefined) throw new Refusal(401, 'Session expirée ou inexistante');
    if (need !== undefined && !session.allows(need)) throw forbidden();
    return session.user;
  }

  signOut(request: IncomingMessage): void {
    this.#tokens.delete(bearer(request));
  }

  seen(): SeenSession[] {
    return [...this.#tokens].map(([token, { user }]) => ({ login: user.login, token }));
  }
}

function bearer(request: IncomingMessage): string {
  return /^Bearer (.+)$/iu.exec(request.headers.authorization ?? '')?.[1] ?? '';
}
