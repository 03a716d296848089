/**
 * Files that take 0 or 1, each an order to the platform. What such a file holds is what the platform tells where the
 * table says by what field, else what this mount has sent and the platform has taken: never a state that nobody told.
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import type { Content } from '../provider.js';
import type { JsonApi } from './api.js';
import type { Documents } from './documents.js';
import { fillIn, type SwitchRoute } from './table.js';

/** `1` and a line end. */
const longest = 2;

const objectSchema = z.looseObject({});
const stateSchema = z.union([z.literal(0), z.literal(1), z.literal('0'), z.literal('1'), z.boolean().transform(Number)]);

/** EINVAL for bytes that make nothing of it but 0 or 1, with or without a line end, wherever in the file they are put. */
export function refuseState(path: string, offset: number, data: Uint8Array): FsError | undefined {
  const fits = data.every((byte, at) => (offset + at === 0 ? byte === 0x30 || byte === 0x31 : offset + at === 1 && byte === 0x0a));
  return fits ? undefined : new FsError('EINVAL', `${path} takes 0 or 1, and nothing else`);
}

export class Switches {
  /** What the platform took of this mount, or told it last, by the request. */
  readonly #known = new Map<string, Buffer>();

  constructor(private readonly api: JsonApi, private readonly documents: Documents) {}

  /** What the file holds, as far as memory tells. */
  last({ post }: SwitchRoute, value: string | undefined): Buffer {
    return this.#known.get(fillIn(post, value ?? '')) ?? Buffer.alloc(0);
  }

  /** What the file holds. Asks the platform where the table says how; fails as that does. */
  async state(route: SwitchRoute, value: string | undefined, signal: AbortSignal): Promise<Buffer> {
    const { shown } = route;
    if (shown === undefined) return this.last(route, value);
    const document = await this.documents.ask({ template: shown.get, value }, signal);
    const object = objectSchema.safeParse(JSON.parse(document.bytes.toString()));
    const state = stateSchema.safeParse(object.data?.[shown.field]);
    const told = Buffer.from(state.success ? `${state.data}\n` : '');
    this.#known.set(fillIn(route.post, value ?? ''), told);
    return told;
  }

  /**
   * Sends what was written, and resolves to what the file holds then. Nothing written: nothing sent. EINVAL for what
   * is neither 0 nor 1; else it fails as the request does.
   */
  async write(route: SwitchRoute, value: string | undefined, content: Content, signal: AbortSignal): Promise<Buffer> {
    const bytes = await this.#taken(route, content);
    if (bytes.length === 0) return this.last(route, value);
    const key = fillIn(route.post, value ?? '');
    const lost = await this.api.post({ template: route.post, value }, { [route.member]: bytes[0] === 0x31 ? 1 : 0 }, signal);
    if (lost !== undefined) {
      // Nobody knows any more.
      if (lost.uncertain) this.#known.delete(key);
      throw lost.error;
    }
    this.#known.set(key, bytes);
    return bytes;
  }

  async #taken({ path }: SwitchRoute, content: Content): Promise<Buffer> {
    const wrong = new FsError('EINVAL', `${path} takes 0 or 1, and nothing else`);
    if (content.size > longest) throw wrong;
    const pieces: Uint8Array[] = [];
    for await (const piece of content.open(0)) pieces.push(Uint8Array.from(piece));
    const bytes = Buffer.concat(pieces);
    if (bytes.length !== content.size) throw new FsError('EIO', `${bytes.length} bytes came of ${content.size}`);
    const refused = refuseState(path, 0, bytes);
    if (refused !== undefined) throw refused;
    return bytes;
  }
}
