/**
 * Brings the bytes of a file to the platform: as a form up to a size, in blocks beyond it, or in place of a
 * version that is there. The platform shows nothing of a form or of blocks before it has all of them, and
 * makes a new version then: the old one is whole until the new one is. (NetExplorer's page: upload)
 */
import { z } from 'zod';
import { toFsError } from '../../errors.js';
import { multipartForm } from '../../http/multipart.js';
import type { RequestContent } from '../../http/upload-body.js';
import { patientAfterAbort } from '../commit.js';
import type { Content, WriteOptions } from '../provider.js';
import type { UploadRecords } from '../settings.js';
import type { Api, Call, Told } from './api.js';
import { blockSize, sendBlocks, type BlockAnswer, type BlockRoute } from './blocks.js';
import { readList, segment } from './calls.js';
import { readCount, readFile, type FileObject } from './objects.js';

/** Where a new version goes. */
export interface UploadPlace {
  readonly folderId: string;
  /** As the platform has it. */
  readonly name: string;
  /** For sentences. */
  readonly path: string;
}

/** What is sent, with its MD5 in hex. */
export interface Upload {
  readonly content: Content;
  readonly md5: string;
  readonly options: WriteOptions;
}

/** What the platform said to a whole upload: a file, or something from which nothing can be read. */
export type UploadAnswer = Told<FileObject | 'no file'>;

const missing = z.looseObject({ missing: z.unknown() });
const record = z.object({ size: z.number(), md5: z.string(), blockSize: z.number() });

export class Uploader {
  constructor(private readonly api: Api, private readonly records: UploadRecords) {}

  /** Sends a new version in one request. Not repeated where the platform may have taken it. */
  whole(place: UploadPlace, { content, options }: Upload, signal: AbortSignal): Promise<UploadAnswer> {
    const { headers, body } = multipartForm(fieldsOf(place, options), { field: 'targetFile', name: place.name, content }, 'as it is');
    let gone = 0;
    const onSent = (sent: number): void => {
      gone = sent;
      options.onProgress?.(Math.min(sent, content.size));
    };
    // A form that breaks off makes nothing; one that is there whole makes a version, whoever waits for it.
    return patiently(signal, () => gone < body.size, (patient) => this.api.ask({ ...uploadCall(place), headers, body, onSent, idempotent: false }, readAnswer, patient));
  }

  /** Puts other bytes under the number of a version that is there. Sent again it does no more than once. */
  inPlace(file: Pick<FileObject, 'id'>, path: string, { content, options }: Upload, signal: AbortSignal): Promise<UploadAnswer> {
    let gone = 0;
    const onSent = (sent: number): void => {
      gone = sent;
      options.onProgress?.(sent);
    };
    // Half of it may be what the file has then: once begun it is gone on with for a while.
    return patiently(signal, () => gone === 0, (patient) => this.api.ask({
      operation: 'upload', method: 'PUT', path: `/file/${segment(file.id)}/upload`, route: '/file/:id/upload', about: path,
      headers: { 'content-type': 'application/octet-stream' }, body: content, onSent, lane: 'transfer', answerWithin: 'server', idempotent: true,
    }, readAnswer, patient));
  }

  /**
   * Sends a new version in blocks, and goes on with one of these very bytes that an earlier process began.
   * Resolves to the file as the platform shows it. Throws what repeating does not help. `arrived`: the new version,
   * if the platform has it.
   */
  async blocks(place: UploadPlace, { content, md5, options }: Upload, arrived: () => Promise<FileObject | undefined>, signal: AbortSignal): Promise<FileObject> {
    const key = `${place.folderId}/${place.name}`;
    const known = record.safeParse(parseJson(await this.records.find(key)));
    const mayGoOn = known.success && known.data.size === content.size && known.data.md5 === md5 && known.data.blockSize === blockSize;
    if (!mayGoOn) await this.records.keep(key, JSON.stringify({ size: content.size, md5, blockSize }));
    const file = await sendBlocks({
      content, mayGoOn, route: this.routeOf(place, content.size, options), progress: this.api.http.retryProgress(signal), onTaken: (bytes) => options.onProgress?.(bytes), arrived,
    }, signal);
    await this.forget(place);
    return file;
  }

  /** What the platform has of this name is not gone on with. */
  forget(place: UploadPlace): Promise<void> {
    return this.records.forget(`${place.folderId}/${place.name}`);
  }

  private routeOf(place: UploadPlace, size: number, options: WriteOptions): BlockRoute<FileObject> {
    const send = async (fields: Readonly<Record<string, string>>, content: RequestContent, signal: AbortSignal): Promise<BlockAnswer<FileObject>> => {
      const { headers, body } = multipartForm({ ...fieldsOf(place, options), ...fields }, { field: 'targetFile', name: place.name, content }, 'as it is');
      return this.blockAnswer({ ...uploadCall(place), headers, body, idempotent: true }, signal);
    };
    const fields = (count: number) => ({ chunks: String(count), chunksSize: String(blockSize), fileSize: String(size) });
    return {
      send: (block, count, content, signal) => send({ chunk: String(block), ...fields(count) }, content, signal),
      report: (count, signal) => send({ report: '1', ...fields(count) }, nothing, signal),
    };
  }

  /** One try: whoever sends the blocks decides what comes next. */
  private async blockAnswer(call: Call, signal: AbortSignal): Promise<BlockAnswer<FileObject>> {
    const outcome = await this.api.attempt(call, signal);
    if ('failure' in outcome) return { kind: 'failed', status: outcome.failure.status, failure: outcome.failure };
    const reply = outcome.done;
    if (reply.kind === 'lost') return { kind: 'failed', status: undefined, failure: { error: reply.error, again: 'later', retryAfter: reply.retryAfter } };
    if (reply.kind === 'refused') return { kind: 'failed', status: reply.status, failure: { error: reply.error, again: 'later' } };
    let text: string;
    try {
      text = await reply.answer.text();
    } catch (thrown) {
      return { kind: 'failed', status: undefined, failure: { error: toFsError(thrown), again: 'later' } };
    }
    const value = parseJson(text);
    const file = readFile(value);
    if (file !== undefined) return { kind: 'file', file };
    const blocks = readList(value)?.map((item) => readCount(missing.safeParse(item).data?.missing)).filter((block) => block !== undefined);
    return blocks === undefined ? { kind: 'taken' } : { kind: 'missing', blocks };
  }
}

function readAnswer(value: unknown): FileObject | 'no file' {
  return readFile(value) ?? 'no file';
}

/** Work that an interrupt cuts at once while `mayCut` says so, and some seconds later else. */
async function patiently<T>(signal: AbortSignal, mayCut: () => boolean, work: (patient: AbortSignal) => Promise<T>): Promise<T> {
  const commit = patientAfterAbort(signal, mayCut);
  try {
    return await work(commit.signal);
  } finally {
    commit.end();
  }
}

const nothing: RequestContent = {
  size: 0,
  async *open() {
    // No bytes.
  },
};

function uploadCall({ path }: UploadPlace): Omit<Call, 'idempotent'> {
  return { operation: 'upload', method: 'POST', path: '/file/upload?full=1', route: '/file/upload', about: path, lane: 'transfer', answerWithin: 'server' };
}

/** A time in whole seconds, which is what the platform shows. */
export function shownTime(modified: number): number {
  return Math.floor(modified / 1000) * 1000;
}

function fieldsOf({ folderId }: UploadPlace, { modified }: WriteOptions): Readonly<Record<string, string>> {
  return { folderId, modification: new Date(shownTime(modified)).toISOString().replace('.000Z', 'Z') };
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
