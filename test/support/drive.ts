/**
 * One drive for a whole file of tests: an emulated platform, SFTPGo where no other is named, mounted by the built command. Each test works in a
 * folder of its own on it, and looks at the server's disk for the truth. Programs alone touch the mount, never
 * the process of the tests, which has the server in it.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { EmulatorControl } from '../../src/emulators/emulator.js';
import type { SftpgoControl, SftpgoOptions } from '../../src/emulators/start.js';
import { useHarbours, type Harbour } from './amarre-mounts.js';
import type { Mounted } from './mounted.js';
import { sftpgo, type Platform } from './platforms.js';
import { eventually, succeed, within } from './programs.js';

/** A test's own folder, seen from three sides. */
export interface Place {
  /** On the mount. */
  readonly mount: string;
  /** The same folder on the server's disk. */
  readonly server: string;
  /** A folder of this machine, for sources and for what is copied out. */
  readonly local: string;
}

export interface MountOptions {
  /** Fills the server's folder before it is mounted. */
  readonly prepare?: (root: string) => Promise<void>;
  /** More words for `amarre mount`. */
  readonly options?: readonly string[];
}

export interface DriveOptions extends MountOptions {
  readonly emulator?: SftpgoOptions;
}

export interface Drive<C extends EmulatorControl = SftpgoControl> {
  readonly mountpoint: string;
  readonly root: string;
  readonly control: C;
  /** An empty folder, made through the mount, or one that `prepare` has made. */
  place(name?: string): Promise<Place>;
  /** Unmounts, which must go well, and mounts again. */
  remount(...options: readonly string[]): Promise<void>;
  /** The same with a new state folder: nothing is known of earlier mounts. */
  remountAnew(...options: readonly string[]): Promise<void>;
}

/** Call once in a test file. Fails a test that made the serving process stumble, or left something hidden on the server. */
export function useDrive({ emulator, ...options }: DriveOptions = {}): Drive {
  return useDriveOn(sftpgo(emulator), options);
}

/** The same on any platform. */
export function useDriveOn<C extends EmulatorControl>(platform: Platform<C>, { prepare, options = [] }: MountOptions = {}): Drive<C> {
  const make = useHarbours(afterAll);
  let harbour: Harbour<C> | undefined;
  let mounted: Mounted | undefined;
  let places = 0;
  const told = new Set<string>();

  const now = (): { harbour: Harbour<C>; mounted: Mounted } => {
    if (harbour === undefined || mounted === undefined) throw new Error('nothing is mounted yet');
    return { harbour, mounted };
  };
  const unmount = async (): Promise<void> => {
    const { mounted: ending } = now();
    ending.child.kill('SIGTERM');
    const { status } = await within(20_000, 'the mount ends', ending.ended);
    if (status !== 0) throw new Error(`the mount ended with ${status ?? 'a signal'}:\n${ending.output()}`);
  };
  beforeAll(async () => {
    harbour = await make(platform);
    await prepare?.(harbour.root);
    mounted = await harbour.mount(...options);
  });
  afterEach(async () => {
    const { exitCode, signalCode } = now().mounted.child;
    if (exitCode !== null || signalCode !== null) throw new Error(`the mount ended by itself (${exitCode ?? signalCode ?? ''}):\n${now().mounted.output()}`);
    const fault = now().mounted.output().split('\n').find((line) => line.includes('a fault in Amarre'));
    if (fault !== undefined) throw new Error(fault);
    // What is deleted while it is open goes when the kernel tells that it was closed, which is after close().
    let left: readonly string[] = [];
    const look = async () => {
      left = (await platform.hidden(now().harbour.root, now().harbour.control)).filter((name) => !told.has(name));
      return left.length === 0;
    };
    await eventually('nothing hidden is left on the server', look).catch((error: unknown) => {
      for (const name of left) told.add(name);
      throw new Error(`${String(error)}\n${left.join('\n')}`);
    });
  });

  return {
    get mountpoint() { return now().harbour.mountpoint; },
    get root() { return now().harbour.root; },
    get control() { return now().harbour.control; },
    async place(name) {
      const { mountpoint, root, folder } = now().harbour;
      places += 1;
      const own = name ?? `place-${places}`;
      const local = join(folder, `local-${places}`);
      await mkdir(local);
      if (name === undefined) await succeed('mkdir', [join(mountpoint, own)]);
      return { mount: join(mountpoint, own), server: join(root, own), local };
    },
    async remount(...others) {
      await unmount();
      mounted = await now().harbour.mount(...options, ...others);
    },
    async remountAnew(...others) {
      await unmount();
      await rm(now().harbour.state, { recursive: true });
      mounted = await now().harbour.mount(...options, ...others);
    },
  };
}
