/**
 * Where log lines go. A disk that is full or a terminal that is gone costs lines, never the drive: a
 * stream of pino's own throws there, and once it is told to pass over that, it keeps the process from
 * ending while there is no room for what it still holds. A file that has grown to its limit is begun
 * anew, in its place: several mounts append to one log, and the standard error of each lies in it, too.
 */
import { copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LogTarget {
  /** Takes a line with its newline. Never throws. */
  write(line: string): void;
}

/**
 * Opens `file` for appending, for its owner alone, and makes the folders above it; without it, standard
 * error. At `limit` bytes what a regular file holds becomes `file.1`, in place of what was there before,
 * and the file begins anew; 0: it grows.
 */
export function openLogTarget(file: string | undefined, limit: number): LogTarget {
  return file === undefined ? new LineWriter(2) : new LineWriter(openFile(file), limit === 0 ? undefined : { file, limit });
}

function openFile(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', 0o600);
}

/** A file that is not to grow beyond so many bytes, by more than a sixteenth for each process that writes to it. */
interface Bounds {
  readonly file: string;
  readonly limit: number;
}

class LineWriter implements LogTarget {
  readonly #descriptor: number;
  readonly #bounds: Bounds | undefined;
  /** Lines that could not be written since the last one that could. */
  #lost = 0;
  /** The last line was cut: the next begins on one of its own. */
  #cut = false;
  /** Bytes to write before the file's size is looked at again. */
  #unlooked = 0;

  constructor(descriptor: number, bounds?: Bounds) {
    this.#descriptor = descriptor;
    this.#bounds = bounds;
  }

  write(line: string): void {
    const gap = this.#lost === 0 ? '' : `${JSON.stringify({ level: 40, time: new Date().toISOString(), lines: this.#lost, msg: 'lines of this log are lost: they could not be written' })}\n`;
    if (this.#put(`${this.#cut ? '\n' : ''}${gap}${line}`)) this.#lost = 0;
    else this.#lost += 1;
  }

  #put(text: string): boolean {
    const bytes = Buffer.from(text);
    if (this.#bounds !== undefined) this.#makeRoom(bytes.length, this.#bounds);
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#descriptor, bytes, done);
      this.#cut = false;
    } catch {
      this.#cut ||= done > 0;
    }
    return done === bytes.length;
  }

  #makeRoom(bytes: number, bounds: Bounds): void {
    this.#unlooked -= bytes;
    if (this.#unlooked >= 0) return;
    this.#unlooked = bounds.limit / 16;
    try {
      if (fstatSync(this.#descriptor).size + bytes > bounds.limit) this.#beginAnew(bounds);
    } catch {
      // No room for the copy, or somebody is at the files: the log grows until the next look.
    }
  }

  /**
   * Copied and cut to nothing, not renamed: who else has it open for appending goes on in the same
   * file. Lines that another process writes between the two steps are lost.
   */
  #beginAnew({ file, limit }: Bounds): void {
    const own = fstatSync(this.#descriptor);
    const there = statSync(file);
    // A device, or a file that somebody has moved away: that is not ours to cut.
    if (!own.isFile() || own.ino !== there.ino || own.dev !== there.dev) return;
    const aside = `${file}.1.${process.pid}`;
    try {
      copyFileSync(file, aside);
      // Another mount may have been faster: what is left is new, and its copy the one to keep.
      if (fstatSync(this.#descriptor).size < limit / 2) return;
      renameSync(aside, `${file}.1`);
      ftruncateSync(this.#descriptor, 0);
    } finally {
      rmSync(aside, { force: true });
    }
  }
}
