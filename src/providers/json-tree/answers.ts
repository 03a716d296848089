/** What a refusal of an API in JSON means: the errno, and whether the same request may succeed later. Pure. */
import { FsError, type Errno } from '../../errors.js';
import { answerWords, isPage } from '../../http/answer-words.js';
import type { Failure } from '../../http/retry.js';

export interface RefusedAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly text: string;
  readonly sender: string | undefined;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter: number | undefined;
}

/** What was asked, in words without a secret, and whether sending it twice does no more than once. */
export interface Asked {
  readonly words: string;
  readonly idempotent: boolean;
}

export interface Verdict extends Failure {
  /** It may have been carried out all the same. */
  readonly uncertain: boolean;
}

/** Refused before anything was done; may be asked again. */
const later: ReadonlySet<number> = new Set([408, 425, 429, 503]);

/**
 * The verdict on an answer that is not a success. What a page says is never a "not found": a proxy or a sign-in
 * page speaks, and not the platform.
 */
export function judge(answer: RefusedAnswer, asked: Asked): Verdict {
  const { status, retryAfter } = answer;
  const says = answerWords(status, answer.contentType, answer.text, answer.sender);
  const final = (errno: Errno, words: string): Verdict => (
    { error: new FsError(errno, `${asked.words}: ${words}`), again: 'never', uncertain: false }
  );
  if (isPage(answer.contentType, answer.text) && status < 500) return final('EIO', says);
  if (status === 401) return final('EACCES', `the platform does not take this user, password or key (${says})`);
  if (status === 403) return final('EACCES', `the platform does not take this key, or does not let it do that (${says})`);
  if (status === 404) return final('ENOENT', says);
  if (later.has(status)) return { error: new FsError('EIO', `${asked.words}: ${says}`, { retryable: true }), again: 'later', retryAfter, uncertain: false };
  if (status < 500) return final('EIO', says);
  const again = asked.idempotent ? 'later' : 'never';
  const doubt = asked.idempotent ? '' : '; it may have been done all the same';
  return { error: new FsError('EIO', `${asked.words}: ${says}${doubt}`, { retryable: true }), again, retryAfter, uncertain: !asked.idempotent };
}
