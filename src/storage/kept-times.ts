/**
 * Times that the platform does not keep, kept for the next mount: when this mount changed a file (tools
 * that look for changed files go by ctime, and a file replaced by an older one must not look unchanged),
 * and the modification times that programs set where the platform takes none. A time is bound to a state
 * of its file; in another, somebody else changed it and the time says nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TimeRecords, type TimeRecord, type TimeRecordsOptions } from './time-records.js';

/** Milliseconds for what is on its way to reach the disk at the end. */
const closeDeadline = 3000;

/** A time, and the state of its object that it is bound to. */
export interface KeptTime {
  readonly state: string;
  readonly time: number;
}

export interface KeptTimes {
  /** The time kept for the object `key`, if it still is in that state. */
  get(key: string, state: string): number | undefined;
  /** The time kept for the object, and the state that it is bound to, for who compares otherwise than by equality. */
  find(key: string): KeptTime | undefined;
  /** Keeps a time. Returns at once; the disk has it a moment later. */
  set(key: string, state: string, time: number): void;
  delete(key: string): void;
  close(): Promise<void>;
}

/** Opens the store in a folder, which several mounts may share. Keys are short: an inode number's digits. */
export function openKeptTimes(options: TimeRecordsOptions): KeptTimes {
  const records = new TimeRecords(options);
  // What is on its way to the disk, where reading does not find it yet; undefined: deleted.
  const underWay = new Map<string, TimeRecord | undefined>();
  const change = (key: string, record: TimeRecord | undefined): void => {
    underWay.set(key, record);
    void records.put(key, record).finally(() => {
      if (underWay.get(key) === record) underWay.delete(key);
    });
  };
  const look = (key: string): TimeRecord | undefined => (underWay.has(key) ? underWay.get(key) : records.get(key));
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
      change(key, records.made(state, time));
    },
    delete(key) {
      change(key, undefined);
    },
    async close() {
      // Where the disk is full lmdb may never come to an end: the unmount does not wait for times alone.
      const impatience = new AbortController();
      await Promise.race([records.close(), sleep(closeDeadline, undefined, { signal: impatience.signal }).catch(() => undefined)]);
      impatience.abort();
    },
  };
}
