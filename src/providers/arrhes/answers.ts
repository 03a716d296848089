/**
 * What Arrhes' and its store's refusals mean: the one place where answers become errnos. Pure, so that the
 * record can be run through it. Arrhes says 500 for whatever is missing or wrong: that is found by looking
 * at the lists, and this table only says so. (Arrhes' page: errors; pre-signed URLs)
 */
import { z } from 'zod';
import { FsError, type Errno } from '../../errors.js';
import { answerWords, plainWords, type RefusedAnswer } from '../../http/answer-words.js';

export interface Verdict {
  readonly error: FsError;
  /**
   * `final`: the error is the answer. `wait`: not done, and it may go well later. `unsure`: the server, or one
   * before it, failed; it may have done it. `look`: the lists must say what is missing. `name ids`: the body
   * must name what the address names. `not offered`: this version of the platform has no such route.
   */
  readonly then: 'final' | 'wait' | 'unsure' | 'look' | 'name ids' | 'not offered';
}

const said = z.object({ message: z.string(), cause: z.string().optional() });

function parseSaid(answer: RefusedAnswer): z.infer<typeof said> | undefined {
  try {
    const parsed = said.safeParse(JSON.parse(answer.text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Arrhes' own sentences for a 400. */
const sentences: readonly (readonly [RegExp, Errno, string])[] = [
  [/trop volumineux/i, 'EFBIG', 'the platform takes no larger document'],
  [/limite de stockage/i, 'EDQUOT', 'the organization\'s storage is full'],
  [/n'existe pas/i, 'ENODATA', 'it has no content yet'],
  [/\bpages?\b|\bocr\b/i, 'EDQUOT', 'nothing is left of what may be recognized'],
];

/** Who refuses may repeat the request, as pages of proxies do: what signs an address, and the key, go no further. */
function withoutSecrets(answer: RefusedAnswer): RefusedAnswer {
  const text = answer.text.replace(/X-Amz-[A-Za-z-]+(?:=|%3D)[^\s"'<>\\]*/gi, '***').replace(/\bBearer[ +]+[^\s"'<>\\]+/gi, 'Bearer ***');
  return { ...answer, text };
}

/** Judges a refusal of one of the routes. `what` names the request and its document, for the sentence. */
export function judge(what: string, given: RefusedAnswer): Verdict {
  const answer = withoutSecrets(given);
  const { status } = answer;
  const words = parseSaid(answer);
  const verdict = (errno: Errno, then: Verdict['then'], more = ''): Verdict => ({
    error: new FsError(errno, `${what}: ${sentence(answer, words)}${more === '' ? '' : ` (${more})`}`, { retryable: then === 'wait' || then === 'unsure' }),
    then,
  });
  if (status === 502 || status === 503 || status === 504 || status === 408) return verdict('EIO', 'unsure');
  if (status === 429) return verdict('EBUSY', 'wait');
  if (status === 413 && words === undefined) return verdict('EFBIG', 'final', 'a proxy before the server limits the size of requests');
  // Not Arrhes that spoke: nothing that it says of a document is to be believed.
  if (words === undefined) return verdict('EIO', status >= 500 ? 'unsure' : status === 404 || status === 405 ? 'not offered' : 'final');
  switch (status) {
    case 400: {
      if (/\bid(File|Folder)\b/.test(words.cause ?? '')) return verdict('EINVAL', 'name ids');
      if (/256/.test(words.cause ?? '')) return verdict('ENAMETOOLONG', 'final');
      const known = sentences.find(([form]) => form.test(words.message));
      return known === undefined ? verdict('EINVAL', 'final') : verdict(known[1], 'final', known[2]);
    }
    case 401: return verdict('EACCES', 'final', 'the API key is not accepted');
    case 402: return verdict('EDQUOT', 'final');
    case 403: return verdict('EACCES', 'final');
    case 404: return verdict('EIO', 'not offered', 'the server has no such route: is the address right, with what stands before /organizations?');
    case 409: return verdict('EEXIST', 'final');
    case 500: return verdict('EIO', 'look');
    default: return verdict('EIO', status > 500 ? 'unsure' : 'final');
  }
}

function sentence(answer: RefusedAnswer, words: z.infer<typeof said> | undefined): string {
  if (words === undefined) return answerWords(answer.status, answer.contentType, answer.text, answer.sender);
  const text = plainWords([words.message, words.cause ?? ''].filter((part) => part !== '' && part !== 'undefined').join(': '));
  return `${text} (${answer.status})`;
}

export interface StoreVerdict {
  readonly error: FsError;
  /**
   * `final`: the error is the answer. `wait`: it may go well later. `new URL`: this one is over, or was never
   * right. `changed`: the object is another than the one asked for. `past the end`, `gone`: as they say.
   */
  readonly then: 'final' | 'wait' | 'new URL' | 'changed' | 'past the end' | 'gone';
}

/** Judges a refusal of the object store by its code; the text beside it differs from store to store. */
export function judgeStore(what: string, given: RefusedAnswer): StoreVerdict {
  const answer = withoutSecrets(given);
  const [, code = ''] = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(answer.text) ?? [];
  const words = code === '' ? answerWords(answer.status, answer.contentType, answer.text, answer.sender) : `the object store answered ${answer.status}: ${code}`;
  const verdict = (errno: Errno, then: StoreVerdict['then'], more = ''): StoreVerdict => ({
    error: new FsError(errno, `${what}: ${words}${more === '' ? '' : ` (${more})`}`, { retryable: then === 'wait' }),
    then,
  });
  switch (answer.status) {
    case 403: return verdict('EIO', 'new URL', 'its address has ended, or was changed on the way');
    case 404: return code === 'NoSuchBucket' ? verdict('EIO', 'final') : verdict('EIO', 'gone', 'the platform lists the document, and its store has no content for it');
    case 408: case 429: return verdict('EIO', 'wait');
    case 412: return verdict('ESTALE', 'changed', 'the document was changed');
    case 413: return verdict('EFBIG', 'final', 'the store takes no larger document');
    case 416: return verdict('EIO', 'past the end');
    case 507: return verdict('ENOSPC', 'final');
    default: return answer.status >= 500 ? verdict('EIO', 'wait') : verdict('EIO', 'final');
  }
}
