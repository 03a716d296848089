/**
 * Arrhes' routes as functions: signed in, repeated where that is right, refusals judged. Most of them must
 * not be sent twice, and a 500 says nothing: whoever calls tells how to look what became of the request.
 */
import type { z } from 'zod';
import { FsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import type { RefusedAnswer } from '../../http/answer-words.js';
import { failureOf, parseRetryAfter, type HttpClient, type HttpRequest } from '../../http/client.js';
import { parseJsonArray } from '../../http/json-array.js';
import type { Failure } from '../../http/retry.js';
import { judge } from './answers.js';
import type { Place } from './remote-place.js';
import { fileRowSchema, folderRowSchema, organizationSchema, readAs, yearRowSchema, type FileRow, type FolderRow, type Row, type YearRow } from './rows.js';

export interface Call {
  readonly method: HttpRequest['method'];
  /** As it is counted: `/files/:id/finalize`. `:id` stands for `id`. Below the year, or with `ofOrganization` below the organization. */
  readonly route: string;
  readonly id?: string | undefined;
  readonly ofOrganization?: boolean | undefined;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** What it is and of what, for a sentence: `delete: /a/b`. */
  readonly what: string;
  /** Twice does no more than once: it is repeated even where the server may have done it. */
  readonly idempotent: boolean;
}

/** What looking showed about a request that may have been carried out. Throws where it showed why it cannot be. */
export type Settlement<T> = { readonly done: T } | 'not done';
export type Settle<T> = (why: FsError, signal: AbortSignal) => Promise<Settlement<T>>;

/** An answer's JSON, and when it was given. */
export interface Said {
  readonly value: unknown;
  /** Milliseconds since the epoch by the server's clock. */
  readonly date: number;
}

type Outcome = { readonly said: Said } | { readonly failure: Failure } | { readonly doubt: FsError; readonly retryAfter: number | undefined };

/** A route that this version of the platform does not have. */
export class NotOffered extends FsError {}

export class Api {
  /** Routes whose body must name what their address names. */
  private readonly namesIds = new Set<string>();

  constructor(readonly http: HttpClient, private readonly place: Place, private readonly key: string) {}

  /**
   * Sends a request, and reads its answer with `read`. Where nobody can tell whether it was done, `settle`
   * looks; what was not done is sent again, as long as the policy has it. Throws NotOffered for a missing route.
   */
  async send<T>(call: Call, read: (said: Said) => T, settle: Settle<T>, signal: AbortSignal): Promise<T> {
    const progress = this.http.retryProgress(signal);
    for (;;) {
      const outcome = await this.attempt(call, signal);
      if ('said' in outcome) return read(outcome.said);
      if ('failure' in outcome) {
        await progress.wait(outcome.failure);
        continue;
      }
      const settlement = await settle(outcome.doubt, signal);
      if (settlement !== 'not done') return settlement.done;
      await progress.wait({ error: outcome.doubt, again: 'later', retryAfter: outcome.retryAfter });
    }
  }

  /** All documents of the organization, as one list. */
  files(signal: AbortSignal): Promise<{ readonly rows: readonly FileRow[]; readonly date: number }> {
    return this.list('/files', fileRowSchema, signal);
  }

  folders(signal: AbortSignal): Promise<{ readonly rows: readonly FolderRow[]; readonly date: number }> {
    return this.list('/folders', folderRowSchema, signal);
  }

  /** One row as it is now; undefined where the server does not have it, or cannot say: the lists can. */
  async row(kind: Row['kind'], id: string, what: string, signal: AbortSignal): Promise<{ readonly row: Row; readonly date: number } | undefined> {
    const schema: z.ZodType<Row> = kind === 'file' ? fileRowSchema : folderRowSchema;
    return this.send<{ readonly row: Row; readonly date: number } | undefined>(
      { method: 'GET', route: kind === 'file' ? '/files/:id' : '/folders/:id', id, what, idempotent: true },
      ({ value, date }) => ({ row: readAs(schema, value, what), date }),
      () => Promise.resolve({ done: undefined }), signal,
    );
  }

  /** The organization's years; undefined where this version has no such route. */
  async years(signal: AbortSignal): Promise<readonly YearRow[] | undefined> {
    const what = 'reading the years';
    try {
      return await this.send<readonly YearRow[] | undefined>(
        { method: 'GET', route: '/years', ofOrganization: true, what, idempotent: true },
        ({ value }) => readAs(yearRowSchema.array(), value, what), () => Promise.resolve({ done: undefined }), signal,
      );
    } catch (error) {
      if (error instanceof NotOffered) return undefined;
      throw error;
    }
  }

  /** Bytes of the organization's storage; undefined where the server does not tell. */
  async storage(signal: AbortSignal): Promise<{ readonly total: number; readonly used: number } | undefined> {
    const what = 'reading the storage';
    const told = await this.send<z.infer<typeof organizationSchema> | undefined>(
      { method: 'GET', route: '', ofOrganization: true, what, idempotent: true },
      ({ value }) => readAs(organizationSchema, value, what), () => Promise.resolve({ done: undefined }), signal,
    ).catch((error: unknown) => {
      if (error instanceof NotOffered) return undefined;
      throw error;
    });
    const { storageLimit, storageCurrentUsage } = told ?? {};
    if (typeof storageLimit !== 'number' || typeof storageCurrentUsage !== 'number') return undefined;
    return { total: storageLimit, used: Math.min(storageLimit, storageCurrentUsage) };
  }

  private async list<R>(route: '/files' | '/folders', schema: z.ZodType<R>, signal: AbortSignal): Promise<{ readonly rows: readonly R[]; readonly date: number }> {
    const what = `listing ${route.slice(1)}`;
    const call: Call = { method: 'GET', route, what, idempotent: true };
    return this.http.repeat(async () => {
      const outcome = await this.http.send({ ...this.request(call, undefined), headers: { ...this.headers(), 'accept-encoding': 'gzip' } }, signal);
      if ('broken' in outcome) return { failure: failureOf(outcome.broken, true) };
      const { answer } = outcome;
      if (answer.status !== 200 || !isJson(answer)) return this.refusedList(what, await this.refused(answer));
      const rows: R[] = [];
      try {
        for await (const group of parseJsonArray(answer.unpacked())) for (const value of group) rows.push(readAs(schema, value, what));
        return { done: { rows, date: answer.date } };
      } catch (error) {
        await answer.body.return();
        if (error instanceof FsError && error.retryable) return { failure: { error, again: 'later' } };
        throw error;
      }
    }, signal);
  }

  private refusedList(what: string, refused: RefusedAnswer): { readonly failure: Failure } {
    const { then, error } = judge(what, refused);
    // A list misses nothing: its 500 is a failure like any other.
    const again = then === 'wait' || then === 'unsure' || then === 'look' ? 'later' : 'never';
    return { failure: { error, again, retryAfter: refused.retryAfter } };
  }

  private async attempt(call: Call, signal: AbortSignal): Promise<Outcome> {
    const named = this.namesIds.has(`${call.method} ${call.route}`);
    const outcome = await this.http.send(this.request(call, bodyOf(call, named)), signal);
    if ('broken' in outcome) {
      const { broken } = outcome;
      if (!call.idempotent && broken.maybeCarriedOut) return { doubt: broken.error, retryAfter: undefined };
      return { failure: failureOf(broken, call.idempotent) };
    }
    const { answer } = outcome;
    if (answer.status === 200 && isJson(answer)) {
      const text = await answer.text();
      try {
        return { said: { value: JSON.parse(text), date: answer.date } };
      } catch (error) {
        return { doubt: new FsError('EIO', `${call.what}: the answer is cut off, or no JSON`, { cause: error, retryable: true }), retryAfter: undefined };
      }
    }
    const refused = await this.refused(answer);
    const { then, error } = judge(call.what, refused);
    switch (then) {
      case 'wait': return { failure: { error, again: 'later', retryAfter: refused.retryAfter } };
      case 'unsure':
        return call.idempotent ? { failure: { error, again: 'later', retryAfter: refused.retryAfter } } : { doubt: error, retryAfter: refused.retryAfter };
      case 'look': return { doubt: error, retryAfter: undefined };
      case 'not offered': throw new NotOffered(error.errno, error.message);
      case 'name ids':
        if (named || call.id === undefined) throw error;
        this.namesIds.add(`${call.method} ${call.route}`);
        return this.attempt(call, signal);
      default: throw error;
    }
  }

  private async refused(answer: Answer): Promise<RefusedAnswer> {
    const { status, sender } = answer;
    const text = await answer.text();
    return { status, sender, text, contentType: answer.header('content-type'), retryAfter: parseRetryAfter(answer.header('retry-after'), this.http.clock.now()) };
  }

  private headers(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.key}` };
  }

  private request(call: Call, body: Buffer | undefined): HttpRequest {
    const { prefix, organization, year } = this.place;
    const below = call.route.replace(':id', encodeURIComponent(call.id ?? ''));
    const base = `${prefix}/organizations/${encodeURIComponent(organization)}`;
    return {
      method: call.method,
      path: call.ofOrganization === true ? `${base}${below}` : `${base}/years/${encodeURIComponent(year)}${below}`,
      headers: body === undefined ? this.headers() : { ...this.headers(), 'content-type': 'application/json' },
      body,
      route: `${call.method} ${call.ofOrganization === true ? `/organization${call.route}` : call.route}`,
      lane: 'call',
      // What an upload's end takes is the store's matter and the platform's.
      answerWithin: call.route.endsWith('/finalize') ? 'server' : 'stall',
    };
  }
}

/** A portal's page says 200, too: only JSON is Arrhes'. */
function isJson(answer: Answer): boolean {
  return answer.header('content-type')?.includes('json') === true;
}

/** An id in a body wins over the address': it is sent only where a server names it as missing, and is the same one. */
function bodyOf(call: Call, named: boolean): Buffer | undefined {
  const needed = call.method === 'POST' || call.method === 'PATCH';
  if (call.method === 'GET' || (call.body === undefined && !needed && !named)) return undefined;
  const ids = named ? { [call.route.startsWith('/folders') ? 'idFolder' : 'idFile']: call.id } : {};
  return Buffer.from(JSON.stringify({ ...call.body, ...ids }));
}

