/**
 * What the last listings did not show. Whether a name is free only a listing tells on this platform, and who
 * copies a thousand files into a folder would have it listed a thousand times, ever longer. So for a moment
 * the last one is believed: by who acts next, since the platform itself tells him if the name is taken by then;
 * by who only looks where he has looked in vain again and again; never by who must know. (NetExplorer's page: routes)
 */
import { LRUCache } from 'lru-cache';

/** Folders whose last listing is kept. */
const remembered = 4;

/** Who acts believes a listing for so long, in milliseconds from when it was asked for. */
const forActs = 2_000;
/** Who looks. */
const forLooks = 1_000;
/** So many looks in vain in a row, none of them later than `pause` behind the one before, are a storm. */
const stormBegins = 8;
const pause = 5_000;

export type Purpose = 'look' | 'act' | 'certain';

/** Whether a listing that is `age` milliseconds old may say that a name is free, after `misses` looks in vain. */
export function believed(purpose: Purpose, age: number, misses: number): boolean {
  switch (purpose) {
    case 'act': return age <= forActs;
    case 'look': return age <= forLooks && misses >= stormBegins;
    case 'certain': return false;
  }
}

interface Recent {
  readonly asked: number;
  readonly names: Set<string>;
}

export class RecentListings {
  private readonly listings = new LRUCache<string, Recent>({ max: remembered });
  private readonly misses = new LRUCache<string, { count: number; last: number }>({ max: remembered });

  /** `elapsed`: milliseconds that have passed, sleep included. */
  constructor(private readonly elapsed: () => number) {}

  /** The present moment, for `listed`: taken before the listing is asked for. */
  get now(): number {
    return this.elapsed();
  }

  listed(folderId: string, asked: number, names: Iterable<string>): void {
    const before = this.listings.get(folderId);
    if (before === undefined || before.asked < asked) this.listings.set(folderId, { asked, names: new Set(names) });
  }

  /** Something has that name from now on, or may have it. */
  taken(folderId: string, name: string): void {
    this.listings.get(folderId)?.names.add(name);
  }

  /** Somebody asks for a name of which nothing is known. True: it is free, as far as can be believed for this purpose. */
  isFree(folderId: string, name: string, purpose: Purpose): boolean {
    const now = this.elapsed();
    const misses = this.misses.get(folderId);
    const count = misses !== undefined && now - misses.last <= pause ? misses.count : 0;
    this.misses.set(folderId, { count: count + 1, last: now });
    const listing = this.listings.get(folderId);
    return listing !== undefined && believed(purpose, now - listing.asked, count) && !listing.names.has(name);
  }
}
