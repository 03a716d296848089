/**
 * What is sent to make a link, and where its address leads. The platform documents neither, and they differ from
 * one to the next: a person can give his platform's as a pattern. Pure. (NetExplorer's page: share link)
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import type { LinkOptions } from '../services.js';
import { formatDay, formatLocalMoment } from './link-dates.js';
import type { TreeObject } from './objects.js';

/** JSON in which a text such as `{expires}` stands for what is asked for. A member without a value is left out. */
export type LinkPattern = Readonly<Record<string, unknown>>;

/** Links of both forms, and deposit links, as they are made where a person gives no other pattern. */
export const linkPatterns = {
  new: { roots: [{ id: '{id}', guid: '{guid}', entity_type: '{type}' }], name: '{name}', expiration_date: '{expires}' },
  old: { files: ['{file}'], folders: ['{folder}'], expiration_date: '{expires}', password: '{password}', max_downloads: '{downloads}' },
  deposit: { folder_id: '{id}', expiration_date: '{expires}' },
} as const satisfies Readonly<Record<string, LinkPattern>>;

/** What a pattern may name. */
export const linkWords = [
  'id', 'guid', 'type', 'file', 'folder', 'name', 'expires', 'expires-day', 'expires-moment', 'password', 'downloads',
] as const;
type Values = Readonly<Record<(typeof linkWords)[number], string | number | undefined>>;

const single = /^\{([a-z-]+)\}$/;
const anywhere = /\{([a-z-]+)\}/g;

/** Reads a pattern as a person wrote it: undefined where it is no JSON object, or names what there is not. */
export function readLinkPattern(text: string): LinkPattern | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(value);
  if (!parsed.success) return undefined;
  const known: readonly string[] = linkWords;
  return [...wordsOf(parsed.data)].every((word) => known.includes(word)) ? parsed.data : undefined;
}

/** What is sent. `name`: as shown. EOPNOTSUPP for what is asked for and has no place in the pattern. */
export function linkBody(pattern: LinkPattern, object: TreeObject, name: string, { expires, password, downloads }: LinkOptions): LinkPattern {
  const words = wordsOf(pattern);
  const asked = [
    ['an expiry', expires, ['expires', 'expires-day', 'expires-moment']], ['a password', password, ['password']], ['a number of downloads', downloads, ['downloads']],
  ] as const;
  for (const [what, value, places] of asked) {
    if (value !== undefined && !places.some((word) => words.has(word))) throw new FsError('EOPNOTSUPP', `this platform's links take no such thing as ${what}`);
  }
  const isFile = object.kind === 'file';
  // The platform writes most ids as numbers.
  const id = /^\d{1,15}$/.test(object.id) ? Number(object.id) : object.id;
  const values: Values = {
    id, guid: isFile ? object.guid : undefined, type: isFile ? 0 : 1, file: isFile ? id : undefined, folder: isFile ? undefined : id, name, password, downloads,
    'expires': expires === undefined ? undefined : new Date(Math.floor(expires / 1000) * 1000).toISOString().replace('.000Z', 'Z'),
    'expires-day': expires === undefined ? undefined : formatDay(expires),
    'expires-moment': expires === undefined ? undefined : formatLocalMoment(expires),
  };
  const filled = fill(pattern, (word) => Object.entries(values).find(([known]) => known === word)?.[1]);
  return z.record(z.string(), z.unknown()).parse(filled ?? {});
}

/** What a person opens: `{key}` in the pattern is the link's; without a host it is the platform's own. */
export function linkAddress(pattern: string, origin: string, key: string): string {
  return new URL(pattern.replaceAll('{key}', encodeURIComponent(key)), origin).href;
}

function wordsOf(value: unknown): ReadonlySet<string> {
  return new Set([...JSON.stringify(value).matchAll(anywhere)].map(([, word = '']) => word));
}

/** The value with its words filled in; undefined where nothing is left of it. */
function fill(value: unknown, valueOf: (word: string) => string | number | undefined): unknown {
  if (typeof value === 'string') {
    const [, word] = single.exec(value) ?? [];
    return word === undefined ? value.replaceAll(anywhere, (_, inside: string) => String(valueOf(inside) ?? '')) : valueOf(word);
  }
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    const left = items.map((item) => fill(item, valueOf)).filter((item) => item !== undefined);
    return items.length > 0 && left.length === 0 ? undefined : left;
  }
  const members = z.record(z.string(), z.unknown()).safeParse(value);
  if (!members.success) return value;
  return Object.fromEntries(Object.entries(members.data).map(([name, member]) => [name, fill(member, valueOf)] as const).filter(([, member]) => member !== undefined));
}
