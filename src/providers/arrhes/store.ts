/**
 * The object store beside Arrhes: requests on pre-signed addresses. Such an address is a secret while it lives,
 * and the API key is another that the store must never see, so that nothing here knows the key and nothing
 * that is logged has the query. (Arrhes' page: pre-signed URLs)
 */
import { FsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import type { RefusedAnswer } from '../../http/answer-words.js';
import { failureOf, parseRetryAfter, type HttpClient } from '../../http/client.js';
import type { Broken } from '../../http/breaks.js';
import type { Failure } from '../../http/retry.js';
import type { Content } from '../provider.js';
import { judgeStore, type StoreVerdict } from './answers.js';

/** A pre-signed address. Its parts are kept apart from everything that is shown to a person. */
export class SignedUrl {
  /** Milliseconds that it lives from when it was asked for, by its own word; undefined where it does not say. */
  readonly life: number | undefined;

  private constructor(readonly origin: string, private readonly target: string) {
    const [, seconds] = /[?&]X-Amz-Expires=(\d{1,7})(?:&|$)/i.exec(target) ?? [];
    this.life = seconds === undefined ? undefined : Number(seconds) * 1000;
  }

  /** Path and query, byte for byte: the signature is over them. For the request alone. */
  get secretTarget(): string {
    return this.target;
  }

  /** EIO for what is no address, or names a user. */
  static parse(text: string): SignedUrl {
    const [, authority = '', target = ''] = /^(https?:\/\/[^/?#@\s]+)(\/[^#\s]*)?$/i.exec(text) ?? [];
    if (authority === '' || !URL.canParse(authority)) throw new FsError('EIO', 'the platform gave an address of its object store that cannot be read');
    return new SignedUrl(new URL(authority).origin, target === '' ? '/' : target);
  }
}

/** `refused`: by the store's word, or by a break with the request out; `final`: a new address would not help. */
export type PutOutcome =
  | { readonly etag: string | undefined }
  | { readonly refused: FsError; readonly final: boolean }
  | { readonly failure: Failure };

export type GetOutcome = { readonly answer: Answer } | { readonly verdict: StoreVerdict; readonly retryAfter: number | undefined } | { readonly failure: Failure };

export class ObjectStore {
  private readonly clients = new Map<string, HttpClient>();

  /** `open` makes the client of a store's origin; EIO where the way there may not be gone. */
  constructor(private readonly open: (origin: string) => HttpClient) {}

  /** Puts exactly the content, at once. A failure is one that the same address may be tried with again. */
  async put(url: SignedUrl, content: Content, type: string, what: string, onSent: (sent: number) => void, signal: AbortSignal): Promise<PutOutcome> {
    const http = this.client(url);
    const outcome = await http.send({
      method: 'PUT', path: url.secretTarget, secretQuery: true, route: 'PUT (store)', lane: 'transfer', answerWithin: 'server',
      headers: { 'content-type': type }, body: content, onSent,
    }, signal);
    if ('broken' in outcome) return this.brokenPut(outcome.broken);
    const { answer } = outcome;
    const etag = answer.header('etag');
    if (answer.status >= 200 && answer.status < 300) {
      await answer.discard();
      return { etag };
    }
    const refused = await refusedOf(answer, http);
    const { then, error } = judgeStore(what, refused);
    if (then === 'wait') return { failure: { error, again: 'later', retryAfter: refused.retryAfter } };
    return { refused: error, final: then !== 'new URL' };
  }

  /** Asks for bytes `[start, end)`. `etag`: only of this very object. */
  async get(url: SignedUrl, range: { readonly start: number; readonly end: number }, etag: string | undefined, what: string, signal: AbortSignal): Promise<GetOutcome> {
    const http = this.client(url);
    const outcome = await http.send({
      method: 'GET', path: url.secretTarget, secretQuery: true, route: 'GET (store)', lane: 'transfer', answerWithin: 'stall',
      headers: { 'range': `bytes=${range.start}-${range.end - 1}`, 'accept-encoding': 'identity', ...(etag !== undefined && { 'if-match': etag }) },
    }, signal);
    if ('broken' in outcome) return { failure: failureOf(outcome.broken, true) };
    const { answer } = outcome;
    if (answer.status === 200 || answer.status === 206) return { answer };
    const refused = await refusedOf(answer, http);
    return { verdict: judgeStore(what, refused), retryAfter: refused.retryAfter };
  }

  /** Deletes the object; one that is not there is no failure. */
  async remove(url: SignedUrl, what: string, signal: AbortSignal): Promise<'done' | { readonly refused: FsError; readonly final: boolean } | { readonly failure: Failure }> {
    const http = this.client(url);
    const outcome = await http.send({
      method: 'DELETE', path: url.secretTarget, secretQuery: true, route: 'DELETE (store)', lane: 'call', answerWithin: 'stall', headers: {},
    }, signal);
    if ('broken' in outcome) return { failure: failureOf(outcome.broken, true) };
    const { answer } = outcome;
    if (answer.status >= 200 && answer.status < 300) {
      await answer.discard();
      return 'done';
    }
    const refused = await refusedOf(answer, http);
    const { then, error } = judgeStore(what, refused);
    if (then === 'gone') return 'done';
    if (then === 'wait') return { failure: { error, again: 'later', retryAfter: refused.retryAfter } };
    return { refused: error, final: then !== 'new URL' };
  }

  async close(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.close()));
  }

  /** A break with the request out counts as a refusal: stores close on a body that they do not want. */
  private brokenPut(broken: Broken): PutOutcome {
    return broken.maybeCarriedOut && !broken.lasting ? { refused: broken.error, final: false } : { failure: failureOf(broken, true) };
  }

  private client(url: SignedUrl): HttpClient {
    const known = this.clients.get(url.origin);
    if (known !== undefined) return known;
    const made = this.open(url.origin);
    this.clients.set(url.origin, made);
    return made;
  }
}

async function refusedOf(answer: Answer, http: HttpClient): Promise<RefusedAnswer> {
  const { status, sender } = answer;
  const text = await answer.text();
  return { status, sender, text, contentType: answer.header('content-type'), retryAfter: parseRetryAfter(answer.header('retry-after'), http.clock.now()) };
}
