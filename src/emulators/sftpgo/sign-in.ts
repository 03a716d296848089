/** The sign-in: a name, a password and, for some, a code, for a token (SFTPGo's page: token). */
import { randomInt } from 'node:crypto';
import type { Answer } from '../common/delivery.js';
import { pause } from '../common/flow.js';
import type { Exchange } from '../common/exchange.js';
import { jsonAnswer, Refusal } from './errors.js';
import type { Limits } from './limits.js';
import type { Tokens } from './tokens.js';
import type { User } from './users.js';

const challenge = { 'WWW-Authenticate': 'Basic realm="SFTPGo"' };

/** Answers `GET /user/token`. A wrong password and a wrong or missing code look the same. */
export async function signIn(
  exchange: Exchange,
  users: ReadonlyMap<string, User>,
  tokens: Tokens,
  limits: Limits,
  address: string,
): Promise<Answer> {
  const login = basic(exchange.request.headers.authorization);
  if (login === undefined) throw new Refusal(401, 'Unauthorized', undefined, challenge);
  const user = users.get(login.name);
  const code = exchange.request.headers['x-sftpgo-otp'];
  if (user?.enabled !== true || user.password !== login.password || !passesSecondFactor(user, code)) {
    await pause(limits.badLogin(address), exchange.signal);
    throw new Refusal(401, 'Unauthorized', 'invalid credentials', challenge);
  }
  if (user.httpDenied) throw new Refusal(403, 'Forbidden', `protocol HTTP is not allowed for user "${user.name}"`);
  if (user.maxSessions > 0 && user.sessions >= user.maxSessions) {
    throw new Refusal(403, 'Forbidden', `too many open sessions: ${user.sessions}/${user.maxSessions}`);
  }
  exchange.log.user = user.name;
  return jsonAnswer(200, tokens.issue(user, address));
}

/** Answers `GET /token`: the administrator's, which no user's route takes. */
export function signInAdministrator(exchange: Exchange, tokens: Tokens, address: string): Answer {
  const login = basic(exchange.request.headers.authorization);
  if (login?.name !== 'admin' || login.password !== 'p') throw new Refusal(401, 'Unauthorized', 'invalid credentials', challenge);
  return jsonAnswer(200, tokens.issue(undefined, address));
}

/** A code of the second factor, good for one sign-in. */
export function newCode(user: User): string {
  let code = String(randomInt(1_000_000)).padStart(6, '0');
  while (user.codes.has(code)) code = String(randomInt(1_000_000)).padStart(6, '0');
  user.codes.add(code);
  return code;
}

function passesSecondFactor(user: User, code: string | string[] | undefined): boolean {
  return !user.secondFactor || (typeof code === 'string' && user.codes.delete(code));
}

function basic(authorization: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^Basic (.+)$/iu.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [name = '', ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return { name, password: password.join(':') };
}
