/**
 * Finds a transfer that stands still. Time counts only while somebody owes bytes: a watchdog on the
 * total would kill a slow but healthy upload, and one that ran while the reader is busy would blame
 * the server for the reader.
 */
export class ProgressWatchdog {
  private timer: NodeJS.Timeout | undefined;
  private limit = 0;
  private since = 0;
  private armed = false;

  /** `onStall` is called once a limit has passed without progress; the watchdog is disarmed then. */
  constructor(private readonly onStall: (limit: number) => void) {}

  /** From now on something must happen within `limit` milliseconds. */
  arm(limit: number): void {
    this.armed = true;
    this.since = performance.now();
    if (limit !== this.limit) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.limit = limit;
    }
    this.timer ??= setTimeout(this.check, limit);
  }

  /** Bytes moved. Cheap: called for every piece. */
  progress(): void {
    this.since = performance.now();
  }

  /** Nobody owes anything for now. */
  disarm(): void {
    this.armed = false;
  }

  /** The end of the watch. */
  stop(): void {
    this.armed = false;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** One timer looks at the clock now and then, instead of being set anew for each piece. */
  private readonly check = (): void => {
    this.timer = undefined;
    if (!this.armed) return;
    const left = this.since + this.limit - performance.now();
    if (left > 0) {
      this.timer = setTimeout(this.check, Math.ceil(left));
      return;
    }
    // A busy process runs its timers late and before it looks at its sockets: bytes may lie there.
    const since = this.since;
    setImmediate(() => {
      if (!this.armed || this.timer !== undefined) return;
      if (this.since !== since) {
        this.check();
        return;
      }
      this.armed = false;
      this.onStall(this.limit);
    });
  };
}
