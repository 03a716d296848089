/**
 * The requests of a table, on the wire: key and Basic on each, the key in no word that leaves here, answers read whole.
 */
import { FsError, toFsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { answerWords, isPage } from '../../http/answer-words.js';
import { failureOf, parseRetryAfter, type HttpClient, type HttpOutcome, type HttpRequest } from '../../http/client.js';
import type { Failure, Try } from '../../http/retry.js';
import { judge, type Asked } from './answers.js';
import { Secrets } from './secrets.js';
import { fillIn } from './table.js';

export interface SignIn {
  readonly user: string;
  readonly password: string;
  readonly key: string;
  readonly keyParameter: string;
}

/** One request of the table. */
export interface Request {
  /** As it stands in the table: what it is counted as. */
  readonly template: string;
  /** The value of its placeholder, if it has one. */
  readonly value?: string | undefined;
}

/** A request that may have been carried out, though it failed. */
export interface Lost {
  readonly error: FsError;
  readonly uncertain: boolean;
}

export class JsonApi {
  private readonly authorization: string;
  private readonly secrets: Secrets;

  /** `prefix`: what stands before the routes, encoded, without `/` at its end. `largest`: bytes that an answer may have. */
  constructor(private readonly http: HttpClient, private readonly prefix: string, private readonly signIn: SignIn, private readonly largest: number) {
    const basic = Buffer.from(`${signIn.user}:${signIn.password}`).toString('base64');
    this.authorization = `Basic ${basic}`;
    this.secrets = new Secrets([signIn.key, signIn.password, basic]);
  }

  /** The platform's clock, milliseconds since the epoch. */
  now(): number {
    return this.http.clock.now();
  }

  /** The whole answer, which is JSON in UTF-8: its text. EACCES, ENOENT, EFBIG, EIO. */
  async get(request: Request, signal: AbortSignal): Promise<string> {
    const asked: Asked = { words: this.words('GET', request), idempotent: true };
    return await this.guarded(() => this.http.repeat(async (): Promise<Try<string>> => {
      const outcome = await this.send('GET', request, undefined, signal);
      if ('broken' in outcome) return { failure: failureOf(outcome.broken, true) };
      const { answer } = outcome;
      if (answer.status !== 200) return { failure: this.clean((await this.refusal(answer, asked)).failure) };
      try {
        return { done: await this.json(answer, asked) };
      } catch (thrown) {
        const error = this.secrets.withheld(thrown);
        if (error.retryable) return { failure: { error, again: 'later' } };
        throw error;
      }
    }, signal));
  }

  /** Sends JSON. Never again where the platform may have had it; what failed so is told apart. Resolves to undefined where it was taken. */
  async post(request: Request, body: unknown, signal: AbortSignal): Promise<Lost | undefined> {
    const asked: Asked = { words: this.words('POST', request), idempotent: false };
    let uncertain = false;
    try {
      await this.guarded(() => this.http.repeat(async (): Promise<Try<undefined>> => {
        // Whatever ends it from here on ends it somewhere on its way.
        uncertain = true;
        const outcome = await this.send('POST', request, Buffer.from(JSON.stringify(body)), signal);
        if ('broken' in outcome) {
          uncertain = outcome.broken.maybeCarriedOut;
          return { failure: uncertain ? { ...failureOf(outcome.broken, false), error: inDoubt(asked, outcome.broken.error) } : failureOf(outcome.broken, false) };
        }
        const { answer } = outcome;
        if (answer.status >= 200 && answer.status < 300) {
          await answer.discard();
          return { done: undefined };
        }
        const refusal = await this.refusal(answer, asked);
        ({ uncertain } = refusal);
        return { failure: this.clean(refusal.failure) };
      }, signal));
      return undefined;
    } catch (thrown) {
      return { error: toFsError(thrown), uncertain };
    }
  }

  private send(method: HttpRequest['method'], { template, value }: Request, body: Buffer | undefined, signal: AbortSignal): Promise<HttpOutcome> {
    const path = value === undefined ? template : fillIn(template, encodeURIComponent(value));
    const { key, keyParameter } = this.signIn;
    return this.http.send({
      method,
      path: `${this.prefix}${path}${path.includes('?') ? '&' : '?'}${keyParameter}=${encodeURIComponent(key)}`,
      secretQuery: true,
      route: `${method} ${template.replace(/\?.*$/, '')}`,
      headers: {
        'authorization': this.authorization, 'accept': 'application/json', 'accept-encoding': 'gzip',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body,
      lane: method === 'GET' && value === undefined ? 'transfer' : 'call',
      answerWithin: method === 'POST' ? 'server' : 'stall',
    }, signal);
  }

  private async refusal(answer: Answer, asked: Asked): Promise<{ readonly failure: Failure; readonly uncertain: boolean }> {
    const verdict = judge({
      status: answer.status, contentType: answer.header('content-type'), text: this.secrets.withhold(await answer.text()), sender: answer.sender,
      retryAfter: parseRetryAfter(answer.header('retry-after'), answer.date),
    }, asked);
    return { failure: verdict, uncertain: verdict.uncertain };
  }

  private async json(answer: Answer, { words }: Asked): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of answer.unpacked()) {
      length += piece.length;
      if (length > this.largest) throw new FsError('EFBIG', `${words}: the answer is larger than ${this.largest} bytes, which is what answers may take; a larger --memory has room for it`);
      pieces.push(piece);
    }
    const bytes = Buffer.concat(pieces);
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      JSON.parse(text);
    } catch {
      const start = bytes.toString('utf8', 0, 1000);
      const type = answer.header('content-type');
      if (isPage(type, start)) throw new FsError('EIO', `${words}: ${answerWords(answer.status, type, bytes.toString('utf8', 0, 65_536), answer.sender)}`);
      throw new FsError('EIO', `${words}: the answer is not JSON in UTF-8${length === 0 ? ': it is empty' : ''}`);
    }
    return text;
  }

  private words(method: string, { template, value }: Request): string {
    return `${method} ${value === undefined ? template : fillIn(template, value)}`;
  }

  private clean(failure: Failure): Failure {
    return { ...failure, error: this.secrets.withheld(failure.error) };
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw this.secrets.withheld(thrown);
    }
  }
}

function inDoubt({ words }: Asked, error: FsError): FsError {
  return new FsError('EIO', `${words}: no answer came (${error.message}); it may have been done all the same`, { cause: error });
}
