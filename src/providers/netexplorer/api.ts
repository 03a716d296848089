/**
 * NetExplorer's calls as one function: signed in, repeated where that is right, refusals judged. What a
 * reply means for a file or folder is said by those who call.
 */
import { FsError, toFsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { answerWords } from '../../http/answer-words.js';
import { failureOf, parseRetryAfter, type HttpClient, type HttpOutcome, type HttpRequest } from '../../http/client.js';
import type { Try } from '../../http/retry.js';
import { lockedBy } from './entries.js';
import { judge, type Operation } from './errors.js';
import { readFile } from './objects.js';

/** Who sends requests signed in: of the session, what is needed here. */
export interface SignedIn {
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome>;
}

export interface Call {
  readonly operation: Operation;
  readonly method: HttpRequest['method'];
  /** Below `/api`, with its query, encoded: `/folder/12?depth=1`. */
  readonly path: string;
  /** What it is counted as, without ids and query: `/folder/:id`. */
  readonly route: string;
  /** The thing's path or name, for sentences. */
  readonly about: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: HttpRequest['body'];
  /** Sent as JSON, in place of `body`. */
  readonly json?: unknown;
  readonly onSent?: HttpRequest['onSent'];
  readonly lane?: HttpRequest['lane'];
  readonly answerWithin?: HttpRequest['answerWithin'];
  /** Statuses of success besides all of 200 to 299; what is left is judged as a refusal. */
  readonly accept?: readonly number[] | undefined;
  /** Twice does no more than once: it is repeated even where the platform may have done it. */
  readonly idempotent: boolean;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly status: number;
  readonly error: FsError;
  /** The name may be taken: what is there tells; the error holds where it is free. */
  readonly look: boolean;
}

export interface Lost {
  /** Not idempotent, and no answer came, or not all of it: it may have been done. */
  readonly kind: 'lost';
  readonly error: FsError;
  readonly retryAfter?: number | undefined;
}

export type Reply = { readonly kind: 'answer'; readonly answer: Answer } | Refusal | Lost;

/** An answer's JSON as read by whoever asked. `date`: when it was so, by the platform's clock. */
export type Told<T> = { readonly kind: 'told'; readonly value: T; readonly status: number; readonly date: number } | Refusal | Lost;

export class Api {
  /** `self`: the number of the user whose drive this is, where it is known. */
  constructor(readonly http: HttpClient, private readonly session: SignedIn, private readonly self: () => string | undefined) {}

  /** Milliseconds since the epoch by the platform's clock. */
  get now(): number {
    return this.http.clock.now();
  }

  /** Calls, and repeats what may be repeated. Throws EINTR, and the last failure where repeating does not help. */
  call(call: Call, signal: AbortSignal): Promise<Reply> {
    return this.http.repeat(() => this.attempt(call, signal), signal);
  }

  /**
   * Calls for JSON. `read` makes a value of it, undefined where it is not what was asked for: EIO. An answer
   * without content, or of `OK` alone, is null. An answer that breaks off is asked for again where that is right, else it is lost.
   */
  ask<T>(call: Call, read: (value: unknown) => T | undefined, signal: AbortSignal): Promise<Told<T>> {
    return this.http.repeat(async (): Promise<Try<Told<T>>> => {
      const outcome = await this.attempt(call, signal);
      if ('failure' in outcome) return outcome;
      const reply = outcome.done;
      if (reply.kind !== 'answer') return { done: reply };
      const { status, date } = reply.answer;
      try {
        const value = read(parseJson(call, await textOf(reply.answer)));
        if (value === undefined) throw misunderstood(call);
        return { done: { kind: 'told', value, status, date } };
      } catch (thrown) {
        const error = toFsError(thrown);
        if (error.errno === 'EINTR') throw error;
        if (!call.idempotent) return { done: { kind: 'lost', error } };
        return { failure: { error, again: error.retryable ? 'later' : 'never' } };
      }
    }, signal);
  }

  /** Calls for JSON and takes nothing but an answer: throws the refusal's error. */
  async get<T>(call: Call, read: (value: unknown) => T | undefined, signal: AbortSignal): Promise<{ readonly value: T; readonly date: number }> {
    const told = await this.ask(call, read, signal);
    if (told.kind !== 'told') throw told.error;
    return told;
  }

  /** One try, for who repeats by himself. */
  async attempt(call: Call, signal: AbortSignal): Promise<Try<Reply>> {
    const outcome = await this.session.send(requestOf(call), signal);
    if ('broken' in outcome) {
      const { broken } = outcome;
      if (!call.idempotent && broken.maybeCarriedOut) return { done: { kind: 'lost', error: broken.error } };
      return { failure: failureOf(broken, call.idempotent) };
    }
    const { answer } = outcome;
    const { status } = answer;
    const contentType = answer.header('content-type');
    if ((status >= 200 && status < 300) || call.accept?.includes(status) === true) {
      // A page of the drive's own comes as an attachment, as all its files do: one that does not is a portal's.
      if (contentType?.includes('html') !== true || answer.header('content-disposition') !== undefined) return { done: { kind: 'answer', answer } };
      const text = await answer.text();
      // What PHP calls HTML where nobody told it otherwise: the platform's `OK` is sent as that.
      if (text.length < longestWord && !text.includes('<')) return { done: { kind: 'answer', answer: answer.retold(text) } };
      const words = answerWords(status, contentType, text, answer.sender);
      return { done: { kind: 'refused', status, error: new FsError('EIO', `${call.operation}: ${call.about}: ${words}`), look: false } };
    }
    const retryAfter = parseRetryAfter(answer.header('retry-after'), this.now);
    const verdict = judge(call.operation, { status, contentType, sender: answer.sender, text: await answer.text(), retryAfter }, call.about);
    switch (verdict.then) {
      case 'wait':
        return { failure: { error: verdict.error, again: 'later', retryAfter, status } };
      case 'unsure':
        if (!call.idempotent) return { done: { kind: 'lost', error: verdict.error, retryAfter } };
        return { failure: { error: verdict.error, again: 'later', retryAfter, status } };
      default:
        // A file that was just uploaded may be busy for a moment, with nobody's lock on it.
        if (status === 423 && await this.isBeingTransferred(call, signal)) return { failure: { error: verdict.error, again: 'later', retryAfter, status } };
        return { done: { kind: 'refused', status, error: verdict.error, look: verdict.then === 'look' } };
    }
  }

  /** Whether the file that a call is about is busy though nobody else has locked it. */
  private async isBeingTransferred(call: Call, signal: AbortSignal): Promise<boolean> {
    if (!call.route.startsWith('/file/:id')) return false;
    const [, , id = ''] = call.path.split(/[/?]/);
    const outcome = await this.attempt({ operation: 'look', method: 'GET', path: `/file/${id}`, route: '/file/:id', about: call.about, idempotent: true }, signal);
    if ('failure' in outcome) return true;
    if (outcome.done.kind !== 'answer') return false;
    const file = readFile(parseJson(call, await textOf(outcome.done.answer)));
    return file !== undefined && lockedBy(file.lock, this.self()) === undefined;
  }
}

function requestOf(call: Call): HttpRequest {
  const json = call.json === undefined ? undefined : Buffer.from(JSON.stringify(call.json));
  return {
    method: call.method,
    path: `/api${call.path}`,
    headers: { accept: 'application/json', ...(json !== undefined && { 'content-type': 'application/json' }), ...call.headers },
    body: json ?? call.body,
    onSent: call.onSent,
    route: `${call.method} ${call.route}`,
    lane: call.lane ?? 'call',
    answerWithin: call.answerWithin ?? 'stall',
  };
}

/** An answer in HTML that is no page is shorter than this, in characters. */
const longestWord = 32 * 1024;

/** An object's text, and a long list of versions, fit into this many bytes; listings are read as they arrive. */
const longestText = 16 * 2 ** 20;

/** The whole body. EIO, retryable, where it breaks off. */
async function textOf(answer: Answer): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.unpacked()) {
    pieces.push(piece);
    length += piece.length;
    if (length > longestText) throw new FsError('EIO', 'the answer is longer than any that was asked for');
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parseJson(call: Call, text: string): unknown {
  if (text.trim() === '' || text.trim() === 'OK') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw misunderstood(call);
  }
}

function misunderstood(call: Call): FsError {
  return new FsError('EIO', `${call.operation}: ${call.about}: the platform's answer is not understood`);
}
