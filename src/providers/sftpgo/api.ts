/**
 * SFTPGo's calls as one function: signed in, repeated where that is right, refusals judged. What a
 * reply means for a file or folder is said by those who call.
 */
import { FsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { failureOf, type HttpClient, type HttpRequest } from '../../http/client.js';
import type { Try } from '../../http/retry.js';
import { answerWords, type RefusedAnswer } from '../../http/answer-words.js';
import { judge, type Lack, type Operation } from './answers.js';
import { encodePath } from './encoding.js';
import { refusalOf } from './refusal.js';
import type { Pace } from './pace.js';
import type { SignIn } from './sign-in.js';

type Route = '/user/streamzip' | '/user/dirs' | '/user/files' | '/user/files/upload' | '/user/files/metadata' | '/user/file-actions/move' | '/user/file-actions/copy';

export interface Call {
  readonly operation: Operation;
  readonly method: HttpRequest['method'];
  readonly route: Route;
  /** From the home's root, decoded. A streamzip names it in its body. */
  readonly path: string;
  readonly target?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: HttpRequest['body'];
  readonly onSent?: HttpRequest['onSent'];
  readonly lane?: HttpRequest['lane'];
  readonly answerWithin?: HttpRequest['answerWithin'];
  /** Statuses of success; all else is judged as a refusal. */
  readonly accept: readonly number[];
  /** Twice does no more than once: it is repeated even where the server may have done it. */
  readonly idempotent: boolean;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly status: number;
  readonly error: FsError;
  /** The words do not say why: look at what is there. */
  readonly look: boolean;
  /** What the account, or the server, lacks. */
  readonly lacks?: Lack | undefined;
}

export type Reply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | Refusal
  /** Not idempotent, and no answer came: it may have been done. */
  | { readonly kind: 'lost'; readonly error: FsError; readonly retryAfter?: number | undefined };

/** What looking showed about a change whose answer was lost. */
export type Settlement = 'done' | 'not done' | 'unknown';

export class Api {
  constructor(readonly http: HttpClient, readonly signIn: SignIn, private readonly pace: Pace) {}

  /** Calls, and repeats what may be repeated. Throws EINTR, and the last failure where repeating does not help. */
  call(call: Call, signal: AbortSignal): Promise<Reply> {
    return this.http.repeat(() => this.attempt(call, signal), signal);
  }

  /**
   * Calls something that must not happen twice. When its answer is lost, `settle` looks whether it
   * was done: `settled` then; if it was not, it is sent again; if nobody can tell, EIO.
   */
  async change(
    call: Call, settle: (signal: AbortSignal) => Promise<Settlement>, signal: AbortSignal,
  ): Promise<Exclude<Reply, { kind: 'lost' }> | { readonly kind: 'settled' }> {
    const progress = this.http.retryProgress(signal);
    for (;;) {
      const reply = await this.call(call, signal);
      if (reply.kind !== 'lost') return reply;
      const settlement = await settle(signal);
      if (settlement === 'done') return { kind: 'settled' };
      if (settlement === 'unknown') {
        throw new FsError('EIO', `${call.operation}: ${call.path}: the answer was lost (${reply.error.message}), and what is there does not tell whether it was done`, { cause: reply.error });
      }
      await progress.wait({ error: reply.error, again: 'later', retryAfter: reply.retryAfter });
    }
  }

  /** One try, for who repeats by himself. A token found dead is renewed and the call sent again, once. */
  async attempt(call: Call, signal: AbortSignal): Promise<Try<Reply>> {
    const first = await this.sendSignedIn(call, signal);
    if (!('deadToken' in first)) return first;
    this.signIn.reject(first.deadToken);
    const second = await this.sendSignedIn(call, signal);
    if (!('deadToken' in second)) return second;
    this.signIn.reject(second.deadToken);
    return { done: second.reply };
  }

  private async sendSignedIn(call: Call, signal: AbortSignal): Promise<Try<Reply> | { readonly deadToken: string; readonly reply: Refusal }> {
    const { headers, token } = await this.signIn.authorize(signal);
    const outcome = await this.http.send({ ...request(call, headers), turn: (until) => this.pace.turn(until) }, signal);
    if ('broken' in outcome) {
      const { broken } = outcome;
      if (!call.idempotent && broken.maybeCarriedOut) return { done: { kind: 'lost', error: broken.error } };
      return { failure: failureOf(broken, call.idempotent) };
    }
    const { answer } = outcome;
    if (call.accept.includes(answer.status)) return { done: await this.checkSpeaker(call, answer) };
    return this.judgeRefusal(call, await refusalOf(answer, this.http.clock.now()), token);
  }

  private judgeRefusal(call: Call, answer: RefusedAnswer, token: string | undefined): Try<Reply> | { readonly deadToken: string; readonly reply: Refusal } {
    const verdict = judge(call.operation, answer, call.path);
    if (verdict.allowed !== undefined) this.http.narrow(verdict.allowed);
    if (verdict.banned === true) this.pace.banned(verdict.error);
    if (answer.status === 429 && answer.retryAfter !== undefined) this.pace.slowDown(answer.retryAfter);
    const reply: Refusal = { kind: 'refused', status: answer.status, error: verdict.error, look: verdict.then === 'look', lacks: verdict.lacks };
    switch (verdict.then) {
      case 'wait':
        return { failure: { error: verdict.error, again: 'later', retryAfter: answer.retryAfter } };
      case 'unsure':
        if (!call.idempotent) return { done: { kind: 'lost', error: verdict.error, retryAfter: answer.retryAfter } };
        return { failure: { error: verdict.error, again: 'later', retryAfter: answer.retryAfter } };
      case 'sign in':
        if (token !== undefined) return { deadToken: token, reply };
        this.signIn.refuseKey(verdict.error);
        return { done: reply };
      default:
        if (verdict.badKey === true) this.signIn.refuseKey(verdict.error);
        return { done: reply };
    }
  }

  /**
   * A sign-in page of a proxy says 200, too. What changes something is believed only in SFTPGo's own
   * words, which are JSON; what gives files is checked further by those who read it.
   */
  private async checkSpeaker(call: Call, answer: Answer): Promise<Reply> {
    const contentType = answer.header('content-type');
    const ofFile = call.operation === 'read' || call.operation === 'look';
    // A page of the drive's own comes as an attachment, as all its files do: one that does not is a portal's.
    const inPlace = contentType?.includes('html') === true && answer.header('content-disposition') === undefined;
    if (ofFile ? !inPlace : contentType?.includes('json') === true) return { kind: 'answer', answer };
    const words = answerWords(answer.status, contentType, await answer.text(), answer.sender);
    return { kind: 'refused', status: answer.status, error: new FsError('EIO', `${call.operation}: ${call.path}: ${words}`), look: false };
  }
}

function request(call: Call, authorization: Readonly<Record<string, string>>): HttpRequest {
  const target = call.target === undefined ? '' : `&target=${encodePath(call.target)}`;
  return {
    method: call.method,
    path: call.route === '/user/streamzip' ? `/api/v2${call.route}` : `/api/v2${call.route}?path=${encodePath(call.path)}${target}`,
    headers: { ...authorization, ...call.headers },
    body: call.body,
    onSent: call.onSent,
    route: `${call.method} ${call.route}`,
    lane: call.lane ?? 'call',
    answerWithin: call.answerWithin ?? 'stall',
  };
}
