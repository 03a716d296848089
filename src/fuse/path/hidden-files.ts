/**
 * libfuse moves an open file aside before its name is removed or taken: to `.fuse_hidden…` beside it, which it removes at the last close. Between the moving aside and the rename that
 * wanted the name the old file has none of its own. Here the name is given back where that rename fails, and what
 * lies aside is not listed.
 */
import type { Caller } from '../../filesystem/filesystem.js';
import { withChanges, type Listed, type PathCalls } from './path-calls.js';

const asideName = /\/\.fuse_hidden[0-9a-f]{16}$/;

/** The calls, with hidden files kept in order. `inner` is told all the same. */
export function withHiddenFiles(inner: PathCalls): PathCalls {
  /** Where a name's file went, the name that it had by where it is. */
  const aside = new Map<string, string>();

  return withChanges(inner, {
    async rename(from: string, to: string, options: { readonly noReplace: boolean }, caller: Caller): Promise<void> {
      try {
        await inner.rename(from, to, options, caller);
        if (asideName.test(to)) aside.set(to, from);
      } catch (thrown) {
        const taken = [...aside].findLast(([, name]) => name === to);
        // Not over what somebody put there meanwhile; and what fails is told in place of what failed before.
        if (taken !== undefined) {
          await inner.rename(taken[0], to, { noReplace: true }, caller);
          aside.delete(taken[0]);
        }
        throw thrown;
      }
    },
    async unlink(path: string, caller: Caller): Promise<void> {
      await inner.unlink(path, caller);
      aside.delete(path);
    },
    async list(path: string, caller: Caller): Promise<readonly Listed[]> {
      const entries = await inner.list(path, caller);
      if (aside.size === 0) return entries;
      const folder = path === '/' ? '' : path;
      return entries.filter(({ name }) => !aside.has(`${folder}/${name}`));
    },
  });
}
