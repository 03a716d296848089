/**
 * What SFTPGo's refusals mean: the one table from its answers to errnos. Pure, so that the record
 * of a real server can be run through it. What a 500 `failure` means must be found by looking; the
 * table only says that. (SFTPGo's page: statuses)
 */
import { z } from 'zod';
import { FsError, type Errno } from '../../errors.js';
import { answerWords, isPage, plainWords, type RefusedAnswer } from '../../http/answer-words.js';

/** What was asked, as far as a status means different things. */
export type Operation =
  | 'sign in' | 'list' | 'look' | 'read' | 'upload' | 'make folder' | 'delete file' | 'delete folder' | 'move' | 'copy' | 'set time';

export type Lack = 'right' | 'service';

export interface Verdict {
  readonly error: FsError;
  /**
   * `final`: the error is the answer. `wait`: the server has not done it and may later, whatever it
   * was. `sign in`: the token is dead. `unsure`: the server, or one before it, failed; it may have
   * done it. `look`: the words do not say why; what is on the server does.
   */
  readonly then: 'final' | 'wait' | 'sign in' | 'unsure' | 'look';
  /** The account lacks a right there, or the server does not offer the service at all; undefined: neither. */
  readonly lacks?: Lack | undefined;
  /** It is the API key that the server does not know. */
  readonly badKey?: boolean | undefined;
  /** The server bans this address. */
  readonly banned?: boolean | undefined;
  /** The requests at once that the server allows this user, where it said so. */
  readonly allowed?: number | undefined;
}

const said = z.object({ error: z.string().optional(), message: z.string().optional() });

/** What the server's own error body says; undefined where this is not one. */
function parseSaid(answer: RefusedAnswer): { error: string; message: string } | undefined {
  if (answer.contentType?.includes('json') !== true) return undefined;
  if (answer.text === '') return { error: '', message: '' };
  let value: unknown;
  try {
    value = JSON.parse(answer.text);
  } catch {
    return undefined;
  }
  const parsed = said.safeParse(value);
  return parsed.success ? { error: parsed.data.error ?? '', message: parsed.data.message ?? '' } : undefined;
}

const folderRefusals: Partial<Record<Operation, string>> = {
  'look': 'is a folder', 'read': 'is a folder', 'upload': 'is a folder', 'delete file': 'is a folder',
};

/** Operations that change something, whose route a server may not offer: EPERM, as for a missing right. */
const changes: ReadonlySet<Operation> = new Set(['upload', 'make folder', 'delete file', 'delete folder', 'move', 'copy', 'set time']);

/** Judges a refusal. `about` is the path, for the sentence. */
export function judge(operation: Operation, answer: RefusedAnswer, about: string): Verdict {
  const words = parseSaid(answer);
  const sentence = `${operation}: ${about}: ${words === undefined ? answerWords(answer.status, answer.contentType, answer.text, answer.sender) : ownWords(answer.status, words)}`;
  const verdict = (errno: Errno, then: Verdict['then'], more = ''): Verdict => ({
    error: new FsError(errno, more === '' ? sentence : `${sentence} (${more})`, { retryable: then === 'wait' || then === 'unsure' }),
    then,
  });
  const final = (errno: Errno, more = ''): Verdict => verdict(errno, 'final', more);
  const { status } = answer;

  if (status === 502 || status === 503 || status === 504 || status === 408) return verdict('EIO', 'unsure');
  if (status === 429) return { ...verdict('EBUSY', 'wait'), allowed: allowedSessions(words?.error) };
  if (status === 413) {
    return words === undefined
      ? final('EFBIG', 'a proxy before the server limits the size of uploads')
      : final('EDQUOT', 'the quota is used up, or the file is larger than the server allows');
  }
  if (status === 507) return final('ENOSPC');
  if (status === 412) return final('ESTALE', 'the file was changed');
  if (words === undefined) {
    // Not SFTPGo that spoke: nothing that it says of a file is to be believed, a 404 least of all.
    if (status === 404 || status === 405) {
      return { ...(changes.has(operation) ? final('EPERM', 'the server does not offer this') : final('EIO')), lacks: 'service' };
    }
    return isPage(answer.contentType, answer.text) && status === 403 ? { ...final('EACCES'), lacks: 'service' } : final('EIO');
  }
  switch (status) {
    case 400:
      if (/api key/i.test(words.error)) return { ...final('EACCES', 'the API key is not valid'), badKey: true };
      if (folderRefusals[operation] !== undefined) return final('EISDIR', folderRefusals[operation]);
      return verdict('EINVAL', 'look');
    case 401:
      return verdict('EACCES', 'sign in');
    case 403:
      return judgeForbidden(words.error, verdict);
    case 404:
      if (words.error === '' && /^not found$/i.test(words.message)) {
        return { ...final(changes.has(operation) ? 'EPERM' : 'EIO', 'the server does not offer this'), lacks: 'service' };
      }
      // SFTPGo says in `error` what it did not find. JSON without it is another's: a gateway that knows no such route.
      return words.error === '' && answer.text !== '' ? final('EIO', 'it is not the platform that said so') : final('ENOENT');
    case 405:
      return { ...final(changes.has(operation) ? 'EPERM' : 'EIO', 'the server does not offer this'), lacks: 'service' };
    case 500:
      return words.error === 'failure' || words.error === '' ? verdict('EIO', 'look') : verdict('EIO', 'unsure');
    default:
      return status >= 500 ? verdict('EIO', 'unsure') : final('EIO');
  }
}

function judgeForbidden(error: string, verdict: (errno: Errno, then: Verdict['then'], more?: string) => Verdict): Verdict {
  if (/not allowed to connect/i.test(error)) return verdict('EBUSY', 'wait', 'too many requests from this address at once');
  if (/too many open sessions/i.test(error)) return { ...verdict('EBUSY', 'wait'), allowed: allowedSessions(error) };
  if (/address is blocked/i.test(error)) {
    return { ...verdict('EACCES', 'final', 'the server bans this address for a while after too many failed sign-ins or requests'), banned: true };
  }
  const right = error === '' || /permission denied/i.test(error);
  return { ...verdict('EACCES', 'final'), lacks: right ? 'right' : undefined };
}

/** `too many open sessions: 1/1` says how many are allowed. */
function allowedSessions(error: string | undefined): number | undefined {
  const [, allowed] = /too many open sessions: \d+\/(\d+)/i.exec(error ?? '') ?? [];
  return allowed === undefined ? undefined : Number(allowed);
}

function ownWords(status: number, words: { error: string; message: string }): string {
  const text = plainWords([words.message, words.error].filter((part) => part !== '').join(': '));
  return text === '' ? `the server answered ${status}` : `${text} (${status})`;
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, 'µs': 0.001, us: 0.001, ns: 0.000001 };

/** Reads a duration as Go writes it (`518.890516ms`, `1m30s`), in milliseconds; undefined for all else. */
export function parseGoDuration(text: string | undefined): number | undefined {
  if (text === undefined || !/^(\d+(\.\d+)?(h|ms|m|s|µs|us|ns))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|µs|us|ns)/g)) {
    total += Number(count) * (units[unit ?? ''] ?? 0);
  }
  return total;
}
