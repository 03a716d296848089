/** What the lists say about a request that Arrhes answered with its 500 for everything, or with nothing. */
import { FsError } from '../../errors.js';
import type { Settle } from './api.js';
import { fresh, type Lists } from './lists.js';

/** For a request that may be sent again: ENOENT where the document or folder is gone, else it is. */
export function settleByLists<T>(lists: Lists, id: string, what: string): Settle<T> {
  return async (why, signal) => {
    const tree = await lists.tree(fresh, signal);
    if (tree.node(id) === undefined) throw new FsError('ENOENT', `${what}: it is not there any more`, { cause: why });
    return 'not done';
  };
}
