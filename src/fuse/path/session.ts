/**
 * A mount through libfuse, from its beginning to its end. libfuse reads the device on threads of its own, and its
 * bindings do not tell when it is done: the end is seen on the connection itself, or else in the list of mounts.
 */
import { FsError } from '../../errors.js';
import { rootNode, type FileSystem, type KernelNotices } from '../../filesystem/filesystem.js';
import type { Log } from '../../observe/log.js';
import { RequestCaller } from '../caller.js';
import type { EndReason } from '../connection.js';
import { withDeadline } from '../deadline.js';
import { capabilities, type DriverName } from '../drivers.js';
import { AbortSwitch, openAbortSwitch } from '../mount/abort.js';
import { mountAt, readMounts } from '../mount/mountinfo.js';
import { prepareMountPoint } from '../mount/mountpoint.js';
import type { MountOptions } from '../mount/options.js';
import { detachDevice, detachMount, unmountDevice, type UnmountResult } from '../mount/unmount.js';
import type { Session } from '../session.js';
import type { RequestWatcher } from '../watching.js';
import { withAppleFiles, type AppleFileWay } from './apple-files.js';
import type { Binding } from './binding.js';
import { openFuseNapi } from './fuse-napi.js';
import { openFuseNative } from './fuse-native.js';
import { withHiddenFiles } from './hidden-files.js';
import { PathOperations } from './path-operations.js';
import { PathTable, type Spellings } from './path-table.js';
import { Requests, type Asker } from './requests.js';

export interface PathSessionOptions extends MountOptions {
  /** Milliseconds that the kernel may believe a name, or that there is none. */
  readonly nameTtl: number;
  readonly spellings: Spellings;
  readonly appleFiles: AppleFileWay;
  /** To whom new files belong where a driver does not know who makes them. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

type PathDriver = Exclude<DriverName, 'kernel'>;

/** Milliseconds for libfuse to mount and the kernel to begin to speak. */
const mountDeadline = 20_000;
/** Milliseconds for the connection to end behind an unmount, or behind an abort. */
const endDeadline = 2000;
/** Milliseconds between two looks whether the mount still is. */
const watchPause = 200;
/** Paths whose nodes are kept in use. */
const keptPaths = 10_000;

/** Nothing can be told to the kernel through these bindings: it is let believe nothing that would have to be corrected. */
const noNotices: KernelNotices = {
  forgetAttributes: () => Promise.resolve(),
  invalidateNode: () => undefined,
  invalidateEntry: () => undefined,
  expireEntry: () => Promise.resolve(),
};

/** Mounts a file system through a package. Resolves when programs can use it; every failure is an FsError of one line. */
export async function mountByPaths(driver: PathDriver, fs: FileSystem, options: PathSessionOptions, log: Log, watcher: RequestWatcher): Promise<Session> {
  fs.attachKernel(noNotices);
  const asker = { pid: process.pid, ...options.owner };
  await fs.getattr(rootNode, undefined, new RequestCaller(asker));
  const mountpoint = await prepareMountPoint(options.mountpoint, log);
  const operations = new PathOperations(fs, new PathTable(fs, keptPaths, options.spellings), capabilities[driver]);
  const requests = new Requests(log, watcher);
  const binding = openBinding(driver, operations, requests, { ...options, mountpoint }, asker);
  if (await withDeadline(binding.mount().then(() => true), mountDeadline) === undefined) {
    await detachMount(mountpoint);
    throw new FsError('ETIMEDOUT', `${driver} did not mount on ${mountpoint}`);
  }
  const mount = mountAt(await readMounts(), mountpoint);
  if (mount === undefined) throw new FsError('EIO', `the mount on ${mountpoint} was gone at once`);
  const { device } = mount;
  const abortSwitch = process.platform === 'linux' ? await openAbortSwitch(device, log) : new AbortSwitch(undefined);
  return new PathSession({ mountpoint, device, abortSwitch, binding, requests, operations, log });
}

function openBinding(driver: PathDriver, calls: PathOperations, requests: Requests, options: PathSessionOptions, asker: Asker): Binding {
  const open = driver === 'fuse-native' ? openFuseNative : openFuseNapi;
  return open(withAppleFiles(withHiddenFiles(calls), options.appleFiles, options.owner), requests, options, asker);
}

interface SessionParts {
  readonly mountpoint: string;
  readonly device: string;
  readonly abortSwitch: AbortSwitch;
  readonly binding: Binding;
  readonly requests: Requests;
  readonly operations: PathOperations;
  readonly log: Log;
}

class PathSession implements Session {
  readonly mountpoint: string;
  readonly ended: Promise<{ readonly reason: EndReason }>;
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.mountpoint = parts.mountpoint;
    this.#parts = parts;
    this.ended = this.#watch().then(async (reason) => {
      parts.requests.abandon();
      await parts.abortSwitch.close();
      await parts.binding.close();
      parts.log.debug({ mountpoint: parts.mountpoint, reason }, 'the connection to the kernel has ended');
      return { reason };
    });
  }

  async unmount(): Promise<UnmountResult> {
    const result = await unmountDevice(this.mountpoint, this.#parts.device);
    if (result !== 'unmounted') return result;
    await withDeadline(this.ended, endDeadline);
    return 'unmounted';
  }

  detach(): Promise<void> {
    return detachDevice(this.mountpoint, this.#parts.device, this.#parts.log);
  }

  async abort(): Promise<void> {
    const { abortSwitch, requests, log } = this.#parts;
    requests.refuseAll();
    if (!abortSwitch.throw()) {
      log.info({ mountpoint: this.mountpoint }, 'the mount is still used, and ends with the process');
      return;
    }
    await withDeadline(this.ended, endDeadline);
  }

  async #watch(): Promise<EndReason> {
    for (;;) {
      const reason = await this.#end();
      if (reason !== undefined) return reason;
      await new Promise((resolve) => setTimeout(resolve, watchPause));
    }
  }

  /** Undefined while the mount is. */
  async #end(): Promise<EndReason | undefined> {
    const { device, abortSwitch, operations } = this.#parts;
    const connected = abortSwitch.isConnected();
    if (connected === true) return undefined;
    const listed = (await readMounts()).some((mount) => mount.device === device);
    if (connected === false) return listed ? 'aborted' : 'unmounted';
    if (listed) return undefined;
    // Taken out of sight while it is used: whoever has files open is cut off.
    return operations.openFiles === 0 ? 'unmounted' : 'aborted';
  }
}
