/** How loud the failure of an operation is, whichever driver was asked. */
import type { Errno } from '../errors.js';

/** What programs ask for every day and are refused is no news; lost bytes are. */
export function logLevelOf(errno: Errno): 'debug' | 'warn' | 'error' {
  switch (errno) {
    case 'EIO':
    case 'ETIMEDOUT':
      return 'error';
    case 'EACCES':
    case 'EDQUOT':
    case 'ENOSPC':
    case 'ESTALE':
    case 'EILSEQ':
      return 'warn';
    default:
      return 'debug';
  }
}
