/**
 * How the command ends, in one table: the exit status of each kind of ending is part of what scripts
 * and service managers rely on, so the table feeds `--help`, the README and the code alike.
 */
import { isErrno, toFsError, type FsError } from '../errors.js';

/** Every ending has a name here; the numbers never change once they are out. */
export const exitStatuses = {
  ok: { status: 0, meaning: 'Done; after a mount: everything that was written is on the platform.' },
  failed: { status: 1, meaning: 'Something failed that has no status of its own; standard error says what.' },
  usage: { status: 2, meaning: 'The command line is wrong: an option, a value, a remote, a password file.' },
  signIn: { status: 3, meaning: 'The platform refused to sign in: password, API key, code or address.' },
  remote: { status: 4, meaning: 'The platform cannot be reached, or has no such folder.' },
  mount: { status: 5, meaning: 'This machine cannot mount there: no FUSE, no permission, not a folder, already mounted.' },
  unsent: { status: 6, meaning: 'Files are left that could not be sent; they are kept on this machine and listed.' },
  died: { status: 7, meaning: 'The process that served the mount ended unexpectedly; unsent files are kept.' },
  notMounted: { status: 8, meaning: 'Amarre has no mount there.' },
} as const satisfies Record<string, { readonly status: number; readonly meaning: string }>;

export type Ending = keyof typeof exitStatuses;

/**
 * Why a command ends without having done what was asked: which ending, and one sentence that says
 * what is wrong and what to do. Not for failed file operations: those are FsErrors.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly ending: Ending;

  constructor(ending: Ending, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.ending = ending;
  }

  /** The exit status that goes with the ending. */
  get status(): number {
    return exitStatuses[this.ending].status;
  }
}

/** What a failed sign-in or first look at the base folder means for the command. */
export function connectError(thrown: unknown): CommandError {
  const error = toFsError(thrown);
  return new CommandError(signInErrnos.has(error.errno) ? 'signIn' : 'remote', error.message, { cause: error });
}

const signInErrnos: ReadonlySet<FsError['errno']> = new Set(['EACCES', 'EPERM']);

/** Whatever was thrown, as the ending of a command. */
export function toCommandError(thrown: unknown): CommandError {
  if (thrown instanceof CommandError) return thrown;
  if (isErrno(thrown, 'EINTR')) return new CommandError('failed', 'interrupted', { cause: thrown });
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CommandError('failed', message, { cause: thrown });
}

/** The table for `--help`. */
export function exitStatusHelp(): string {
  const lines = Object.values(exitStatuses).map(({ status, meaning }) => `  ${status}  ${meaning}`);
  return ['Exit status:', ...lines].join('\n');
}
