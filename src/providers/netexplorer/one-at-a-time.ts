/** Work that must not meet its like: for one key one runs at a time, in the order in which they came. */
import { orAborted } from '../../http/waiting.js';

export class OneAtATime {
  private readonly last = new Map<string, Promise<void>>();

  /** Runs `work` when what came before it for this key has ended. EINTR where `signal` is aborted while it waits. */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    let done: () => void = () => undefined;
    const own = new Promise<void>((resolve) => { done = resolve; });
    const tail = before.then(() => own);
    this.last.set(key, tail);
    void tail.then(() => {
      if (this.last.get(key) === tail) this.last.delete(key);
    });
    try {
      await orAborted(before, signal);
      return await work();
    } finally {
      done();
    }
  }
}
