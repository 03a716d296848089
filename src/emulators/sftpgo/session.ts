/** A request of a user who has signed in: what the handlers of files and folders are given. */
import type { Exchange } from '../common/exchange.js';
import type { Answer } from '../common/delivery.js';
import { goQuote } from '../common/go-text.js';
import { cleanPath } from './home.js';
import type { ServerChoices } from './options.js';
import type { User } from './users.js';

export interface Session {
  readonly user: User;
  readonly exchange: Exchange;
  readonly query: ReadonlyMap<string, string>;
  readonly choices: ServerChoices;
  /** The parameter `path`, cleaned; the root where there is none. */
  readonly path: string;
}

export type SessionHandler = (session: Session) => Promise<Answer>;

/** A parameter that must be exactly `true` to count. */
export function isTrue(session: Session, name: string): boolean {
  return session.query.get(name) === 'true';
}

/** The parameter as it came; undefined where it is missing or empty. */
export function given(session: Session, name: string): string | undefined {
  const value = session.query.get(name);
  return value === '' ? undefined : value;
}

/** Two paths as messages show them: `"/a" => "/b"`. */
export function fromTo(session: Session): { target: string; text: string } {
  const target = cleanPath(session.query.get('target') ?? '');
  return { target, text: `${goQuote(session.path)} => ${goQuote(target)}` };
}
