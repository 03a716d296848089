/**
 * One line of the record sent to a fresh emulator: set up, sent, looked at. What most lines need is here; those with
 * a choreography of their own are in `choreographies.ts`.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { startEmulator, type SftpgoOptions } from '../../../src/emulators/start.js';
import type { RunningSftpgo } from '../../../src/emulators/sftpgo/server.js';
import { put } from './disk.js';
import { folderOf, pattern, type Given, type Line } from './record.js';
import { Wire, type WireAnswer, type WireRequest } from './wire.js';

export interface Replayed {
  readonly answer: WireAnswer;
  /** What was looked at meanwhile; compared with the record's `observed`. */
  readonly observed?: Readonly<Record<string, unknown>>;
}

const entries = z.array(z.object({ name: z.string(), size: z.number().optional() }));

/** A line on its stage. */
export class Stage {
  readonly line: Line;
  readonly emulator: RunningSftpgo;
  readonly home: string;
  /** The exchange's folder on disk. */
  readonly folder: string;
  #wires: Wire[] = [];
  #sockets: Server[] = [];
  #tokens = new Map<string, string>();

  private constructor(line: Line, emulator: RunningSftpgo, home: string) {
    this.line = line;
    this.emulator = emulator;
    this.home = home;
    this.folder = join(home, folderOf(line));
  }

  static async open(line: Line, options: SftpgoOptions): Promise<Stage> {
    const home = await mkdtemp(join(tmpdir(), 'replay-'));
    await mkdir(join(home, folderOf(line)));
    const emulator = await startEmulator('sftpgo', { ...options, root: home, uploadMode: line.upload_mode ?? 0 });
    return new Stage(line, emulator, home);
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) wire.close();
    for (const socket of this.#sockets) socket.close();
    await this.emulator.close();
    await rm(this.home, { recursive: true, force: true });
  }

  get url(): string {
    return this.emulator.announcement.url;
  }

  get user(): string {
    return this.line.request.user ?? 'u';
  }

  async wire(localAddress?: string): Promise<Wire> {
    const wire = await Wire.open(this.url, localAddress);
    this.#wires.push(wire);
    return wire;
  }

  /** One request on a connection of its own. */
  async ask(request: WireRequest, body?: Buffer | string, localAddress?: string): Promise<WireAnswer> {
    const wire = await this.wire(localAddress);
    const length = body === undefined || 'content-length' in request.headers ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    wire.sendHead({ ...request, headers: { ...request.headers, ...length } });
    if (body !== undefined) wire.send(body);
    const answer = await wire.answer(request.method);
    wire.close();
    return answer;
  }

  /** A request beside the recorded one, with a user's token. `path` is below `/api/v2/user`. */
  async aside(method: string, path: string, body?: Buffer | string, user = this.user, headers: Record<string, string> = {}): Promise<WireAnswer> {
    const authorization = `Bearer ${await this.token(user)}`;
    return this.ask({ method, path: `/api/v2/user${path}`, headers: { authorization, ...headers } }, body);
  }

  /** The entries that a listing of the exchange's folder shows. */
  async listed(): Promise<z.infer<typeof entries>> {
    const { body } = await this.aside('GET', `/dirs?path=/${folderOf(this.line)}`);
    return entries.parse(JSON.parse(body.toString('utf8')));
  }

  async token(user = this.user): Promise<string> {
    const known = this.#tokens.get(user);
    if (known !== undefined) return known;
    const { body } = await this.ask({ method: 'GET', path: '/api/v2/user/token', headers: { authorization: basic(user) } });
    const { access_token: token } = z.object({ access_token: z.string() }).parse(JSON.parse(body.toString('utf8')));
    this.#tokens.set(user, token);
    return token;
  }

  /** The recorded request's head, its placeholders filled in. */
  async request(values: Readonly<Record<string, string>> = {}): Promise<WireRequest> {
    const { method, path, headers } = this.line.request;
    const filled: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) {
      filled[name] = value === 'Bearer <token>' && values['<token>'] === undefined ? `Bearer ${await this.token()}` : fill(value, values);
    }
    return { method, path, headers: filled };
  }

  /** Sends the recorded request as it stands. */
  async send(values: Readonly<Record<string, string>> = {}, localAddress?: string): Promise<WireAnswer> {
    return this.ask(await this.request(values), bodyOf(this.line), localAddress);
  }

  /** Sends the recorded head and the first bytes of its body; returns the connection, and what follows. */
  async begin(first: Buffer | string): Promise<Wire> {
    const wire = await this.wire();
    wire.sendHead(await this.request());
    wire.send(first);
    return wire;
  }

  async setUp(given: readonly Given[], requests: Readonly<Record<string, SetUpRequest>>): Promise<void> {
    for (const one of given) {
      if (one.op === 'note') continue;
      if (one.op === 'request') {
        const { body = pattern(one.body_bytes), headers = {} } = requests[this.line.id] ?? {};
        if (Buffer.byteLength(body) !== one.body_bytes) throw new Error(`${this.line.id}: the body must have ${one.body_bytes} bytes`);
        const { status } = await this.aside(one.method, one.path.replace('/api/v2/user', ''), body, one.user, headers);
        if (status !== one.status) throw new Error(`${this.line.id}: ${one.path} answered ${String(status)}`);
      } else {
        const socket = await put(this.home, one);
        if (socket !== undefined) this.#sockets.push(socket);
      }
    }
  }
}

/** What the record does not say of a request that was made before: its body or headers. */
export interface SetUpRequest {
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

export function basic(user: string): string {
  return `Basic ${Buffer.from(`${user}:p`).toString('base64')}`;
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/<[a-z ]+>/gu, (name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing to fill in for ${name}`);
    return value;
  });
}

/** The recorded body, where it is one and not a description. */
function bodyOf({ request: { body } }: Line): Buffer | string | undefined {
  return typeof body === 'object' ? pattern(body.bytes) : body;
}
