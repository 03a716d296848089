/**
 * Puts a content on a document's row: an address for exactly its size, the bytes at once, and the word that
 * they are there, given once, since each is counted against the organization's storage. (Arrhes' page: files)
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import { patientAfterAbort } from '../commit.js';
import type { Content } from '../provider.js';
import { urlOf } from './answered-url.js';
import type { Api, Said, Settlement } from './api.js';
import { fresh, type Lists } from './lists.js';
import { headBytes, typeByContent, typeByName } from './media-types.js';
import { fileRowSchema, hasContent, modifiedOf, readAs, sizeOf, versionOf, type FileRow } from './rows.js';
import { settleByLists } from './settling.js';
import type { ObjectStore, SignedUrl } from './store.js';
import type { Versions } from './versions.js';

/** A document is no larger than this, in bytes (Arrhes' page: sizes). */
export const largestDocument = 50_000_000;

/** So many bytes may be out that the network has not reported yet: with fewer left, the store may have them all. */
const onTheWay = 128 * 1024;

/** Later versions wrap the row, and tell of the text that they recognized. */
const finalized = z.union([z.object({ file: fileRowSchema, ocrFile: fileRowSchema.nullish() }), fileRowSchema.transform((file) => ({ file, ocrFile: undefined }))]);
export type Finalized = z.infer<typeof finalized>;

export interface Upload {
  readonly row: FileRow;
  /** As the drive shows it or will: its ending tells the kind. */
  readonly name: string;
  readonly content: Content;
  /** For sentences: `write: /a/b`. */
  readonly what: string;
  readonly onProgress?: ((sent: number) => void) | undefined;
}

export class Uploader {
  constructor(
    private readonly api: Api, private readonly lists: Lists, private readonly store: ObjectStore, private readonly versions: Versions,
  ) {}

  /**
   * Resolves once the platform tells the row with this content. From the moment that the store may have all
   * of it an interrupt only shortens the wait. EFBIG, EDQUOT, ENOENT where the row is gone.
   */
  async upload(upload: Upload, signal: AbortSignal): Promise<Finalized> {
    const { row, content, what } = upload;
    if (content.size > largestDocument) throw new FsError('EFBIG', `${what}: the platform takes no document of more than ${largestDocument} bytes`);
    const type = typeByName(upload.name) ?? typeByContent(await headOf(content));
    // Bytes that are out; undefined while none are.
    let sent: number | undefined;
    const commit = patientAfterAbort(signal, () => sent === undefined || sent + onTheWay < content.size);
    try {
      const etag = await this.put(upload, type, (bytes) => { sent = bytes; }, commit.signal);
      const done = await this.finalize(row, content.size, type, what, commit.signal);
      if (sizeOf(done.file) !== content.size) throw new FsError('EIO', `${what}: the platform tells ${sizeOf(done.file)} bytes of the ${content.size} that were sent`, { retryable: true });
      if (etag !== undefined) this.versions.bind(row.id, versionOf(done.file), { etag, size: content.size });
      return done;
    } finally {
      commit.end();
    }
  }

  /** Sends the bytes until the store says that it has them; its ETag. An address that it refuses, or breaks off at, is renewed once. */
  private async put({ row, content, what, onProgress }: Upload, type: string, onSent: (sent: number | undefined) => void, signal: AbortSignal): Promise<string | undefined> {
    const progress = this.api.http.retryProgress(signal);
    for (let renewed = false; ;) {
      onSent(undefined);
      const url = await this.address(row.id, type, content.size, what, signal);
      onSent(0);
      const outcome = await this.store.put(url, content, type, what, (sent) => {
        onSent(sent);
        onProgress?.(sent);
      }, signal);
      if ('etag' in outcome) {
        onProgress?.(content.size);
        return outcome.etag;
      }
      if ('failure' in outcome) await progress.wait(outcome.failure);
      else if (outcome.final || renewed) throw new FsError(outcome.refused.errno, `${outcome.refused.message}${renewed ? '; so did it at a second address' : ''}`, { cause: outcome.refused });
      else renewed = true;
    }
  }

  private address(id: string, type: string, size: number, what: string, signal: AbortSignal): Promise<SignedUrl> {
    return this.api.send(
      { method: 'POST', route: '/files/:id/upload-url', id, body: { type, size }, what, idempotent: true },
      (said) => urlOf(said, what), settleByLists(this.lists, id, what), signal,
    );
  }

  /** Says once that the bytes are there. Where the answer is lost, or is the 500 for everything, the row tells whether it was heard. */
  private finalize(before: FileRow, size: number, type: string, what: string, signal: AbortSignal): Promise<Finalized> {
    const begun = this.api.http.clock.now();
    return this.api.send(
      { method: 'POST', route: '/files/:id/finalize', id: before.id, body: {}, what, idempotent: false },
      (said: Said) => readAs(finalized, said.value, what),
      async (_why, until): Promise<Settlement<Finalized>> => {
        const told = await this.api.row('file', before.id, what, until);
        const now = told?.row.kind === 'file' ? told.row : (await this.lists.tree(fresh, until)).file(before.id);
        if (now === undefined) throw new FsError('ENOENT', `${what}: it was deleted while it was sent`);
        return wasHeard(before, now, { size, type, begun }) ? { done: { file: now, ocrFile: undefined } } : 'not done';
      }, signal,
    );
  }
}

/**
 * Whether a row shows that a finalize was heard. Where nothing in it could have moved (the same size and type,
 * within the second of the last change) it counts as heard: the row is right, and its bytes are counted once at most.
 */
export function wasHeard(before: FileRow, now: FileRow, sent: { readonly size: number; readonly type: string; readonly begun: number }): boolean {
  if (!hasContent(now) || sizeOf(now) !== sent.size) return false;
  const moved = !hasContent(before) || sizeOf(before) !== sent.size || now.lastUpdatedAt !== before.lastUpdatedAt || (before.type !== now.type && now.type === sent.type);
  return moved || modifiedOf(before) + 1000 >= sent.begun;
}

async function headOf(content: Content): Promise<Buffer> {
  if (content.size === 0) return Buffer.alloc(0);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of content.open(0)) {
    pieces.push(piece);
    length += piece.length;
    if (length >= headBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, headBytes);
}
