/** A mount from its beginning to its end: owns the device, its reads, and every way to make it stop. */
import { FsError } from '../errors.js';
import { rootNode, type FileSystem } from '../filesystem/filesystem.js';
import type { Log } from '../observe/log.js';
import { RequestCaller } from './caller.js';
import { DeviceConnection, type EndReason } from './connection.js';
import { withDeadline } from './deadline.js';
import { Dispatcher } from './dispatcher.js';
import { openAbortSwitch, type AbortSwitch } from './mount/abort.js';
import { mountOnLinux, raiseReadAhead, type MountedDevice } from './mount/linux.js';
import type { MountOptions } from './mount/options.js';
import { detachDevice, detachMount, unmountDevice, type UnmountResult } from './mount/unmount.js';
import { Notifier } from './notifier.js';
import { hasLargeThreadPool } from './thread-pool.js';
import type { RequestWatcher } from './watching.js';

export interface SessionOptions extends MountOptions {
  /** Nanoseconds, a power of ten from 1,000 to 10^9: the kernel cuts the times that programs set to it. */
  readonly timeGranularity: number;
  /** KiB that the kernel reads ahead of a sequential reader. */
  readonly readAheadKib: number;
}

export interface Session {
  /** Canonical. */
  readonly mountpoint: string;
  /** Resolves when the kernel speaks to us no more: unmounted by whomever, or aborted. */
  readonly ended: Promise<{ readonly reason: EndReason }>;
  /** Unmounts, unless somebody uses the mount: then says who, as far as that can be known. */
  unmount(): Promise<UnmountResult>;
  /** Takes the mount out of sight though it is used, and logs who uses it. Its users go on being served. */
  detach(): Promise<void>;
  /**
   * Ends the connection at once: whoever waits for an answer gets an error. Afterwards the process can end; where
   * the kernel's switch is out of its reach (`mount/abort.ts`) and the mount is used, by SIGKILL alone, which its
   * `exit` event sends.
   */
  abort(): Promise<void>;
}

/** Milliseconds for the kernel's first request. It is on its way when mount(2) returns. */
const initDeadline = 10_000;
/** Milliseconds for the device to end behind an unmount, or behind an abort. */
const endDeadline = 2000;
/** Milliseconds for those who use the mount to go when all they get is errors, where it cannot be aborted. */
const refusalDeadline = 300;

/**
 * Mounts a file system. Resolves when programs can use it. Fails with an FsError: that of the root's
 * attributes where the file system is out of reach, else one that says in a line why it cannot mount.
 */
export async function mountFileSystem(fs: FileSystem, options: SessionOptions, log: Log, watcher: RequestWatcher): Promise<Session> {
  if (!hasLargeThreadPool(process.env)) log.warn('UV_THREADPOOL_SIZE is too small for a mount: requests may wait for each other');
  const notifier = new Notifier(log);
  fs.attachKernel(notifier);
  // Before anything is mounted: a drive whose root cannot be read is no drive.
  await fs.getattr(rootNode, undefined, new RequestCaller({ pid: process.pid, uid: options.uid, gid: options.gid }));
  const mounted = await mountOnLinux(options, log);
  const session = new KernelSession(fs, options, { ...mounted, notifier, watcher, abortSwitch: await openAbortSwitch(mounted.device, log) }, log);
  await session.begin();
  return session;
}

interface SessionParts extends MountedDevice {
  readonly notifier: Notifier;
  readonly watcher: RequestWatcher;
  readonly abortSwitch: AbortSwitch;
}

class KernelSession implements Session {
  readonly mountpoint: string;
  readonly ended: Promise<{ readonly reason: EndReason }>;
  readonly #device: string;
  readonly #switch: AbortSwitch;
  readonly #options: SessionOptions;
  readonly #log: Log;
  readonly #notifier: Notifier;
  readonly #connection: DeviceConnection;
  readonly #dispatcher: Dispatcher;

  constructor(fs: FileSystem, options: SessionOptions, parts: SessionParts, log: Log) {
    this.mountpoint = parts.mountpoint;
    this.#device = parts.device;
    this.#switch = parts.abortSwitch;
    this.#options = options;
    this.#log = log;
    this.#notifier = parts.notifier;
    this.#connection = new DeviceConnection(parts.fd, log);
    const wishes = { maxReadahead: options.readAheadKib * 1024, timeGranularity: options.timeGranularity };
    this.#dispatcher = new Dispatcher(fs, this.#connection, wishes, log, parts.watcher);
    // Not only where somebody aborts: however the process ends, by a failure too, it must not wait for the device.
    const abortAtExit = (): void => {
      if (!this.#switch.throw()) process.kill(process.pid, 'SIGKILL');
    };
    process.once('exit', abortAtExit);
    this.ended = this.#connection.ended.then(async (reason) => {
      process.off('exit', abortAtExit);
      await this.#switch.close();
      this.#notifier.stop();
      this.#dispatcher.abandon();
      log.debug({ mountpoint: this.mountpoint, reason }, 'the connection to the kernel has ended');
      return { reason };
    });
  }

  /** Serves. Resolves when the kernel has its first answer; unmounts where that fails. */
  async begin(): Promise<void> {
    this.#connection.start((bytes, done) => this.#dispatcher.receive(bytes, done), () => this.#switch.throw());
    try {
      const agreement = await withDeadline(this.#dispatcher.agreed, initDeadline);
      if (agreement === undefined) throw new FsError('ETIMEDOUT', 'the kernel did not begin to speak with us');
      this.#log.debug({ minor: agreement.minor, flags: agreement.flags }, 'the kernel is connected');
    } catch (thrown) {
      await detachMount(this.mountpoint);
      await this.abort();
      throw thrown;
    }
    await raiseReadAhead(this.#device, this.#options.readAheadKib, this.#log);
    this.#notifier.start((message) => this.#connection.sendFromPool(message));
  }

  async unmount(): Promise<UnmountResult> {
    const result = await unmountDevice(this.mountpoint, this.#device);
    if (result !== 'unmounted') return result;
    // Other namespaces may still show it: then it has not ended, and `abort` is what remains.
    await withDeadline(this.ended, endDeadline);
    return 'unmounted';
  }

  async detach(): Promise<void> {
    await detachDevice(this.mountpoint, this.#device, this.#log);
  }

  async abort(): Promise<void> {
    this.#notifier.stop();
    if (this.#switch.throw()) {
      if ((await withDeadline(this.ended, endDeadline)) !== undefined) return;
      this.#log.error({ mountpoint: this.mountpoint }, 'the kernel does not let go of the mount: the process cannot end by itself');
      return;
    }
    // Without the switch, at least nobody waits for an answer of ours any more.
    this.#dispatcher.refuseAll();
    if ((await withDeadline(this.ended, refusalDeadline)) === undefined) {
      this.#log.info({ mountpoint: this.mountpoint }, 'the mount is still used, and ends with the process');
    }
  }
}
