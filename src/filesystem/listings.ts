/**
 * Listings of folders, the unit of caching: one request tells the attributes of all children, and
 * that a name is not there. Own changes are entered at once, also into a listing that is on its way
 * and may have been read before or after them.
 */
import { isErrno } from '../errors.js';
import type { Log } from '../observe/log.js';
import type { Counter, Metrics } from '../observe/metrics.js';
import type { Entry, Location, Provider } from '../providers/provider.js';
import type { NodeId } from './filesystem.js';
import type { Inode } from './inode.js';
import type { InodeTable } from './inode-table.js';
import { bytesOf, enterInto, ListingCache, newListing, type Listing } from './listing-cache.js';
import { SharedTask } from './shared-task.js';
import { TreeListings } from './tree-listings.js';

/** A folder with more entries is not listed again to learn of one name: a look at the name costs less. */
const largeFolder = 1000;

/** So many entries of a listing cost what a look at one name does, for the server, the line and this process. */
const entriesForOneLook = 100;

/** A listing on its way, and the own changes since it was asked for; undefined: the name went. */
interface Loading {
  readonly task: SharedTask<Listing>;
  readonly changes: Map<string, Entry | undefined>;
  stale: boolean;
}

/** A question about one name on its way; `overtaken` by an own change its answer says nothing. */
interface Look {
  readonly folder: NodeId;
  readonly name: string;
  overtaken: boolean;
}

export interface ListingsOptions {
  readonly provider: Provider;
  readonly table: InodeTable;
  /** How long a listing is believed, milliseconds. */
  readonly ttl: number;
  /** The budget for all listings together, bytes; one that alone takes more is kept beside. */
  readonly memory: number;
  /** Told of the first entry of each answer, as it came from the platform. */
  readonly onAnswer: (entry: Entry) => void;
  readonly log: Log;
  readonly metrics: Metrics;
}

export class Listings {
  /** Listings that were there and young enough when they were wanted, and others. */
  readonly hits: Counter;
  readonly misses: Counter;
  readonly #options: ListingsOptions;
  readonly #kept: ListingCache;
  readonly #trees: TreeListings;
  readonly #loading = new Map<NodeId, Loading>();
  readonly #looks = new Set<Look>();
  /** Folders of which the log has been told that they are too large. */
  readonly #told = new Set<NodeId>();

  constructor(options: ListingsOptions) {
    this.#options = options;
    const wanted = (result: string) => options.metrics.counter('amarre_cache_listing_reads_total', 'Listings that were wanted.', { result });
    this.hits = wanted('hit');
    this.misses = wanted('miss');
    this.#kept = new ListingCache(options.memory);
    this.#trees = new TreeListings({ ...options, kept: this.#kept });
  }

  /** Listings in memory. */
  get count(): number {
    return this.#kept.count;
  }

  /** Names in all of them. */
  get names(): number {
    return this.#kept.names;
  }

  /** What was listed last, however old. */
  last(folder: Inode): Listing | undefined {
    return this.#trees.find(folder);
  }

  /** What was listed last, if it is to be believed still. */
  fresh(folder: Inode): Listing | undefined {
    const listing = this.last(folder);
    return this.#counted(isYoung(listing) ? listing : undefined);
  }

  /** What is in a folder that a program opens: from memory where that is to be believed, else the platform's. */
  async open(folder: Inode, signal: AbortSignal): Promise<Listing> {
    const last = this.last(folder);
    const believed = this.#counted(this.#trees.open(folder, last, isYoung(last)) ? last : undefined);
    if (believed !== undefined) return believed;
    const listing = await this.load(folder, signal);
    this.#trees.opened(folder, listing);
    return listing;
  }

  #counted(listing: Listing | undefined): Listing | undefined {
    (listing === undefined ? this.misses : this.hits).add();
    return listing;
  }

  /**
   * Whether to learn of one name a look at it is better than a listing: the folder is large, and has not
   * been looked at so often since that a listing would have been cheaper.
   */
  prefersLook(folder: Inode): boolean {
    const listing = this.last(folder);
    return listing !== undefined && listing.entries.size > largeFolder && listing.looks < listing.entries.size / entriesForOneLook;
  }

  /**
   * Asks the platform, once for all who wait; again where a change that failed made the answer doubtful. A
   * folder of a whole tree that is on its way comes with that.
   */
  async load(folder: Inode, signal: AbortSignal): Promise<Listing> {
    for (;;) {
      let loading = this.#underWay(folder);
      if (loading === undefined) {
        const told = await this.#trees.wait(folder, signal);
        if (told !== undefined) return told;
        loading = this.#underWay(folder) ?? this.#start(folder);
      }
      const listing = await loading.task.join(signal);
      if (!loading.stale) return listing;
    }
  }

  /**
   * What the platform says of one name (`ask`), and when it was asked; asked again where an own change
   * of that name, or of the way to it, happened meanwhile.
   */
  async look(folder: Inode, name: string, ask: () => Promise<Entry | undefined>): Promise<{ entry: Entry | undefined; learnt: number }> {
    for (;;) {
      const look: Look = { folder: folder.node, name, overtaken: false };
      const { path } = this.#options.table.locateChild(folder, name);
      const learnt = performance.now();
      this.#looks.add(look);
      try {
        const entry = await ask();
        const listing = this.last(folder);
        if (listing !== undefined) listing.looks += 1;
        if (look.overtaken || this.#options.table.locateChild(folder, name).path !== path) continue;
        // What opens by name alone does not come to be listed by that.
        if (entry === undefined || this.#options.provider.isUnlisted?.(this.#options.table.locateChild(folder, name)) !== true) this.#apply(folder, name, entry);
        return { entry, learnt };
      } finally {
        this.#looks.delete(look);
      }
    }
  }

  /** Enters an own change: what a name is now, or that it went. */
  enter(folder: Inode, name: string, entry: Entry | undefined): void {
    this.#apply(folder, name, entry);
    this.#trees.enter(folder, name, entry);
    this.#loading.get(folder.node)?.changes.set(name, entry);
    for (const look of this.#looks) if (look.folder === folder.node && look.name === name) look.overtaken = true;
  }

  /** A new folder of our own: nothing is in it. */
  startEmpty(folder: Inode): void {
    this.#kept.set(folder.node, newListing(new Map(), performance.now(), this.#options.ttl));
  }

  /** What is remembered of a folder that cannot be listed: own changes alone, and never believed to be all. */
  startUnseen(folder: Inode): Listing {
    const last = this.last(folder);
    if (last !== undefined) return last;
    const own: Listing = { entries: new Map(), learnt: -Infinity, until: -Infinity, looks: 0 };
    this.#kept.set(folder.node, own);
    return own;
  }

  /** Forgets a folder's listing: a change failed, and the platform is asked before it is believed. */
  drop(folder: Inode): void {
    this.#trees.drop(folder);
    this.forget(folder);
  }

  /** A folder has another path, or is gone: what a whole tree's answer says of its old path and below is of something else. */
  uproot(folder: Inode): void {
    this.#trees.dropBelow(folder.path);
  }

  /** Forgets what is known at and below a path: a person wants it told anew. */
  forgetBelow(path: string): void {
    this.#trees.forgetBelow(path);
  }

  /** Gives up what is under way for nobody. */
  async close(): Promise<void> {
    await this.#trees.close();
  }

  /** The kernel knows a folder no more: what is kept by its node is of no use. */
  forget(folder: Inode): void {
    this.#kept.delete(folder.node);
    const loading = this.#loading.get(folder.node);
    if (loading !== undefined) loading.stale = true;
    for (const look of this.#looks) if (look.folder === folder.node) look.overtaken = true;
  }

  #underWay(folder: Inode): Loading | undefined {
    const loading = this.#loading.get(folder.node);
    return loading === undefined || loading.stale || loading.task.abandoned ? undefined : loading;
  }

  #start(folder: Inode): Loading {
    const changes = new Map<string, Entry | undefined>();
    const loading: Loading = { changes, stale: false, task: new SharedTask((own) => this.#run(folder, () => loading, changes, own)) };
    this.#loading.set(folder.node, loading);
    return loading;
  }

  async #run(
    folder: Inode, self: () => Loading, changes: ReadonlyMap<string, Entry | undefined>, signal: AbortSignal,
  ): Promise<Listing> {
    // One turn later, so that the caller has entered the loading before it can end.
    await Promise.resolve();
    const loading = self();
    try {
      const listing = await this.#list(folder, signal);
      for (const [name, entry] of changes) enterInto(listing.entries, name, entry);
      if (!loading.stale) this.#keep(folder, listing);
      return listing;
    } finally {
      if (this.#loading.get(folder.node) === loading) this.#loading.delete(folder.node);
    }
  }

  async #list(folder: Inode, signal: AbortSignal): Promise<Listing> {
    const { table } = this.#options;
    for (;;) {
      const location = table.locate(folder);
      try {
        const listing = await this.#listAt(location, signal);
        if (table.locate(folder).path === location.path) return listing;
      } catch (thrown) {
        // Renamed meanwhile: what is not there any more is elsewhere.
        if (!isErrno(thrown, 'ENOENT') || table.locate(folder).path === location.path) throw thrown;
      }
    }
  }

  async #listAt(location: Location, signal: AbortSignal): Promise<Listing> {
    const learnt = performance.now();
    const entries = new Map<string, Entry>();
    for await (const batch of this.#options.provider.list(location, signal)) {
      for (const entry of batch) {
        if (entries.size === 0) this.#options.onAnswer(entry);
        entries.set(entry.name, entry);
      }
    }
    return newListing(entries, learnt, this.#options.ttl);
  }

  #keep(folder: Inode, listing: Listing): void {
    const { memory, log } = this.#options;
    if (!this.#kept.set(folder.node, listing) || this.#told.has(folder.node)) return;
    this.#told.add(folder.node);
    log.warn({ path: folder.path, entries: listing.entries.size, bytes: bytesOf(listing), budget: memory }, 'the listing of one folder takes more memory than all together should; a larger --memory has room for it');
  }

  #apply(folder: Inode, name: string, entry: Entry | undefined): void {
    const listing = this.last(folder);
    if (listing === undefined) return;
    enterInto(listing.entries, name, entry);
    // Entered anew, so that its growth counts.
    this.#kept.set(folder.node, listing);
  }
}

function isYoung(listing: Listing | undefined): boolean {
  return listing !== undefined && performance.now() <= listing.until;
}
