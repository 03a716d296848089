/** Times as SFTPGo shows and sets them: whole seconds rounded down outwards, whole milliseconds inwards. */
import { utimes } from 'node:fs/promises';

/** Nanoseconds since the epoch to whole seconds, rounded down also before 1970. */
export function wholeSeconds(nanoseconds: bigint): number {
  const seconds = nanoseconds / 1_000_000_000n;
  return Number(nanoseconds < 0n && seconds * 1_000_000_000n !== nanoseconds ? seconds - 1n : seconds);
}

/** `2023-11-14T22:13:20Z` */
export function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/u, 'Z');
}

/** `Tue, 14 Nov 2023 22:13:20 GMT` */
export function httpDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString();
}

/** Sets a file's or folder's time to a whole millisecond. */
export async function setTime(path: string, milliseconds: number): Promise<void> {
  // Node takes seconds as a float and cuts them to microseconds: half a one more lands in the right millisecond.
  // A negative number it takes for "now", a negative Date it does not.
  const time = milliseconds < 0 ? new Date(milliseconds) : (milliseconds * 1000 + 0.5) / 1_000_000;
  await utimes(path, time, time);
}
