/**
 * Lists a folder: SFTPGo sends all of it in one answer, parsed as it arrives. Nothing is given out
 * before the end has been seen, since a listing that breaks off must never pass for a shorter folder;
 * that also lets it be asked for again. (SFTPGo's page: directories)
 */
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import { plainWords } from '../../http/answer-words.js';
import { parseJsonArray } from '../../http/json-array.js';
import type { Failure, Try } from '../../http/retry.js';
import type { Log } from '../../observe/log.js';
import { parseHiddenName, type HiddenName } from '../hidden-names.js';
import { joinPath } from '../paths.js';
import type { Entry } from '../provider.js';
import type { Api, Call } from './api.js';
import { leaveOut } from './encoding.js';
import { typeOfMode, type FileType } from './file-mode.js';
import type { Looker, Sight } from './looking.js';
import type { Rights } from './rights.js';
import { formatVersion, wholeSecond } from './version.js';

/** Types alone: with zod's own checks of dates and whole numbers a cold listing of 10,000 takes 50 ms longer. */
const listedEntries = z.array(z.object({
  name: z.string(),
  size: z.number().optional(),
  mode: z.number(),
  last_modified: z.string(),
}));

/** One entry of the server's list. `modified`: milliseconds since the epoch, a whole second. */
interface ListedEntry {
  readonly name: string;
  readonly type: FileType;
  readonly size: number | undefined;
  readonly modified: number;
}

/** A hidden thing that a listing showed. */
export interface ListedHidden {
  readonly path: string;
  readonly parts: HiddenName;
  readonly size: number;
  readonly modified: number;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** Temporary files, of this mount or another. */
  readonly hidden: readonly ListedHidden[];
  /** Names of what is there and not shown: pipes, links that lead nowhere. */
  readonly leftOut: ReadonlySet<string>;
  /** When this was so: milliseconds since the epoch by the server's clock. */
  readonly date: number;
  /** The server showed nothing at all, not even what is left out. */
  readonly empty: boolean;
  /** All that it showed are temporary files. */
  readonly onlyHidden: boolean;
}

/** Links looked up at once; the connections' own limit holds besides. */
const linksAtOnce = 8;
/** How long a look at one link may take at most, in milliseconds: it may lead to a pipe, which never answers. */
const longestLook = 5_000;
/** Paths remembered as pipes, devices and the like, and as told in the log. */
const remembered = 10_000;

export class Lister {
  /** Pipes, sockets and devices by path: asking for a pipe would hang. */
  private readonly specials = new LRUCache<string, true>({ max: remembered });
  private readonly told = new LRUCache<string, true>({ max: remembered });

  /** `stallTimeout`: milliseconds after which a silent server counts as stalled; a link is given half of that. */
  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly rights: Rights, private readonly log: Log,
    private readonly stallTimeout: number,
  ) {}

  /** Milliseconds since the epoch by the server's clock. */
  get now(): number {
    return this.api.http.clock.now();
  }

  /** True where a listing has shown something at this path that must not be opened. */
  isSpecial(path: string): boolean {
    return this.specials.has(path);
  }

  /** Lists the folder at a path (from the home's root). ENOENT, ENOTDIR, EACCES; EIO for a listing that breaks off. */
  async list(path: string, signal: AbortSignal): Promise<Listing> {
    const known = this.rights.missing('list', path);
    if (known !== undefined) throw known;
    const { listed, date } = await this.api.http.repeat(() => this.attempt(path, signal), signal);
    return this.sort(path, listed, date, signal);
  }

  private async attempt(path: string, signal: AbortSignal): Promise<Try<{ listed: ListedEntry[]; date: number }>> {
    const outcome = await this.api.attempt(listCall(path), signal);
    // Listing a file breaks the connection without an answer, as a network would.
    if ('failure' in outcome) return this.explainBreak(path, outcome.failure, signal);
    const reply = outcome.done;
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused') {
      if (reply.lacks === 'right') this.rights.learn('list', path, reply.error, 'right');
      throw await this.looker.explain(path, reply, signal);
    }
    try {
      return { done: { listed: await readListing(reply.answer), date: reply.answer.date } };
    } catch (thrown) {
      const error = toFsError(thrown);
      if (error.errno === 'EINTR') throw error;
      return { failure: { error, again: error.retryable ? 'later' : 'never' } };
    }
  }

  private async explainBreak(path: string, failure: Failure, signal: AbortSignal): Promise<{ readonly failure: Failure }> {
    if (failure.again !== 'later') return { failure };
    const looked = await this.looker.tryToLook(path, signal);
    if ('failure' in looked) return { failure };
    const { kind } = looked.done;
    if (kind === 'file') throw new FsError('ENOTDIR', `${path} is a file`);
    if (kind === 'nothing') throw new FsError('ENOENT', `${path} is not there`);
    return { failure };
  }

  /** Takes apart what may be shown, what is ours and hidden, and what is left out. */
  private async sort(path: string, listed: readonly ListedEntry[], date: number, signal: AbortSignal): Promise<Listing> {
    const entries: (Entry | undefined)[] = [];
    const hidden: ListedHidden[] = [];
    const leftOut = new Set<string>();
    const links: { readonly item: ListedEntry; readonly at: number }[] = [];
    for (const item of listed) {
      const parts = parseHiddenName(item.name);
      const { type } = item;
      const why = parts === undefined ? leaveOut(item.name) : undefined;
      if (parts !== undefined) {
        if (type === 'file') hidden.push({ path: joinPath(path, item.name), parts, size: item.size ?? 0, modified: item.modified });
      } else if (why !== undefined) {
        this.tell(path, item.name, why);
        leftOut.add(item.name);
      } else if (type === 'special') {
        leftOut.add(item.name);
        this.specials.set(joinPath(path, item.name), true);
        this.tell(path, item.name, 'a pipe, socket or device');
      } else if (type === 'link') {
        links.push({ item, at: entries.push(undefined) - 1 });
      } else {
        entries.push(entryOf(item, type, date));
      }
    }
    const follow = links.values();
    const work = async (): Promise<void> => {
      for (const { item, at } of follow) {
        const entry = await this.followLink(path, item, signal);
        if (entry === undefined) leftOut.add(item.name);
        else entries[at] = { ...entry, observed: date };
      }
    };
    await Promise.all(Array.from({ length: Math.min(linksAtOnce, links.length) }, work));
    return { entries: entries.filter((entry) => entry !== undefined), hidden, leftOut, date, empty: listed.length === 0, onlyHidden: listed.length === hidden.length };
  }

  /** Shows a link as what it leads to; undefined where it leads nowhere or out of the home. */
  private async followLink(folder: string, link: ListedEntry, signal: AbortSignal): Promise<Entry | undefined> {
    const path = joinPath(folder, link.name);
    // Where files cannot be looked at, nobody knows what a link leads to.
    if (this.specials.has(path) || this.rights.missing('look', folder) !== undefined) return undefined;
    const sight = await this.lookAtLink(folder, path, signal);
    switch (sight?.kind) {
      case 'file':
        return {
          name: link.name, kind: 'file', size: sight.size, modified: sight.modified, version: formatVersion(sight), observed: sight.date,
        };
      case 'folder':
        // A folder's time stands in its parent's listing only; the link's own is at least a steady one.
        return { name: link.name, kind: 'folder', size: undefined, modified: link.modified, version: '', link: true, observed: sight.date };
      default:
        this.tell(folder, link.name, 'a link that leads nowhere');
        return undefined;
    }
  }

  /** Undefined: the link's target never answers, though the server does. */
  private async lookAtLink(folder: string, path: string, signal: AbortSignal): Promise<Sight | undefined> {
    const patience = AbortSignal.timeout(Math.min(longestLook, this.stallTimeout / 2));
    try {
      return await this.looker.look(path, AbortSignal.any([signal, patience]));
    } catch (error) {
      if (signal.aborted || !patience.aborted || !isErrno(error, 'EINTR')) throw error;
    }
    // A server that is merely slow must not make files disappear: then this look fails, and the listing with it.
    await this.looker.look(folder, signal);
    this.specials.set(path, true);
    return undefined;
  }

  /** Each thing left out is told once. */
  private tell(folder: string, name: string, why: string): void {
    const path = joinPath(folder, name);
    if (this.told.has(path)) return;
    this.told.set(path, true);
    this.log.warn({ folder, name, why }, 'left out of the listing');
  }
}

function listCall(path: string): Call {
  return {
    operation: 'list', method: 'GET', route: '/user/dirs', path, headers: { 'accept-encoding': 'gzip' }, accept: [200], idempotent: true,
  };
}

async function readListing(answer: Answer): Promise<ListedEntry[]> {
  const listed: ListedEntry[] = [];
  for await (const group of parseJsonArray(answer.unpacked())) {
    const parsed = listedEntries.safeParse(group);
    if (!parsed.success) throw new FsError('EIO', `the listing is not understood: ${z.prettifyError(parsed.error).slice(0, 200)}`);
    for (const { name, size, mode, last_modified: time } of parsed.data) {
      listed.push({ name, type: typeOfMode(mode), size: readSize(name, size), modified: readTime(name, time) });
    }
  }
  return listed;
}

function readSize(name: string, size: number | undefined): number | undefined {
  if (size === undefined || (Number.isSafeInteger(size) && size >= 0)) return size;
  throw new FsError('EIO', `the listing gives "${plainWords(name)}" a size that is none`);
}

/** RFC 3339; without its zone a time would be taken for this machine's. */
function readTime(name: string, time: string): number {
  const read = /T.*(Z|[+-]\d\d:\d\d)$/.test(time) ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(read)) throw new FsError('EIO', `the listing gives "${plainWords(name)}" a time that is none`);
  return wholeSecond(read);
}

function entryOf(item: ListedEntry, kind: Entry['kind'], observed: number): Entry {
  const { name, modified } = item;
  if (kind === 'folder') return { name, kind, size: undefined, modified, version: '', observed };
  if (item.size === undefined) throw new FsError('EIO', `the listing gives no size for "${plainWords(name)}"`);
  return { name, kind, size: item.size, modified, version: formatVersion({ size: item.size, modified }), observed };
}
