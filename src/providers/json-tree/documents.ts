/**
 * Documents in memory: read whole, since nobody knows their size before, kept for a time to live, and in a share of the
 * mount's memory that they do not exceed together. A document that went, or that has become old, is asked for anew.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { FsError } from '../../errors.js';
import { orAborted } from '../../http/waiting.js';
import type { JsonApi, Request } from './api.js';
import { prettyJson } from './pretty.js';
import { fillIn } from './table.js';

export interface JsonDocument {
  /** As it is shown. */
  readonly bytes: Buffer;
  /** Of its bytes. */
  readonly version: string;
  /** When it was asked for, in milliseconds that have passed. */
  readonly asked: number;
}

export interface DocumentsSettings {
  /** Bytes of all documents in memory, and of the largest. */
  readonly memory: number;
  /** Milliseconds. */
  readonly ttl: number;
  readonly pretty: boolean;
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
}

export class Documents {
  readonly #kept: LRUCache<string, JsonDocument>;
  readonly #underWay = new Map<string, { readonly asked: number; readonly promise: Promise<JsonDocument> }>();
  readonly #closing = new AbortController();
  /** What was asked for before this is not to be believed any more. */
  #forgotten = -Infinity;

  constructor(private readonly api: JsonApi, private readonly settings: DocumentsSettings) {
    this.#kept = new LRUCache({ maxSize: Math.max(1, settings.memory), sizeCalculation: ({ bytes }) => bytes.length + 200 });
  }

  /** Bytes of documents in memory. */
  get size(): number {
    return this.#kept.calculatedSize;
  }

  /** The document as it was at most a time to live ago. Fails as the request does. */
  async get(request: Request, signal: AbortSignal): Promise<JsonDocument> {
    const key = keyOf(request);
    const known = this.#kept.get(key);
    if (known !== undefined && this.#isYoung(known.asked)) return known;
    const running = this.#underWay.get(key);
    if (running !== undefined && this.#isYoung(running.asked)) return await orAborted(running.promise, signal);
    const asked = this.settings.elapsed();
    // One request for all who want it. Who stops to wait leaves it to the others, and to whoever opens it next.
    const promise = this.#fetch(request, asked, this.#closing.signal).finally(() => {
      if (this.#underWay.get(key)?.promise === promise) this.#underWay.delete(key);
    });
    this.#underWay.set(key, { asked, promise });
    return await orAborted(promise, signal);
  }

  /** The document as it is now, for him alone who asks. */
  async ask(request: Request, signal: AbortSignal): Promise<JsonDocument> {
    return await this.#fetch(request, this.settings.elapsed(), signal);
  }

  /** The document in memory, however old, if it is of that version. */
  kept(request: Request, version: string): JsonDocument | undefined {
    const known = this.#kept.get(keyOf(request));
    return known?.version === version ? known : undefined;
  }

  /** All are asked for anew. Who reads one goes on in it. */
  forget(): void {
    this.#forgotten = this.settings.elapsed();
  }

  /** Ends what is on its way. */
  close(): void {
    this.#closing.abort();
    this.#kept.clear();
  }

  #isYoung(asked: number): boolean {
    return asked > this.#forgotten && this.settings.elapsed() - asked < this.settings.ttl;
  }

  async #fetch(request: Request, asked: number, signal: AbortSignal): Promise<JsonDocument> {
    const text = await this.api.get(request, signal);
    const bytes = Buffer.from(this.settings.pretty ? prettyJson(text) : text);
    if (bytes.length > this.settings.memory) {
      throw new FsError('EFBIG', `${keyOf(request)}: the document is larger than ${this.settings.memory} bytes, which is what documents may take; a larger --memory has room for it`);
    }
    const document = { bytes, asked, version: createHash('sha256').update(bytes).digest('base64url').slice(0, 22) };
    const newer = this.#kept.get(keyOf(request));
    if (newer === undefined || newer.asked <= asked) this.#kept.set(keyOf(request), document);
    return document;
  }
}

function keyOf({ template, value }: Request): string {
  return value === undefined ? template : fillIn(template, encodeURIComponent(value));
}
