/**
 * What earlier mounts could not send, at the start of the next (promise 4): sent where that loses
 * nothing, else told, and left where it is. Runs before the drive is used, since it writes to the
 * platform past everything that the file system believes.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import type { Content, Entry, Location, Provider } from '../../providers/provider.js';
import type { KeptFile } from '../../storage/staging.js';
import type { UnsentFile } from '../filesystem.js';
import { holdsKept } from './kept-bytes.js';
import { mayBeOurs } from './answers-lost.js';

/** Bytes of a kept file that are compared with the platform's, or sent, at once. */
const piece = 1024 * 1024;

/**
 * Sends each leftover that is whole, if the platform still has the version that it was made from
 * (nothing, for a new file), and lets it go. All others stay on this machine's disk and are listed:
 * what a program had not finished is never sent as if it were whole. Never throws; `signal` ends it
 * early, and what was not tried is listed.
 */
export async function sendLeftovers(
  provider: Provider, leftovers: readonly KeptFile[], log: Log, signal: AbortSignal,
): Promise<readonly UnsentFile[]> {
  const unsent: UnsentFile[] = [];
  for (const leftover of await newestFirst(leftovers)) {
    const told = await describeLeftover(leftover);
    const { path } = leftover.note;
    const hindrance = signal.aborted ? told.reason : await sendOne(provider, leftover, signal).catch((thrown: unknown) => toFsError(thrown).message);
    if (hindrance === undefined) {
      log.info({ path, size: told.size }, 'a file that an earlier mount could not send is on the platform now');
      await leftover.discard().catch((thrown: unknown) => log.warn({ path, kept: told.kept, err: thrown }, 'a file that was sent could not be removed from this machine'));
      continue;
    }
    log.warn({ ...told, reason: hindrance }, 'an earlier mount left a file that was not sent');
    unsent.push({ ...told, reason: hindrance });
  }
  return unsent;
}

/** A leftover in words for a person: which file, how large, where it lies, why it was not sent. */
export async function describeLeftover({ note, data }: KeptFile): Promise<UnsentFile> {
  const size = await stat(data).then((found) => found.size, () => note.size);
  const gaps = note.missing.length > 0 ? '; holds only what was written, not the rest of the older version' : '';
  return { path: note.path, size, kept: data, reason: `${note.reason}${gaps}` };
}

/** Where several are of one file the last one counts: it would have replaced the others. */
async function newestFirst(leftovers: readonly KeptFile[]): Promise<readonly KeptFile[]> {
  const dated = await Promise.all(leftovers.map(async (leftover) => (
    { leftover, time: await stat(leftover.data).then(({ mtimeMs }) => mtimeMs, () => 0) }
  )));
  return dated.sort((a, b) => b.time - a.time).map(({ leftover }) => leftover);
}

/** Why a leftover stays; undefined once the platform has it. */
async function sendOne(provider: Provider, leftover: KeptFile, signal: AbortSignal): Promise<string | undefined> {
  const { note, data } = leftover;
  const { reason } = await describeLeftover(leftover);
  if (note.state === 'writing' || note.missing.length > 0 || provider.isOrder?.({ path: note.path }) === true) return reason;
  const { size } = await stat(data);
  if (size !== note.size) return `${reason}; ${size} bytes are left of ${note.size}`;
  const there = await look(provider, { path: note.path }, signal);
  if (there !== undefined && await isThere(provider, there, leftover, signal)) return undefined;
  if (there?.version !== (note.base ?? undefined)) {
    const now = there === undefined ? 'it is not on the platform any more' : 'the platform has another version now';
    return `${reason}; not sent since: ${now}`;
  }
  const content: Content = { size, open: (start) => bytesOf(data, start, size) };
  try {
    await provider.write({ path: note.path, id: there?.id }, content, { modified: note.modified }, signal);
    return undefined;
  } catch (thrown) {
    return `${reason}; tried again: ${toFsError(thrown).message}`;
  }
}

async function look(provider: Provider, location: Location, signal: AbortSignal): Promise<Entry | undefined> {
  try {
    return await provider.stat(location, signal);
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

/** Whether the platform has these very bytes: an upload whose answer was lost came through. */
async function isThere(provider: Provider, there: Entry, leftover: KeptFile, signal: AbortSignal): Promise<boolean> {
  return mayBeOurs(provider, there, leftover.note) && await holdsKept(provider, there, leftover, signal);
}

async function* bytesOf(data: string, start: number, size: number): AsyncGenerator<Uint8Array> {
  if (start >= size) return;
  const stream = createReadStream(data, { start, end: size - 1, highWaterMark: piece });
  try {
    for await (const bytes of stream) {
      if (!Buffer.isBuffer(bytes)) throw new FsError('EIO', 'a kept file gave text for bytes');
      yield bytes;
    }
  } finally {
    stream.destroy();
  }
}
