/** The platform's authorization server: its pages, its tokens, and what was consented to. */
import type { Sessions } from '../sessions.js';
import type { Users } from '../users.js';
import { authorize, type Filled, type Shown } from './authorize.js';
import { Grants } from './grants.js';
import type { OAuthChoices } from './options.js';
import { giveToken, type TokenAnswer } from './token.js';

export class OAuth {
  /** Token requests since the start, refused ones among them. */
  tokenRequests = 0;
  readonly #choices: OAuthChoices;
  readonly #users: Users;
  readonly #sessions: Sessions;
  readonly #grants: Grants;

  constructor(choices: OAuthChoices, users: Users, sessions: Sessions, now: () => number) {
    this.#choices = choices;
    this.#users = users;
    this.#sessions = sessions;
    // Who may have stolen a code or a token keeps nothing that came of it.
    this.#grants = new Grants({ ...choices, now, onReuse: ({ seat }) => sessions.connections.endSeat(seat) });
  }

  /** The answer to an authorization request, with what a person filled in, if anything. */
  authorize(query: string, filled?: Filled): Shown {
    return authorize({ ...this.#choices, ...this.#shared }, query, filled);
  }

  /** The answer to a token request. Throws OAuthRefusal. */
  token(body: string, authorization: string | undefined): TokenAnswer {
    this.tokenRequests += 1;
    return giveToken({ ...this.#choices, ...this.#shared, connections: this.#sessions.connections }, body, authorization);
  }

  /** All codes and refresh tokens are unknown from now on; access tokens go on. */
  revokeAll(): void {
    this.#grants.revokeAll();
  }

  get #shared() {
    return { users: this.#users, admission: this.#sessions.admission, grants: this.#grants } as const;
  }
}
