/**
 * What happened to a document, as the platform tells it. What its timeline looks like is not documented: a time, what
 * was done and who did it are looked for under the names that the platform uses elsewhere. (NetExplorer's page: routes)
 */
import { z } from 'zod';
import { FsError, isErrno } from '../../errors.js';
import type { Location } from '../provider.js';
import type { History, HistoryEvent } from '../services.js';
import { readList, segment } from './calls.js';
import { readLinkDate } from './link-dates.js';
import { readPerson } from './objects.js';
import type { Tree } from './tree.js';

const event = z.looseObject({});
const lists = z.looseObject({ timeline: z.unknown(), events: z.unknown() }).partial();
const timeNames = ['date', 'creation', 'creation_date', 'created', 'time', 'modification', 'deletion'];
const eventNames = ['action', 'event', 'type', 'label', 'message', 'description', 'name'];
const whoNames = ['owner', 'user', 'author', 'by', 'owner_id', 'user_id'];

export class Timelines implements History {
  constructor(private readonly tree: Tree) {}

  async list({ path }: Location, signal: AbortSignal): Promise<readonly HistoryEvent[]> {
    const { object } = await this.tree.looker.file(path, signal);
    const told = await this.tree.api.ask({
      operation: 'history', method: 'GET', path: `/file/${segment(object.id)}/timeline`, route: '/file/:id/timeline', about: path, idempotent: true,
    }, readTimeline, signal);
    if (told.kind === 'told') return told.value.toSorted((one, other) => other.time - one.time);
    // It was there a moment ago.
    if (isErrno(told.error, 'ENOENT')) throw new FsError('EOPNOTSUPP', `${path}: the platform tells no history of it`, { cause: told.error });
    throw told.error;
  }
}

/** Undefined where this is no list; what has no time, or says nothing, is left out. */
export function readTimeline(value: unknown): readonly HistoryEvent[] | undefined {
  const named = lists.safeParse(value);
  const list = readList(value) ?? (named.success ? readList(named.data.timeline) ?? readList(named.data.events) : undefined);
  return list?.flatMap((item): HistoryEvent[] => {
    const parsed = event.safeParse(item);
    if (!parsed.success) return [];
    const first = <T>(names: readonly string[], read: (value: unknown) => T | undefined): T | undefined =>
      names.map((name) => read(parsed.data[name])).find((found) => found !== undefined);
    const time = first(timeNames, readLinkDate);
    const words = first(eventNames, (text) => (typeof text === 'string' && text.trim() !== '' ? text : undefined));
    return time === undefined || words === undefined ? [] : [{ time, event: words, who: first(whoNames, readPerson) }];
  });
}
