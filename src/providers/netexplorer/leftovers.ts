/**
 * Files that were deleted while a program had them open lie under hidden names until it closes them; a mount
 * that died leaves them there. They go when a listing shows them, beside the work of whoever listed.
 */
import { LRUCache } from 'lru-cache';
import type { Log } from '../../observe/log.js';
import { isLeftover, parseHiddenName, type Instances } from '../hidden-names.js';
import { segment } from './calls.js';
import type { FolderPlace } from './looking.js';
import type { FileObject, TreeObject } from './objects.js';
import type { Tree } from './tree.js';

/** How long `close` waits for deletions under way, in milliseconds. */
const closePatience = 3_000;

export class Leftovers {
  private readonly tried = new LRUCache<string, true>({ max: 10_000 });
  private readonly lifetime = new AbortController();
  /** Deletions one after the other: they must not take the connections of those who wait. */
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly tree: Tree, private readonly instances: Instances, private readonly trash: boolean, private readonly log: Log) {}

  /** Looks through what a listing showed, and deletes in the background what nobody needs any more. */
  clean(folder: FolderPlace, children: ReadonlyMap<string, TreeObject>): void {
    for (const [name, file] of this.among(children)) {
      if (this.tried.has(file.id)) continue;
      this.tried.set(file.id, true);
      this.last = this.last.then(async () => {
        if (await this.remove(folder, name, file, this.lifetime.signal)) this.log.info({ folder: folder.path }, 'deleted a hidden file that an earlier mount left behind');
      });
    }
  }

  /** Deletes the leftovers among these now, for a folder that is to be removed. Resolves to the names that stay. */
  async clear(folder: FolderPlace, children: ReadonlyMap<string, TreeObject>, signal: AbortSignal): Promise<readonly string[]> {
    const left = new Set(children.keys());
    for (const [name, file] of this.among(children)) if (await this.remove(folder, name, file, signal)) left.delete(name);
    return [...left];
  }

  /** Waits a moment for what is being deleted, then gives the rest up to the next mount. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.lifetime.abort(), closePatience);
    await this.last;
    clearTimeout(timer);
    this.lifetime.abort();
  }

  private among(children: ReadonlyMap<string, TreeObject>): readonly (readonly [string, FileObject])[] {
    return [...children].flatMap(([name, object]): [string, FileObject][] => {
      const parts = parseHiddenName(name);
      const over = parts !== undefined && object.kind === 'file' && isLeftover(parts, this.instances, object.modified, this.tree.api.now);
      return over ? [[name, object]] : [];
    });
  }

  private async remove(folder: FolderPlace, name: string, { id }: FileObject, signal: AbortSignal): Promise<boolean> {
    try {
      const reply = await this.tree.api.call({
        operation: 'delete', method: 'DELETE', path: `/file/${segment(id)}?trash=${this.trash ? 1 : 0}&versions=all`, route: '/file/:id', about: name, idempotent: true,
      }, signal);
      if (reply.kind !== 'answer') throw reply.error;
      await reply.answer.discard();
      this.tree.looker.gone(folder.id, name);
      return true;
    } catch (error) {
      if (signal !== this.lifetime.signal && signal.aborted) throw error;
      this.log.warn({ folder: folder.path, err: error }, 'a hidden file could not be deleted');
      return false;
    }
  }
}
