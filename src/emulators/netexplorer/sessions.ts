/** Who has signed in: what a request's token stands for, and whom the request speaks for (NetExplorer's page: signing in). */
import type { IncomingMessage } from 'node:http';
import type { Answer } from '../common/delivery.js';
import { forbidden, json, Refusal } from './errors.js';
import { Admission, noSlotLeft, refusalBody, wrongPassword, type SignInRefusal } from './signing-in/admission.js';
import { Connections, type Connection } from './signing-in/connections.js';
import type { SignInChoices } from './signing-in/options.js';
import { allows, type Need } from './signing-in/scopes.js';
import type { User, Users } from './users.js';

export class Sessions {
  readonly admission: Admission;
  readonly connections: Connections;
  /** Sign-ins that were asked for since the start, let in or not. */
  signIns = 0;
  readonly #users: Users;
  readonly #choices: SignInChoices;

  constructor(users: Users, choices: SignInChoices, now: () => number) {
    this.#users = users;
    this.#choices = choices;
    this.admission = new Admission(users, choices.refused);
    this.connections = new Connections({ ...choices, now });
  }

  /** Signs in with a password and gives the token. Throws the refusal. */
  signIn(login: string, password: string): string {
    this.signIns += 1;
    const { wrongPasswordStatus, refusedStatus } = this.#choices;
    const user = this.admission.withPassword(login, password);
    if (user === undefined) throw new Refusal(wrongPasswordStatus, wrongPassword);
    const reason = this.admission.refusalOf(user);
    if (reason !== undefined) throw new NotLetIn(refusedStatus, reason);
    if (this.connections.full) throw new Refusal(refusedStatus, noSlotLeft);
    return this.connections.open(user);
  }

  /** The user that a request speaks for, and may do what it needs. Throws the refusal: 401, or 403 for a scope. */
  check(request: IncomingMessage, need: Need | undefined): User {
    const { user, scopes } = this.#connection(request);
    if (need !== undefined && !allows(scopes, need)) {
      const { area, writes } = need;
      const scope = `${area}.${writes ? 'readwrite' : 'read'}`;
      throw new Refusal(403, `Cette action demande l'autorisation ${scope}`, { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${scope}"` });
    }
    const { as } = request.headers;
    return as === undefined ? user : this.#other(user, String(as));
  }

  /** Gives the connection of the request's token back; returns whose it was. */
  signOut(request: IncomingMessage): User {
    const { user } = this.#connection(request);
    this.connections.giveBack(bearer(request));
    return user;
  }

  #connection(request: IncomingMessage): Connection {
    const connection = this.connections.use(bearer(request));
    if (connection === undefined) throw new Refusal(401, 'Session expirée ou inexistante', { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
    return connection;
  }

  /** Whom `As` names: an administrator's way to act as somebody else. */
  #other(user: User, id: string): User {
    const other = /^\d+$/u.test(id) ? this.#users.byId(Number(id)) : undefined;
    if (!user.administrator || other === undefined) throw forbidden();
    return other;
  }
}

/** Refused although the password is right. */
class NotLetIn extends Refusal {
  readonly #reason: SignInRefusal;

  constructor(status: number, reason: SignInRefusal) {
    super(status, refusalBody(reason).error);
    this.#reason = reason;
  }

  override answer(): Answer {
    return json(this.status, refusalBody(this.#reason));
  }
}

function bearer(request: IncomingMessage): string {
  return /^Bearer (.+)$/iu.exec(request.headers.authorization ?? '')?.[1] ?? '';
}
