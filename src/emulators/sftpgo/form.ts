/**
 * The upload that GEREDIS documents: a form whose parts named `filenames` are written one after the other into a
 * folder. The whole form is read before the first is written, and what was written before a refusal stays (SFTPGo's
 * page: files).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';
import { BodyCut } from '../common/broken.js';
import type { Answer } from '../common/delivery.js';
import type { ByteSource } from '../common/request-body.js';
import { makeParents } from './directories.js';
import { done, Refusal, telling } from './errors.js';
import { cleanPath } from './home.js';
import { isTrue, type Session } from './session.js';
import { receive } from './uploads.js';

interface Part {
  readonly name: string;
  readonly file: string;
}

export async function uploadForm(session: Session): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'amarre-form-'));
  try {
    const parts = await readForm(session, folder);
    if (parts.length === 0) throw new Refusal(400, 'No files uploaded!');
    if (isTrue(session, 'mkdir_parents')) {
      await telling('Error checking parent directories', () => makeParents(session.user, session.path));
    }
    for (const { name, file } of parts) {
      const pieces = createReadStream(file, { highWaterMark: 1 << 20 });
      await receive(session, posix.join(session.path, name), name, new FilePieces(pieces));
    }
    return done(201, 'Upload completed');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts the parts named `filenames` aside, in order. */
async function readForm(session: Session, folder: string): Promise<Part[]> {
  const { body, request } = session.exchange;
  const type = request.headers['content-type'];
  if (type?.startsWith('multipart/form-data') !== true) {
    throw new Refusal(400, 'Unable to parse multipart form', "request Content-Type isn't multipart/form-data");
  }
  const parts: Part[] = [];
  const written: Promise<void>[] = [];
  const ended = new AbortController();
  try {
    const form = new Busboy({ headers: { 'content-type': type }, preservePath: true });
    form.on('file', (field, content, name) => {
      if (field !== 'filenames') {
        content.resume();
        return;
      }
      const file = join(folder, String(parts.length));
      parts.push({ name: posix.basename(cleanPath(name)), file });
      written.push(pipeline(content, createWriteStream(file), { signal: ended.signal }));
    });
    await pipeline(Readable.from(bytes(body)), form);
    await Promise.all(written);
  } catch (error) {
    // The parts of a form that ends early never end by themselves.
    ended.abort();
    await Promise.allSettled(written);
    if (error instanceof BodyCut) throw new Refusal(400, 'Unable to parse multipart form', 'multipart: NextPart: unexpected EOF');
    throw new Refusal(400, 'Unable to parse multipart form', error instanceof Error ? error.message : String(error));
  }
  return parts;
}

async function* bytes(source: ByteSource): AsyncGenerator<Buffer> {
  for (let pieces = await source.take(); pieces !== undefined; pieces = await source.take()) yield* pieces;
}

/** A file put aside, as a source of bytes. */
class FilePieces implements ByteSource {
  readonly #pieces: AsyncIterator<Buffer>;

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  async take(): Promise<Buffer[] | undefined> {
    const next = await this.#pieces.next();
    return next.done === true ? undefined : [next.value];
  }

  /** The request's own body has been read whole: nothing of it is left unread. */
  giveBack(): void {
    // Nothing to do.
  }
}
