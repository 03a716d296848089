/** The one door to the drivers: mounts a file system through the driver that was chosen, and loads no other. */
import type { FileSystem } from '../filesystem/filesystem.js';
import type { Log } from '../observe/log.js';
import type { DriverName } from './drivers.js';
import { readMountFacts } from './mount/facts.js';
import { requireMountable as requireKernelDriver } from './mount/linux.js';
import { requireWay, type MountWish } from './mount/ways.js';
import type { PathSessionOptions } from './path/session.js';
import type { Session, SessionOptions } from './session.js';
import type { RequestWatcher } from './watching.js';

export interface DriverOptions extends SessionOptions, PathSessionOptions {
  readonly driver: DriverName;
}

/** Mounts. Resolves when programs can use it; fails with an FsError that says in a line why it cannot mount. */
export async function mountByDriver(fs: FileSystem, options: DriverOptions, log: Log, watcher: RequestWatcher): Promise<Session> {
  if (options.driver === 'kernel') return (await import('./session.js')).mountFileSystem(fs, options, log, watcher);
  return (await import('./path/session.js')).mountByPaths(options.driver, fs, options, log, watcher);
}

/** Whether this process can mount through a driver at all, before anything is done for it. Throws the FsError that mounting would. */
export async function requireMountable(driver: DriverName, wish: MountWish): Promise<void> {
  if (driver === 'kernel') {
    await requireKernelDriver(wish);
    return;
  }
  if (driver === 'fuse-napi') (await import('./path/fuse-napi.js')).loadFuseNapi();
  else (await import('./path/fuse-native.js')).loadFuseNative();
  // libfuse takes the device from its helper itself: koffi has no part in it.
  if (process.platform === 'linux') requireWay({ ...await readMountFacts(), koffi: true }, wish);
}
