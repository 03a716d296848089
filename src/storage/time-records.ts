/**
 * The records of kept times on the disk, and their going: an lmdb store that several mounts may have open at
 * once. Looks for what is old beside everything else, a few records at a time; each step is a transaction, so that
 * a kill leaves it done or not begun, and what another mount has written meanwhile is seen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { open, type RootDatabase } from 'lmdb';
import { z } from 'zod';
import type { Log } from '../observe/log.js';
import { cutOf, isSeenDue, isSweepDue, type Bounds } from './aging.js';

/** The state that the file had, the time (milliseconds since the epoch), the day in use on which it was last asked for. */
const recordSchema = z.tuple([z.string(), z.number(), z.number()]);
export type TimeRecord = z.infer<typeof recordSchema>;

/** The calendar's day on which the store was last opened or looked at, how many days in use that makes, and on which it was last looked through. */
const daysSchema = z.tuple([z.number(), z.number(), z.number()]);
/** Where that stands: no inode number's digits. */
const daysKey = '#days';

const statsSchema = z.object({ entryCount: z.number() });

const millisecondsOfDay = 86_400_000;
/** How often a mount that stays looks whether a day has passed, milliseconds. */
const lookEvery = 3_600_000;
/** Records in one step: a millisecond or two. */
const stepRecords = 1000;
/** What lies between two steps, milliseconds. */
const betweenSteps = 5;

export interface TimeRecordsOptions {
  readonly folder: string;
  readonly log: Log;
  readonly bounds: Bounds;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export class TimeRecords {
  readonly #database: RootDatabase<unknown, string>;
  readonly #options: TimeRecordsOptions;
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** The present day in use. */
  #today: number;
  /** Asked for, and the day in the record is an old one. */
  readonly #seen = new Set<string>();
  #noting: Promise<void> | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: TimeRecordsOptions) {
    this.#options = options;
    this.#database = open({
      path: options.folder, encoding: 'json', noSubdir: false,
      // With lmdb's own batching the failure of a commit rejects promises that nobody can reach.
      overlappingSync: false, eventTurnBatching: false,
    });
    this.#today = this.#days()[1];
    this.#look();
    this.#timer = setInterval(() => this.#look(), lookEvery);
    this.#timer.unref();
  }

  get(key: string): TimeRecord | undefined {
    const record = recordSchema.safeParse(this.#database.get(key)).data;
    if (record !== undefined && isSeenDue(record[2], this.#today, this.#options.bounds)) this.#noteSeen(key);
    return record;
  }

  /** A record that is seen now. */
  made(state: string, time: number): TimeRecord {
    return [state, time, this.#today];
  }

  /** Resolves when the disk has it; undefined: it is deleted. A full disk costs a time, no more: the file shows the platform's instead. */
  async put(key: string, record: TimeRecord | undefined): Promise<void> {
    try {
      await (record === undefined ? this.#database.remove(key) : this.#database.put(key, record));
    } catch (thrown) {
      this.#complain(thrown);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#noting;
    await this.#looking;
    try {
      await this.#database.flushed;
      await this.#database.close();
    } catch (thrown) {
      this.#complain(thrown);
    }
  }

  #complain(thrown: unknown): void {
    // lmdb hangs a second promise on the error of a failed commit, which nobody else would hear.
    if (thrown instanceof Error && 'commitError' in thrown && thrown.commitError instanceof Promise) thrown.commitError.catch(() => undefined);
    this.#options.log.warn({ err: thrown }, 'a time could not be kept beside the cache');
  }

  /** Gathers what is asked for, and writes it together: a listing of a whole drive asks for all there is. */
  #noteSeen(key: string): void {
    this.#seen.add(key);
    this.#noting ??= this.#writeSeen().catch((thrown: unknown) => {
      this.#seen.clear();
      this.#complain(thrown);
    }).finally(() => { this.#noting = undefined; });
  }

  async #writeSeen(): Promise<void> {
    while (this.#seen.size > 0) {
      await this.#pause();
      const keys = [...this.#seen];
      this.#seen.clear();
      for (let at = 0; at < keys.length; at += stepRecords) {
        await this.#database.transaction(() => {
          for (const key of keys.slice(at, at + stepRecords)) {
            // Read anew: another mount may have written it, or let it go.
            const record = recordSchema.safeParse(this.#database.get(key)).data;
            if (record !== undefined && record[2] < this.#today) this.#database.putSync(key, [record[0], record[1], this.#today]);
          }
        });
        await this.#pause();
      }
    }
  }

  #days(): z.infer<typeof daysSchema> {
    return daysSchema.safeParse(this.#database.get(daysKey)).data ?? [this.#calendarDay(), 0, 0];
  }

  #calendarDay(): number {
    return Math.floor(this.#options.now() / millisecondsOfDay);
  }

  #look(): void {
    this.#looking ??= this.#countDay().then(() => this.#sweepIfDue()).catch((thrown: unknown) => this.#complain(thrown)).finally(() => {
      this.#looking = undefined;
    });
  }

  /** Of the mounts that have the store open the first to look counts the new day. */
  async #countDay(): Promise<void> {
    const calendarDay = this.#calendarDay();
    this.#today = this.#days()[1];
    if (this.#days()[0] === calendarDay && this.#database.doesExist(daysKey)) return;
    await this.#database.transaction(() => {
      const [counted, days, swept] = this.#days();
      this.#today = counted === calendarDay ? days : days + 1;
      this.#database.putSync(daysKey, [calendarDay, this.#today, swept]);
    });
  }

  async #sweepIfDue(): Promise<void> {
    const { bounds, log } = this.#options;
    const [, today, swept] = this.#days();
    const { entryCount } = statsSchema.parse(this.#database.getStats());
    if (!isSweepDue(swept, today, entryCount, bounds)) return;
    const seen = new Map<number, number>();
    for await (const step of this.#steps()) {
      for (const { day } of step) seen.set(day, (seen.get(day) ?? 0) + 1);
    }
    const { before, among } = cutOf(seen, today, bounds);
    let left = among;
    let gone = 0;
    const goes = (day: number): boolean => {
      if (day === before) left -= 1;
      return day < before || (day === before && left >= 0);
    };
    if (among > 0 || [...seen.keys()].some((day) => day < before)) {
      for await (const step of this.#steps()) {
        const old = step.filter(({ day }) => goes(day));
        if (old.length === 0) continue;
        await this.#database.transaction(() => {
          // One that was seen or written meanwhile stays.
          for (const { key, day } of old) if (dayOf(this.#database.get(key)) === day) this.#database.removeSync(key);
        });
        gone += old.length;
      }
    }
    if (this.#closing.signal.aborted) return;
    if (gone > 0) log.debug({ records: gone }, 'times of files that were not seen for long were let go');
    await this.#database.transaction(() => {
      const [counted, days] = this.#days();
      this.#database.putSync(daysKey, [counted, days, today]);
    });
  }

  /** All records, a step at a time; ends early where the store is closed. */
  async *#steps(): AsyncGenerator<readonly { readonly key: string; readonly day: number }[]> {
    for (let after: string | undefined; !this.#closing.signal.aborted;) {
      const records = [...this.#database.getRange({ ...(after === undefined ? {} : { start: after, exclusiveStart: true }), limit: stepRecords })];
      after = records.at(-1)?.key;
      if (after === undefined) return;
      yield records.filter(({ key }) => key !== daysKey).map(({ key, value }) => ({ key, day: dayOf(value) }));
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await sleep(betweenSteps, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** The day on which a record was last seen; what cannot be read is the oldest of all. */
function dayOf(value: unknown): number {
  return recordSchema.safeParse(value).data?.[2] ?? -Infinity;
}
