/** The record of a real Arrhes and of its store, parsed: what the replay sends and what it must get. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const line = z.strictObject({
  id: z.string(),
  about: z.string(),
  given: z.string(),
  request: z.strictObject({
    method: z.string(),
    /** `<store>/...` goes to the store, with a pre-signed query. */
    path: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown(),
  }),
  response: z.strictObject({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.unknown() }),
  after: z.string(),
});

export type Line = z.infer<typeof line>;

/** All exchanges of the record, in its order. */
export function readRecord(): Line[] {
  const text = readFileSync(new URL('../recorded/arrhes.jsonl', import.meta.url), 'utf8');
  const [, ...lines] = text.trim().split('\n');
  return lines.map((one) => line.parse(JSON.parse(one)));
}

/** The id that stands for a name of the record, such as `fileA`. */
export function idOf(name: string): string {
  return createHash('md5').update(name).digest('hex').slice(0, 16);
}

/** Names of the record that stand for one id each. */
export const named = /^(?:file\w*|folder\w*|folder of another organization|D|E|in-[DE]|org|year[12])$/u;

/** A text of the record with its names filled in; other placeholders stay. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/<([^<>]+)>/gu, (whole, name: string) => values[name] ?? (named.test(name) ? idOf(name) : whole));
}
