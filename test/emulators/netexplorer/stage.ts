/** An emulated NetExplorer for one test, over a folder of its own, and requests to it as its users. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { startEmulator, type NetexplorerOptions, type RunningNetexplorer } from '../../../src/emulators/start.js';

export interface Asking {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `u`. */
  readonly as?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface Stage {
  readonly emulator: RunningNetexplorer;
  readonly root: string;
  /** `GET /folder/101`: below `/api`. A body that is a form or bytes goes as it is, any other as JSON. */
  readonly ask: (request: string, asking?: Asking) => Promise<Answered>;
  /** The same, where it must work: the object answered. */
  readonly object: (request: string, body?: unknown, as?: string) => Promise<z.infer<typeof object>>;
  readonly list: (request: string) => Promise<z.infer<typeof object>[]>;
  /** The names in a folder. */
  readonly names: (folder: number) => Promise<string[]>;
}

const object = z.looseObject({ id: z.number(), name: z.string(), parent_id: z.number(), guid: z.string().optional(), hash: z.string().optional(), size: z.number().optional() });
const listing = z.object({ content: z.object({ folders: z.array(object), files: z.array(object) }) });

/** The folder `Commun` of an empty platform. */
export const commun = 101;

export async function staged(options: NetexplorerOptions = {}): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), 'amarre-test-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const emulator = await startEmulator('netexplorer', { root, ...options });
  onTestFinished(() => emulator.close());
  const tokens = new Map<string, Promise<string>>();
  const signIn = async (user: string): Promise<string> => {
    const answer = await fetch(`${emulator.announcement.url}/api/auth`, { method: 'POST', body: JSON.stringify({ user, password: 'p' }) });
    return z.object({ token: z.string() }).parse(await answer.json()).token;
  };
  const ask: Stage['ask'] = async (request, { body, headers = {}, as = 'u' } = {}) => {
    const [method = '', path = ''] = request.split(' ', 2);
    const token = tokens.get(as) ?? signIn(as);
    tokens.set(as, token);
    const isRaw = body instanceof FormData || body instanceof Uint8Array;
    const answer = await fetch(`${emulator.announcement.url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${await token}`, ...headers },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  };
  const sure = async (request: string, asking: Asking): Promise<unknown> => {
    const { status, text, json } = await ask(request, asking);
    if (status >= 300) throw new Error(`${request}: ${status} ${text}`);
    return json;
  };
  return {
    emulator,
    root,
    ask,
    object: async (request, body, as = 'u') => object.parse(await sure(request, { body, as })),
    list: async (request) => z.array(object).parse(await sure(request, {})),
    names: async (folder) => {
      const { content } = listing.parse(await sure(`GET /folder/${folder}?depth=1`, {}));
      return [...content.folders, ...content.files].map(({ name }) => name);
    },
  };
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** An upload's form; the file comes last. */
export function form(name: string, content: string | Uint8Array, fields: Readonly<Record<string, string | number>>): FormData {
  const data = new FormData();
  for (const [field, value] of Object.entries(fields)) data.set(field, String(value));
  data.set('targetFile', new Blob([content]), name);
  return data;
}
