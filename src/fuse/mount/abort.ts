/**
 * The kernel's own switch for a FUSE connection: thrown, whatever waits for us fails at once, and our
 * reads of the device return, without which a process cannot end while its mount is used. The switch is
 * a file of the fusectl file system. It is opened while the mount is new and kept, since it may be needed
 * when nothing can be waited for any more.
 */
import { constants, writeSync } from 'node:fs';
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

  /** @param file the connection's abort file; undefined where there is no switch */
  constructor(file: FileHandle | undefined) {
    this.#file = file;
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
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** Opens the switch of a connection; `device` is the mount's `major:minor`, and the minor the connection's name. */
export async function openAbortSwitch(device: string, log: Log): Promise<AbortSwitch> {
  const name = join(device.slice(device.indexOf(':') + 1), 'abort');
  try {
    return new AbortSwitch(await openFor(join(usualPlace, name)));
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
      return new AbortSwitch(await openFor(join(folder, name)));
    } finally {
      await runTool('umount', ['-n', '-l', folder], { deadline });
    }
  } catch (thrown) {
    return none(log, thrown);
  } finally {
    await rmdir(folder);
  }
}

function openFor(path: string): Promise<FileHandle> {
  return open(path, constants.O_WRONLY);
}

function none(log: Log, reason: unknown): AbortSwitch {
  const words = reason instanceof Error ? reason.message : reason;
  log.debug({ reason: words }, 'this mount cannot be aborted: its process may not end while programs use it');
  return new AbortSwitch(undefined);
}
