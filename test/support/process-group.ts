/**
 * A program that a test started in a process group of its own, with all that it started in turn. The group's
 * number is the leader's, and another program's as soon as the group is empty: where tests start hundreds of
 * programs a minute the numbers come round within minutes, and a late SIGKILL would meet a stranger.
 */
import type { ChildProcess } from 'node:child_process';

export class ProcessGroup {
  readonly #pid: number | undefined;
  #empty: boolean;

  /** `child` was just started, `detached`. */
  constructor(child: ChildProcess) {
    this.#pid = child.pid;
    this.#empty = child.pid === undefined;
    // The last moment in which the number is still this group's or nobody's.
    child.once('exit', () => void this.lives());
  }

  /** True while a process of the group is there. Once empty, it stays so. */
  lives(): boolean {
    this.#signal(0);
    return !this.#empty;
  }

  /** Kills what is left of it. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals | 0): void {
    if (this.#empty || this.#pid === undefined) return;
    try {
      process.kill(-this.#pid, signal);
    } catch {
      this.#empty = true;
    }
  }
}
