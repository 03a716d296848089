/**
 * Writing a file. With `upload_mode` 0 the old file is cut to nothing when the request's head arrives, a broken body
 * leaves what came of it, and a body over the limit deletes the file; modes 1 and 2 write beside it, and are no safer
 * for a file that existed (SFTPGo's page: replacing a file safely).
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { BodyCut } from '../common/broken.js';
import type { Answer } from '../common/delivery.js';
import { goQuote } from '../common/go-text.js';
import type { ByteSource } from '../common/request-body.js';
import { denied, done, noSpace, Refusal, telling, unsupported } from './errors.js';
import { makeParents } from './directories.js';
import { statLink } from './home.js';
import { given, isTrue, type Session } from './session.js';
import { setTime } from './times.js';

/** Answers `POST /user/files/upload`: one file, its bytes the body. */
export async function upload(session: Session): Promise<Answer> {
  if (given(session, 'path') === undefined) throw new Refusal(400, '', 'please set a file path');
  const { path, exchange } = session;
  if (isTrue(session, 'mkdir_parents')) {
    await telling('Error checking parent directories', () => makeParents(session.user, posix.dirname(path)));
  }
  const place = await receive(session, path, path, exchange.body);
  const time = exchange.request.headers['x-sftpgo-mtime'];
  // By name, after the file is closed: if it was moved meanwhile, nothing is set and nothing said.
  if (typeof time === 'string' && /^[+-]?\d+$/u.test(time) && session.user.may('chtimes', posix.dirname(path))) {
    await setTime(place, Number(time)).catch(() => undefined);
  }
  return done(201, 'Upload completed');
}

/** Writes one file from a source of bytes. `shown` is its name in messages. Returns its place on disk. */
export async function receive(session: Session, path: string, shown: string, source: ByteSource): Promise<string> {
  const writing = await telling(`Unable to write file ${goQuote(shown)}`, () => begin(session, path));
  let outcome: Outcome = { written: 0, ended: 'cut' };
  try {
    outcome = await telling(`Error saving file ${goQuote(shown)}`, () => copyIn(writing, source));
  } finally {
    await writing.file.close();
    await settle(session, writing, outcome);
  }
  if (outcome.ended === 'cut') throw new Refusal(500, `Error saving file ${goQuote(shown)}`, 'unexpected EOF');
  if (outcome.ended === 'too big') throw new Refusal(413, `Error saving file ${goQuote(shown)}`, noSpace().message);
  return writing.place;
}

interface Writing {
  readonly file: FileHandle;
  /** Where the file is to stand. */
  readonly place: string;
  /** Where it is written: the same, or beside it. */
  readonly writtenAt: string;
  /** Bytes that it may have. */
  readonly limit: number;
  /** Bytes of the file that it replaces. */
  readonly oldBytes: number;
}

interface Outcome {
  readonly written: number;
  readonly ended: 'whole' | 'cut' | 'too big';
}

async function begin(session: Session, path: string): Promise<Writing> {
  const { user, choices } = session;
  const place = await user.home.resolve(path);
  const old = await statLink(place);
  const isNew = old === undefined || old.isSymbolicLink();
  if (old?.isDirectory() === true) throw unsupported();
  // A link to what does not exist yet might lead anywhere.
  if (old?.isSymbolicLink() === true) await stat(place).catch(() => Promise.reject(denied()));
  user.needFor(isNew ? 'upload' : 'overwrite', path);
  const writtenAt = choices.uploadMode === 0 ? place : join(dirname(place), `.sftpgo-upload.${xid()}.${basename(place)}`);
  // SFTPGo moves the old file to the temporary name, to write into it, before it asks whether there is room.
  if (!isNew && writtenAt !== place) await rename(place, writtenAt);
  if (user.roomBytes <= 0) throw noSpace();
  const oldBytes = isNew ? 0 : Number(old.size);
  let limit = user.roomBytes + oldBytes;
  if (user.maxUploadBytes > 0) limit = Math.min(limit, user.maxUploadBytes);
  return { file: await open(writtenAt, 'w', 0o644), place, writtenAt, limit, oldBytes };
}

/** Each upload has a position of its own: two at once write over each other, as on the real server. */
async function copyIn({ file, limit }: Writing, source: ByteSource): Promise<Outcome> {
  let written = 0;
  try {
    for (let pieces = await source.take(); pieces !== undefined; pieces = await source.take()) {
      const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const excess = written + size - limit;
      if (excess > 0) {
        source.giveBack(excess);
        return { written, ended: 'too big' };
      }
      await writeAll(file, pieces, written);
      written += size;
    }
  } catch (error) {
    if (error instanceof BodyCut) return { written, ended: 'cut' };
    throw error;
  }
  return { written, ended: 'whole' };
}

async function writeAll(file: FileHandle, pieces: Buffer[], position: number): Promise<void> {
  let rest = pieces;
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

/** What is left of the pieces when so many bytes of them are written. */
function after(pieces: Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  for (const [index, piece] of pieces.entries()) {
    if (left < piece.length) return [piece.subarray(left), ...pieces.slice(index + 1)];
    left -= piece.length;
  }
  return [];
}

async function settle(session: Session, writing: Writing, outcome: Outcome): Promise<void> {
  const { user, choices } = session;
  const { place, writtenAt } = writing;
  const kept = outcome.ended === 'whole' || (outcome.ended === 'cut' && choices.uploadMode !== 1);
  if (!kept) await rm(writtenAt, { force: true });
  else if (writtenAt !== place) await rename(writtenAt, place);
  user.use((kept ? outcome.written : 0) - writing.oldBytes);
}

/** Twenty characters, like the ids of the real server's temporary names. */
function xid(): string {
  return randomBytes(16).toString('hex').slice(0, 20);
}
