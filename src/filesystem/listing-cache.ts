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
  readonly until: number;
  /** Looks at single names since. */
  looks: number;
}

/** What an entry takes of memory, with a name of 30 letters: seen on Node 20. */
const entryBytes = 260;

export class ListingCache {
  /** Bytes. */
  readonly share: number;
  readonly #kept: LRUCache<NodeId, Listing>;
  #huge: { readonly node: NodeId; readonly listing: Listing } | undefined;

  constructor(share: number) {
    this.share = share;
    this.#kept = new LRUCache({ maxSize: Math.max(1, Math.floor(share)), sizeCalculation: bytesOf });
  }

  /** Listings kept. */
  get count(): number {
    return this.#kept.size + (this.#huge === undefined ? 0 : 1);
  }

  /** Names in all of them. */
  get names(): number {
    return this.#kept.calculatedSize / entryBytes - this.#kept.size + (this.#huge?.listing.entries.size ?? 0);
  }

  get(node: NodeId): Listing | undefined {
    return this.#huge?.node === node ? this.#huge.listing : this.#kept.get(node);
  }

  /** Keeps a listing, or one that has grown or shrunk since. True where it alone is larger than the share of all. */
  set(node: NodeId, listing: Listing): boolean {
    this.delete(node);
    const huge = bytesOf(listing) > this.share;
    if (huge) this.#huge = { node, listing };
    else this.#kept.set(node, listing);
    return huge;
  }

  delete(node: NodeId): void {
    if (this.#huge?.node === node) this.#huge = undefined;
    this.#kept.delete(node);
  }
}

/** What a listing takes of memory, bytes. */
export function bytesOf({ entries }: Listing): number {
  return (entries.size + 1) * entryBytes;
}
