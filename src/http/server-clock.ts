/**
 * The server's clock, from its `Date` headers. Ages of files are judged by it: this machine's clock
 * may be wrong by hours, and the files' times are the server's.
 */
export class ServerClock {
  private offset: number | undefined;

  /** `elapsed`: milliseconds that have passed, sleep included. */
  constructor(private readonly elapsed: () => number) {}

  /**
   * Takes an answer's `Date` header; undefined or unreadable ones are passed over. Returns what the
   * header says in milliseconds since the epoch, else the best guess. `Date` is rounded down to the
   * second, so the time is never later than it was.
   */
  observe(date: string | undefined): number {
    const time = parseHttpDate(date);
    if (time === undefined) return this.now();
    this.offset = time - this.elapsed();
    return time;
  }

  /** Milliseconds by which the server's clock is ahead of this machine's, or behind it (negative); undefined until the server has spoken. */
  ahead(): number | undefined {
    return this.offset === undefined ? undefined : this.now() - Date.now();
  }

  /** Milliseconds since the epoch by the server's clock; by this machine's until the server has spoken. */
  now(): number {
    return this.offset === undefined ? Date.now() : Math.floor(this.elapsed() + this.offset);
  }
}

/** Reads an HTTP date in milliseconds since the epoch; undefined where there is none or it is not one. */
export function parseHttpDate(text: string | undefined): number | undefined {
  // `Date.parse` takes much else, local times among it: an HTTP date ends in GMT.
  if (text?.endsWith(' GMT') !== true) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** Writes a time in milliseconds as an HTTP date, rounded down to the second. */
export function formatHttpDate(time: number): string {
  return new Date(Math.floor(time / 1000) * 1000).toUTCString();
}
