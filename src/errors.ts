/**
 * The one error class of the house. A provider turns a platform's answer into it, the file system
 * decides with it, a driver turns it into a reply. It stands beside the layers, not in one, because
 * every layer but the emulators speaks it and none may import upward.
 */

/** The errnos that Amarre answers with; `native-notes/troubleshooting.md` has a line for each. */
export type Errno =
  | 'EACCES' | 'EAGAIN' | 'EBADF' | 'EBUSY' | 'EDQUOT' | 'EEXIST' | 'EFBIG' | 'EILSEQ' | 'EINTR' | 'EINVAL'
  | 'EIO' | 'EISDIR' | 'ENAMETOOLONG' | 'ENODATA' | 'ENOENT' | 'ENOSPC' | 'ENOSYS' | 'ENOTDIR' | 'ENOTEMPTY'
  | 'ENXIO' | 'EOPNOTSUPP' | 'EPERM' | 'ERANGE' | 'EROFS' | 'ESTALE' | 'ETIMEDOUT' | 'EXDEV' | 'ELOOP';

export interface FsErrorOptions {
  /** What was thrown below, for the log. */
  readonly cause?: unknown;
  /** True where the same request may succeed if it is sent again later. Default: false. */
  readonly retryable?: boolean;
}

/** A failed operation: an errno for the program, a sentence for the person. No secret is ever in the sentence. */
export class FsError extends Error {
  override readonly name = 'FsError';
  readonly errno: Errno;
  readonly retryable: boolean;

  constructor(errno: Errno, message: string, options: FsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.errno = errno;
    this.retryable = options.retryable ?? false;
  }
}

/** Takes whatever was thrown for an FsError: itself where it is one, EINTR for an abort, else EIO. */
export function toFsError(thrown: unknown): FsError {
  if (thrown instanceof FsError) return thrown;
  if (thrown instanceof Error) {
    if (thrown.name === 'AbortError') return new FsError('EINTR', 'interrupted', { cause: thrown });
    return new FsError('EIO', thrown.message, { cause: thrown });
  }
  return new FsError('EIO', String(thrown));
}

/** True for an FsError of that errno. */
export function isErrno(thrown: unknown, errno: Errno): boolean {
  return thrown instanceof FsError && thrown.errno === errno;
}
