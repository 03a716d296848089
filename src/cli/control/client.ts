/** The other side of a mount's socket: what commands ask of a running mount, and how they hear that nobody answers. */
import { Client } from 'undici';
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
  const connection = await connect(socket, progressPatience);
  try {
    const { statusCode, body } = await connection.client.request({ method: 'POST', path: controlPaths.end });
    if (statusCode !== 200) throw new ControlError(statusCode === 404 ? 'unknown' : 'silent', await body.text());
    for await (const line of linesOf(body)) {
      const event = endEventSchema.safeParse(JSON.parse(line));
      if (event.success) yield event.data;
    }
  } catch (thrown) {
    throw unanswered(thrown);
  } finally {
    await connection.close();
  }
}

/**
 * Has the mount do something on the platform. Fails with a CommandError where it is refused, and with
 * a ControlError where the mount does not answer. When `signal` is aborted the mount gives it up.
 */
export async function askService<T>(
  socket: string, request: ServiceRequest, schema: z.ZodType<T>, onProgress: (words: string) => void, signal: AbortSignal,
): Promise<T> {
  const connection = await connect(socket, progressPatience);
  try {
    const { statusCode, body } = await connection.client.request({ method: 'POST', path: controlPaths.services, body: JSON.stringify(request), signal });
    if (statusCode !== 200) throw new ControlError(statusCode === 404 ? 'unknown' : 'silent', await body.text());
    for await (const line of linesOf(body)) {
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
    await connection.close();
  }
}

/** The lines of a body as they become whole. */
async function* linesOf(body: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun = '';
  for await (const piece of body) {
    if (!(piece instanceof Uint8Array)) continue;
    const lines = (begun + decoder.decode(piece, { stream: true })).split('\n');
    begun = lines.pop() ?? '';
    yield* lines;
  }
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  /** Milliseconds. */
  readonly patience: number;
}

async function call<T>(socket: string, { method, path, body, patience }: Call, schema: z.ZodType<T>): Promise<T> {
  const connection = await connect(socket, patience);
  try {
    const answer = await connection.client.request({ method, path, body: body ?? null });
    const text = await answer.body.text();
    const value: unknown = JSON.parse(text);
    if (answer.statusCode === 200) return schema.parse(value);
    const refusal = refusalSchema.safeParse(value);
    throw new ControlError(answer.statusCode === 404 ? 'unknown' : 'silent', refusal.success ? refusal.data.error : `status ${answer.statusCode}`);
  } catch (thrown) {
    throw unanswered(thrown);
  } finally {
    await connection.close();
  }
}

async function connect(socket: string, patience: number): Promise<{ readonly client: Client; close(): Promise<void> }> {
  const name = await shortNameOf(socket).catch((thrown: unknown) => {
    throw unanswered(thrown);
  });
  const client = new Client('http://mount', {
    connect: { socketPath: name.path, timeout: usualPatience }, headersTimeout: patience, bodyTimeout: patience, maxResponseSize: answerLimit,
  });
  return {
    client,
    async close() {
      await client.destroy();
      await name.close();
    },
  };
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
