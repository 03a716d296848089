/**
 * The body of a request as the emulators read it. Node's stream hides what matters here: how many bytes were left
 * unread when the answer was ready, and whether the client closed its side half-way (which a server may still answer).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyCut } from './broken.js';
import type { Passage } from './flow.js';

/** So much is taken from the socket ahead of the handler; more waits in the kernel and slows the sender. */
const queueLimit = 1 << 20;

/** Where bytes to be written come from: a request's body, or a part of it that was put aside. */
export interface ByteSource {
  /** The next pieces, or undefined at the end. Throws BodyCut where the body ended early. */
  take(): Promise<Buffer[] | undefined>;
  /** So many of the bytes taken were not wanted: they count as unread. */
  giveBack(bytes: number): void;
}

export class RequestBody implements ByteSource {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #passage: Passage;
  readonly #expectsContinue: boolean;
  #queue: Buffer[] = [];
  #queued = 0;
  #started = false;
  #complete = false;
  /** No more will come; what the request still holds may be read unless the connection is gone, too. */
  #cut = false;
  #gone = false;
  #wake: (() => void) | undefined;
  #taken = 0;
  #givenBack = 0;

  constructor(request: IncomingMessage, response: ServerResponse, passage: Passage) {
    this.#request = request;
    this.#response = response;
    this.#passage = passage;
    this.#expectsContinue = request.headers.expect?.toLowerCase() === '100-continue';
    request.on('error', () => {
      this.#loseConnection();
    });
    request.on('close', () => {
      if (!request.complete) this.#loseConnection();
    });
  }

  /** Bytes that the handler has taken and kept. */
  get taken(): number {
    return this.#taken;
  }

  /** The client waits for `100 Continue`, and nobody has asked for the body yet. */
  get awaitsContinue(): boolean {
    return this.#expectsContinue && !this.#started;
  }

  get wasCut(): boolean {
    return this.#cut;
  }

  /**
   * Bytes announced and not taken, or given back; Infinity where no length was announced and the end has not come.
   * The same whether the rest is under way or here already: how fast a client sends is not to show in the answer.
   */
  get unread(): number {
    if (this.#complete) return this.#queued + this.#givenBack;
    const announced = this.#request.headers['content-length'];
    if (announced !== undefined) return Math.max(0, Number(announced) - this.#taken);
    return this.#request.headers['transfer-encoding'] === undefined ? 0 : Infinity;
  }

  /** The client closed its side, or went away: no more bytes will come. False: all had come before. */
  cut(): boolean {
    if (this.#request.complete) return false;
    this.#cut = true;
    this.#wake?.();
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#givenBack += bytes;
  }

  async take(): Promise<Buffer[] | undefined> {
    this.#start();
    while (this.#queue.length === 0) {
      if (this.#complete) return (await this.#passage.finish()) ? this.#breakOff() : undefined;
      if (this.#gone || (this.#cut && this.#request.readableLength === 0)) throw new BodyCut();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return this.#passage.free ? this.#takeAll() : this.#takeSome();
  }

  /** Everything, as one buffer; for small bodies only. */
  async whole(limit: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let size = 0;
    for (let next = await this.take(); next !== undefined; next = await this.take()) {
      for (const piece of next) size += piece.length;
      if (size > limit) break;
      pieces.push(...next);
    }
    return Buffer.concat(pieces);
  }

  /** Reads and drops what is left, up to a limit; what was given back counts. True: all of it came. */
  async drain(limit: number): Promise<boolean> {
    let dropped = this.#givenBack;
    while (dropped <= limit) {
      const pieces = await this.take();
      if (pieces === undefined) return true;
      for (const piece of pieces) dropped += piece.length;
    }
    return false;
  }

  /**
   * Leaves the rest where it is. Node reads and drops what nobody asked for when the answer is out; a stream that has
   * a listener for `readable`, and is not read, it cannot make flow.
   */
  leave(): void {
    if (this.#started) this.#request.pause();
    else this.#request.on('readable', () => undefined);
  }

  #takeAll(): Buffer[] {
    const pieces = this.#queue;
    this.#taken += this.#queued;
    this.#queue = [];
    this.#queued = 0;
    if (!this.#complete) this.#request.resume();
    return pieces;
  }

  async #takeSome(): Promise<Buffer[] | undefined> {
    const first = this.#queue[0];
    if (first === undefined) return [];
    const admitted = await this.#passage.admit(first.length);
    if (admitted === 0) return this.#breakOff();
    const piece = first.subarray(0, admitted);
    if (admitted === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(admitted);
    this.#queued -= admitted;
    this.#taken += admitted;
    if (!this.#complete && this.#queued < queueLimit) this.#request.resume();
    return [piece];
  }

  #breakOff(): never {
    this.#gone = true;
    this.#cut = true;
    this.#request.socket.destroy();
    throw new BodyCut();
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    if (this.#expectsContinue) this.#response.writeContinue();
    this.#request.on('data', (piece: Buffer) => {
      this.#queue.push(piece);
      this.#queued += piece.length;
      if (this.#queued >= queueLimit) this.#request.pause();
      this.#wake?.();
    });
    this.#request.on('end', () => {
      this.#complete = true;
      this.#wake?.();
    });
  }

  #loseConnection(): void {
    this.#gone = true;
    this.cut();
  }
}
