/**
 * Lists a folder, or a tree in one answer, as it arrives. A folder that came without its content was not
 * listed and is asked for again, children of other folders are dropped, and what this mount has just made is
 * added where the platform's listing lags behind. (NetExplorer's page: routes, what surprises)
 */
import { LRUCache } from 'lru-cache';
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { Try } from '../../http/retry.js';
import type { Log } from '../../observe/log.js';
import { unsafeName } from '../paths.js';
import type { Api, Call } from './api.js';
import { askFile, askFolder, segment } from './calls.js';
import { ContentCutter, type ListedContent } from './content-cutter.js';
import { topId, type Memory } from './memory.js';
import type { Names } from './names.js';
import type { FolderObject, TreeObject } from './objects.js';
import type { OwnChanges } from './own-changes.js';
import type { Roots } from './roots.js';

/** A folder's children by the names as they are shown, in the platform's order. */
export interface Listing {
  /** The folder itself, where the answer told of it. */
  readonly folder: FolderObject | undefined;
  readonly children: ReadonlyMap<string, TreeObject>;
  /** When this was so: milliseconds since the epoch by the platform's clock. */
  readonly date: number;
}

/** A folder out of a tree. */
export interface ListedBranch extends Listing {
  /** From the folder that was asked for: the names as they are shown, with `/` between. */
  readonly below: string;
}

/** How often in a row a folder may come without its content until that is an error. */
const unlistedLimit = 3;
/** Things left out that are remembered as told in the log. */
const remembered = 10_000;

export class Lister {
  private readonly told = new LRUCache<string, true>({ max: remembered });

  constructor(
    private readonly api: Api, private readonly roots: Roots, private readonly memory: Memory, private readonly own: OwnChanges,
    private readonly names: Names, private readonly log: Log,
  ) {}

  /** What is in a folder now. ENOENT where there is no folder of that number any more. */
  async list(id: string, path: string, signal: AbortSignal): Promise<Listing> {
    if (id === topId) {
      const { folders, date } = await this.roots.list(path, signal);
      return { folder: undefined, children: await this.show(id, path, folders, 0, signal), date };
    }
    let unlisted = 0;
    const { content, date } = await this.api.http.repeat(async (): Promise<Try<{ content: ListedContent; date: number }>> => {
      let found: ListedContent | undefined;
      const outcome = await this.attempt(listCall(id, 1, path), signal, (content) => {
        if (content.chain.length <= 1 && (content.chain[0]?.id ?? id) === id) found = found !== undefined && content.chain.length === 0 ? found : content;
        return undefined;
      });
      if ('failure' in outcome) return outcome;
      if (found !== undefined && await this.isListOf(found, id, path, signal)) return { done: { content: found, date: outcome.done.date } };
      unlisted += 1;
      const error = new FsError('EIO', `list: ${path}: the platform told of the folder without what is in it`, { retryable: true });
      return { failure: { error, again: unlisted < unlistedLimit ? 'later' : 'never' } };
    }, signal);
    const own = content.children.filter((child) => child.parentId === undefined || child.parentId === id);
    return { folder: content.chain[0], children: await this.show(id, path, own, content.nameless, signal), date };
  }

  /**
   * A folder and all below it, from one answer. Until the first folder has come it is repeated as other
   * requests are; after that a break is thrown, retryable.
   */
  async *tree(id: string, path: string, signal: AbortSignal): AsyncGenerator<ListedBranch> {
    if (id === topId) yield { below: '', ...await this.list(id, path, signal) };
    const progress = this.api.http.retryProgress(signal);
    let given = false;
    for (;;) {
      const outcome = await this.api.attempt(id === topId ? rootsCall : listCall(id, -1, path), signal);
      let failure = 'failure' in outcome ? outcome.failure : undefined;
      if ('done' in outcome) {
        const reply = outcome.done;
        if (reply.kind !== 'answer') throw reply.error;
        const { date } = reply.answer;
        const cutter = new ContentCutter();
        try {
          for await (const piece of reply.answer.unpacked()) {
            for (const content of cutter.push(piece)) {
              // Of the top, the roots were listed on their own: with those that others share.
              if (content.chain.length === 0) continue;
              const below = id === topId ? content.chain : content.chain.slice(1);
              const folder = content.chain.at(-1);
              if (folder === undefined || (id !== topId && content.chain[0]?.id !== id)) continue;
              const names = below.map((one) => this.names.decode(one.name));
              if (names.some((name) => unsafeName(name) !== undefined)) continue;
              const place = [path === '/' ? '' : path, ...names].join('/');
              given = true;
              yield { below: names.join('/'), folder, children: await this.show(folder.id, place === '' ? '/' : place, content.children, content.nameless, signal), date };
            }
          }
          const { listed } = cutter.end();
          if (listed) return;
          throw new FsError('EIO', `list: ${path}: the platform told of the folder without what is in it`);
        } catch (thrown) {
          const error = toFsError(thrown);
          if (given || error.errno === 'EINTR') throw error;
          failure = { error, again: error.retryable ? 'later' : 'never' };
        } finally {
          await reply.answer.body.return();
        }
      }
      if (failure !== undefined) await progress.wait(failure);
    }
  }

  private async attempt(call: Call, signal: AbortSignal, take: (content: ListedContent) => undefined): Promise<Try<{ date: number }>> {
    const outcome = await this.api.attempt(call, signal);
    if ('failure' in outcome) return outcome;
    const reply = outcome.done;
    if (reply.kind !== 'answer') throw reply.error;
    const cutter = new ContentCutter();
    try {
      for await (const piece of reply.answer.unpacked()) for (const content of cutter.push(piece)) take(content);
      cutter.end();
      return { done: { date: reply.answer.date } };
    } catch (thrown) {
      await reply.answer.body.return();
      const error = toFsError(thrown);
      if (error.errno === 'EINTR') throw error;
      return { failure: { error, again: error.retryable ? 'later' : 'never' } };
    }
  }

  /** A bare list is this folder's where it says so; of one without a child of its own the folder must say that nothing is in it. */
  private async isListOf({ chain, children }: ListedContent, id: string, path: string, signal: AbortSignal): Promise<boolean> {
    if (chain.length > 0 || children.some((child) => child.parentId === id)) return true;
    const told = await askFolder(this.api, id, path, signal);
    if (told.kind !== 'told') throw told.error;
    return told.value.things === 0;
  }

  /** Gives children the names under which they are shown, completes them by what is known, and adds what is missing. */
  private async show(
    parentId: string, path: string, listed: readonly TreeObject[], nameless: number, signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TreeObject>> {
    const children = new Map<string, TreeObject>();
    if (nameless > 0) this.tell(path, `${nameless} things`, 'without a name or a number');
    const own = this.own.of(parentId);
    for (const child of listed) {
      const name = this.names.decode(child.name);
      const why = unsafeName(name) ?? (children.has(name) ? 'a second thing of the same name' : undefined);
      if (why !== undefined) {
        this.tell(path, child.name, why);
        continue;
      }
      children.set(name, this.completed(parentId, name, child));
    }
    for (const [name, object] of own) {
      const shown = children.get(name);
      if (shown?.kind === object.kind && shown.id === object.id) {
        this.own.settled(parentId, name);
        continue;
      }
      const now = await this.lookAgain(parentId, name, object, path, signal);
      if (now !== undefined) children.set(name, now);
      else this.own.settled(parentId, name);
    }
    this.memory.listed(parentId);
    for (const [name, object] of children) this.memory.note(parentId, name, object);
    return children;
  }

  /** Whether a thing that this mount made is still there though the listing does not show it. */
  private async lookAgain(parentId: string, name: string, object: TreeObject, path: string, signal: AbortSignal): Promise<TreeObject | undefined> {
    const about = `${path}/${name}`;
    const told = object.kind === 'file' ? await askFile(this.api, object.id, about, signal) : await askFolder(this.api, object.id, about, signal);
    if (told.kind === 'told') {
      const { value } = told;
      const there = this.names.decode(value.name) === name && (value.parentId === undefined || value.parentId === parentId);
      return there ? this.completed(parentId, name, value) : undefined;
    }
    if (told.kind === 'refused' && isErrno(told.error, 'ENOENT')) return undefined;
    throw told.error;
  }

  /** Fields that this answer left out, where another answer told them of the same version. */
  private completed(parentId: string, name: string, child: TreeObject): TreeObject {
    if (child.kind === 'folder' || (child.size !== undefined && child.md5 !== undefined)) return child;
    const known = this.memory.get(parentId, name)?.object;
    if (known?.kind !== 'file' || known.id !== child.id || known.modified !== child.modified) return child;
    if (child.md5 !== undefined && known.md5 !== undefined && child.md5 !== known.md5) return child;
    if (child.size !== undefined && known.size !== undefined && child.size !== known.size) return child;
    return { ...child, size: child.size ?? known.size, md5: child.md5 ?? known.md5 };
  }

  /** Each thing left out is told once. */
  private tell(folder: string, name: string, why: string): void {
    const key = `${folder}/${name}`;
    if (this.told.has(key)) return;
    this.told.set(key, true);
    this.log.warn({ folder, name, why }, 'left out of the listing');
  }
}

const rootsCall: Call = {
  operation: 'list', method: 'GET', path: '/folders?depth=-1&full=1', route: '/folders', about: '/', headers: { 'accept-encoding': 'gzip' }, idempotent: true,
};

function listCall(id: string, depth: 1 | -1, about: string): Call {
  return {
    operation: 'list', method: 'GET', path: `/folder/${segment(id)}?depth=${depth}&filter=3&full=1`, route: '/folder/:id', about,
    headers: { 'accept-encoding': 'gzip' }, idempotent: true,
  };
}
