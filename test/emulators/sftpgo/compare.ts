/** Compares what came with what was recorded, where the record has placeholders or only the sum of a long body. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { z } from 'zod';
import { found } from './disk.js';
import { folderOf, type Line } from './record.js';
import type { WireAnswer } from '../wire.js';
import { zipEntries } from './zip-entries.js';

const twoHoursMs = 7_200_000;

/** Headers that the record holds somewhere: where a line has none of them, there must be none. `date` is always sent. */
const recorded = [
  'accept-ranges', 'allow', 'connection', 'content-disposition', 'content-encoding', 'content-length', 'content-range',
  'content-transfer-encoding', 'content-type', 'last-modified', 'transfer-encoding', 'vary', 'www-authenticate',
  'etag', 'keep-alive', 'retry-after', 'x-retry-in',
];

export async function compareAnswer({ response }: Line, answer: WireAnswer): Promise<void> {
  expect(answer.status).toBe(response.status);
  expect(answer.end).toBe(response.end ?? 'complete');
  expect(answer.interim).toEqual(response.interim === undefined ? [] : [response.interim]);
  expect(shownHeaders(answer.headers, response.headers)).toEqual(response.headers);
  if (response.body !== undefined) await compareBody(response.body, answer);
  else expect(answer.body.length).toBe(0);
}

function shownHeaders(came: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): Record<string, string> {
  // The record leaves lengths out where they differ from run to run: tokens, packed listings, zips.
  const hasLength = 'content-length' in wanted || 'transfer-encoding' in wanted;
  const names = hasLength ? recorded : recorded.filter((name) => name !== 'content-length' && name !== 'transfer-encoding');
  return Object.fromEntries(Object.entries(came).filter(([name]) => names.includes(name)));
}

const sum = z.strictObject({ bytes: z.number(), sha256: z.string() });
const mix = z.strictObject({ bytes: z.number(), starts_with_the_old: z.literal(true), ends_with_the_new: z.literal(true) });
const zipped = z.strictObject({ zip_entries: z.array(z.unknown()) });

async function compareBody(wanted: unknown, { body, headers }: WireAnswer): Promise<void> {
  const bytes = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  if (typeof wanted === 'string') {
    if (wanted === '<array>') expect(z.array(z.unknown()).parse(JSON.parse(bytes.toString('utf8'))).length).toBeGreaterThan(0);
    else expect(bytes.toString('utf8')).toBe(wanted);
  } else if (sum.safeParse(wanted).success) {
    expect({ bytes: bytes.length, sha256: sha256(bytes) }).toEqual(wanted);
  } else if (mix.safeParse(wanted).success) {
    const { bytes: length } = mix.parse(wanted);
    expect(bytes.length).toBe(length);
    expect(bytes.subarray(0, 251)).toEqual(Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    expect(bytes.subarray(-1000).toString('latin1')).toBe('N'.repeat(1000));
  } else if (zipped.safeParse(wanted).success) {
    compareValues({ zip_entries: await zipEntries(bytes) }, wanted);
  } else if (z.strictObject({ shorter_than_content_length: z.literal(true) }).safeParse(wanted).success) {
    expect(bytes.length).toBeLessThan(Number(headers['content-length']));
  } else if (z.strictObject({ starts_with_PK: z.literal(true), has_end_record: z.literal(false) }).safeParse(wanted).success) {
    expect(bytes.subarray(0, 2).toString('latin1')).toBe('PK');
    expect(bytes.includes(Buffer.from('PK\u0005\u0006', 'latin1'))).toBe(false);
  } else {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    compareValues(sortedByName(value), wanted);
  }
}

/** The record shows listings sorted by name. */
function sortedByName(value: unknown): unknown {
  const listing = z.array(z.looseObject({ name: z.string() })).safeParse(value);
  return listing.success ? listing.data.sort((a, b) => (a.name < b.name ? -1 : 1)) : value;
}

/** Equality, but for placeholders: those are checked and then taken as equal. */
export function compareValues(came: unknown, wanted: unknown): void {
  expect(withPlaceholders(came, wanted)).toEqual(wanted);
}

function withPlaceholders(came: unknown, wanted: unknown): unknown {
  if (wanted === '<now>') return isNow(came) ? wanted : came;
  if (wanted === '<date>') return typeof came === 'string' && !Number.isNaN(Date.parse(came)) ? wanted : came;
  if (wanted === '<token>') return typeof came === 'string' && came.length > 20 ? wanted : came;
  if (typeof wanted === 'string' && wanted.includes('<xid>') && typeof came === 'string') {
    return came.replace(/(?<=^\.sftpgo-upload\.)[0-9a-v]{20}(?=\.)/u, '<xid>');
  }
  if (Array.isArray(wanted) && Array.isArray(came)) return came.map((one: unknown, index) => withPlaceholders(one, wanted[index]));
  const wantedObject = z.record(z.string(), z.unknown()).safeParse(wanted);
  const cameObject = z.record(z.string(), z.unknown()).safeParse(came);
  if (!wantedObject.success || !cameObject.success) return came;
  return Object.fromEntries(Object.entries(cameObject.data).map(([key, value]) => [key, withPlaceholders(value, wantedObject.data[key])]));
}

/** A moment near now: milliseconds, seconds or a date. */
function isNow(value: unknown): boolean {
  const ms = typeof value === 'string' ? Date.parse(value) : typeof value !== 'number' ? NaN : value < 1e11 ? value * 1000 : value;
  return Math.abs(Date.now() - ms) < twoHoursMs;
}

/** The exchange's folder on disk against the record. */
export async function compareDisk(line: Line, home: string): Promise<void> {
  if (line.after === undefined) return;
  const things = await found(`${home}/${folderOf(line)}`);
  const wanted = line.after;
  const shown = things.map(({ shown: one, content }, index) => {
    if (content === undefined) return one;
    // The record holds short contents as text, long ones as a sum.
    return wanted[index]?.['sha256'] === undefined
      ? { ...one, content: content.toString('utf8') }
      : { ...one, bytes: content.length, sha256: sha256(content) };
  });
  compareValues(shown, wanted);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
