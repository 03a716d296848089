/** Who is let in, and why the platform may not let a user in whose password is right (NetExplorer's page: signing in). */
import type { User, Users } from '../users.js';

export const signInRefusals = ['mfa', 'address', 'hour', 'expired', 'inactive'] as const;

/** Why a sign-in with the right password is refused. */
export type SignInRefusal = (typeof signInRefusals)[number];

const sentences: Readonly<Record<SignInRefusal, string>> = {
  mfa: 'Une authentification à deux facteurs est requise pour ce compte',
  address: "Connexion refusée : votre adresse IP n'est pas autorisée",
  hour: "Connexion refusée : votre compte n'est pas autorisé à se connecter à cette heure",
  expired: 'Connexion refusée : votre compte a expiré',
  inactive: 'Connexion refusée : votre compte est inactif',
};

export const wrongPassword = 'Identifiant ou mot de passe incorrect';
export const noSlotLeft = 'Le nombre maximal de connexions simultanées est atteint';

/** The answer's body: a sentence tells why; the second factor also has a name that a program can look for. */
export function refusalBody(reason: SignInRefusal): { error: string; mfa_required?: true } {
  return { error: sentences[reason], ...(reason === 'mfa' ? { mfa_required: true } : {}) };
}

export class Admission {
  readonly #users: Users;
  readonly #refused = new Map<string, SignInRefusal>();
  #allRefused: SignInRefusal | undefined;

  constructor(users: Users, allRefused: SignInRefusal | undefined) {
    this.#users = users;
    this.#allRefused = allRefused;
  }

  withPassword(login: string, password: string): User | undefined {
    const user = this.#users.byLogin(login);
    return user?.password === password ? user : undefined;
  }

  /** From now on nobody, or this user, is let in for this reason; undefined: they are again. Tokens go on. */
  refuse(reason: SignInRefusal | undefined, login?: string): void {
    if (login === undefined) {
      this.#allRefused = reason;
      this.#refused.clear();
      return;
    }
    const user = this.#users.known(login);
    if (reason === undefined) this.#refused.delete(user.login);
    else this.#refused.set(user.login, reason);
  }

  refusalOf({ login }: User): SignInRefusal | undefined {
    return this.#refused.get(login) ?? this.#allRefused;
  }
}
