/**
 * HTTP as bytes on a socket: the replay must send paths and heads exactly as recorded, stop half-way, and see how a
 * connection ends, which no HTTP client lets it do.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface WireHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface WireAnswer {
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** `aborted`: the connection ended inside the body; `no response`: before the head. */
  readonly end: 'complete' | 'aborted' | 'no response';
  /** Statuses below 200 that came first. */
  readonly interim: readonly number[];
}

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Wire {
  readonly #socket: Socket;
  readonly #host: string;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Statuses below 200 seen so far. */
  readonly interim: number[] = [];

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    const end = (): void => {
      this.#ended = true;
      socket.emit('readable');
    };
    socket.once('end', end).once('close', end).on('error', end);
  }

  /** A connection to the server at `url`, from another address of this machine where one is given. */
  static async open(url: string, localAddress?: string): Promise<Wire> {
    const { hostname, port, host } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true, ...(localAddress === undefined ? {} : { localAddress }) });
    await once(socket, 'connect');
    return new Wire(socket, host);
  }

  /** Sends a head, exactly these headers and Host. */
  sendHead({ method, path, headers }: WireRequest): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${lines.join('')}\r\n`);
  }

  send(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  /** Sends zeros until all are sent or the connection breaks; tells how many were taken by the kernel or broke off. */
  async sendZeros(size: number): Promise<{ sent: number; brokeOff: boolean }> {
    const piece = Buffer.alloc(64 * 1024);
    let sent = 0;
    while (sent < size) {
      const error = await new Promise<Error | null | undefined>((resolve) => {
        this.#socket.write(piece, resolve);
      });
      if (error) return { sent, brokeOff: true };
      sent += piece.length;
    }
    return { sent, brokeOff: false };
  }

  /** Closes this side only. */
  endSending(): void {
    this.#socket.end();
  }

  /** The next head that is not an interim one; undefined where the connection ends before it. */
  async head(): Promise<WireHead | undefined> {
    for (;;) {
      const head = await this.#oneHead();
      if (head === undefined || head.status >= 200) return head;
      this.interim.push(head.status);
    }
  }

  /** The next head, an interim one among them. */
  async #oneHead(): Promise<WireHead | undefined> {
    let end = this.#buffer.indexOf('\r\n\r\n');
    while (end < 0) {
      if (!(await this.#more())) return undefined;
      end = this.#buffer.indexOf('\r\n\r\n');
    }
    const [first = '', ...lines] = this.#buffer.subarray(0, end).toString('utf8').split('\r\n');
    this.#buffer = this.#buffer.subarray(end + 4);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(first.split(' ')[1]), headers };
  }

  /** Resolves when an interim status has come. */
  async untilInterim(): Promise<void> {
    const head = await this.#oneHead();
    if (head === undefined || head.status >= 200) throw new Error('no interim status');
    this.interim.push(head.status);
  }

  /** Exactly so many bytes of what comes, or fewer where the connection ends. */
  async bytes(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let left = count;
    while (left > 0) {
      if (this.#buffer.length === 0 && !(await this.#more())) break;
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** The body that belongs to a head. */
  async body(method: string, { status, headers }: WireHead): Promise<{ body: Buffer; isWhole: boolean }> {
    if (method === 'HEAD' || status === 304 || status === 204) return { body: Buffer.alloc(0), isWhole: true };
    if (headers['transfer-encoding'] === 'chunked') return this.#chunks();
    const length = Number(headers['content-length']);
    const body = await this.bytes(length);
    return { body, isWhole: body.length === length };
  }

  /** The whole next answer. */
  async answer(method: string): Promise<WireAnswer> {
    const head = await this.head();
    const { interim } = this;
    if (head === undefined) return { status: null, headers: {}, body: Buffer.alloc(0), end: 'no response', interim };
    const { body, isWhole } = await this.body(method, head);
    return { ...head, body, end: isWhole ? 'complete' : 'aborted', interim };
  }

  async #chunks(): Promise<{ body: Buffer; isWhole: boolean }> {
    const pieces: Buffer[] = [];
    for (;;) {
      const line = await this.#line();
      const size = parseInt(line ?? '', 16);
      if (Number.isNaN(size)) return { body: Buffer.concat(pieces), isWhole: false };
      const piece = await this.bytes(size);
      pieces.push(piece);
      if (piece.length < size || (await this.bytes(2)).length < 2) return { body: Buffer.concat(pieces), isWhole: false };
      if (size === 0) return { body: Buffer.concat(pieces), isWhole: true };
    }
  }

  async #line(): Promise<string | undefined> {
    let end = this.#buffer.indexOf('\r\n');
    while (end < 0) {
      if (!(await this.#more())) return undefined;
      end = this.#buffer.indexOf('\r\n');
    }
    const line = this.#buffer.subarray(0, end).toString('latin1');
    this.#buffer = this.#buffer.subarray(end + 2);
    return line;
  }

  /** Waits for bytes; false at the end of the connection. */
  async #more(): Promise<boolean> {
    for (;;) {
      const piece: unknown = this.#socket.read();
      if (Buffer.isBuffer(piece)) {
        this.#buffer = this.#buffer.length === 0 ? piece : Buffer.concat([this.#buffer, piece]);
        return true;
      }
      if (this.#ended) return false;
      await once(this.#socket, 'readable');
    }
  }

  /** Resolves when the server has closed its side. */
  async untilClosed(): Promise<void> {
    while (await this.#more()) this.#buffer = Buffer.alloc(0);
  }

  close(): void {
    this.#socket.destroy();
  }
}
