/** The other side of a mount's socket: what commands ask of a running mount, and how they hear that nobody answers. */
import { request as send, type IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { shortNameOf } from './address.js';
import { CommandError } from '../exit-status.js';
import { serviceEventSchema, type ServiceRequest } from './services.js';
import {
  controlPaths, endEventSchema, mountStatusSchema, refreshAnswerSchema, refusalSchema, type EndEvent, type MountStatus, type RefreshAnswer,
} from './protocol.js';

/**
 * Why a mount did not answer. `nobody`: there is no socket, or nobody behind it. `forbidden`: the socket is
 * another user's. `unknown`: the process is of another version of Amarre. `silent`: it took too long, or
 * answered what makes no sense.
 */
export type Unanswered = 'nobody' | 'forbidden' | 'unknown' | 'silent';

export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly why: Unanswered;

  constructor(why: Unanswered, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.why = why;
  }
}

/** Milliseconds for an answer that comes from memory. */
const usualPatience = 5_000;
/** The kernel may have to wait for requests under way before it forgets. */
const refreshPatience = 60_000;
/** Between two lines of progress; they come twice a second. */
const progressPatience = 15_000;
/** Bytes of an answer. */
const answerLimit = 16 * 1024 * 1024;

/** Asks how the mount stands. Fails with a ControlError. */
export function askStatus(socket: string): Promise<MountStatus> {
  return call(socket, { method: 'GET', path: controlPaths.status, patience: usualPatience }, mountStatusSchema);
}

/** Has the mount forget what is cached at and below a path below its mount point. Fails with a ControlError. */
export function askRefresh(socket: string, path: string): Promise<RefreshAnswer> {
  return call(socket, { method: 'POST', path: controlPaths.refresh, body: JSON.stringify({ path }), patience: refreshPatience }, refreshAnswerSchema);
}

/**
 * Asks the mount to end, and passes on what it tells until it has ended. Fails with a ControlError where
 * it does not answer, or breaks off: then it may be ending all the same.
 */
export async function* askEnd(socket: string): AsyncGenerator<EndEvent> {
  const answer = await ask(socket, { method: 'POST', path: controlPaths.end, patience: progressPatience });
  try {
    if (answer.status !== 200) throw new ControlError(answer.status === 404 ? 'unknown' : 'silent', await textOf(answer.body));
    for await (const line of linesOf(answer.body)) {
      const event = endEventSchema.safeParse(JSON.parse(line));
      if (event.success) yield event.data;
    }
  } catch (thrown) {
    throw unanswered(thrown);
  } finally {
    await answer.close();
  }
}

/**
 * Has the mount do something on the platform. Fails with a CommandError where it is refused, and with
 * a ControlError where the mount does not answer. When `signal` is aborted the mount gives it up.
 */
export async function askService<T>(
  socket: string, request: ServiceRequest, schema: z.ZodType<T>, onProgress: (words: string) => void, signal: AbortSignal,
): Promise<T> {
  let answer: Answer | undefined;
  try {
    answer = await ask(socket, { method: 'POST', path: controlPaths.services, body: JSON.stringify(request), patience: progressPatience, signal });
    if (answer.status !== 200) throw new ControlError(answer.status === 404 ? 'unknown' : 'silent', await textOf(answer.body));
    for await (const line of linesOf(answer.body)) {
      const event = serviceEventSchema.parse(JSON.parse(line));
      if (event.kind === 'progress') onProgress(event.words);
      if (event.kind === 'failed') throw new CommandError('failed', event.message);
      if (event.kind === 'done') return schema.parse(event.value);
    }
    throw new ControlError('silent', 'it broke off');
  } catch (thrown) {
    if (signal.aborted) throw new CommandError('failed', 'interrupted', { cause: thrown });
    throw thrown instanceof CommandError ? thrown : unanswered(thrown);
  } finally {
    await answer?.close();
  }
}

/** The lines of a body as they become whole. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun = '';
  for await (const piece of body) {
    const lines = (begun + decoder.decode(piece, { stream: true })).split('\n');
    begun = lines.pop() ?? '';
    yield* lines;
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  /** Milliseconds in which nothing comes. */
  readonly patience: number;
  /** Breaks it off. */
  readonly signal?: AbortSignal;
}

async function call<T>(socket: string, question: Question, schema: z.ZodType<T>): Promise<T> {
  const answer = await ask(socket, question);
  try {
    const value: unknown = JSON.parse(await textOf(answer.body));
    if (answer.status === 200) return schema.parse(value);
    const refusal = refusalSchema.safeParse(value);
    throw new ControlError(answer.status === 404 ? 'unknown' : 'silent', refusal.success ? refusal.data.error : `status ${answer.status}`);
  } catch (thrown) {
    throw unanswered(thrown);
  } finally {
    await answer.close();
  }
}

interface Answer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Resolves when the answer begins. Fails with a ControlError. */
async function ask(socket: string, { method, path, body, patience, signal }: Question): Promise<Answer> {
  const name = await shortNameOf(socket).catch((thrown: unknown) => {
    throw unanswered(thrown);
  });
  const request = send({ agent: false, socketPath: name.path, method, path, timeout: patience, signal });
  const close = async () => {
    request.destroy();
    await name.close();
  };
  const begun = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new ControlError('silent', `nothing came for ${patience} ms`)));
  });
  request.end(body);
  try {
    const response = await begun;
    return { status: response.statusCode ?? 0, body: limited(response), close };
  } catch (thrown) {
    await close();
    throw unanswered(thrown);
  }
}

async function* limited(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of response) {
    if (!(piece instanceof Uint8Array)) continue;
    size += piece.length;
    if (size > answerLimit) throw new ControlError('silent', `an answer of more than ${answerLimit} bytes`);
    yield piece;
  }
}

function unanswered(thrown: unknown): ControlError {
  if (thrown instanceof ControlError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ControlError(meanings.get(code) ?? 'silent', message, { cause: thrown });
}

const meanings: ReadonlyMap<string, Unanswered> = new Map([
  ['ENOENT', 'nobody'], ['ECONNREFUSED', 'nobody'], ['ENOTDIR', 'nobody'], ['EACCES', 'forbidden'], ['EPERM', 'forbidden'],
]);
