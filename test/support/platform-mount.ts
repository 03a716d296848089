/**
 * The program that serves the file system over the platform in memory, for mounted tests of what no emulated
 * platform is needed for: rights, locks, attributes, trees and limits as programs meet them. Commands come over
 * the channel to its parent, each answered with its number. Parameters: the mount point, its folder, the options as JSON.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { toFsError } from '../../src/errors.js';
import { createFileSystem } from '../../src/filesystem/remote-filesystem.js';
import { driverNames } from '../../src/fuse/drivers.js';
import { mountByDriver } from '../../src/fuse/mounting.js';
import { exactSpelling } from '../../src/fuse/path/spellings.js';
import { openLog } from '../../src/observe/open-log.js';
import { MetricRegistry } from '../../src/observe/metrics.js';
import { openKeptTimes } from '../../src/storage/kept-times.js';
import { openLockRecords } from '../../src/storage/lock-records.js';
import { openStaging } from '../../src/storage/staging.js';
import { MemoryProvider } from './memory-provider.js';

const rights = z.object({ read: z.boolean().default(true), write: z.boolean().default(true), remove: z.boolean().default(true) });

export const platformOptions = z.object({
  driver: z.enum(driverNames),
  /** What is there from the start: a path and a text, or a folder where the path ends with `/`. */
  files: z.record(z.string(), z.string()),
  /** By path; all else may be done. */
  rights: z.record(z.string(), rights).optional(),
  maxFileSize: z.number().optional(),
  permissions: z.enum(['ignore', 'refuse']).default('ignore'),
  /** Milliseconds for which listings are believed. */
  dirTtl: z.number().default(10_000),
});
export type PlatformOptions = z.input<typeof platformOptions>;

export const platformCommand = z.discriminatedUnion('do', [
  /** The calls of the platform since the last time. */
  z.object({ do: z.literal('calls') }),
  z.object({ do: z.literal('text'), path: z.string() }),
  z.object({ do: z.literal('lockOf'), path: z.string() }),
  z.object({ do: z.literal('lockFor'), path: z.string(), who: z.string().optional() }),
  z.object({ do: z.literal('tag'), path: z.string(), name: z.string(), value: z.string() }),
]);
export type PlatformCommand = z.infer<typeof platformCommand>;
const messageSchema = z.object({ number: z.number(), command: platformCommand });

const [mountpoint = '', folder = '', json = '{}'] = process.argv.slice(2);
const options = platformOptions.parse(JSON.parse(json));
const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
const longAgo = 1_600_000_000_000;

const platform = new MemoryProvider({
  clock: () => Date.now(), attributes: true, locks: true, trees: true,
  rights: (path) => options.rights?.[path],
  traits: options.maxFileSize === undefined ? {} : { maxFileSize: options.maxFileSize },
});
for (const [path, text] of Object.entries(options.files)) {
  if (path.endsWith('/')) platform.putFolder(path.slice(0, -1), longAgo);
  else platform.put(path, text, longAgo);
}

const log = openLog({ level: 'warn', limit: 0 });
const instance = 'platform0001';
const staging = await openStaging({ folder: join(folder, 'staging'), instance, isDead: () => true, log });
const times = (name: string) => openKeptTimes({ folder: join(folder, name), log, bounds: { unseenDays: 400, records: 1000 }, now: Date.now });
const [changeTimes, setTimes] = [times('times'), times('set-times')];
const lockRecords = await openLockRecords({ folder: join(folder, 'locks'), instance, isDead: () => true });
const fs = createFileSystem({ provider: platform, staging, changeTimes, setTimes, lockRecords, log, metrics: new MetricRegistry() }, {
  uid, gid, umask: 0o022, readOnly: false, permissions: options.permissions, lockOnWrite: 'auto', attrTtl: 1000, dirTtl: options.dirTtl, memory: 64 * 1024 * 1024,
});
const session = await mountByDriver(fs, {
  driver: options.driver, nameTtl: 1000, spellings: exactSpelling, owner: { uid, gid }, appleFiles: 'store',
  mountpoint, uid, gid, fsname: 'platform', allowOther: true, readOnly: false, timeGranularity: 1_000_000, readAheadKib: 1024,
}, log, { metrics: new MetricRegistry(), failed: () => undefined });

function perform(command: PlatformCommand): unknown {
  switch (command.do) {
    case 'calls': return platform.log.splice(0);
    case 'text': return platform.text(command.path) ?? null;
    case 'lockOf': return platform.lockOf(command.path) ?? null;
    case 'lockFor':
      platform.lockFor(command.path, command.who);
      return undefined;
    case 'tag':
      platform.tag(command.path, command.name, command.value);
      return undefined;
  }
}

process.on('message', (message) => {
  const { number, command } = messageSchema.parse(message);
  try {
    process.send?.({ number, result: perform(command) ?? null });
  } catch (thrown) {
    process.send?.({ number, error: toFsError(thrown).message });
  }
});
process.on('SIGTERM', () => void session.unmount());

process.stdout.write('serving\n');
await session.ended;
await fs.shutdown(AbortSignal.timeout(5000), false);
await session.abort();
await staging.close();
await Promise.all([changeTimes.close(), setTimes.close(), lockRecords.close()]);
if (process.connected) process.disconnect();
