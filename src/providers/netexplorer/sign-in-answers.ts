/**
 * What the platform's answer to a sign-in means: pure, since there are many reasons to be kept out
 * (a second factor, the address, the hour, an expired account, no free connection) and the platform
 * tells them in a sentence for people, not by a code. (NetExplorer's page: signing in)
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import { answerWords, plainWords } from '../../http/answer-words.js';

/** An answer to a sign-in, read to its end. */
export interface SignInAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** How whoever gave it names itself, where it does. */
  readonly sender: string | undefined;
  readonly text: string;
}

/**
 * `refused`: the platform said no, for a reason that trying again does not change. `later`: it, or
 * something before it, could not answer now. `failed`: no NetExplorer answers there.
 */
export interface SignInVerdict {
  readonly kind: 'refused' | 'later' | 'failed';
  readonly error: FsError;
  /** OAuth's code of an error, where it is one: `invalid_client`. */
  readonly code?: string | undefined;
}

const said = z.object({
  error: z.string().optional(), error_description: z.string().optional(), message: z.string().optional(),
  mfa_required: z.unknown().optional(),
});

/** What is added to OAuth's and the platform's codes, which are no sentences. */
const codes: Readonly<Record<string, string>> = {
  mfa_required: 'the account has a second factor: sign in with "amarre sign-in", which asks for it in the browser',
  invalid_client: 'the platform does not know this OAuth client, or its secret is wrong',
  invalid_grant: 'the sign-in that was kept has ended or was revoked: run "amarre sign-in" again',
  invalid_scope: 'the OAuth client may not have the rights that a drive needs',
  unauthorized_client: 'the OAuth client may not sign in in this way',
  unsupported_grant_type: 'the platform does not offer this way of signing in',
  access_denied: 'the sign-in was refused in the browser',
};

/** A JSON object out of an answer; undefined where it holds none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The platform's own sentence for a person: one line, no control characters; undefined where it says
 * nothing of its own.
 */
export function sentenceOf(text: string): { readonly sentence: string; readonly code: string | undefined } | undefined {
  const parsed = said.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  const { error = '', error_description: description = '', message = '', mfa_required: secondFactor } = parsed.data;
  const code = /^[a-z_]+$/.test(error) ? error : secondFactor === true ? 'mfa_required' : undefined;
  const words = [plainWords(description), plainWords(message), plainWords(code === error ? '' : error)].find((part) => part !== '');
  const meaning = code === undefined ? undefined : Object.hasOwn(codes, code) ? codes[code] : code;
  const sentence = [words, meaning].filter((part) => part !== undefined).join('; ');
  return sentence === '' ? undefined : { sentence, code };
}

/** Judges an answer that gave no token. `who`: whom it was about, in words. */
export function judgeSignIn(answer: SignInAnswer, who: string): SignInVerdict {
  const { status, contentType, sender, text } = answer;
  const own = sentenceOf(text);
  const words = answerWords(status, contentType, text, sender);
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'later', error: new FsError('EIO', `sign in: ${own?.sentence ?? words}`, { retryable: true }) };
  }
  // A 2xx or 404 is no refusal, whatever it says; and a page is a portal's or a proxy's.
  const refusal = status === 400 || status === 401 || status === 403 || status === 409 || status === 422 || status === 423;
  if (!refusal || (own === undefined && text.trim() !== '')) {
    // What is JSON may hold a token in another form: it is not repeated.
    const shown = own === undefined && jsonOf(text) === undefined ? `: ${words}` : ` (status ${status}${own === undefined ? '' : `: ${own.sentence}`})`;
    return { kind: 'failed', error: new FsError('EIO', `what answers at this address is not NetExplorer's API: its sign-in gave no token${shown}`) };
  }
  const reason = own?.sentence ?? `it gives no reason (status ${status})`;
  return { kind: 'refused', error: new FsError('EACCES', `the platform does not let ${who} in: ${reason}`), code: own?.code };
}

/** How long a refused sign-in is not tried again, the `count`-th in a row: many bad ones lock an account. In milliseconds. */
export function refusalPause(count: number): number {
  return Math.min(60 * 60_000, 60_000 * 2 ** (count - 1));
}
