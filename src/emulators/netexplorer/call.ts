/** A request as the handlers of the routes see it, and the table that each module adds its routes to. */
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import type { Exchange } from '../common/exchange.js';
import type { Route } from '../common/server.js';
import type { BlockUploads } from './blocks.js';
import { unusable } from './errors.js';
import type { Choices } from './options.js';
import type { Replacements } from './replacements.js';
import type { Descriptions } from './description.js';
import type { Links } from './links/links.js';
import type { OAuth } from './oauth/oauth.js';
import type { Sessions } from './sessions.js';
import type { Area } from './signing-in/scopes.js';
import type { Store } from './store.js';
import type { Switches } from './surprises.js';
import type { Trash } from './trash-can.js';
import type { User, Users } from './users.js';

/** What all requests of one emulator work on. */
export interface World {
  readonly choices: Choices;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly oauth: OAuth;
  readonly links: Links;
  readonly descriptions: Descriptions;
  readonly store: Store;
  readonly switches: Switches;
  readonly trash: Trash;
  readonly uploads: BlockUploads;
  readonly replacements: Replacements;
  /** Bytes; 0 is none. */
  readonly quota: { platform: number };
}

/** A request of nobody in particular. */
export interface OpenCall {
  readonly world: World;
  readonly exchange: Exchange;
  /** What stands in the places of `:name` in the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** A request of a user who has signed in. */
export interface Call extends OpenCall {
  readonly user: User;
}

interface RouteHead {
  /** The stable name by which tests count and match. */
  readonly name: string;
  readonly method: Route['method'];
  /** From the platform's root: `/api/folder/:id`. */
  readonly path: string;
}

/** A route of the platform: behind a session, or open to everybody. */
export type PlatformRoute =
  | RouteHead & { readonly open: false; readonly area: Area; readonly work: (call: Call) => Answer | Promise<Answer> }
  | RouteHead & { readonly open: true; readonly work: (call: OpenCall) => Answer | Promise<Answer> };

/** A route behind a session. */
export function route(
  name: string, method: Route['method'], path: string, area: Area, work: (call: Call) => Answer | Promise<Answer>,
): PlatformRoute {
  return { name, method, path, area, work, open: false };
}

/** A route that asks for no session. */
export function openRoute(
  name: string, method: Route['method'], path: string, work: (call: OpenCall) => Answer | Promise<Answer>,
): PlatformRoute {
  return { name, method, path, work, open: true };
}

const bodyLimit = 1 << 20;

/** A body in JSON, which must be as the schema says; 422 names the field that is not. An empty body counts as `{}`. */
export async function readBody<T>(call: OpenCall, schema: z.ZodType<T>): Promise<T> {
  const text = (await call.exchange.body.whole(bodyLimit)).toString('utf8');
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch {
    throw unusable('JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw unusable(parsed.error.issues[0]?.path.join('.') ?? '');
  return parsed.data;
}

/** An id in a body: a number, or a text of digits. */
export const idField = z.union([z.number().int().min(0), z.string().regex(/^\d+$/u).transform(Number)]);

/** A date in a body: RFC 3339. In milliseconds since the epoch, the fraction of the second dropped. */
export const dateField = z.string().transform((text, context) => {
  const ms = parseDate(text);
  if (ms === undefined) context.addIssue('no date');
  return ms ?? 0;
});

/** A date that a client wrote, in milliseconds since the epoch; undefined for what is none. */
export function parseDate(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/u.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000) * 1000;
}

/** The id in a route's path; undefined where it is no number, which nothing has. */
export function idOf(call: OpenCall, name = 'id'): number | undefined {
  const text = call.params[name] ?? '';
  return /^\d+$/u.test(text) ? Number(text) : undefined;
}
