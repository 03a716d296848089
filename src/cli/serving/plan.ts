/**
 * What passes between the command that a person typed and the process that serves the mount. They
 * are two processes, because the one that serves must be started with a larger thread pool, must
 * outlive the terminal with --daemon, and may be unable to end by itself while a program holds the
 * mount: then the other passes on how it ended. The plan goes over the channel between them, so
 * that its secrets are in no argument list and no environment.
 */
import { z } from 'zod';
import { driverNames } from '../../fuse/drivers.js';
import { appleFileWays } from '../../fuse/path/apple-files.js';
import { logLevels } from '../../observe/log.js';
import { networkSchema } from '../../http/dialing.js';
import { outcomeSchema } from '../../storage/mount-records.js';
import { exitStatuses, type Ending } from '../exit-status.js';
import { netexplorerPlanSchema } from '../netexplorer-access.js';
import { credentialsSchema } from '../secrets.js';

/** All that the serving process must know. Times in milliseconds, sizes in bytes. */
export const planSchema = z.object({
  instance: z.string(),
  /** As given by the person, without secrets. */
  remote: z.string(),
  credentials: credentialsSchema,
  /** Absolute, its parents resolved. */
  mountpoint: z.string(),
  stateFolder: z.string(),
  /** It goes on when the command has returned. */
  daemon: z.boolean(),
  driver: z.enum(driverNames),
  appleFiles: z.enum(appleFileWays),
  allowOther: z.boolean(),
  readOnly: z.boolean(),
  uid: z.int(),
  gid: z.int(),
  umask: z.int(),
  fsname: z.string().optional(),
  stallTimeout: z.number(),
  serverTimeout: z.number(),
  attrTtl: z.number(),
  dirTtl: z.number(),
  memory: z.number(),
  requests: z.int(),
  permissions: z.enum(['ignore', 'refuse']),
  lockOnWrite: z.enum(['auto', 'on', 'off']),
  insecureHttp: z.boolean(),
  network: networkSchema,
  profile: z.enum(['auto', 'geredis']),
  netexplorer: netexplorerPlanSchema,
  documents: z.object({ ttl: z.number(), pretty: z.boolean() }),
  faireSimple: z.object({ routes: z.string().optional(), uidField: z.string(), statusField: z.string().optional() }),
  logFile: z.string().optional(),
  logSize: z.number(),
  logLevel: z.enum(logLevels),
});
export type Plan = z.infer<typeof planSchema>;

const endings: readonly string[] = Object.keys(exitStatuses);
const endingSchema = z.custom<Ending>((value) => typeof value === 'string' && endings.includes(value));

/** What the serving process tells. */
export const messageSchema = z.discriminatedUnion('kind', [
  /** A line for the person. */
  z.object({ kind: z.literal('told'), text: z.string() }),
  /** It could not mount, and ends. */
  z.object({ kind: z.literal('failed'), ending: endingSchema, text: z.string() }),
  /** The mount answers. */
  z.object({ kind: z.literal('mounted') }),
  /** The mount is gone, and the process with it in a moment. */
  z.object({ kind: z.literal('ended'), outcome: outcomeSchema }),
]);
export type Message = z.infer<typeof messageSchema>;
