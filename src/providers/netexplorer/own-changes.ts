/**
 * What this mount has just made: the platform's next listings may not show it yet, or show the version
 * before. The answer that made it is trusted, for a while; see `listing.ts`. (NetExplorer's page: what surprises)
 */
import { LRUCache } from 'lru-cache';
import type { TreeObject } from './objects.js';

/** So long a listing may lag behind, in milliseconds. */
const lag = 60_000;
/** Folders with something new in them that are remembered. */
const remembered = 1000;

interface Own {
  readonly object: TreeObject;
  readonly made: number;
}

export class OwnChanges {
  private readonly folders = new LRUCache<string, Map<string, Own>>({ max: remembered });

  /** `elapsed`: milliseconds that have passed, sleep included. */
  constructor(private readonly elapsed: () => number) {}

  /** A thing was made, moved to or changed there. */
  made(parentId: string, name: string, object: TreeObject): void {
    const own = this.folders.get(parentId) ?? new Map<string, Own>();
    own.set(name, { object, made: this.elapsed() });
    this.folders.set(parentId, own);
  }

  /** It is gone from there, or a listing has shown it. */
  settled(parentId: string, name: string): void {
    const own = this.folders.get(parentId);
    own?.delete(name);
    if (own?.size === 0) this.folders.delete(parentId);
  }

  /** What was made there lately and no listing has shown yet, by the name as it is shown. */
  of(parentId: string): ReadonlyMap<string, TreeObject> {
    const own = this.folders.get(parentId);
    if (own === undefined) return new Map();
    const now = this.elapsed();
    for (const [name, { made }] of own) if (now - made > lag) own.delete(name);
    return new Map([...own].map(([name, { object }]) => [name, object]));
  }
}
