/**
 * Looks at one path. HEAD is SFTPGo's stat, by status; where its status alone does not say why (it
 * has no body to say more), the first bytes are asked for instead, whose refusal has words. What a
 * 500 `failure` means is found by looking further up. (SFTPGo's page: files, statuses)
 */
import { FsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { parseContentLength, parseContentRange } from '../../http/ranges.js';
import { parseHttpDate } from '../../http/server-clock.js';
import { parentOf } from '../paths.js';
import type { Lack } from './answers.js';
import type { Api, Call, Refusal, Reply } from './api.js';
import type { Try } from '../../http/retry.js';

export type Sight =
  /** `modified`: milliseconds since the epoch, a whole second. `date`: when it was so, by the server's clock. */
  | { readonly kind: 'file'; readonly size: number; readonly modified: number; readonly date: number }
  /** `modified`: milliseconds since the epoch, where the way of looking tells it. */
  | { readonly kind: 'folder'; readonly date: number; readonly modified?: number | undefined }
  | { readonly kind: 'nothing'; readonly date: number }
  /** Something on the way is a file. */
  | { readonly kind: 'through a file' }
  /** No right to look; or the server fails in a way that looking does not explain. */
  | { readonly kind: 'refused'; readonly error: FsError; readonly lacks: Lack | undefined };

export class Looker {
  constructor(private readonly api: Api) {}

  /** What is at a path (from the home's root). Throws EINTR, and EIO where no clear answer came. */
  async look(path: string, signal: AbortSignal): Promise<Sight> {
    return this.read(path, await this.api.call(head(path), signal), signal);
  }

  /** One try, for who repeats by himself. */
  async tryToLook(path: string, signal: AbortSignal): Promise<Try<Sight>> {
    const outcome = await this.api.attempt(head(path), signal);
    return 'failure' in outcome ? outcome : { done: await this.read(path, outcome.done, signal) };
  }

  private async read(path: string, reply: Reply, signal: AbortSignal): Promise<Sight> {
    if (reply.kind === 'answer') return readAnswer(path, reply.answer);
    if (reply.kind === 'lost') throw reply.error;
    const clear = reply.error.errno === 'ENOENT' || (reply.error.errno === 'EISDIR' && !this.api.signIn.byKey);
    if (clear) return this.readRefusal(path, reply, signal);
    return this.askForWords(path, signal);
  }

  /** A 403 may be a missing right or a crowded server, a 400 a folder or a bad key: the words of a GET tell. */
  private async askForWords(path: string, signal: AbortSignal): Promise<Sight> {
    const reply = await this.api.call({
      operation: 'look', method: 'GET', route: '/user/files', path, headers: { range: 'bytes=0-1' }, accept: [200, 206, 416], idempotent: true,
    }, signal);
    if (reply.kind === 'answer') return readAnswer(path, reply.answer);
    if (reply.kind === 'lost') throw reply.error;
    return this.readRefusal(path, reply, signal);
  }

  private async readRefusal(path: string, refusal: Refusal, signal: AbortSignal): Promise<Sight> {
    const date = this.api.http.clock.now();
    if (refusal.error.errno === 'ENOENT') return { kind: 'nothing', date };
    if (refusal.error.errno === 'EISDIR') return { kind: 'folder', date };
    if (refusal.look && await this.goesThroughFile(path, signal)) return { kind: 'through a file' };
    return { kind: 'refused', error: refusal.error, lacks: refusal.lacks };
  }

  /** True where something above `path` is a file: what a 500 `failure` says of a path. */
  async goesThroughFile(path: string, signal: AbortSignal): Promise<boolean> {
    for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
      const reply = await this.api.call(head(above), signal);
      if (reply.kind === 'answer') {
        await reply.answer.discard();
        return true;
      }
      // Below a file everything is a 500: the file is further up. Anything else stands on its own.
      if (reply.kind !== 'refused' || !reply.look) return false;
    }
    return false;
  }

  /**
   * Why a change at `path` was answered 500 `failure`, where what is above it explains that: ENOTDIR,
   * else the error as it came, EIO.
   */
  async explain(path: string, refusal: Refusal, signal: AbortSignal): Promise<FsError> {
    if (!refusal.look) return refusal.error;
    if (await this.goesThroughFile(path, signal)) {
      return new FsError('ENOTDIR', `${path} goes through a file`, { cause: refusal.error });
    }
    return refusal.error.errno === 'EINVAL' ? refusal.error : new FsError('EIO', refusal.error.message, { cause: refusal.error });
  }
}

function head(path: string): Call {
  return { operation: 'look', method: 'HEAD', route: '/user/files', path, accept: [200], idempotent: true };
}

/** Reads size and time from an answer's head. EIO where it is not SFTPGo's. */
async function readAnswer(path: string, answer: Answer): Promise<Sight> {
  await answer.body.return();
  const range = answer.status === 206 ? parseContentRange(answer.header('content-range')) : undefined;
  const size = range?.total ?? (answer.status === 200 ? parseContentLength(answer.header('content-length')) : undefined);
  const modified = parseHttpDate(answer.header('last-modified'));
  if (size === undefined || modified === undefined) {
    throw new FsError('EIO', `looking at ${path}: the answer does not say size and time, so it is not SFTPGo's`);
  }
  return { kind: 'file', size, modified, date: answer.date };
}
