/**
 * One line of the record sent to a fresh emulator: set up, sent, looked at. What most lines need is here; those with
 * a choreography of their own are in `choreographies.ts`.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator, type SftpgoOptions } from '../../../src/emulators/start.js';
import type { RunningSftpgo } from '../../../src/emulators/sftpgo/server.js';
import { Client, listed } from './client.js';
import { put } from './disk.js';
import { folderOf, pattern, type Given, type Line } from './record.js';
import type { Wire, WireAnswer, WireRequest } from '../wire.js';

export interface Replayed {
  readonly answer: WireAnswer;
  /** What was looked at meanwhile; compared with the record's `observed`. */
  readonly observed?: Readonly<Record<string, unknown>>;
}

/** A line on its stage. */
export class Stage {
  readonly line: Line;
  readonly emulator: RunningSftpgo;
  readonly home: string;
  /** The exchange's folder on disk. */
  readonly folder: string;
  readonly client: Client;
  #sockets: Server[] = [];

  private constructor(line: Line, emulator: RunningSftpgo, home: string) {
    this.line = line;
    this.emulator = emulator;
    this.home = home;
    this.folder = join(home, folderOf(line));
    this.client = new Client(emulator.announcement.url);
  }

  static async open(line: Line, options: SftpgoOptions): Promise<Stage> {
    const home = await mkdtemp(join(tmpdir(), 'replay-'));
    await mkdir(join(home, folderOf(line)));
    const emulator = await startEmulator('sftpgo', { ...options, root: home, uploadMode: line.upload_mode ?? 0 });
    return new Stage(line, emulator, home);
  }

  async close(): Promise<void> {
    this.client.close();
    for (const socket of this.#sockets) socket.close();
    await this.emulator.close();
    await rm(this.home, { recursive: true, force: true });
  }

  get user(): string {
    return this.line.request.user ?? 'u';
  }

  /** A request beside the recorded one. `path` is below `/api/v2/user`. */
  async aside(method: string, path: string, body?: Buffer | string, user = this.user, headers: Record<string, string> = {}): Promise<WireAnswer> {
    return this.client.ask(method, path, { headers, user, ...(body === undefined ? {} : { body }) });
  }

  /** The entries that a listing of the exchange's folder shows. */
  async listed(): Promise<{ name: string; size?: number | undefined }[]> {
    return listed(await this.aside('GET', `/dirs?path=/${folderOf(this.line)}`));
  }

  /** The recorded request's head, its placeholders filled in. */
  async request(values: Readonly<Record<string, string>> = {}): Promise<WireRequest> {
    const { method, path, headers } = this.line.request;
    const filled: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) {
      filled[name] = value === 'Bearer <token>' && values['<token>'] === undefined ? `Bearer ${await this.client.token(this.user)}` : fill(value, values);
    }
    return { method, path, headers: filled };
  }

  /** Sends the recorded request as it stands. */
  async send(values: Readonly<Record<string, string>> = {}, localAddress?: string): Promise<WireAnswer> {
    return this.client.raw(await this.request(values), bodyOf(this.line), localAddress);
  }

  /** Sends the recorded head and the first bytes of its body; returns the connection, and what follows. */
  async begin(first: Buffer | string): Promise<Wire> {
    const wire = await this.client.wire();
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
