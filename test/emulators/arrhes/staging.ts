/** An emulated Arrhes for one test, and a client of it; gone at the test's end. */
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { startEmulator, type ArrhesOptions, type RunningArrhes } from '../../../src/emulators/start.js';

export const row = z.looseObject({ id: z.string(), name: z.string(), size: z.number().nullish(), createdAt: z.string(), lastUpdatedAt: z.string().nullable() });
export const rows = z.array(row);
export type Row = z.infer<typeof row>;

export interface Told {
  readonly status: number;
  readonly body: unknown;
}

/** The routes, asked with the key. */
export class Client {
  readonly #emulator: RunningArrhes;
  readonly #prefix: string;

  constructor(emulator: RunningArrhes, prefix: string) {
    this.#emulator = emulator;
    this.#prefix = prefix;
  }

  /** `path` is below the first year. */
  async ask(method: string, path: string, body?: unknown, year = this.#emulator.years[0] ?? ''): Promise<Told> {
    return this.organization(method, `/years/${year}/${path}`, body);
  }

  /** `path` is below the organization. */
  async organization(method: string, path: string, body?: unknown): Promise<Told> {
    const { announcement: { url }, key, idOrganization } = this.#emulator;
    const answer = await fetch(`${url}${this.#prefix}/organizations/${idOrganization}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said: unknown = JSON.parse(await answer.text());
    return { status: answer.status, body: said };
  }

  async list(kind: 'files' | 'folders'): Promise<Row[]> {
    return rows.parse((await this.ask('GET', kind)).body);
  }

  async create(name: string): Promise<string> {
    return row.parse((await this.ask('POST', 'files', { name, reference: null, hash: null })).body).id;
  }

  async url(id: string, giver: 'upload-url' | 'download-url' | 'delete-url', size = 0): Promise<string> {
    const { body } = await this.ask('POST', `files/${id}/${giver}`, giver === 'upload-url' ? { type: 'a/b', size } : {});
    return z.object({ url: z.string() }).parse(body).url;
  }

  /** A document with this content; its id. */
  async save(name: string, content: string, type = 'text/plain'): Promise<string> {
    const id = await this.create(name);
    const url = await this.url(id, 'upload-url', Buffer.byteLength(content));
    const { status } = await fetch(url, { method: 'PUT', body: content, headers: { 'content-type': type } });
    if (status !== 200) throw new Error(`PUT answered ${status}`);
    await this.ask('POST', `files/${id}/finalize`, {});
    return id;
  }
}

export interface Staged {
  readonly emulator: RunningArrhes;
  readonly client: Client;
}

export async function staged(options: ArrhesOptions = {}): Promise<Staged> {
  const emulator = await startEmulator('arrhes', { folders: [], files: [], ...options });
  onTestFinished(() => emulator.close());
  return { emulator, client: new Client(emulator, options.prefix ?? '') };
}
