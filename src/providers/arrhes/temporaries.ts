/**
 * Documents under hidden names: a new one until its content is whole, one that was deleted while a program had
 * it open, the source of a move whose content has gone over. What a mount that has ended left of them is
 * cleaned up, beside the work and never worth an error.
 */
import { LRUCache } from 'lru-cache';
import { isErrno } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { hiddenNameSource, isHiddenName, isLeftover, parseHiddenName, type Instances } from '../hidden-names.js';
import type { Api } from './api.js';
import type { Remover } from './removing.js';
import { modifiedOf, type FileRow } from './rows.js';
import type { Tree } from './tree.js';

/** How long `close` waits for deletions under way, in milliseconds. */
const closePatience = 3_000;

export class Temporaries {
  /** Makes a hidden name that was never used, which is in use until it is discarded. */
  private readonly nextName: () => string;
  private readonly inUse = new Set<string>();
  private readonly tried = new LRUCache<string, true>({ max: 10_000 });
  private readonly lifetime = new AbortController();
  private readonly running = new Set<Promise<void>>();
  /** One after the other: they must not take the connections of those who wait. */
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly api: Api, private readonly remover: Remover, private readonly instances: Instances, private readonly log: Log) {
    this.nextName = hiddenNameSource(instances.own, () => api.http.clock.now());
  }

  name(): string {
    const name = this.nextName();
    this.inUse.add(name);
    return name;
  }

  /** The name is not needed any more: what stands under it now, or comes to later, is a leftover. */
  release(name: string): void {
    this.inUse.delete(name);
  }

  /** Deletes one in the background. `mayHold`: an upload to it was begun. */
  discard(row: FileRow, mayHold: boolean): void {
    this.release(row.name);
    this.tried.set(row.id, true);
    this.enqueue(() => this.remove(row, mayHold));
  }

  /** Looks through a new picture, and deletes in the background what nobody needs any more. */
  clean(tree: Tree): void {
    for (const row of tree.rows()) {
      if (row.kind !== 'file' || !isHiddenName(row.name) || this.tried.has(row.id) || !this.isUnneeded(row)) continue;
      this.tried.set(row.id, true);
      this.enqueue(async () => {
        if (await this.remove(row, true)) this.log.info({ document: row.id }, 'deleted a temporary document that was left behind');
      });
    }
  }

  /** True where every one of these may be deleted. */
  areUnneeded(rows: Iterable<FileRow>): boolean {
    return [...rows].every((row) => this.isUnneeded(row));
  }

  /** Waits a moment for what is being deleted, then gives the rest up to the next mount. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.lifetime.abort(), closePatience);
    await Promise.all(this.running);
    clearTimeout(timer);
    this.lifetime.abort();
  }

  private isUnneeded(row: FileRow): boolean {
    const parts = parseHiddenName(row.name);
    if (parts === undefined) return false;
    if (parts.instance === this.instances.own) return !this.inUse.has(row.name);
    return isLeftover(parts, this.instances, modifiedOf(row), this.api.http.clock.now());
  }

  private enqueue(work: () => Promise<unknown>): void {
    const task = this.last.then(async () => {
      await work();
    });
    this.last = task;
    this.running.add(task);
    void task.finally(() => this.running.delete(task));
  }

  private async remove(row: FileRow, mayHold: boolean): Promise<boolean> {
    try {
      // A change whose answer was lost may have given it its name: then it is somebody's document.
      const told = await this.api.row('file', row.id, `clean up: ${row.id}`, this.lifetime.signal);
      if (told !== undefined && !isHiddenName(told.row.name)) return false;
      await this.remover.remove(row, `clean up: ${row.id}`, this.lifetime.signal, mayHold);
      return true;
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) this.log.warn({ document: row.id, err: error }, 'a temporary document could not be deleted');
      return false;
    }
  }
}
