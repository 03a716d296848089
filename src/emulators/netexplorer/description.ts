/** What a test tells the platform of a document besides its bytes (NetExplorer's page: objects). */
import { z } from 'zod';

/** Something that happened to a document. */
const event = z.strictObject({
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** `download`, `comment`, … */
  action: z.string(),
  /** A user's login. */
  login: z.string(),
});

/** What a test tells of a document; what is left out the platform does not know. */
export const description = z.strictObject({
  /** How many there are. */
  annotations: z.number().int().optional(),
  pages: z.number().int().optional(),
  author: z.string().optional(),
  title: z.string().optional(),
  events: z.array(event).optional(),
});

export type Description = z.infer<typeof description>;

/** By the document's guid. */
export type Descriptions = Map<string, Description>;
