/**
 * How a refusal looks: SFTPGo answers errors as `{"error","message"}`, where `message` says what was tried and `error`
 * what the file system said of it (SFTPGo's page: statuses). The second is a StorageError until the handler that knows
 * the first turns it into a Refusal.
 */
import { goJson } from '../common/go-text.js';
import type { Answer } from '../common/delivery.js';

/** What the file system said, as SFTPGo words it, with the status that goes with it. */
export class StorageError extends Error {
  constructor(readonly status: number, text: string) {
    super(text);
    this.name = 'StorageError';
  }
}

export const notFound = (): StorageError => new StorageError(404, 'file does not exist');
export const denied = (): StorageError => new StorageError(403, 'permission denied');
export const failure = (): StorageError => new StorageError(500, 'failure');
export const noSpace = (): StorageError => new StorageError(413, 'denying write due to space limit');

/** Not supported; with a reason, where SFTPGo gives one. */
export function unsupported(reason?: string): StorageError {
  return new StorageError(400, reason === undefined ? 'operation unsupported' : `${reason}: operation unsupported`);
}

/** A whole refusal, ready to be answered. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly error?: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'Refusal';
  }

  answer(): Answer {
    return jsonAnswer(this.status, { error: this.error, message: this.message }, this.headers);
  }
}

/** An answer in JSON; Go's encoder ends it with a newline. */
export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: Buffer.from(`${goJson(value)}\n`) };
}

/** The answer of a request that did what it was asked. */
export function done(status: number, message: string): Answer {
  return jsonAnswer(status, { message });
}

/** Does the work; what the file system says against it is told under this message. */
export async function telling<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const said = storageError(error);
    if (said === undefined) throw error;
    throw new Refusal(said.status, message, said.message);
  }
}

/** An error of the disk in SFTPGo's words; undefined where it is none. */
export function storageError(error: unknown): StorageError | undefined {
  if (error instanceof StorageError) return error;
  switch (codeOf(error)) {
    case undefined:
      return undefined;
    case 'ENOENT':
      return notFound();
    case 'EACCES':
    case 'EPERM':
      return denied();
    default:
      return failure();
  }
}

/** The code of an error of Node's `fs`, `ERR_INVALID_ARG_VALUE` (a NUL in a path) among them. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return 'syscall' in error || error.code === 'ERR_INVALID_ARG_VALUE' ? error.code : undefined;
}
