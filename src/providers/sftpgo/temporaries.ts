/**
 * The hidden files of this and other mounts: named, thrown away when they have done their work, and
 * cleaned up where a mount that has ended left some behind. All deleting here is beside the work of
 * the caller, a few files at a time, and never worth an error.
 */
import { LRUCache } from 'lru-cache';
import { isErrno } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { hiddenNameSource, isLeftover, type Instances } from '../hidden-names.js';
import { joinPath } from '../paths.js';
import type { Api } from './api.js';
import type { ListedHidden } from './listing.js';

/** Leftovers of one listing that are queued at most; the next listing shows the rest. */
const leftoversAtOnce = 1000;
/**
 * When a temporary file that is not there is looked for again, in milliseconds after the last time:
 * the request that makes it may have been cut off by us and still be on its way through the server.
 */
const lateComers = [250, 2_000, 15_000];
/** How long `close` waits for deletions under way, in milliseconds. */
const closePatience = 3_000;

export class Temporaries {
  private readonly nextName: () => string;
  private readonly tried = new LRUCache<string, true>({ max: 10_000 });
  private readonly lifetime = new AbortController();
  private readonly running = new Set<Promise<void>>();
  /** Temporary files that may appear yet, each with the timer of the next look. */
  private readonly waiting = new Map<string, NodeJS.Timeout>();
  private closing = false;
  /** Deletions one after the other: they must not take the connections of those who wait. */
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly api: Api, private readonly instances: Instances, private readonly log: Log) {
    this.nextName = hiddenNameSource(instances.own, () => api.http.clock.now());
  }

  /** A fresh hidden path in a folder. */
  pathIn(folder: string): string {
    return joinPath(folder, this.nextName());
  }

  /**
   * Deletes a temporary file of ours in the background: whatever it was for has failed. `mayCome`:
   * its request was cut off, so that it may appear later.
   */
  discard(path: string, { mayCome }: { readonly mayCome: boolean }): void {
    this.discardAfter(path, mayCome ? lateComers : []);
  }

  private discardAfter(path: string, delays: readonly number[]): void {
    this.enqueue(async () => {
      const [delay, ...later] = delays;
      if (await this.remove(path) !== 'was not there' || delay === undefined || this.closing) return;
      const timer = setTimeout(() => {
        this.waiting.delete(path);
        this.discardAfter(path, later);
      }, delay);
      timer.unref();
      this.waiting.set(path, timer);
    });
  }

  /** Looks through what a listing showed and deletes in the background what nobody needs any more. */
  clean(hidden: readonly ListedHidden[]): void {
    const leftovers = this.leftoversOf(hidden).filter(({ path }) => !this.tried.has(path)).slice(0, leftoversAtOnce);
    for (const { path } of leftovers) this.tried.set(path, true);
    if (leftovers.length === 0) return;
    this.enqueue(async () => {
      for (const { path } of leftovers) {
        if (await this.remove(path) === 'deleted') this.log.info({ path }, 'deleted a temporary file that an earlier mount left behind');
      }
    });
  }

  /** Deletes the leftovers among these now, for a folder that is to be removed. True where nothing hidden is left. */
  async clear(hidden: readonly ListedHidden[], signal: AbortSignal): Promise<boolean> {
    const leftovers = this.leftoversOf(hidden);
    if (leftovers.length < hidden.length) return false;
    for (const { path } of leftovers) {
      if (await this.remove(path, signal) === 'failed') return false;
    }
    return true;
  }

  /** Waits a moment for what is being deleted, then gives the rest up to the next mount. */
  async close(): Promise<void> {
    this.closing = true;
    for (const [path, timer] of this.waiting) {
      clearTimeout(timer);
      this.discardAfter(path, []);
    }
    this.waiting.clear();
    const timer = setTimeout(() => {
      this.lifetime.abort();
    }, closePatience);
    await Promise.all(this.running);
    clearTimeout(timer);
    this.lifetime.abort();
  }

  private leftoversOf(hidden: readonly ListedHidden[]): ListedHidden[] {
    const now = this.api.http.clock.now();
    return hidden.filter(({ parts, modified }) => isLeftover(parts, this.instances, modified, now));
  }

  private enqueue(work: () => Promise<void>): void {
    const task = this.last.then(work);
    this.last = task;
    this.running.add(task);
    void task.finally(() => this.running.delete(task));
  }

  private async remove(path: string, signal = this.lifetime.signal): Promise<'deleted' | 'was not there' | 'failed'> {
    try {
      const reply = await this.api.call({
        operation: 'delete file', method: 'DELETE', route: '/user/files', path, accept: [200], idempotent: true,
      }, signal);
      if (reply.kind === 'answer') {
        await reply.answer.discard();
        return 'deleted';
      }
      if (isErrno(reply.error, 'ENOENT')) return 'was not there';
      this.log.warn({ path, err: reply.error }, 'a temporary file could not be deleted');
    } catch (error) {
      if (signal !== this.lifetime.signal) throw error;
      this.log.warn({ path, err: error }, 'a temporary file could not be deleted');
    }
    return 'failed';
  }
}
