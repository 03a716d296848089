/** What was seen, as the error of who wanted to see something else. */
import { FsError } from '../../errors.js';
import type { Sight } from './looking.js';

/** The error for something that should have been a file. */
export function sightError(path: string, sight: Sight): FsError {
  switch (sight.kind) {
    case 'folder': return new FsError('EISDIR', `${path} is a folder`);
    case 'nothing': return new FsError('ENOENT', `${path} is not there`);
    case 'through a file': return new FsError('ENOTDIR', `${path} goes through a file`);
    case 'refused': return sight.error;
    case 'file': return new FsError('ENOTDIR', `${path} is a file`);
  }
}
