/** Compares what came with what was recorded, placeholder by placeholder. Lists have no order. */
import { expect } from 'vitest';
import { z } from 'zod';
import type { WireAnswer } from '../wire.js';
import { filled, type Line } from './record.js';

/** Headers that the record holds somewhere: where a line has none of them, there must be none. */
const recorded = [
  'accept-ranges', 'connection', 'content-length', 'content-range', 'content-type', 'etag', 'last-modified',
  'transfer-encoding', 'x-amz-checksum-type',
];

const shapes: Readonly<Record<string, RegExp>> = {
  '…': /.*/su,
  id: /[0-9a-z]{16}/u,
  'http-date': /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/u,
  'iso-date': /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/u,
  'yyyy-mm-dd hh:mm:ss+00': /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00/u,
  'amz-date': /\d{8}T\d{6}Z/u,
  credential: /\w+%2F\d{8}%2F[\w-]+%2Fs3%2Faws4_request/u,
  signature: /[0-9a-f]{64}/u,
};

export interface Comparing {
  readonly values: Readonly<Record<string, string>>;
  /** The length of the body is not compared. */
  readonly anyLength: boolean;
  /** The record shows some fields only of what was answered. */
  readonly cutShort: boolean;
}

export function compareAnswer({ response }: Line, answer: WireAnswer, comparing: Comparing): void {
  expect(answer.end).toBe('complete');
  expect([answer.status, mismatch(response.body, bodyOf(response.body, answer), comparing)]).toEqual([response.status, undefined]);
  // No header at all: the record did not look at them.
  if (Object.keys(response.headers).length === 0) return;
  const names = comparing.anyLength ? recorded.filter((name) => name !== 'content-length') : recorded;
  const shown = (headers: Readonly<Record<string, string>>): Record<string, string> => (
    Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)))
  );
  expect(mismatch(shown(response.headers), shown(answer.headers), { ...comparing, cutShort: false })).toBeUndefined();
}

function bodyOf(wanted: unknown, { body }: WireAnswer): unknown {
  const text = body.toString('utf8');
  return typeof wanted === 'string' ? text : JSON.parse(text);
}

const list = z.array(z.unknown());
const object = z.record(z.string(), z.unknown());

/** What is not as it was recorded, in a sentence; undefined where all is. */
export function mismatch(wanted: unknown, came: unknown, comparing: Comparing, at = 'the body'): string | undefined {
  const wantedList = list.safeParse(wanted);
  if (wantedList.success) {
    const left = list.parse(came);
    for (const one of wantedList.data) {
      const found = left.findIndex((other) => mismatch(one, other, comparing) === undefined);
      if (found < 0) return `${at}: nothing is as ${JSON.stringify(one)} in ${JSON.stringify(came)}`;
      left.splice(found, 1);
    }
    return left.length === 0 ? undefined : `${at}: too much: ${JSON.stringify(left)}`;
  }
  const wantedObject = object.safeParse(wanted);
  if (wantedObject.success) {
    const camen = object.safeParse(came);
    if (!camen.success) return `${at}: ${JSON.stringify(came)}`;
    const keys = new Set([...Object.keys(wantedObject.data), ...(comparing.cutShort ? [] : Object.keys(camen.data))]);
    for (const key of keys) {
      const wrong = mismatch(wantedObject.data[key], camen.data[key], comparing, `${at}.${key}`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  const fits = typeof wanted === 'string' && typeof came === 'string' ? fitsText(wanted, came, comparing) : wanted === came;
  return fits ? undefined : `${at}: ${JSON.stringify(came)} and not ${JSON.stringify(wanted)}`;
}

function fitsText(wanted: string, came: string, { values }: Comparing): boolean {
  const placeholders = Object.keys(shapes);
  const pattern = filled(wanted, values).replace(/<([^<>]+)>|[^<]+|</gu, (whole, name: string | undefined) => (
    name !== undefined && placeholders.includes(name) ? (shapes[name]?.source ?? '') : whole.replace(/[\\^$.*+?()[\]{}|]/gu, '\\$&')
  ));
  return new RegExp(`^${pattern}$`, 'su').test(came);
}
