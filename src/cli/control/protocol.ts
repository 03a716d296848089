/**
 * What is said over the socket of a running mount: HTTP with JSON, versioned in the path. One request has
 * one answer; the end of a mount is told in lines of JSON while it goes on. Within a version members are
 * only added, and each side passes over what it does not know.
 */
import { z } from 'zod';
import { outcomeSchema, unsentRecordSchema } from '../../storage/mount-records.js';

/** The paths, with the version in each. */
export const controlPaths = { status: '/v1/status', refresh: '/v1/refresh', end: '/v1/end', services: '/v1/services' } as const;

const count = z.number().nonnegative();

const fileSchema = z.object({
  /** Below the mount point. */
  path: z.string(),
  /** Bytes. */
  size: count,
  handles: count,
  writers: count,
  /** `sent`: the platform has it. `unsent`: written, and sent when its program closes it. `sending`: on its way. */
  state: z.enum(['sent', 'unsent', 'sending']),
  /** Of one that is on its way, unless the platform copies it by itself. */
  upload: z.object({
    /** Bytes of `size` that the network has taken. */
    sent: count,
    perSecond: count,
    /** Milliseconds since it began. */
    age: count,
  }).optional(),
});
export type FileStatus = z.infer<typeof fileSchema>;

const routeSchema = z.object({
  /** Method and the fixed part of the path, without any name or query. */
  route: z.string(),
  count,
  perSecond: count,
  /** Answers 4xx, answers 5xx, no answer, given up by who asked. */
  refused: count,
  failed: count,
  broken: count,
  interrupted: count,
  bytesIn: count,
  bytesOut: count,
  bytesInPerSecond: count,
  bytesOutPerSecond: count,
  /** Milliseconds until the answer began. */
  latency: z.object({ mean: count, median: count, p95: count, max: count }).optional(),
});
export type RouteStatus = z.infer<typeof routeSchema>;

/** How a mount stands. Sizes in bytes, rates a second, times ISO 8601 unless they are durations in milliseconds. */
export const mountStatusSchema = z.object({
  instance: z.string(),
  pid: z.int(),
  mountpoint: z.string(),
  remote: z.string(),
  readOnly: z.boolean(),
  phase: z.enum(['mounted', 'ending']),
  started: z.string(),
  now: z.string(),
  /** Of all handles. */
  openFiles: count,
  openFolders: count,
  /** Those open or unsent: what is unsent first, at most `listLimit` of them; `moreFiles` are left out. */
  files: z.array(fileSchema),
  moreFiles: count,
  /** Of all files whose last changes the platform does not hold. */
  unsent: z.object({ files: count, sending: count, bytes: count }),
  /** What this mount could not send, and what lies on this machine for it. */
  kept: z.array(unsentRecordSchema),
  moreKept: count,
  /** The last failures, oldest first; `times`: in a row. */
  failures: z.array(z.object({ time: z.string(), times: count, operation: z.string(), path: z.string(), errno: z.string(), message: z.string() })),
  cache: z.object({
    blocks: count,
    memoryUsed: count,
    memoryBudget: count,
    blockHits: count,
    blockMisses: count,
    listings: count,
    listedNames: count,
    listingHits: count,
    listingMisses: count,
    inodes: count,
  }),
  /** Of the serving process, resident. */
  processMemory: count,
  requests: z.object({
    active: count,
    waiting: count,
    /** The busiest first. */
    routes: z.array(routeSchema),
  }),
});
export type MountStatus = z.infer<typeof mountStatusSchema>;

/** Of long lists as many entries are told: an answer stays small whatever a mount has open. */
export const listLimit = 200;

/** What is to be forgotten: a path below the mount point, `/` for all. */
export const refreshRequestSchema = z.object({ path: z.string().startsWith('/').max(64 * 1024) });
export const refreshAnswerSchema = z.object({
  /** Files and folders of which something was forgotten. */
  forgotten: count,
  /** Files left as they are, since they have unsent changes. */
  unsent: count,
});
export type RefreshAnswer = z.infer<typeof refreshAnswerSchema>;

/** How much is left to send while a mount ends. */
export const progressSchema = z.object({
  kind: z.literal('progress'),
  files: count,
  /** Bytes of all of them, and those that the network has taken. */
  bytes: count,
  sent: count,
  perSecond: count,
});
export type EndProgress = z.infer<typeof progressSchema>;

/** Lines of the answer to `end`: progress, and in the end how it ended. */
export const endEventSchema = z.discriminatedUnion('kind', [progressSchema, z.object({ kind: z.literal('ended'), outcome: outcomeSchema })]);
export type EndEvent = z.infer<typeof endEventSchema>;

/** What goes with every status but 200. */
export const refusalSchema = z.object({ error: z.string() });
