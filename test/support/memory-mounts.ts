/** A mounted MemoryFileSystem as a driver's tests use it, with commands to the process that serves it. */
import { z } from 'zod';
import { driver } from './driver.js';
import type { MemoryReport } from './memory-filesystem.js';
import type { MemoryMountCommand, MemoryMountOptions } from './memory-mount.js';
import { typescript, useMounts, type Mounted, type Mounter, type MountRequest } from './mounted.js';
import { eventually } from './programs.js';
import { tellerOf } from './telling.js';

const reportSchema = z.object({
  calls: z.record(z.string(), z.number()),
  largestRead: z.number(),
  largestWrite: z.number(),
  interrupted: z.number(),
  lookups: z.number(),
  openHandles: z.number(),
});

export interface MemoryMount extends Mounted {
  /** Performs a command in the serving process. Fails after 10 s, or with what it failed with there. */
  tell(command: MemoryMountCommand): Promise<unknown>;
  report(): Promise<MemoryReport>;
}

/** What is different about the serving process. */
export interface MountChange {
  readonly env?: NodeJS.ProcessEnv;
  /** A program, and its parameters, that runs the rest of the command line. */
  readonly wrap?: readonly [string, ...string[]];
}

export interface MemoryMounter extends Pick<Mounter, 'folder'> {
  mount(options?: MemoryMountOptions): Promise<MemoryMount>;
  /** Without waiting for the mount, on a folder that `folder` made. */
  start(options: MemoryMountOptions, folder: string, change?: MountChange): MemoryMount;
}

/** Call once in a test file. */
export function useMemoryMounts(): MemoryMounter {
  const mounts = useMounts();
  const request = (options: MemoryMountOptions, { env = {}, wrap }: MountChange = {}): MountRequest => ({
    command: (mountpoint) => {
      const command = typescript(new URL('memory-mount.ts', import.meta.url), mountpoint, JSON.stringify({ driver, ...options }));
      return wrap === undefined ? command : [...wrap, ...command];
    },
    env,
    channel: true,
  });
  return {
    folder: () => mounts.folder(),
    mount: async (options = {}) => {
      const mounted = await mounts.mount(request(options));
      await eventually('the memory mount serves', () => mounted.output().includes('serving\n'));
      return withCommands(mounted);
    },
    start: (options, folder, change) => withCommands(mounts.start(request(options, change), folder)),
  };
}

function withCommands(mounted: Mounted): MemoryMount {
  const tell = tellerOf(mounted.child);
  return { ...mounted, tell, report: async () => reportSchema.parse(await tell({ do: 'report' })) };
}
