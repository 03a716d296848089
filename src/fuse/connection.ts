/**
 * The device, read and written. Reads wait on the thread pool, one thread each, since the device
 * cannot be polled without native code; a reply is one writev. What ends a connection is told here once.
 */
import { close, read, writev, writevSync, writeSync } from 'node:fs';
import type { Log } from '../observe/log.js';
import { BufferPool } from './buffers.js';
import { gather } from './protocol/gather.js';
import { maxRequest } from './protocol/init.js';
import { errorCode } from './system-error.js';

/** The kernel refuses a read into less than the largest WRITE with its headers; a page besides is enough. */
const bufferSize = maxRequest + 4096;

/** Reads that wait at once: while one request is taken up, the next can already be copied. */
export const readsAtOnce = 2;

/**
 * A reply from this size on is written by the thread pool, where its copying does not hold up the
 * requests behind it; below, the way to a thread and back costs more than the copy.
 */
const largeReply = 256 * 1024;

/** Why a connection ended. `aborted`: by its switch (`mount/abort.ts`) or `umount -f`, though it was mounted. */
export type EndReason = 'unmounted' | 'aborted' | 'failed';

/** What became of a message: `absent` where nobody waits for it any more, `gone` after the end. */
export type SendResult = 'sent' | 'absent' | 'gone' | 'invalid';

/** Takes a request. `done` gives its buffer back; views on it must not be used afterwards. */
export type RequestHandler = (request: Buffer, done: () => void) => void;

export class DeviceConnection {
  /** Resolves when the last read has returned and the device is closed. */
  readonly ended: Promise<EndReason>;
  readonly #fd: number;
  readonly #log: Log;
  readonly #pool = new BufferPool(bufferSize);
  #handler: RequestHandler = (_request, done) => done();
  #abort: () => void = () => undefined;
  #reads = 0;
  #writes = 0;
  #end: EndReason | undefined;
  #closed = false;
  #resolveEnded: (reason: EndReason) => void = () => undefined;

  /** Owns `fd`, an open /dev/fuse with a mount on it, from here on. */
  constructor(fd: number, log: Log) {
    this.#fd = fd;
    this.#log = log;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  /**
   * Begins to read. Called once. `abort` is called where one read fails in a way that nothing explains:
   * the others would wait on, and nobody would be served by them.
   */
  start(handler: RequestHandler, abort: () => void): void {
    this.#handler = handler;
    this.#abort = abort;
    for (let slot = 0; slot < readsAtOnce; slot += 1) {
      this.#reads += 1;
      this.#readNext();
    }
  }

  /** Sends a reply. At once where it is small, so that most requests need no second turn of the loop. */
  send(message: readonly Uint8Array[]): SendResult | Promise<SendResult> {
    if (this.#closed) return 'gone';
    const pieces = gather(message);
    const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    if (size >= largeReply) return this.sendFromPool(pieces);
    try {
      const [first] = pieces;
      if (pieces.length === 1 && first !== undefined) writeSync(this.#fd, first);
      else writevSync(this.#fd, pieces);
      return 'sent';
    } catch (thrown) {
      return this.#sendFailure(thrown);
    }
  }

  /** Sends a message from the thread pool: for notifications, which may wait on locks in the kernel. */
  sendFromPool(message: readonly Uint8Array[]): Promise<SendResult> {
    if (this.#closed) return Promise.resolve('gone');
    this.#writes += 1;
    return new Promise((resolve) => {
      writev(this.#fd, message, (error) => {
        this.#writes -= 1;
        resolve(error === null ? 'sent' : this.#sendFailure(error));
        this.#closeWhenIdle();
      });
    });
  }

  #readNext(): void {
    const buffer = this.#pool.take();
    read(this.#fd, buffer, 0, buffer.length, null, (error, size) => {
      if (error === null) {
        this.#handler(buffer.subarray(0, size), () => this.#pool.give(buffer));
        // Behind the replies of this turn: a thread woken before them would take the processor from them.
        setImmediate(() => this.#readNext());
        return;
      }
      this.#pool.give(buffer);
      const reason = this.#readFailure(error);
      if (reason === undefined) {
        this.#readNext();
        return;
      }
      this.#end ??= reason;
      this.#reads -= 1;
      if (reason === 'failed' && this.#reads > 0) this.#abort();
      this.#closeWhenIdle();
    });
  }

  /** Undefined where the read is to be tried again. */
  #readFailure(error: NodeJS.ErrnoException): EndReason | undefined {
    switch (error.code) {
      case 'ENODEV': return 'unmounted';
      case 'ECONNABORTED': return 'aborted';
      // The request was interrupted before it was read (ENOENT), or the read itself was.
      case 'ENOENT':
      case 'EINTR':
      case 'EAGAIN': return undefined;
      default:
        this.#log.error({ code: error.code }, `the device cannot be read: ${error.message}`);
        return 'failed';
    }
  }

  #sendFailure(thrown: unknown): SendResult {
    const code = errorCode(thrown);
    if (code === 'ENOENT') return 'absent';
    if (code === 'ENODEV' || code === 'ECONNABORTED' || code === 'EPERM') return 'gone';
    return 'invalid';
  }

  #closeWhenIdle(): void {
    if (this.#reads > 0 || this.#writes > 0 || this.#closed || this.#end === undefined) return;
    const reason = this.#end;
    this.#closed = true;
    close(this.#fd, () => this.#resolveEnded(reason));
  }
}
