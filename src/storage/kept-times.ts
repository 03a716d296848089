/**
 * Times that the platform does not keep, kept for the next mount: when this mount changed a file (tools
 * that look for changed files go by ctime, and a file replaced by an older one must not look unchanged),
 * and the modification times that programs set where the platform takes none. A time is bound to a state
 * of its file; in another, somebody else changed it and the time says nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { open, type RootDatabase } from 'lmdb';
import { z } from 'zod';
import type { Log } from '../observe/log.js';

/** Milliseconds for what is on its way to reach the disk at the end. */
const closeDeadline = 3000;

/** The state that the file had, and the time: milliseconds since the epoch. */
const recordSchema = z.tuple([z.string(), z.number()]);
type TimeRecord = z.infer<typeof recordSchema>;

export interface KeptTimes {
  /** The time kept for the object `key`, if it still is in that state. */
  get(key: string, state: string): number | undefined;
  /** The time kept for the object, and the state that it is bound to, for who compares otherwise than by equality. */
  find(key: string): { readonly state: string; readonly time: number } | undefined;
  /** Keeps a time. Returns at once; the disk has it a moment later. */
  set(key: string, state: string, time: number): void;
  delete(key: string): void;
  close(): Promise<void>;
}

/** Opens the store in `folder`, which several mounts may share. Keys are short: an inode number's digits. */
export function openKeptTimes(options: { readonly folder: string; readonly log: Log }): KeptTimes {
  const database: RootDatabase<unknown, string> = open({
    path: options.folder, encoding: 'json', noSubdir: false,
    // With lmdb's own batching the failure of a commit rejects promises that nobody can reach.
    overlappingSync: false, eventTurnBatching: false,
  });
  // A full disk costs a time, no more: the file shows the platform's instead.
  const complain = (thrown: unknown): void => {
    // lmdb hangs a second promise on the error of a failed commit, which nobody else would hear.
    if (thrown instanceof Error && 'commitError' in thrown && thrown.commitError instanceof Promise) thrown.commitError.catch(() => undefined);
    options.log.warn({ err: thrown }, 'a time could not be kept beside the cache');
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
  const look = (key: string): TimeRecord | undefined =>
    underWay.has(key) ? underWay.get(key) : recordSchema.safeParse(database.get(key)).data;
  return {
    get(key, state) {
      const [kept, time] = look(key) ?? [];
      return kept === state ? time : undefined;
    },
    find(key) {
      const record = look(key);
      return record === undefined ? undefined : { state: record[0], time: record[1] };
    },
    set(key, state, time) {
      change(key, [state, time]);
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
