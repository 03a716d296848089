/** One line of the record on a fresh emulator: what lies there before, what is sent, and what is asked beside it. */
import { startEmulator, type ArrhesOptions, type RunningArrhes } from '../../../src/emulators/start.js';
import { z } from 'zod';
import { Wire, type WireAnswer } from '../wire.js';
import { filled, idOf, type Line } from './record.js';

/** What of the recorded request is sent otherwise. */
export interface Sending {
  /** On the store: this pre-signed URL, and none asked for now. */
  readonly url?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const givers = { PutObject: 'upload-url', GetObject: 'download-url', DeleteObject: 'delete-url' } as const;
export type Giver = (typeof givers)[keyof typeof givers];

export class Stage {
  readonly line: Line;
  readonly emulator: RunningArrhes;

  readonly #first: string;

  private constructor(line: Line, emulator: RunningArrhes, first: string) {
    this.#first = first;
    this.line = line;
    this.emulator = emulator;
  }

  static async open(line: Line, options: ArrhesOptions): Promise<Stage> {
    const years = [{ id: idOf('year1'), label: '2026' }, { id: idOf('year2'), label: '2025' }];
    return new Stage(line, await startEmulator('arrhes', { folders: [], files: [], idOrganization: idOf('org'), years, ...options }), options.files?.[0]?.id ?? '');
  }

  close(): Promise<void> {
    return this.emulator.close();
  }

  /** What the record's placeholders stand for here. */
  get values(): Readonly<Record<string, string>> {
    const { user, storeUrl, key } = this.emulator;
    return { user, store: storeUrl, key };
  }

  /** The id in the recorded path; where there is none, that of the first document that lay there. */
  get id(): string {
    const [, id] = /(?:files|folders|storage)\/([^/?]+)/u.exec(this.fill(this.line.request.path)) ?? [];
    return id ?? this.#first;
  }

  fill(text: string): string {
    return filled(text, this.values);
  }

  /** Sends the recorded request; for a pre-signed URL of the record, one is asked for. */
  async send(otherwise: Sending = {}): Promise<WireAnswer> {
    const { method, path, body } = this.line.request;
    const headers = Object.fromEntries(Object.entries(otherwise.headers ?? this.line.request.headers).map(([name, value]) => [name, this.fill(value)]));
    const url = path.startsWith('<store>') ? (otherwise.url ?? (await this.url())) : this.emulator.announcement.url + this.fill(otherwise.path ?? path);
    return this.raw(otherwise.method ?? method, url, headers, otherwise.body ?? bodyText(body, (text) => this.fill(text)));
  }

  /** The pre-signed URL that the recorded one stands for. */
  async url(): Promise<string> {
    const { path, headers } = this.line.request;
    const [, operation] = /x-id=(PutObject|GetObject|DeleteObject)/u.exec(path) ?? [];
    const giver = operation === 'PutObject' || operation === 'GetObject' || operation === 'DeleteObject' ? givers[operation] : undefined;
    if (giver === undefined) throw new Error(`${this.line.id}: no pre-signed URL`);
    return this.ask(giver, Number(headers['Content-Length'] ?? 5));
  }

  /** Asks for a pre-signed URL of the line's document. */
  async ask(giver: Giver, size = 0): Promise<string> {
    const answer = await this.api('POST', `files/${this.id}/${giver}`, giver === 'upload-url' ? { type: 'a/b', size } : {});
    return z.object({ url: z.string() }).parse(answer).url;
  }

  /** A request of the routes beside the recorded one; its answer must be 200. */
  async api(method: string, path: string, body?: unknown): Promise<unknown> {
    const { announcement: { url }, key, idOrganization, years } = this.emulator;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.raw(method, `${url}/organizations/${idOrganization}/years/${years[0] ?? ''}/${path}`, { Authorization: `Bearer ${key}` }, text);
    if (answer.status !== 200) throw new Error(`${this.line.id}: ${method} ${path} answered ${String(answer.status)} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString('utf8'));
  }

  /** Uploads a content of the line's document, without the word that it is over. */
  async put(content: string | Buffer, type?: string): Promise<void> {
    const url = await this.ask('upload-url', Buffer.byteLength(content));
    const answer = await this.raw('PUT', url, type === undefined ? {} : { 'Content-Type': type }, content);
    if (answer.status !== 200) throw new Error(`${this.line.id}: PUT answered ${String(answer.status)} ${answer.body.toString()}`);
  }

  finalize(): Promise<unknown> {
    return this.api('POST', `files/${this.id}/finalize`, {});
  }

  /** The head of a request and no more. */
  async begin(method: string, url: string, headers: Readonly<Record<string, string>>): Promise<Wire> {
    const wire = await Wire.open(url);
    wire.sendHead({ method, path: url.slice(new URL(url).origin.length), headers });
    return wire;
  }

  async raw(method: string, url: string, headers: Readonly<Record<string, string>>, body?: string | Buffer): Promise<WireAnswer> {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    const chunked = names.includes('transfer-encoding');
    const length = body === undefined || chunked || names.includes('content-length') ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const wire = await this.begin(method, url, { ...headers, ...length });
    if (body !== undefined) wire.send(chunked ? `${Buffer.byteLength(body).toString(16)}\r\n${body.toString()}\r\n0\r\n\r\n` : body);
    const answer = await wire.answer(method);
    wire.close();
    return answer;
  }
}

function bodyText(body: unknown, fill: (text: string) => string): string | Buffer | undefined {
  if (body === null || body === undefined) return undefined;
  const [, zeros] = typeof body === 'string' ? (/^<(\d+) bytes>$/u.exec(body) ?? []) : [];
  if (zeros !== undefined) return Buffer.alloc(Number(zeros));
  return fill(typeof body === 'string' ? body : JSON.stringify(body));
}
