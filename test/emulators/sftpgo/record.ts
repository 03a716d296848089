/** The record of a real server, parsed: what the replay sends and what it must get. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const path = z.union([z.string(), z.object({ base64: z.string() })]);

const given = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('note'), text: z.string() }),
  z.strictObject({
    op: z.literal('write'),
    path,
    content: z.string().optional(),
    size: z.number().optional(),
    mode: z.string().optional(),
    mtime_ms: z.number().optional(),
  }),
  z.strictObject({ op: z.literal('mkdir'), path, mode: z.string().optional(), mtime_ms: z.number().optional() }),
  z.strictObject({ op: z.literal('symlink'), path, target: z.string(), mtime_ms: z.number().optional() }),
  z.strictObject({ op: z.literal('mkfifo'), path, mtime_ms: z.number().optional() }),
  z.strictObject({ op: z.literal('unix socket'), path, mtime_ms: z.number().optional() }),
  z.strictObject({
    op: z.literal('request'),
    user: z.string(),
    method: z.string(),
    path: z.string(),
    status: z.number(),
    body_bytes: z.number(),
  }),
]);

const line = z.strictObject({
  id: z.string(),
  about: z.string(),
  given: z.array(given),
  request: z.strictObject({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.string()),
    user: z.string().optional(),
    body: z.union([z.string(), z.strictObject({ bytes: z.number(), content: z.string().optional() })]).optional(),
  }),
  response: z.strictObject({
    status: z.number().nullable(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown().optional(),
    end: z.enum(['aborted', 'no response']).optional(),
    interim: z.number().optional(),
  }),
  after: z.array(z.record(z.string(), z.unknown())).optional(),
  observed: z.record(z.string(), z.unknown()).optional(),
  upload_mode: z.union([z.literal(1), z.literal(2)]).optional(),
  note: z.string().optional(),
});

export type Line = z.infer<typeof line>;
export type Given = z.infer<typeof given>;

/** All exchanges of the record, in its order. */
export function readRecord(): Line[] {
  const text = readFileSync(new URL('../recorded/sftpgo.jsonl', import.meta.url), 'utf8');
  const [, ...lines] = text.trim().split('\n');
  return lines.map((one) => line.parse(JSON.parse(one)));
}

/** The folder of an exchange in the home, without slashes. */
export function folderOf({ id }: Line): string {
  return id.replace(/-mode\d$/u, '');
}

/** Bytes as the record makes them: byte i is i mod 251. */
export function pattern(size: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let index = 0; index < size; index += 1) bytes[index] = (from + index) % 251;
  return bytes;
}
