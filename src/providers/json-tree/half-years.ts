/** Half-years as names: `2026-1` is January to June of 2026, `2026-2` the rest. */

/** True for a name that a half-year can have. */
export function isHalfYear(name: string): boolean {
  return /^[12]\d{3}-[12]$/.test(name);
}

/** The last half-years up to the one that `now` (milliseconds since the epoch) is in, the newest first. */
export function lastHalfYears(now: number, count: number): readonly string[] {
  const date = new Date(now);
  const latest = date.getUTCFullYear() * 2 + (date.getUTCMonth() < 6 ? 0 : 1);
  return Array.from({ length: count }, (_, back) => `${Math.floor((latest - back) / 2)}-${(latest - back) % 2 + 1}`);
}
