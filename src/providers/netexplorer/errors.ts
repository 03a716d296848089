/**
 * What NetExplorer's refusals mean: the one table from its answers to errnos. Pure. A 403 says "that name
 * exists" and "you may not" with the same status and in French: the table only says that one must look.
 * (NetExplorer's page: common, what surprises)
 */
import { z } from 'zod';
import { FsError, type Errno } from '../../errors.js';
import { answerWords, isPage, plainWords, type RefusedAnswer } from '../../http/answer-words.js';

/** What was asked, as far as a status means different things. */
export type Operation =
  | 'list' | 'look' | 'read' | 'upload' | 'make file' | 'make folder' | 'delete' | 'move' | 'set time'
  | 'lock' | 'versions' | 'trash' | 'restore' | 'quota' | 'account' | 'link' | 'history' | 'details';

export interface Verdict {
  readonly error: FsError;
  /**
   * `final`: the error is the answer. `wait`: the platform has not done it and may later. `unsure`: it, or
   * something before it, failed; it may have done it. `look`: the name may be taken, and what is there tells;
   * the error is what it means where the name is free.
   */
  readonly then: 'final' | 'wait' | 'unsure' | 'look';
}

const said = z.looseObject({ error: z.string() });

/** The platform's own sentence; undefined where this is not its way to refuse. */
function sentenceOf({ contentType, text }: RefusedAnswer): string | undefined {
  if (isPage(contentType, text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return said.safeParse(value).data?.error;
}

/** Operations that give a name to something. */
const naming: ReadonlySet<Operation> = new Set(['upload', 'make file', 'make folder', 'move', 'restore']);
/** Operations that take room. */
const filling: ReadonlySet<Operation> = new Set(['upload', 'make file', 'make folder', 'restore']);
const changing: ReadonlySet<Operation> = new Set([...naming, 'delete', 'set time', 'lock', 'trash', 'link']);

const looking: ReadonlySet<Operation> = new Set(['list', 'look', 'versions', 'details', 'history']);

/** Judges a refusal. `about` is the path, for the sentence. */
export function judge(operation: Operation, answer: RefusedAnswer, about: string): Verdict {
  const sentence = sentenceOf(answer);
  const { status } = answer;
  const told = sentence === undefined
    ? answerWords(status, answer.contentType, answer.text, answer.sender)
    : `${plainWords(sentence)} (${status})`;
  const verdict = (errno: Errno, then: Verdict['then'], more = ''): Verdict => ({
    error: new FsError(errno, `${operation}: ${about}: ${told}${more === '' ? '' : ` (${more})`}`, { retryable: then === 'wait' || then === 'unsure' }),
    then,
  });
  const page = isPage(answer.contentType, answer.text);
  switch (status) {
    case 400: return verdict(sentence === undefined ? 'EIO' : 'EINVAL', 'final');
    // The session has signed in anew before it comes to this.
    case 401: return verdict('EACCES', 'final');
    case 403:
      if (page) return verdict('EIO', 'final');
      return verdict('EACCES', naming.has(operation) ? 'look' : 'final');
    case 404:
      // What stands before the platform knows nothing of its files.
      if (sentence === undefined) return verdict(changing.has(operation) ? 'EPERM' : 'EIO', 'final', 'it is not the platform that said so, or it does not offer this');
      return verdict('ENOENT', 'final');
    case 405: case 501: return verdict(changing.has(operation) ? 'EPERM' : 'EOPNOTSUPP', 'final', 'the platform does not offer this');
    case 408: case 502: case 503: case 504: return verdict('EIO', 'unsure');
    case 409: return naming.has(operation) ? verdict('EEXIST', 'look') : verdict('EBUSY', 'final');
    case 412: return verdict('ESTALE', 'final', 'the file was changed');
    case 413:
      if (sentence === undefined) return verdict('EFBIG', 'final', 'a proxy before the platform limits the size of uploads');
      return verdict('EDQUOT', 'final', 'the quota is used up, or the file is larger than the platform allows');
    case 422: return verdict('EINVAL', naming.has(operation) ? 'look' : 'final');
    case 423:
      // A lock is no reason to say nothing of the file.
      return verdict('EBUSY', looking.has(operation) ? 'wait' : 'final', 'it is locked, or still being transferred');
    case 429: return verdict('EBUSY', 'wait', 'too many requests');
    case 507: return verdict('EDQUOT', 'final', 'the quota is used up');
    default:
      return status >= 500 ? verdict('EIO', 'unsure') : verdict('EIO', 'final');
  }
}

/** Whether a refusal can come from a full quota, which the platform does not name: then its quotas tell. */
export function mayBeFull(operation: Operation, status: number): boolean {
  return filling.has(operation) && status >= 400 && ![401, 404, 408, 423, 429].includes(status);
}
