/**
 * Between the device and the file system: takes each request up, answers it once, logs its failure
 * once, and hears the interrupts. What the operations mean stands in `operations.ts`.
 */
import { constants } from 'node:os';
import { FsError, toFsError } from '../errors.js';
import type { FileSystem } from '../filesystem/filesystem.js';
import type { Log } from '../observe/log.js';
import type { Counter } from '../observe/metrics.js';
import { RequestCaller } from './caller.js';
import type { DeviceConnection } from './connection.js';
import { logLevelOf } from './failures.js';
import { perform, type FileSystemOperation, type Outcome } from './operations.js';
import { negotiate, type Agreement, type InitWishes } from './protocol/init.js';
import { isOneWay, opcodeName } from './protocol/opcodes.js';
import { encodeError, encodeReply } from './protocol/replies.js';
import { decodeHeader, decodeOperation, type InitOperation, type Operation, type RequestHeader } from './protocol/requests.js';
import { RequestWatch, type RequestWatcher } from './watching.js';

/** Bytes of a WRITE that are rather copied than kept in a buffer of 1 MiB for as long as they are in use. */
const copiedAtMost = 32 * 1024;

/** Where replies go. */
export type Replier = Pick<DeviceConnection, 'send'>;

interface InFlight {
  readonly caller: RequestCaller;
  readonly op: Operation['op'];
}

export class Dispatcher {
  /** Resolves when INIT is answered; fails with an FsError where this kernel cannot be served. */
  readonly agreed: Promise<Agreement>;
  readonly #fs: FileSystem;
  readonly #connection: Replier;
  readonly #wishes: InitWishes;
  readonly #log: Log;
  readonly #watch: RequestWatch;
  /** By opcode. */
  readonly #requests: Counter[] = [];
  readonly #inFlight = new Map<number, InFlight>();
  #refusing = false;
  #agree: (agreement: Agreement) => void = () => undefined;
  #disagree: (error: FsError) => void = () => undefined;

  constructor(fs: FileSystem, connection: Replier, wishes: InitWishes, log: Log, watcher: RequestWatcher) {
    this.#watch = new RequestWatch(watcher, () => this.#inFlight.size);
    this.#fs = fs;
    this.#connection = connection;
    this.#wishes = wishes;
    this.#log = log;
    this.agreed = new Promise((resolve, reject) => {
      this.#agree = resolve;
      this.#disagree = reject;
    });
    // Whoever waits for it hears of a failure; that nobody does is no failure of its own.
    this.agreed.catch(() => undefined);
  }

  /** Takes a request's bytes; `done` is called when they are needed no more. Never throws. */
  receive(bytes: Buffer, done: () => void): void {
    let header: RequestHeader;
    try {
      header = decodeHeader(bytes);
    } catch (thrown) {
      done();
      this.#log.error({ size: bytes.length }, `a request that cannot be read: ${toFsError(thrown).message}`);
      return;
    }
    this.#counterOf(header.opcode).add();
    let operation: Operation;
    try {
      operation = decodeOperation(header, bytes);
    } catch (thrown) {
      done();
      this.#fail(header, undefined, toFsError(thrown));
      return;
    }
    this.#take(header, operation, done);
  }

  /**
   * Tells the file system that nobody waits for its answers any more: the connection has ended. What
   * brings a program's bytes to the platform goes on.
   */
  abandon(): void {
    for (const { caller, op } of this.#inFlight.values()) {
      if (op !== 'write' && op !== 'flush' && op !== 'fsync' && op !== 'release') caller.interrupt();
    }
  }

  /**
   * Answers all that is under way and all that still comes with ENOTCONN: whoever holds a lock of the
   * kernel while he waits for us lets it go. Does not wait.
   */
  refuseAll(): void {
    this.#refusing = true;
    for (const unique of this.#inFlight.keys()) void this.#send(encodeError(unique, constants.errno.ENOTCONN));
    this.abandon();
  }

  #take(header: RequestHeader, operation: Operation, done: () => void): void {
    switch (operation.op) {
      case 'forget':
        done();
        this.#forget(header.node, operation.lookups);
        return;
      case 'batchForget':
        done();
        for (const { node, lookups } of operation.forgets) this.#forget(node, lookups);
        return;
      case 'notifyReply':
        done();
        return;
      case 'interrupt':
        done();
        this.#interrupt(header, operation.target);
        return;
      case 'init':
        done();
        this.#init(header, operation);
        return;
      default:
        if (this.#refusing) {
          done();
          void this.#send(encodeError(header.unique, constants.errno.ENOTCONN));
          return;
        }
        this.#runWithBuffer(header, operation, done);
    }
  }

  /** Gives the buffer, which has room for the largest WRITE, back as soon as nothing looks into it. */
  #runWithBuffer(header: RequestHeader, operation: FileSystemOperation, done: () => void): void {
    if (operation.op === 'write' && operation.data.byteLength > copiedAtMost) {
      void this.#run(header, operation).finally(done);
      return;
    }
    const own = operation.op === 'write' ? { ...operation, data: Buffer.from(operation.data) } : operation;
    done();
    void this.#run(header, own);
  }

  async #run(header: RequestHeader, operation: FileSystemOperation): Promise<void> {
    const caller = new RequestCaller(header);
    this.#inFlight.set(header.unique, { caller, op: operation.op });
    try {
      const outcome = await perform(this.#fs, header.node, operation, caller);
      await this.#answer(header, outcome);
    } catch (thrown) {
      this.#fail(header, operation, toFsError(thrown));
    } finally {
      this.#inFlight.delete(header.unique);
    }
  }

  /** Sends an outcome's reply; where nobody takes it, its lookup counts and handles are given back. */
  async #answer(header: RequestHeader, outcome: Outcome): Promise<void> {
    const sending = this.#send(encodeReply(header.unique, outcome.reply));
    // Most replies are sent at once; another turn of the loop would be their largest cost.
    const result = typeof sending === 'string' ? sending : await sending;
    if (result === 'sent') return;
    await outcome.takeBack?.();
    if (result === 'invalid') throw new FsError('EIO', 'the kernel refused the reply');
  }

  #send(message: Uint8Array[]): ReturnType<DeviceConnection['send']> {
    return this.#connection.send(message);
  }

  #fail(header: RequestHeader, operation: Operation | undefined, error: FsError): void {
    if (!isOneWay(header.opcode)) void this.#send(encodeError(header.unique, constants.errno[error.errno]));
    const operationName = opcodeName(header.opcode);
    const name = operation !== undefined && 'name' in operation ? operation.name : undefined;
    const fields = {
      operation: operationName,
      node: header.node,
      ...(name === undefined ? {} : { name }),
      unique: header.unique,
      pid: header.pid,
      errno: error.errno,
      ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
    };
    this.#log[logLevelOf(error.errno)](fields, error.message);
    this.#watch.failed({ operation: operationName, at: header.node, name, errno: error.errno, message: error.message });
  }

  #counterOf(opcode: number): Counter {
    return this.#requests[opcode] ??= this.#watch.counterOf(opcodeName(opcode));
  }

  #forget(node: number, lookups: number): void {
    try {
      this.#fs.forget(node, lookups);
    } catch (thrown) {
      this.#log.error({ operation: 'FORGET', node }, toFsError(thrown).message);
    }
  }

  /**
   * EAGAIN makes the kernel send the interrupt again, for the request may come in behind it: two reads
   * wait on the device. Once the request is answered the kernel drops the matter itself.
   */
  #interrupt(header: RequestHeader, target: number): void {
    const found = this.#inFlight.get(target);
    if (found === undefined) void this.#send(encodeError(header.unique, constants.errno.EAGAIN));
    else found.caller.interrupt();
  }

  #init(header: RequestHeader, operation: InitOperation): void {
    try {
      const outcome = negotiate(header.unique, operation, this.#wishes);
      const result = this.#send(outcome.reply);
      if (outcome.kind === 'again') return;
      if (result !== 'sent') throw new FsError('EIO', 'the kernel refused the answer to INIT');
      this.#agree(outcome.agreement);
    } catch (thrown) {
      const error = toFsError(thrown);
      this.#fail(header, operation, error);
      this.#disagree(error);
    }
  }
}
