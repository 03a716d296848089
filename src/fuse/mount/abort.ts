/**
 * The kernel's own switch for a FUSE connection: thrown, whatever waits for us fails at once, and our
 * reads of the device return, without which a process cannot end while its mount is used. The switch is
 * a file of the fusectl file system. It is opened while the mount is new and kept, since it may be needed
 * when nothing can be waited for any more.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, open, rmdir, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../observe/log.js';
import { errorCode } from '../system-error.js';
import { runTool } from './tools.js';

/** Where fusectl is mounted on most machines; in containers often nowhere. */
const usualPlace = '/sys/fs/fuse/connections';
/** Milliseconds for mount(8) and umount(8). */
const deadline = 5000;

export class AbortSwitch {
  #file: FileHandle | undefined;
  #waiting: FileHandle | undefined;

  /** @param file the connection's file `abort`, `waiting` its file of that name; undefined where there is no switch */
  constructor(file: FileHandle | undefined, waiting?: FileHandle) {
    this.#file = file;
    this.#waiting = waiting;
  }

  /** Whether the connection still is, though it may be out of sight; undefined where that cannot be known. */
  isConnected(): boolean | undefined {
    if (this.#waiting === undefined) return undefined;
    // A number while there is a connection, nothing at all behind its end. It can be read once, and is opened anew for that.
    const again = openSync(`/proc/self/fd/${this.#waiting.fd}`, constants.O_RDONLY);
    try {
      return readSync(again, Buffer.alloc(16)) > 0;
    } finally {
      closeSync(again);
    }
  }

  /** Ends the connection at once. False where there is no switch. Does not wait, so that it serves a process's exit. */
  throw(): boolean {
    if (this.#file === undefined) return false;
    try {
      writeSync(this.#file.fd, '1');
      return true;
    } catch {
      return false;
    }
  }

  /** To be called when the connection has ended. */
  async close(): Promise<void> {
    const files = [this.#file, this.#waiting];
    this.#file = this.#waiting = undefined;
    for (const file of files) await file?.close();
  }
}

/** Opens the switch of a connection; `device` is the mount's `major:minor`, and the minor the connection's name. */
export async function openAbortSwitch(device: string, log: Log): Promise<AbortSwitch> {
  const name = device.slice(device.indexOf(':') + 1);
  try {
    return await openIn(join(usualPlace, name));
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT' || process.geteuid?.() !== 0) return none(log, thrown);
  }
  return openPrivately(name, log);
}

/** Whoever may mount FUSE may mount fusectl: for a moment, out of anybody's way. An open file outlasts its mount. */
async function openPrivately(name: string, log: Log): Promise<AbortSwitch> {
  const folder = await mkdtemp(join(tmpdir(), 'amarre-fusectl-'));
  try {
    const mounted = await runTool('mount', ['-i', '-n', '-t', 'fusectl', 'none', folder], { deadline });
    if (mounted?.status !== 0) return none(log, mounted?.said);
    try {
      return await openIn(join(folder, name));
    } finally {
      await runTool('umount', ['-n', '-l', folder], { deadline });
    }
  } catch (thrown) {
    return none(log, thrown);
  } finally {
    await rmdir(folder);
  }
}

async function openIn(folder: string): Promise<AbortSwitch> {
  const file = await open(join(folder, 'abort'), constants.O_WRONLY);
  return new AbortSwitch(file, await open(join(folder, 'waiting'), constants.O_RDONLY).catch(() => undefined));
}

function none(log: Log, reason: unknown): AbortSwitch {
  const words = reason instanceof Error ? reason.message : reason;
  log.debug({ reason: words }, 'this mount cannot be aborted: its process may not end while programs use it');
  return new AbortSwitch(undefined);
}
