/** Takes from an answer what is needed to judge it. */
import type { Answer } from '../../http/answer.js';
import type { RefusedAnswer } from '../../http/answer-words.js';
import { parseRetryAfter } from '../../http/client.js';
import { parseGoDuration } from './answers.js';

/** Reads a refused answer to its end. `now` is the server's clock, for a Retry-After that is a date. */
export async function refusalOf(answer: Answer, now: number): Promise<RefusedAnswer> {
  return {
    status: answer.status,
    contentType: answer.header('content-type'),
    sender: answer.sender,
    text: await answer.text(),
    // SFTPGo's own header is finer than Retry-After, which it rounds up to the second.
    retryAfter: parseGoDuration(answer.header('x-retry-in')) ?? parseRetryAfter(answer.header('retry-after'), now),
  };
}
