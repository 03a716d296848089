/**
 * Notices to the kernel. Taking one up, the kernel may wait for a lock whose holder waits for an answer
 * of ours, so a notice is never sent from inside a request: they stand in a queue, one is on its way at
 * a time, and it waits on a thread of the pool. One kind needs no lock, and goes past the queue.
 */
import type { KernelNotices, NodeId } from '../filesystem/filesystem.js';
import type { Log } from '../observe/log.js';
import type { SendResult } from './connection.js';
import { encodeExpireEntry, encodeForgetAttributes, encodeInvalidateEntry, encodeInvalidateNode } from './protocol/notify.js';

/** Sends one notice; may take long. */
export type NoticeSender = (message: readonly Uint8Array[]) => Promise<SendResult>;

export class Notifier implements KernelNotices {
  readonly #log: Log;
  /** By what they say, in the order of their first wish: a notice that still waits is not queued twice. */
  readonly #queue = new Map<string, () => Uint8Array[]>();
  /** Who waits for a notice of the queue to be delivered. */
  readonly #waiters = new Map<string, (() => void)[]>();
  #send: NoticeSender | undefined;
  #underWay = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Begins to send, what was queued before included. Until then the kernel would refuse it. */
  start(send: NoticeSender): void {
    this.#send = send;
    this.#pump();
  }

  /** Sends nothing more. */
  stop(): void {
    this.#send = undefined;
    this.#queue.clear();
    // Nobody is left to be told.
    for (const told of [...this.#waiters.values()].flat()) told();
    this.#waiters.clear();
  }

  /** Not in the queue, where it would wait for a notice that waits for a request which waits for it. */
  async forgetAttributes(node: NodeId): Promise<void> {
    if (this.#send !== undefined) await this.#deliver(this.#send, encodeForgetAttributes(node));
  }

  invalidateNode(node: NodeId): void {
    this.#push(`${node}`, () => encodeInvalidateNode(node));
  }

  invalidateEntry(parent: NodeId, name: string): void {
    this.#push(`${parent}/${name}`, () => encodeInvalidateEntry(parent, name));
  }

  /** Who wishes the same while it waits is told with the others. */
  expireEntry(parent: NodeId, name: string): Promise<void> {
    if (this.#send === undefined) return Promise.resolve();
    const key = `expire ${parent}/${name}`;
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(key) ?? [];
      this.#waiters.set(key, [...waiters, resolve]);
      this.#push(key, () => encodeExpireEntry(parent, name));
    });
  }

  #push(key: string, encode: () => Uint8Array[]): void {
    this.#queue.set(key, encode);
    this.#pump();
  }

  #pump(): void {
    const [next] = this.#queue;
    if (next === undefined || this.#underWay || this.#send === undefined) return;
    const [key, encode] = next;
    // Out of the queue before it goes: what is wished from now on may be about a newer state.
    this.#queue.delete(key);
    const waiters = this.#waiters.get(key) ?? [];
    this.#waiters.delete(key);
    this.#underWay = true;
    void this.#deliver(this.#send, encode()).then(() => {
      this.#underWay = false;
      for (const told of waiters) told();
      this.#pump();
    });
  }

  /** That the kernel knows nothing of the node or name (`absent`) is as good as having told it. */
  async #deliver(send: NoticeSender, message: Uint8Array[]): Promise<void> {
    const result = await send(message);
    if (result === 'invalid') this.#log.warn('the kernel refused a notice');
    if (result === 'gone') this.stop();
  }
}
