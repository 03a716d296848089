/**
 * Where log lines go. A disk that is full or a terminal that is gone costs lines, never the drive: a
 * stream of pino's own throws there, and once it is told to pass over that, it keeps the process from
 * ending while there is no room for what it still holds.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LogTarget {
  /** Takes a line with its newline. Never throws. */
  write(line: string): void;
}

/** Opens `file` for appending, for its owner alone, and makes the folders above it; without it, standard error. */
export function openLogTarget(file: string | undefined): LogTarget {
  return new LineWriter(file === undefined ? 2 : openFile(file));
}

function openFile(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', 0o600);
}

class LineWriter implements LogTarget {
  readonly #descriptor: number;
  /** Lines that could not be written since the last one that could. */
  #lost = 0;
  /** The last line was cut: the next begins on one of its own. */
  #cut = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(line: string): void {
    const gap = this.#lost === 0 ? '' : `${JSON.stringify({ level: 40, time: new Date().toISOString(), lines: this.#lost, msg: 'lines of this log are lost: they could not be written' })}\n`;
    if (this.#put(`${this.#cut ? '\n' : ''}${gap}${line}`)) this.#lost = 0;
    else this.#lost += 1;
  }

  #put(text: string): boolean {
    const bytes = Buffer.from(text);
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#descriptor, bytes, done);
      this.#cut = false;
    } catch {
      this.#cut ||= done > 0;
    }
    return done === bytes.length;
  }
}
