/**
 * Answers about whole trees, asked for where a walk is noticed (`walks.ts`): one request in the place of
 * a listing for each folder. They come a folder at a time and go into the listings' memory; who wants a
 * folder that is still to come waits for it a while, and where it does not come, the answer breaks off, or
 * does not have the folder, it is listed by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { toFsError } from '../errors.js';
import type { Log } from '../observe/log.js';
import type { Entry, ListedFolder, Provider } from '../providers/provider.js';
import type { Inode } from './inode.js';
import type { InodeTable } from './inode-table.js';
import { bytesOf, enterInto, newListing, type Listing, type ListingCache, type TreeAnswer } from './listing-cache.js';
import { untilAborted } from './shared-task.js';
import { forgetWalks, isWithin, noteListed, noteOpening, noteSpent, parentOf, type Walk } from './walks.js';

/** Of the listings' memory one answer takes at most so much: the folders that the walk is at stay, too. */
const shareOfTree = 3 / 4;

/** A tree's answer is believed for so many times `--dir-ttl` while the walk goes on: a new one each time it runs out would move the tree again and again. */
const livesOfTree = 6;

/**
 * Who wants a folder of an answer under way waits for so long: it may be anybody's `ls`, and the folder the last
 * of an answer that takes minutes. A walk that waits itself asks for a listing as seldom as that. Milliseconds.
 */
const patienceForFolder = 2000;

/** After a failure whole trees are not asked for so long. Milliseconds. */
const pauseAfterFailure = 60_000;

export interface TreeOptions {
  readonly provider: Provider;
  readonly table: InodeTable;
  readonly kept: ListingCache;
  /** How long a listing is believed, milliseconds. */
  readonly ttl: number;
  /** Told of the first entry of each folder, as it came from the platform. */
  readonly onAnswer: (entry: Entry) => void;
  readonly log: Log;
}

/** An answer under way. */
class Tree {
  readonly abort = new AbortController();
  readonly learnt = performance.now();
  readonly answer: TreeAnswer;
  /** Folders that have come, or will not be taken when they do. */
  readonly passed = new Set<string>();
  /** Own changes in folders since it was asked for: it may have been read before or after them. */
  readonly changes = new Map<string, Map<string, Entry | undefined>>();
  ended = false;
  bytes = 0;
  waiting = 0;
  /** Folders of which, and of all below, it is not known whether what will come is of before or after a change. */
  readonly #doubts = new Set<string>();
  readonly #arrivals = new Map<string, { readonly come: Promise<void>; readonly resolve: () => void }>();

  constructor(readonly top: Inode, readonly path: string, life: number) {
    this.answer = { limit: this.learnt + life, lastUse: this.learnt };
  }

  /** Whether a folder is still to come. */
  has(path: string): boolean {
    return !this.ended && isWithin(this.path, path) && !this.passed.has(path) && !this.isDoubtful(path);
  }

  isDoubtful(path: string): boolean {
    if (this.#doubts.size === 0) return false;
    for (let at = path; ; at = parentOf(at)) {
      if (this.#doubts.has(at)) return true;
      if (at === '/') return false;
    }
  }

  /** Resolves when a folder has come, is not to be waited for any more, or the answer has ended. */
  arrival(path: string): Promise<void> {
    const known = this.#arrivals.get(path);
    if (known !== undefined) return known.come;
    let resolve: () => void = () => undefined;
    const come = new Promise<void>((settle) => { resolve = settle; });
    this.#arrivals.set(path, { come, resolve });
    return come;
  }

  pass(path: string): void {
    this.passed.add(path);
    this.#arrivals.get(path)?.resolve();
    this.#arrivals.delete(path);
  }

  doubt(path: string): void {
    this.#doubts.add(path);
    this.#wake((waited) => isWithin(path, waited));
  }

  end(): void {
    this.ended = true;
    this.#wake(() => true);
  }

  #wake(which: (path: string) => boolean): void {
    for (const [path, { resolve }] of this.#arrivals) {
      if (!which(path)) continue;
      resolve();
      this.#arrivals.delete(path);
    }
  }
}

export class TreeListings {
  readonly #options: TreeOptions;
  readonly #running = new Map<Tree, Promise<void>>();
  #walks: readonly Walk[] = [];
  #notBefore = -Infinity;

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  /**
   * Notes that a folder is opened, and asks for a whole tree where that shows a walk. `listing`: what is in memory
   * of it, `fresh` or not. True where it is to be believed: an answer about a tree is, for a while longer, as the walk goes on.
   */
  open(folder: Inode, listing: Listing | undefined, fresh: boolean): boolean {
    const { provider, ttl } = this.#options;
    if (provider.listTree === undefined || ttl === 0 || folder.isDetached) return fresh;
    const now = performance.now();
    const believed = goOn(listing, now, ttl) || fresh;
    const { walks, fetch } = noteOpening(this.#walks, { path: folder.path, listed: believed, now }, { life: ttl * livesOfTree, rest: ttl });
    this.#walks = walks;
    if (fetch !== undefined) this.#ask(folder, fetch, now);
    return believed;
  }

  /** The listing of a folder that was opened has come. */
  opened(folder: Inode, listing: Listing): void {
    if (this.#walks.length === 0) return;
    const now = performance.now();
    this.#walks = noteListed(this.#walks, folder.path, now);
    if (listing.tree !== undefined) listing.tree.lastUse = now;
    goOn(listing, now, this.#options.ttl);
  }

  /** Waits for a folder of an answer under way. Undefined where none is, or it did not have it or not soon: list it by itself. */
  async wait(folder: Inode, signal: AbortSignal): Promise<Listing | undefined> {
    if (this.#running.size === 0 || folder.isDetached) return undefined;
    const { path } = folder;
    const tree = [...this.#running.keys()].find((each) => each.has(path));
    if (tree === undefined) return undefined;
    tree.waiting += 1;
    const patience = new AbortController();
    const tooLong = sleep(patienceForFolder, undefined, { signal: patience.signal }).catch(() => undefined);
    try {
      await untilAborted(Promise.race([tree.arrival(path), tooLong]), signal);
    } finally {
      patience.abort();
      tree.waiting -= 1;
      // The program that walked was interrupted, and nobody else waits.
      if (signal.aborted && tree.waiting === 0) tree.abort.abort();
    }
    const listing = this.find(folder);
    return listing?.learnt === tree.learnt ? listing : undefined;
  }

  /** What is in memory of a folder, by its node, or by its path until the kernel knows it. */
  find(folder: Inode): Listing | undefined {
    const { kept } = this.#options;
    const known = kept.get(folder.node);
    if (known !== undefined || kept.paths.size === 0 || folder.isDetached) return known;
    const { path } = folder;
    const told = kept.get(path);
    if (told === undefined) return undefined;
    kept.delete(path);
    kept.set(folder.node, told);
    return told;
  }

  /** Enters an own change into what is on its way. */
  enter(folder: Inode, name: string, entry: Entry | undefined): void {
    if (this.#running.size === 0 || folder.isDetached) return;
    const { path } = folder;
    for (const tree of this.#running.keys()) {
      if (!tree.has(path)) continue;
      const changes = tree.changes.get(path) ?? new Map<string, Entry | undefined>();
      tree.changes.set(path, changes);
      changes.set(name, entry);
    }
  }

  /** What is said of one folder is not to be believed: a change there failed. */
  drop(folder: Inode): void {
    const { kept } = this.#options;
    if ((this.#running.size === 0 && kept.paths.size === 0) || folder.isDetached) return;
    const { path } = folder;
    kept.delete(path);
    for (const tree of this.#running.keys()) if (tree.has(path)) tree.pass(path);
  }

  /** What is said of folders at and below a path is not to be believed: the folder was renamed, removed or replaced, or a person wants it told anew. */
  dropBelow(path: string): void {
    const { kept } = this.#options;
    for (const each of kept.paths) if (isWithin(path, each)) kept.delete(each);
    for (const tree of this.#running.keys()) if (isWithin(tree.path, path) || isWithin(path, tree.path)) tree.doubt(path);
  }

  /** A person wants all below a path told anew. */
  forgetBelow(path: string): void {
    this.dropBelow(path);
    this.#walks = forgetWalks(this.#walks, path);
    this.#notBefore = -Infinity;
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    for (const tree of this.#running.keys()) tree.abort.abort();
    await Promise.all(this.#running.values());
  }

  #ask(folder: Inode, path: string, now: number): void {
    let top = folder;
    while (top.path !== path && top.place !== undefined) top = top.place.parent;
    const running = [...this.#running.keys()];
    if (running.some((tree) => tree.path === path)) return;
    const overlaps = running.some((tree) => isWithin(tree.path, path) || isWithin(path, tree.path));
    if (now < this.#notBefore || top.path !== path || overlaps) {
      this.#walks = noteSpent(this.#walks, path);
      return;
    }
    const tree = new Tree(top, path, this.#options.ttl * livesOfTree);
    this.#running.set(tree, this.#run(tree));
  }

  /** Never throws. */
  async #run(tree: Tree): Promise<void> {
    const { provider, table, log } = this.#options;
    const { path } = tree;
    let folders = 0;
    let whole = true;
    // One turn later, so that the tree is entered before it can end.
    await Promise.resolve();
    try {
      for await (const told of provider.listTree?.(table.locate(tree.top), tree.abort.signal) ?? []) {
        folders += 1;
        whole = this.#take(tree, told) && !tree.abort.signal.aborted;
        if (!whole) break;
      }
    } catch (thrown) {
      whole = false;
      const error = toFsError(thrown);
      if (!tree.abort.signal.aborted) {
        this.#notBefore = performance.now() + pauseAfterFailure;
        log.warn({ path, errno: error.errno, reason: error.message }, 'a whole tree could not be listed at once: its folders are listed one by one');
      }
    } finally {
      tree.end();
      this.#running.delete(tree);
      // Who gave it up may come again, and walk anew.
      if (tree.abort.signal.aborted) this.#walks = forgetWalks(this.#walks, path);
      else if (!whole) this.#walks = noteSpent(this.#walks, path);
      log.debug({ path, folders, whole, ms: Math.round(performance.now() - tree.learnt) }, 'a whole tree was listed');
    }
  }

  /** Takes a folder that has come. False where there is no more room. */
  #take(tree: Tree, { below, entries }: ListedFolder): boolean {
    const { kept, ttl, onAnswer } = this.#options;
    const path = below === '' ? tree.path : `${tree.path === '/' ? '' : tree.path}/${below}`;
    if (!tree.has(path)) return true;
    const [first] = entries;
    if (first !== undefined) onAnswer(first);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    for (const [name, entry] of tree.changes.get(path) ?? []) enterInto(byName, name, entry);
    const bytes = bytesOf({ entries: byName });
    if (tree.bytes + bytes > kept.share * shareOfTree) return false;
    const inode = this.#inodeAt(path);
    const there = inode === undefined ? undefined : kept.get(inode.node);
    if (there === undefined || there.learnt < tree.learnt) {
      tree.bytes += bytes;
      kept.set(inode?.node ?? path, { ...newListing(byName, tree.learnt, ttl), tree: tree.answer });
    }
    const now = performance.now();
    // Believed at least for as long as it took to come.
    tree.answer.limit = Math.max(tree.answer.limit, now + (now - tree.learnt));
    tree.pass(path);
    return true;
  }

  #inodeAt(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#options.table.root;
    for (const name of path.split('/')) if (name !== '') inode = inode?.children.get(name);
    return inode?.kind === 'folder' ? inode : undefined;
  }
}

/** Whether a listing out of a tree's answer is to be believed since its walk goes on. From its first opening on it is like any other. */
function goOn(listing: Listing | undefined, now: number, ttl: number): boolean {
  const answer = listing?.tree;
  if (listing === undefined || answer === undefined) return false;
  listing.tree = undefined;
  if (now > answer.limit || now - answer.lastUse > ttl) return false;
  answer.lastUse = now;
  listing.until = Math.max(listing.until, now + ttl);
  return true;
}
