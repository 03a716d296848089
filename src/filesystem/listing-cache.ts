/**
 * The listings in memory, under their share of the mount's budget. The last one that is larger than the
 * share stands beside them: a program at work in such a folder would else have it sent for every name.
 */
import { LRUCache } from 'lru-cache';
import type { Entry } from '../providers/provider.js';
import type { NodeId } from './filesystem.js';

export interface Listing {
  readonly entries: Map<string, Entry>;
  /** When its request was sent: `performance.now()`. */
  readonly learnt: number;
  /** Until when it is believed: `performance.now()`. */
  until: number;
  /** Looks at single names since. */
  looks: number;
  /** Of an answer about a whole tree, while nobody has opened the folder. */
  tree?: TreeAnswer | undefined;
}

/** An answer about a whole tree, for as long as the walk that it was asked for goes on. Times are `performance.now()`. */
export interface TreeAnswer {
  /** Not believed for longer, whether the walk goes on or not. */
  limit: number;
  /** When the walk last opened a folder out of it. */
  lastUse: number;
}

/** A folder that the kernel knows by its node; of another, out of a tree's answer, the path. */
export type ListingKey = NodeId | string;

/** What an entry takes of memory, with a name of 30 letters: seen on Node 20. */
const entryBytes = 260;

/**
 * A listing that has come, asked for at `learnt`. Believed for `ttl`, or for as long as it took to come, where that is
 * longer: else a program at work in a large folder would have it sent without end.
 */
export function newListing(entries: Map<string, Entry>, learnt: number, ttl: number): Listing {
  const now = performance.now();
  return { entries, learnt, until: ttl === 0 ? learnt : Math.max(learnt + ttl, now + (now - learnt)), looks: 0 };
}

/** Enters what a name is now, or that it went. */
export function enterInto(entries: Map<string, Entry>, name: string, entry: Entry | undefined): void {
  if (entry === undefined) entries.delete(name);
  else entries.set(name, entry);
}

export class ListingCache {
  /** Bytes. */
  readonly share: number;
  readonly #kept: LRUCache<ListingKey, Listing>;
  readonly #paths = new Set<string>();
  #huge: { readonly node: ListingKey; readonly listing: Listing } | undefined;

  constructor(share: number) {
    this.share = share;
    this.#kept = new LRUCache<ListingKey, Listing>({
      maxSize: Math.max(1, Math.floor(share)),
      sizeCalculation: bytesOf,
      dispose: (_listing, key) => {
        if (typeof key === 'string') this.#paths.delete(key);
      },
    });
  }

  /** Listings kept. */
  get count(): number {
    return this.#kept.size + (this.#huge === undefined ? 0 : 1);
  }

  /** Names in all of them. */
  get names(): number {
    return this.#kept.calculatedSize / entryBytes - this.#kept.size + (this.#huge?.listing.entries.size ?? 0);
  }

  /** Paths of folders that are kept without a node. */
  get paths(): ReadonlySet<string> {
    return this.#paths;
  }

  get(node: ListingKey): Listing | undefined {
    return this.#huge?.node === node ? this.#huge.listing : this.#kept.get(node);
  }

  /** Keeps a listing, or one that has grown or shrunk since. True where it alone is larger than the share of all. */
  set(node: ListingKey, listing: Listing): boolean {
    this.delete(node);
    const huge = bytesOf(listing) > this.share;
    if (huge) this.#huge = { node, listing };
    else {
      this.#kept.set(node, listing);
      if (typeof node === 'string') this.#paths.add(node);
    }
    return huge;
  }

  delete(node: ListingKey): void {
    if (this.#huge?.node === node) this.#huge = undefined;
    this.#kept.delete(node);
  }
}

/** What a listing takes of memory, bytes. */
export function bytesOf({ entries }: Pick<Listing, 'entries'>): number {
  return (entries.size + 1) * entryBytes;
}
