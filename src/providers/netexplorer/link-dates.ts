/**
 * Dates of links: besides RFC 3339 the platform writes them as `14/02/2024` and `2024-01-01 00:00:00`, without
 * saying in whose hour: this machine's is taken, as for whatever else a person reads here. Pure. (NetExplorer's
 * page: share link)
 */
import { readTime } from './objects.js';

/** So far a date may be from the one that was sent, in milliseconds: it may have lost its hour, and its offset. */
const tolerance = 36 * 3_600_000;

/** Milliseconds since the epoch; of a day its last second; undefined for what is no date. */
export function readLinkDate(value: unknown): number | undefined {
  const exact = readTime(value);
  if (exact !== undefined || typeof value !== 'string') return exact;
  const [, day, month, year] = /^(\d{2})\/(\d{2})\/(\d{4})$/.exec(value) ?? [];
  if (day !== undefined) return localTime(Number(year), Number(month), Number(day), [23, 59, 59]);
  const [, y, m, d, ...clock] = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2}))?$/.exec(value) ?? [];
  if (y === undefined) return undefined;
  return localTime(Number(y), Number(m), Number(d), clock[0] === undefined ? [23, 59, 59] : clock.map(Number));
}

/** Whether the platform keeps what was asked for, as precisely as it writes dates. */
export function isAbout(asked: number, told: number | undefined): boolean {
  return told !== undefined && Math.abs(told - asked) <= tolerance;
}

/** `14/02/2024`, here. */
export function formatDay(time: number): string {
  const date = new Date(time);
  return `${two(date.getDate())}/${two(date.getMonth() + 1)}/${date.getFullYear()}`;
}

/** `2024-01-01 00:00:00`, here. */
export function formatLocalMoment(time: number): string {
  const date = new Date(time);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

function localTime(year: number, month: number, day: number, [hour = 0, minute = 0, second = 0]: readonly number[]): number | undefined {
  const date = new Date(year, month - 1, day, hour, minute, second);
  return date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : undefined;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
