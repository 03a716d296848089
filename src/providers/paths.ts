/** Paths and names as the contract has them: what may come out of a provider, and what may go in. */
import { FsError } from '../errors.js';
import { hiddenPrefix } from './hidden-names.js';

/** Longest name, in bytes of UTF-8. */
const longestName = 255;

/** The last name of a path; of the root `/`. */
export function nameOf(path: string): string {
  return path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1);
}

/** The folder that holds a path; of the root itself. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** A name in a folder, or a path (from `/`) below it. */
export function joinPath(folder: string, below: string): string {
  const rest = below.startsWith('/') ? below.slice(1) : below;
  if (rest === '') return folder;
  return folder === '/' ? `/${rest}` : `${folder}/${rest}`;
}

/** True where `path` lies somewhere below `folder`. */
export function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** Why no file of this name can be on any platform, or undefined. */
export function refuseAnywhere(name: string): FsError | undefined {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    return new FsError('EINVAL', 'a name is not empty, ".", ".." and has no slash or NUL');
  }
  if (Buffer.byteLength(name) > longestName) return new FsError('ENAMETOOLONG', `a name has at most ${longestName} bytes`);
  if (/\p{Surrogate}/u.test(name)) return new FsError('EILSEQ', 'the name is not Unicode');
  if (name.startsWith(hiddenPrefix)) {
    return new FsError('EINVAL', `names that begin with ${hiddenPrefix} are kept for temporary files`);
  }
  return undefined;
}

/** Why a name from a server must not be shown, in a word or two, or undefined where it is safe. */
export function unsafeName(name: string): string | undefined {
  if (name === '') return 'empty';
  if (name === '.' || name === '..') return 'a step in a path';
  if (/[/\0]/.test(name)) return 'slash or NUL';
  // Any other character takes at most three bytes a UTF-16 unit.
  if (name.length > longestName / 3 && Buffer.byteLength(name) > longestName) return 'over 255 bytes';
  if (/\p{Surrogate}/u.test(name)) return 'not Unicode';
  return undefined;
}
