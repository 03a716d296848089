/**
 * Ranges and conditions of a read, as SFTPGo understands them, which is not as the standard says: an end of 0 counts
 * as no end, a suffix as long as the file loses its first byte (SFTPGo's page: ranges).
 */
import { goQuote } from '../common/go-text.js';
import { Refusal } from './errors.js';

export interface Part {
  /** May be -1, for a suffix of an empty file: SFTPGo then breaks the connection. */
  readonly start: number;
  readonly length: number;
}

/** The part that a Range header asks of a file; undefined where the header does not count and the whole is sent. */
export function partOf(header: string | undefined, size: number): Part | undefined {
  if (header?.startsWith('bytes=') !== true) return undefined;
  if (header.includes(',')) throw unsatisfiable('unsupported', header);
  const range = header.slice('bytes='.length);
  const [first = '', last = ''] = range.split('-');
  const start = first === '' ? -1 : wholeNumber(first);
  let end = last === '' ? 0 : wholeNumber(last);
  if (last !== '' && end >= size) end = size - 1;
  if (start === -1 && end === 0) throw unsatisfiable('unsupported', range);
  let part: Part;
  if (end > 0) part = start === -1 ? { start: size - end, length: end } : { start, length: end - start + 1 };
  else part = { start, length: size - start };
  if (part.length < 0) throw unsatisfiable('unacceptable', range);
  return part;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/u.test(text)) throw unsatisfiable('unsupported', text);
  return Number(text);
}

function unsatisfiable(how: string, range: string): Refusal {
  return new Refusal(416, 'Requested Range Not Satisfiable', `${how} range ${goQuote(range)}`);
}

/** Whether `If-Range` lets the range count. Only dates are compared, to the second: there are no ETags. */
export function rangeCounts(ifRange: string | undefined, modifiedS: number): boolean {
  return ifRange === undefined || seconds(ifRange) === modifiedS;
}

export interface Conditions {
  readonly ifModifiedSince: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
}

/** What the conditions make of a read: 412, 304, or nothing. A date that is none does not count. */
export function conditionStatus(conditions: Conditions, modifiedS: number): 304 | 412 | undefined {
  const notAfter = seconds(conditions.ifUnmodifiedSince);
  if (notAfter !== undefined && modifiedS > notAfter) return 412;
  const known = seconds(conditions.ifModifiedSince);
  if (known !== undefined && modifiedS <= known) return 304;
  return undefined;
}

function seconds(date: string | undefined): number | undefined {
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
