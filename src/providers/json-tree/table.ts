/**
 * The table of routes that makes a drive of an API which answers in JSON: which file is which request. It is data, so
 * that a server with other routes than the document says needs a file (`--routes`) and no other program. Whatever could
 * lead two files to one name, or a name out of its folder, is refused here, once.
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import { unsafeName } from '../paths.js';

/** Where the values come from that stand for the `{name}` of a path. */
const namesSchema = z.discriminatedUnion('from', [
  /** One for each object of a list that another request gives: the text, or number, in this field of it. */
  z.strictObject({ from: z.literal('rows'), get: z.string(), field: z.string().min(1) }),
  /** `2026-1`, `2026-2`, …: every one opens by name, and so many of the last are listed. */
  z.strictObject({ from: z.literal('half-years'), listed: z.int().min(0).max(100) }),
]);
export type NameSource = z.infer<typeof namesSchema>;

const documentSchema = z.strictObject({
  /** From the drive's root; one `{name}` in its last part at most. */
  path: z.string(),
  /** What is asked for, below the remote's address, the same `{name}` in it. */
  get: z.string(),
  names: namesSchema.optional(),
  /** In real time: asked for at every open. All others are kept for a time to live. */
  live: z.boolean().optional(),
});

const switchSchema = z.strictObject({
  path: z.string(),
  /** What is sent when 0 or 1 is written there, as a number. */
  post: z.string(),
  /** The member of the JSON body that takes it. */
  member: z.string().min(1),
  names: namesSchema.optional(),
  /** Where the present state is told; without it the file holds what this mount has sent. */
  shown: z.strictObject({ get: z.string(), field: z.string().min(1) }).optional(),
});

const tableSchema = z.strictObject({
  /** The parameter that holds the key, on every request. */
  keyParameter: z.string().regex(/^[A-Za-z0-9_.-]+$/, 'wanted letters, digits, "_", "." and "-"'),
  /** What is asked for first, to see whether key and password are taken. */
  first: z.string(),
  files: z.array(z.union([documentSchema, switchSchema])).min(1),
});

export type DocumentRoute = z.infer<typeof documentSchema>;
export type SwitchRoute = z.infer<typeof switchSchema>;
export type FileRoute = DocumentRoute | SwitchRoute;
export type RouteTable = z.infer<typeof tableSchema>;

/** True for a file that is written to, and not a document. */
export function isSwitch(route: FileRoute): route is SwitchRoute {
  return 'post' in route;
}

/** Reads a table from JSON. EINVAL with one sentence for the first thing that is wrong with it. */
export function readRouteTable(json: string): RouteTable {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new FsError('EINVAL', `the table of routes is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const parsed = tableSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw new FsError('EINVAL', `the table of routes: ${place}${issue?.message ?? 'it cannot be read'}`);
  }
  return checkRouteTable(parsed.data);
}

/** The table, if each of its files has a name of its own. EINVAL. */
export function checkRouteTable(table: RouteTable): RouteTable {
  checkRequest(table.first, undefined);
  const seen = new Map<string, 'file' | 'folder'>();
  for (const route of table.files) {
    checkFile(route);
    take(seen, route.path, 'file');
    for (let folder = parent(route.path); folder !== ''; folder = parent(folder)) {
      if (seen.get(folder) !== 'folder') take(seen, folder, 'folder');
    }
  }
  return table;
}

function take(seen: Map<string, 'file' | 'folder'>, path: string, kind: 'file' | 'folder'): void {
  if (seen.has(path)) throw new FsError('EINVAL', `the table of routes: ${path} is there twice`);
  seen.set(path, kind);
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** `{uid}`: the name of what stands for many. */
const placeholders = /\{([a-z]+)\}/g;

/** The one placeholder of a text, or undefined. */
export function placeholderOf(text: string): string | undefined {
  return [...text.matchAll(placeholders)][0]?.[1];
}

/** The text with the placeholder's value in its place. */
export function fillIn(text: string, value: string): string {
  // A function: in a text `$&` would mean something.
  return text.replaceAll(placeholders, () => value);
}

function checkFile(route: FileRoute): void {
  const { path, names } = route;
  const complain = (why: string): FsError => new FsError('EINVAL', `the table of routes: ${path}: ${why}`);
  if (!path.startsWith('/')) throw complain('a path begins with "/"');
  const parts = path.slice(1).split('/');
  for (const part of parts) {
    const unsafe = unsafeName(fillIn(part, 'x'));
    if (unsafe !== undefined) throw complain(`"${part}" cannot be a name (${unsafe})`);
    if (/[{}]/.test(fillIn(part, ''))) throw complain('a placeholder is written {name}, in small letters');
  }
  const found = [...path.matchAll(placeholders)];
  if (found.length > 1 || parts.slice(0, -1).some((part) => placeholderOf(part) !== undefined)) throw complain('there is one placeholder at most, in the last part');
  const [placeholder] = found.map(([, name]) => name);
  if ((placeholder === undefined) !== (names === undefined)) throw complain('"names" says what stands for the placeholder, and is there where one is');
  checkRequest(isSwitch(route) ? route.post : route.get, placeholder);
  if (isSwitch(route) && route.shown !== undefined) checkRequest(route.shown.get, placeholder);
  if (names?.from === 'rows') checkRequest(names.get, undefined);
}

function checkRequest(request: string, placeholder: string | undefined): void {
  const complain = (why: string): FsError => new FsError('EINVAL', `the table of routes: "${request}": ${why}`);
  if (!/^\/[\x21-\x7e]*$/.test(request) || request.includes('#') || request.includes('\\')) throw complain('a request begins with "/" and is written as in a URL');
  const found = [...request.matchAll(placeholders)].map(([, name]) => name);
  if (found.some((name) => name !== placeholder)) throw complain('it names a placeholder that the path does not have');
  if (placeholder !== undefined && found.length === 0) throw complain(`{${placeholder}} is missing: all files of that path would be the same`);
  if (request.split(/[?/]/).some((part) => part === '.' || part === '..')) throw complain('it has no "." or ".." in it');
}
