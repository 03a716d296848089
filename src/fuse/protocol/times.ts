/**
 * The kernel's times are seconds and nanoseconds, the file system's are milliseconds in a double.
 * A double of today's milliseconds tells 0.24 microseconds apart, so microseconds survive the way there
 * and back and nanoseconds do not: whatever is below a microsecond is rounded away here, once.
 */

/** A moment, or a duration: `nanoseconds` is from 0 to 999,999,999 whatever the sign of `seconds`. */
export interface TimeSpec {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export function toMilliseconds(time: TimeSpec): number {
  return time.seconds * 1000 + time.nanoseconds / 1e6;
}

/** To the microsecond. A value that is no number counts as 0. */
export function fromMilliseconds(milliseconds: number): TimeSpec {
  if (!Number.isFinite(milliseconds)) return { seconds: 0, nanoseconds: 0 };
  const seconds = Math.floor(milliseconds / 1000);
  const microseconds = Math.round((milliseconds - seconds * 1000) * 1000);
  return microseconds >= 1_000_000
    ? { seconds: seconds + 1, nanoseconds: 0 }
    : { seconds, nanoseconds: microseconds * 1000 };
}

/** The longest time to live, a century: more would say nothing and could overflow in the kernel. */
const longestTtl = 100 * 365 * 86_400_000;

/** A time to live for the kernel, from 0 to a century. */
export function ttlTime(milliseconds: number): TimeSpec {
  return fromMilliseconds(Math.min(Math.max(milliseconds, 0), longestTtl));
}
