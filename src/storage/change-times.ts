/**
 * When this mount changed a file, kept for the next mount. Platforms tell a modification time only,
 * and tools that look for changed files (tar's incremental archives, backups) go by ctime: a file
 * replaced by an older one must not look unchanged. A time is bound to the size and modification
 * time that the file had; where they differ, somebody else changed it and the time says nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { open, type RootDatabase } from 'lmdb';
import { z } from 'zod';
import type { Log } from '../observe/log.js';

/** What the file was when its time of change was noted. Times in milliseconds since the epoch, sizes in bytes. */
export interface ChangedState {
  readonly size: number;
  readonly modified: number;
}

/** Milliseconds for what is on its way to reach the disk at the end. */
const closeDeadline = 3000;

/** Size, modification time, time of change. */
const recordSchema = z.tuple([z.number(), z.number(), z.number()]);
type TimeRecord = z.infer<typeof recordSchema>;

export interface ChangeTimes {
  /** The noted time of change of the object `key`, if it still is in that state. */
  get(key: string, state: ChangedState): number | undefined;
  /** Notes a change. Returns at once; the disk has it a moment later. */
  set(key: string, state: ChangedState, changed: number): void;
  delete(key: string): void;
  close(): Promise<void>;
}

/** Opens the store in `folder`, which several mounts may share. Keys are short: an inode number's digits. */
export function openChangeTimes(options: { readonly folder: string; readonly log: Log }): ChangeTimes {
  const database: RootDatabase<unknown, string> = open({
    path: options.folder, encoding: 'json', noSubdir: false,
    // With lmdb's own batching the failure of a commit rejects promises that nobody can reach.
    overlappingSync: false, eventTurnBatching: false,
  });
  // A full disk costs a time of change, no more: the file shows its modification time instead.
  const complain = (thrown: unknown): void => {
    // lmdb hangs a second promise on the error of a failed commit, which nobody else would hear.
    if (thrown instanceof Error && 'commitError' in thrown && thrown.commitError instanceof Promise) thrown.commitError.catch(() => undefined);
    options.log.warn({ err: thrown }, 'a time of change could not be noted');
  };
  // What is on its way to the disk, where reading does not find it yet; undefined: deleted.
  const underWay = new Map<string, TimeRecord | undefined>();
  const change = (key: string, record: TimeRecord | undefined): void => {
    underWay.set(key, record);
    const arrived = record === undefined ? database.remove(key) : database.put(key, record);
    arrived.catch(complain).finally(() => {
      if (underWay.get(key) === record) underWay.delete(key);
    });
  };
  const find = (key: string): TimeRecord | undefined =>
    underWay.has(key) ? underWay.get(key) : recordSchema.safeParse(database.get(key)).data;
  return {
    get(key, state) {
      const [size, modified, changed] = find(key) ?? [];
      return size === state.size && modified === state.modified ? changed : undefined;
    },
    set(key, state, changed) {
      change(key, [state.size, state.modified, changed]);
    },
    delete(key) {
      change(key, undefined);
    },
    async close() {
      const ended = (async () => {
        await database.flushed;
        await database.close();
      })().catch(complain);
      // Where the disk is full lmdb may never come to an end: the unmount does not wait for times alone.
      const impatience = new AbortController();
      await Promise.race([ended, sleep(closeDeadline, undefined, { signal: impatience.signal }).catch(() => undefined)]);
      impatience.abort();
    },
  };
}
