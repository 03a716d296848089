/** Work that goes one after the other where it is about the same thing. */
import { orAborted } from '../../http/waiting.js';

export class Locks {
  private readonly last = new Map<string, Promise<void>>();

  /** Runs `work` when nobody else's for this key is under way. EINTR where the wait is ended by the signal. */
  async during<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    let release = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    const mine = before.then(() => done);
    this.last.set(key, mine);
    try {
      await orAborted(before, signal);
      return await work();
    } finally {
      release();
      if (this.last.get(key) === mine) this.last.delete(key);
    }
  }
}
