/**
 * The program that serves a MemoryFileSystem in a process of its own, for mounted tests of a driver.
 * Commands come over the channel to its parent, each answered with its number.
 * Parameters: the mount point, and the options as JSON.
 */
import { z } from 'zod';
import { toFsError } from '../../src/errors.js';
import { rootNode } from '../../src/filesystem/filesystem.js';
import { driverNames } from '../../src/fuse/drivers.js';
import { mountByDriver } from '../../src/fuse/mounting.js';
import { appleFileWays } from '../../src/fuse/path/apple-files.js';
import { alikeSpellings, exactSpelling } from '../../src/fuse/path/spellings.js';
import { logLevels } from '../../src/observe/log.js';
import { openLog } from '../../src/observe/open-log.js';
import { MetricRegistry } from '../../src/observe/metrics.js';
import { MemoryFileSystem } from './memory-filesystem.js';

const optionsSchema = z.object({
  driver: z.enum(driverNames).default('kernel'),
  appleFiles: z.enum(appleFileWays).default('store'),
  /** Names are found in either Unicode spelling, as on macOS. */
  alike: z.boolean().default(false),
  directIo: z.boolean().default(false),
  keepCache: z.boolean().default(false),
  discard: z.boolean().default(false),
  ttl: z.number().default(1000),
  readOnly: z.boolean().default(false),
  allowOther: z.boolean().default(false),
  fsname: z.string().default('memory'),
  timeGranularity: z.number().default(1000),
  readAheadKib: z.number().default(1024),
  logLevel: z.enum(logLevels).default('debug'),
  /** Files `file-00000` … in the root from the start. */
  files: z.number().default(0),
});
export type MemoryMountOptions = z.input<typeof optionsSchema>;

export const commandSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('report') }),
  z.object({ do: z.literal('stall'), member: z.string() }),
  z.object({ do: z.literal('plant'), name: z.string(), text: z.string() }),
  z.object({ do: z.literal('invalidateNode'), name: z.string() }),
  z.object({ do: z.literal('invalidateEntry'), name: z.string() }),
  z.object({ do: z.literal('invalidateFolder'), times: z.number() }),
  z.object({ do: z.literal('unmount') }),
  z.object({ do: z.literal('detach') }),
  z.object({ do: z.literal('abort') }),
  z.object({ do: z.literal('exit'), status: z.number() }),
]);
export type MemoryMountCommand = z.infer<typeof commandSchema>;
const messageSchema = z.object({ number: z.number(), command: commandSchema });

const [mountpoint = '', json = '{}'] = process.argv.slice(2);
const options = optionsSchema.parse(JSON.parse(json));
const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
const fs = new MemoryFileSystem({ ttl: options.ttl, directIo: options.directIo, keepCache: options.keepCache, discard: options.discard, uid, gid });
for (let index = 0; index < options.files; index += 1) {
  fs.plant(rootNode, `file-${String(index).padStart(5, '0')}`, Buffer.from(String(index)));
}

const log = openLog({ level: options.logLevel, limit: 0 });
const session = await mountByDriver(fs, {
  driver: options.driver, nameTtl: options.ttl, spellings: options.alike ? alikeSpellings : exactSpelling, owner: { uid, gid }, appleFiles: options.appleFiles,
  mountpoint, uid, gid, fsname: options.fsname, allowOther: options.allowOther, readOnly: options.readOnly,
  timeGranularity: options.timeGranularity, readAheadKib: options.readAheadKib,
}, log, { metrics: new MetricRegistry(), failed: () => undefined }).catch((thrown: unknown) => {
  log.error(toFsError(thrown).message);
  process.exit(3);
});

async function perform(command: MemoryMountCommand): Promise<unknown> {
  switch (command.do) {
    case 'report': return fs.report();
    case 'stall':
      fs.stall(command.member);
      return undefined;
    case 'plant': return fs.plant(rootNode, command.name, Buffer.from(command.text));
    case 'invalidateNode': return fs.notices?.invalidateNode(fs.nodeOf(rootNode, command.name) ?? 0);
    case 'invalidateEntry': return fs.notices?.invalidateEntry(rootNode, command.name);
    case 'invalidateFolder':
      for (let index = 0; index < command.times; index += 1) {
        fs.notices?.invalidateNode(rootNode);
        fs.notices?.invalidateEntry(rootNode, `made-${index}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return undefined;
    case 'unmount': return session.unmount();
    case 'detach': return session.detach();
    case 'abort': return session.abort();
    case 'exit': process.exit(command.status);
  }
}

const answers = new Set<Promise<unknown>>();
process.on('message', (message) => {
  const { number, command } = messageSchema.parse(message);
  const answer = perform(command).then(
    (result) => process.send?.({ number, result: result ?? null }),
    (thrown: unknown) => process.send?.({ number, error: toFsError(thrown).message }),
  );
  answers.add(answer);
});

process.stdout.write('serving\n');
await session.ended;
await Promise.all(answers);
if (process.connected) process.disconnect();
