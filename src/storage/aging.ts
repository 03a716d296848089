/**
 * Which records of a store go, so that it does not grow for ever: those that nobody has asked for in a long
 * time, and where there are too many the ones longest unasked for. Time is counted in days in use, on which a
 * mount had the store: what a drive knows that is mounted once in two years is not old, and a clock that
 * goes wrong for an hour costs one day.
 */

export interface Bounds {
  /** A record that nobody has asked for on so many days in use goes. */
  readonly unseenDays: number;
  /** More records than this are not kept. */
  readonly records: number;
}

/** What goes: all that was last seen before that day, and so many of those last seen on it. */
export interface Cut {
  readonly before: number;
  readonly among: number;
}

/** Where there are too many, a tenth more than need be goes: not each new record is to cost a pass. */
const shareLeft = 0.9;
/** A record's day is brought up to date in tenths of its life: who asks each day does not write each day. */
const seenSteps = 10;
/** So often in a record's life all are looked through. */
const sweepSteps = 50;

/** What goes of records that were last seen on these days (day to number of records). */
export function cutOf(seen: ReadonlyMap<number, number>, today: number, bounds: Bounds): Cut {
  const oldest = today - bounds.unseenDays;
  const staying = [...seen].filter(([day]) => day >= oldest).sort(([a], [b]) => a - b);
  const count = staying.reduce((sum, [, records]) => sum + records, 0);
  if (count <= bounds.records) return { before: oldest, among: 0 };
  let excess = count - Math.floor(bounds.records * shareLeft);
  for (const [day, records] of staying) {
    if (records > excess) return { before: day, among: excess };
    excess -= records;
  }
  return { before: Infinity, among: 0 };
}

/** Whether the day that stands in a record is to be brought up to date when it is asked for. */
export function isSeenDue(day: number, today: number, bounds: Bounds): boolean {
  return today - day >= Math.ceil(bounds.unseenDays / seenSteps);
}

/** Whether all are to be looked through. */
export function isSweepDue(swept: number, today: number, records: number, bounds: Bounds): boolean {
  return records > bounds.records || today - swept >= Math.ceil(bounds.unseenDays / sweepSteps);
}
