/**
 * What a mount is asked to do on the platform besides being a drive: the questions, and how the answer
 * comes: lines of progress while it goes on, and in the end what came of it. Within a version of the
 * protocol members are only added.
 */
import { z } from 'zod';

const below = z.string().startsWith('/').max(64 * 1024);
const word = z.string().min(1).max(4096);
const time = z.number();
const linkKinds = z.enum(['share', 'deposit']);
export type LinkKind = z.infer<typeof linkKinds>;

/** Paths are below the mount point, times milliseconds since the epoch. */
export const serviceRequestSchema = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('versions'), path: below }),
  z.object({ ask: z.literal('restore version'), path: below, number: z.int().positive() }),
  z.object({ ask: z.literal('trash') }),
  z.object({ ask: z.literal('restore from trash'), id: word, folder: below }),
  z.object({ ask: z.literal('empty trash') }),
  z.object({ ask: z.literal('links'), kind: linkKinds, path: below.optional() }),
  z.object({
    ask: z.literal('make link'), kind: linkKinds, path: below,
    expires: time.optional(), password: word.optional(), downloads: z.int().positive().optional(),
  }),
  z.object({ ask: z.literal('remove link'), kind: linkKinds, id: word }),
  z.object({ ask: z.literal('history'), path: below }),
  z.object({ ask: z.literal('recognize'), path: below }),
]);
export type ServiceRequest = z.infer<typeof serviceRequestSchema>;

/** Lines of an answer. `going on` comes again and again, so that silence means that nobody is there. */
export const serviceEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('going on') }),
  z.object({ kind: z.literal('progress'), words: z.string() }),
  z.object({ kind: z.literal('done'), value: z.unknown() }),
  z.object({ kind: z.literal('failed'), errno: z.string(), message: z.string() }),
]);
export type ServiceEvent = z.infer<typeof serviceEventSchema>;

const versionSchema = z.object({
  number: z.int(), created: time, size: z.number().optional(), author: z.string().optional(), current: z.boolean(),
});
const trashedSchema = z.object({
  id: z.string(), name: z.string(), kind: z.enum(['file', 'folder']), deleted: time, size: z.number().optional(), owner: z.string().optional(),
});
const linkSchema = z.object({
  id: z.string(), address: z.string(), leadsTo: z.string(), created: time.optional(), expires: time.optional(), downloads: z.number().optional(),
});
const eventSchema = z.object({ time, event: z.string(), who: z.string().optional() });

/** What is done, by what was asked. */
export const serviceAnswers = {
  'versions': z.array(versionSchema),
  'restore version': z.null(),
  'trash': z.array(trashedSchema),
  /** The path where it is now. */
  'restore from trash': z.string(),
  /** How many things. */
  'empty trash': z.number(),
  'links': z.array(linkSchema),
  'make link': linkSchema,
  'remove link': z.null(),
  'history': z.array(eventSchema),
  /** The path of the text. */
  'recognize': z.string(),
} as const satisfies Record<ServiceRequest['ask'], z.ZodType>;
export type VersionAnswer = z.infer<typeof versionSchema>;
export type TrashedAnswer = z.infer<typeof trashedSchema>;
export type LinkAnswer = z.infer<typeof linkSchema>;
