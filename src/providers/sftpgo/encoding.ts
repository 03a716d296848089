/** How paths go into SFTPGo's queries, and which names it cannot hold. (SFTPGo's page: encoding) */
import { FsError } from '../../errors.js';
import { refuseAnywhere, unsafeName } from '../paths.js';

/**
 * Encodes a path for a query. Everything but letters, digits, `-._~` and `/` is escaped: a bare `;`
 * or a stray `%` makes the server lose the parameter, and no path means the root, so a slip here
 * would list, or write to, the wrong folder. For the same reason an empty path is a programming error.
 */
export function encodePath(path: string): string {
  if (!path.startsWith('/')) throw new FsError('EINVAL', 'a path that does not begin with a slash');
  return path.replace(/[^A-Za-z0-9\-._~/]+/gu, (part) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}

/** Why SFTPGo could not keep a file of this name. */
export function refuseName(name: string): FsError | undefined {
  // It takes a backslash for a slash: the file would land elsewhere.
  if (name.includes('\\')) return new FsError('EINVAL', 'SFTPGo takes a backslash in a name for a slash');
  // It lists names that are not UTF-8 with this sign, so one that truly has it cannot be told from them.
  if (name.includes('\uFFFD')) return new FsError('EINVAL', 'a name with U+FFFD, the sign for unreadable bytes, would not be shown again');
  return refuseAnywhere(name);
}

/** Why a listed name is left out, in a few words, or undefined where it can be shown and reached. */
export function leaveOut(name: string): string | undefined {
  if (name.includes('\\')) return 'backslash: the server would take its path for another file\'s';
  if (name.includes('\uFFFD')) return 'not UTF-8: it cannot be asked for';
  return unsafeName(name);
}
