/**
 * Reading a file, and the HEAD that tells of it. What is open stays the file that it was: a move over the name does
 * not touch a reader, an overwrite in place does (SFTPGo's page: files).
 */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { ConnectionBroken } from '../common/broken.js';
import type { Answer } from '../common/delivery.js';
import { filePieces } from '../common/file-pieces.js';
import { goQuote, headerText } from '../common/go-text.js';
import { denied, failure, Refusal, storageError, telling } from './errors.js';
import { mediaType } from './media-types.js';
import { conditionStatus, partOf, rangeCounts } from './ranges.js';
import type { Session } from './session.js';
import { httpDate, wholeSeconds } from './times.js';

/** Answers GET and HEAD of a file. */
export async function download(session: Session): Promise<Answer> {
  const { user, path, exchange } = session;
  const { place, stats } = await telling('Unable to stat the requested file', async () => {
    user.needFor('list', path);
    const found = await user.home.resolve(path);
    return { place: found, stats: await stat(found, { bigint: true }) };
  });
  if (stats.isDirectory()) throw new Refusal(400, `Please set the path to a valid file, ${goQuote(path)} is a directory`);
  const { headers, method } = exchange.request;
  const modifiedS = wholeSeconds(stats.mtimeNs);
  const size = Number(stats.size);
  const part = rangeCounts(single(headers['if-range']), modifiedS) ? partOf(headers.range, size) : undefined;
  // Opening a pipe waits for a writer, and none comes.
  if (stats.isFIFO()) await untilGone(exchange.signal);
  const file = await openToRead(session, place, stats.isFile());
  try {
    const lastModified = { 'Last-Modified': httpDate(modifiedS) };
    const status = conditionStatus(
      { ifModifiedSince: headers['if-modified-since'], ifUnmodifiedSince: headers['if-unmodified-since'] },
      modifiedS,
    );
    if (status !== undefined) {
      await file.close();
      return precondition(status, lastModified);
    }
    const { start, length } = part ?? { start: 0, length: size };
    const answer = {
      status: part === undefined ? 200 : 206,
      headers: {
        ...lastModified,
        ...(part === undefined ? {} : { 'Content-Range': `bytes ${start}-${start + length - 1}/${size}` }),
        'Content-Type': mediaType(path),
        'Content-Disposition': headerText(`attachment; filename=${goQuote(posix.basename(path))}`),
        'Accept-Ranges': 'bytes',
      },
      length,
    };
    if (method === 'HEAD') {
      await file.close();
      return answer;
    }
    if (start < 0) throw new ConnectionBroken('a read before the first byte');
    return { ...answer, body: filePieces(file, start, length) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openToRead(session: Session, place: string, isFile: boolean): Promise<FileHandle> {
  const { user, path } = session;
  try {
    if (!user.may('download', posix.dirname(path))) throw denied();
    if (!isFile) throw failure();
    return await open(place, 'r');
  } catch (error) {
    const said = storageError(error);
    if (said === undefined) throw error;
    const name = new Map([[403, 'Forbidden'], [404, 'Not Found']]).get(said.status) ?? 'Internal Server Error';
    throw new Refusal(said.status, name, `unable to read file ${goQuote(path)}: ${said.message}`);
  }
}

/** The answer of a condition that failed: written before SFTPGo has named a type, so Go guesses one. */
function precondition(status: 304 | 412, headers: Record<string, string>): Answer {
  if (status === 304) return { status, headers };
  const body = Buffer.from('{"error":"Precondition Failed","message":""}\n');
  return { status, headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }, body };
}

async function untilGone(signal: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  throw new ConnectionBroken('nobody writes to the pipe');
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
