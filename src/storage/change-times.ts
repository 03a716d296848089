/**
 * When this mount changed a file, kept for the next mount. Platforms tell a modification time only,
 * and tools that look for changed files (tar's incremental archives, backups) go by ctime: a file
 * replaced by an older one must not look unchanged. A time is bound to the size and modification
 * time that the file had; where they differ, somebody else changed it and the time says nothing.
 */
import { open, type RootDatabase } from 'lmdb';
import { z } from 'zod';
import type { Log } from '../observe/log.js';

/** What the file was when its time of change was noted. Times in milliseconds since the epoch, sizes in bytes. */
export interface ChangedState {
  readonly size: number;
  readonly modified: number;
}

const recordSchema = z.tuple([z.number(), z.number(), z.number()]);

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
  const database: RootDatabase<unknown, string> = open({ path: options.folder, encoding: 'json', noSubdir: false });
  // A full disk costs a time of change, no more: the file shows its modification time instead.
  const complain = (thrown: unknown): void => { options.log.warn({ err: thrown }, 'a time of change could not be noted'); };
  return {
    get(key, state) {
      const record = recordSchema.safeParse(database.get(key));
      if (!record.success) return undefined;
      const [size, modified, changed] = record.data;
      return size === state.size && modified === state.modified ? changed : undefined;
    },
    set(key, state, changed) {
      database.put(key, [state.size, state.modified, changed]).catch(complain);
    },
    delete(key) {
      database.remove(key).catch(complain);
    },
    async close() {
      try {
        await database.flushed;
      } catch (thrown) {
        complain(thrown);
      }
      await database.close();
    },
  };
}
