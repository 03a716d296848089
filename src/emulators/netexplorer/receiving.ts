/** Bytes on their way to the disk: a request's body, or the file in a form, with the MD5 made on the way. */
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';
import { BodyCut } from '../common/broken.js';
import type { Exchange } from '../common/exchange.js';
import type { ByteSource } from '../common/request-body.js';
import { unusable } from './errors.js';
import type { Content } from './store.js';

/** What came, and whether it was all. */
export interface Received extends Content {
  readonly whole: boolean;
}

/** Writes a source to a place. A body that was cut off is told, not thrown: what came of it lies there. */
async function receive(source: AsyncIterable<Buffer>, place: string): Promise<Received> {
  const hash = createHash('md5');
  const file = await open(place, 'w');
  let size = 0;
  let whole = true;
  try {
    for await (const piece of source) {
      hash.update(piece);
      await file.write(piece);
      size += piece.length;
    }
  } catch (error) {
    if (!(error instanceof BodyCut)) throw error;
    whole = false;
  } finally {
    await file.close();
  }
  return { place, size, md5: hash.digest('hex'), whole };
}

/** Takes a raw body. */
export function receiveBody({ body }: Exchange, place: string): Promise<Received> {
  return receive(bytes(body), place);
}

async function* bytes(source: ByteSource): AsyncGenerator<Buffer> {
  for (let pieces = await source.take(); pieces !== undefined; pieces = await source.take()) yield* pieces;
}

/** An upload's form. */
export interface Form {
  readonly fields: ReadonlyMap<string, string>;
  readonly file: { readonly name: string; readonly content: Content } | undefined;
}

/**
 * Takes a form whose file is in the field `targetFile`. `onFile` hears of the file before its bytes come, with the
 * fields before it, and may refuse. Throws BodyCut where the form ends early: nothing is left then.
 */
export async function receiveForm(
  exchange: Exchange, place: string, onFile: (name: string, fields: ReadonlyMap<string, string>) => void,
): Promise<Form> {
  const { 'content-type': type } = exchange.request.headers;
  if (type?.startsWith('multipart/form-data') !== true) throw unusable('Content-Type');
  const fields = new Map<string, string>();
  const files: Promise<{ name: string; content: Content }>[] = [];
  let refusal: Error | undefined;
  try {
    const form = new Busboy({ headers: { 'content-type': type }, preservePath: true });
    form.on('field', (name, value) => fields.set(name, value));
    form.on('file', (field, stream, name) => {
      if (field !== 'targetFile' || files.length > 0) stream.resume();
      else {
        try {
          onFile(name, fields);
          files.push(receive(stream, place).then((content) => ({ name, content })));
        } catch (error) {
          refusal = error instanceof Error ? error : new Error(String(error));
          stream.resume();
        }
      }
    });
    await pipeline(Readable.from(bytes(exchange.body)), form);
    if (refusal !== undefined) throw refusal;
    return { fields, file: await files[0] };
  } catch (error) {
    await rm(place, { force: true });
    if (error instanceof BodyCut || error === refusal) throw error;
    throw unusable('multipart/form-data');
  }
}
