/**
 * Folders that were on the server before the mount looked: what a test puts into its own before the
 * first program enters it is what the mount sees there, with the usual times to live and no waiting.
 */
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import { useDrive, type Drive, type DriveOptions, type Place } from './drive.js';
import { shell, type ProgramOptions } from './programs.js';

/** As many as the largest file of tests needs. */
const count = 60;

/** A time that no rule about fresh versions concerns. */
export const longAgo = new Date('2020-01-01T00:00:00Z');

export interface PreparedPlace extends Place {
  /** The mount's path of a name in it. */
  at(name: string): string;
  /**
   * Runs a shell script, which must succeed, in the folder on the mount. The shell itself goes there:
   * a working folder given to a new process is entered before this one goes on, which has the server in it.
   */
  shell(script: string, options?: ProgramOptions): Promise<string>;
  /** What the server has under a name. */
  onServer(name: string): Promise<string>;
  /** Writes a file on the server's disk, behind the mount's back. */
  put(name: string, content: string | Uint8Array, modified?: Date): Promise<void>;
}

export interface PreparedDrive extends Drive {
  /** A fresh folder with these files in it. Counters are at nothing when it resolves. */
  prepared(files?: Readonly<Record<string, string | Uint8Array>>): Promise<PreparedPlace>;
}

/** Call once in a test file. Rules of faults are removed behind each test. */
export function usePrepared(options: DriveOptions = {}): PreparedDrive {
  const drive = useDrive({
    ...options,
    async prepare(root) {
      for (let i = 1; i <= count; i += 1) await mkdir(join(root, `ready-${i}`));
      await options.prepare?.(root);
    },
  });
  afterEach(() => drive.control.removeRules());
  let used = 0;
  return {
    get mountpoint() { return drive.mountpoint; },
    get root() { return drive.root; },
    get control() { return drive.control; },
    place: (name) => drive.place(name),
    remount: (...more) => drive.remount(...more),
    remountAnew: (...more) => drive.remountAnew(...more),
    async prepared(files = {}) {
      used += 1;
      if (used > count) throw new Error('more folders are needed than were prepared');
      const place = preparedPlace(await drive.place(`ready-${used}`));
      for (const [name, content] of Object.entries(files)) await place.put(name, content);
      await drive.control.resetCounts();
      return place;
    },
  };
}

function preparedPlace(place: Place): PreparedPlace {
  return {
    ...place,
    at: (name) => join(place.mount, name),
    shell: (script, options = {}) => shell(`cd "$here"\n${script}`, { ...options, env: { here: place.mount, ...options.env } }),
    onServer: (name) => readFile(join(place.server, name), 'utf8'),
    async put(name, content, modified = longAgo) {
      const path = join(place.server, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      await utimes(path, modified, modified);
    },
  };
}
