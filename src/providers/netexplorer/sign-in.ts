/** One request for a token, and what came of it: the part that all ways of signing in have in common. */
import { FsError } from '../../errors.js';
import { failureOf, parseRetryAfter, type HttpClient, type HttpRequest } from '../../http/client.js';
import type { Try } from '../../http/retry.js';
import type { Token } from '../../http/token-keeper.js';
import { judgeSignIn, jsonOf, type SignInVerdict } from './sign-in-answers.js';

export interface PlatformToken extends Token {
  /** Others use it, too: that it is dead says nothing of a new one. */
  readonly shared?: boolean | undefined;
}

/** A way of signing in. */
export interface SignInWay {
  /** Asks for a token once. A refused sign-in comes back as `refused`. */
  ask(signal: AbortSignal): Promise<Try<PlatformToken | Refused>>;
  /** Told of a token that is about to be given back. */
  forget?(token: string, signal: AbortSignal): Promise<void>;
}

export interface Refused {
  readonly refused: SignInVerdict;
  /** Milliseconds until it is tried again, where that is no question of patience. */
  readonly lasts?: number | undefined;
}

export interface TokenRequest {
  readonly path: string;
  readonly route: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whom it is about, for the sentence of a refusal. */
  readonly who: string;
}

/** Sends it; `read` makes a token of what came with a 2xx, or answers undefined where it is none. Times count from `asked`. */
export async function askForToken<T extends Token>(
  http: HttpClient, request: TokenRequest, read: (value: unknown, asked: number) => T | undefined, signal: AbortSignal,
): Promise<Try<T | Refused>> {
  const asked = http.elapsed();
  const outcome = await http.send(wire(request), signal);
  if ('broken' in outcome) return { failure: failureOf(outcome.broken, true) };
  const { answer } = outcome;
  const text = await answer.text();
  const token = answer.status === 200 || answer.status === 201 ? read(jsonOf(text), asked) : undefined;
  if (token !== undefined) return { done: token };
  const said = { status: answer.status, contentType: answer.header('content-type'), sender: answer.sender, text };
  const verdict = judgeSignIn(said, request.who);
  if (verdict.kind === 'failed') throw verdict.error;
  if (verdict.kind === 'refused') return { done: { refused: verdict } };
  const retryAfter = parseRetryAfter(answer.header('retry-after'), http.clock.now());
  return { failure: { error: verdict.error, again: 'later', retryAfter } };
}

function wire({ path, route, headers, body }: TokenRequest): HttpRequest {
  return { method: 'POST', path, route, headers: { accept: 'application/json', ...headers }, body: Buffer.from(body), lane: 'call', answerWithin: 'stall' };
}

/** A token as a header can carry it. EIO for one that cannot be sent. */
export function sendable(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) throw new FsError('EIO', 'the platform gave a token with characters that no token has');
  return token;
}
