/**
 * The object store beside the routes: it knows nobody and gives whatever a pre-signed URL allows, after looking at all
 * that its signature covers (Arrhes' page: pre-signed URLs; the answers are those of versitygw).
 */
import { createHash, randomBytes } from 'node:crypto';
import { BodyCut, ConnectionBroken } from '../common/broken.js';
import type { Answer } from '../common/delivery.js';
import type { Exchange, Handler } from '../common/exchange.js';
import { rangeOf } from '../common/ranges.js';
import type { Route } from '../common/server.js';
import { makeObject, partOf, type StoredObject } from './objects.js';
import type { ServerChoices } from './options.js';
import { parsePresigned, Signer, type Presigned, type Presigning } from './presigned.js';
import { StoreRefusal, unmet } from './store-errors.js';

const bucket = 'arrhes-seed';
/** A body that fits the store's read buffer is read before anything is judged, also whether the URL has expired. */
const readFirst = 8 * 1024;

export class ObjectStore {
  readonly objects = new Map<string, StoredObject>();
  readonly #choices: ServerChoices;
  readonly #signer = new Signer({ accessKeyId: randomBytes(10).toString('hex').toUpperCase(), secretAccessKey: randomBytes(30).toString('base64') });

  constructor(choices: ServerChoices) {
    this.#choices = choices;
  }

  /** The target of a pre-signed URL for an object, to be put behind the store's address. */
  presign(asked: Omit<Presigning, 'path' | 'atMs'> & { readonly key: string }): Promise<string> {
    return this.#signer.presign({ ...asked, path: `/${bucket}/${asked.key}`, atMs: this.#choices.clock.now() });
  }

  routes(): { routes: Route[]; otherwise: Handler } {
    const route = (name: string, method: Route['method'], work: (exchange: Exchange, key: string) => Promise<Answer>): Route => (
      { name: `store-${name}`, method, url: `/${bucket}/*`, handler: this.#answering((exchange) => work(exchange, keyOf(exchange))) }
    );
    return {
      routes: [
        route('put', 'PUT', (exchange, key) => this.#put(exchange, key)),
        route('get', 'GET', (exchange, key) => this.#get(exchange, key)),
        route('head', 'HEAD', (exchange, key) => this.#get(exchange, key)),
        route('delete', 'DELETE', (exchange, key) => this.#delete(exchange, key)),
      ],
      otherwise: this.#answering(({ request: { method = '' } }) => {
        if (method === 'OPTIONS') throw new StoreRefusal('BadRequest');
        if (['GET', 'HEAD', 'PUT', 'DELETE'].includes(method)) throw new StoreRefusal('NoSuchBucket');
        throw new StoreRefusal('MethodNotAllowed', [['Method', method], ['ResourceType', 'SERVICE']]);
      }),
    };
  }

  #answering(work: (exchange: Exchange) => Promise<Answer>): Handler {
    return async (exchange) => {
      const answer = await Promise.resolve(exchange).then(work).catch((error: unknown) => {
        if (error instanceof StoreRefusal) return error.answer();
        // A body that ends early is stored in no part.
        if (error instanceof BodyCut) throw new ConnectionBroken('the body was cut off');
        throw error;
      });
      return this.#choices.storeKeepsAlive ? answer : { ...answer, headers: { ...answer.headers, Connection: 'close' } };
    };
  }

  async #put(exchange: Exchange, key: string): Promise<Answer> {
    const { headers } = exchange.request;
    let pieces = Number(headers['content-length'] ?? 0) <= readFirst ? await received(exchange) : undefined;
    await this.#judge(exchange);
    const present = this.objects.get(key);
    if (headers['if-match'] !== undefined && headers['if-match'] !== present?.etag) throw unmet('If-Match');
    if (headers['if-none-match'] === '*' && present !== undefined) throw unmet('If-None-Match');
    pieces ??= await received(exchange);
    const object = makeObject(pieces, headers['content-type'], this.#choices.clock.now());
    const told = headers['content-md5'];
    if (typeof told === 'string') checkDigest(told, pieces);
    this.objects.set(key, object);
    return { status: 200, headers: { ETag: object.etag, 'x-amz-checksum-type': 'FULL_OBJECT' } };
  }

  async #get(exchange: Exchange, key: string): Promise<Answer> {
    await this.#judge(exchange);
    const object = this.objects.get(key);
    if (object === undefined) throw new StoreRefusal('NoSuchKey');
    const { headers } = exchange.request;
    const { etag, size, type } = object;
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag) throw unmet('If-Match');
    const modified = Math.floor(object.modifiedAt / 1000) * 1000;
    if (modified > Date.parse(headers['if-unmodified-since'] ?? '')) throw unmet('If-Unmodified-Since');
    if (headers['if-none-match'] === etag || modified <= Date.parse(headers['if-modified-since'] ?? '')) {
      return { status: 304, headers: { 'Content-Type': 'application/xml' } };
    }
    const range = rangeOf(headers.range, size);
    if (range.kind === 'outside') {
      const actual = size === 0 ? [] : [['ActualObjectSize', String(size)] as const];
      throw new StoreRefusal('InvalidRange', [['RangeRequested', headers.range ?? ''], ...actual]);
    }
    const { start, end } = range.kind === 'part' ? range : { start: 0, end: size };
    const told = {
      'Content-Type': type,
      ETag: etag,
      'Accept-Ranges': 'bytes',
      'Last-Modified': new Date(modified).toUTCString(),
      ...(range.kind === 'part' ? { 'Content-Range': `bytes ${start}-${end - 1}/${size}` } : {}),
    };
    const status = range.kind === 'part' ? 206 : 200;
    if (end === start) return { status, headers: told, length: 0 };
    return { status, headers: told, body: partOf(object, start, end), length: end - start };
  }

  async #delete(exchange: Exchange, key: string): Promise<Answer> {
    await this.#judge(exchange);
    this.objects.delete(key);
    return { status: 204, headers: {} };
  }

  /** Whether the URL allows this request, now. */
  async #judge({ request }: Exchange): Promise<void> {
    if (this.#choices.refusesAuthorization && request.headers.authorization !== undefined) throw new StoreRefusal('InvalidRequest');
    const presigned = parsePresigned(request.url ?? '');
    if (presigned === undefined) throw new StoreRefusal('AccessDenied');
    const ends = presigned.madeAtMs + presigned.lifeS * 1000;
    const now = this.#choices.clock.now();
    const unsigned = Object.keys(request.headers).filter((name) => name.startsWith('x-amz-') && !presigned.signedHeaders.includes(name));
    const matches = await this.#signer.verify(request.method ?? '', presigned, request.headers);
    if (now > ends) {
      const told = [['ServerTime', second(now)], ['X-Amz-Expires', String(presigned.lifeS)], ['Expires', second(ends)]] as const;
      throw new StoreRefusal('AccessDenied', told, 'Request has expired.');
    }
    if (unsigned.length > 0) {
      const told = [['HeadersNotSigned', unsigned.join(', ')]] as const;
      throw new StoreRefusal('AccessDenied', told, 'There were headers present in the request which were not signed');
    }
    if (!matches) throw this.#mismatch(presigned);
  }

  #mismatch({ path, signature }: Presigned): StoreRefusal {
    const bytes = (text: string): string => Buffer.from(text).toString('hex').replace(/..(?=.)/gu, '$& ');
    return new StoreRefusal('SignatureDoesNotMatch', [
      ['AWSAccessKeyId', this.#signer.credentials.accessKeyId],
      ['StringToSign', 'AWS4-HMAC-SHA256'],
      ['SignatureProvided', signature],
      ['StringToSignBytes', bytes('AWS4-HMAC-SHA256')],
      ['CanonicalRequest', path],
      ['CanonicalRequestBytes', bytes(path)],
    ]);
  }
}

function keyOf({ request }: Exchange): string {
  const [path = ''] = (request.url ?? '').split('?', 1);
  return path.slice(bucket.length + 2);
}

function second(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/u, 'Z');
}

async function received({ body }: Exchange): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for (let next = await body.take(); next !== undefined; next = await body.take()) pieces.push(...next);
  return pieces;
}

function checkDigest(told: string, pieces: readonly Uint8Array[]): void {
  const hash = createHash('md5');
  for (const piece of pieces) hash.update(piece);
  const calculated = hash.digest('base64');
  if (calculated === told) return;
  throw new StoreRefusal('BadDigest', [['CalculatedDigest', calculated], ['ExpectedDigest', Buffer.from(told, 'base64').toString('hex')]]);
}
