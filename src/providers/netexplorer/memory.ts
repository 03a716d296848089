/**
 * What the platform has said of the tree, as far as it fits: NetExplorer knows things by number, programs by
 * path. Kept under the folder's number and the name, so that the rename of a folder leaves what is below it
 * known. Nothing here is believed for long; see `looking.ts`.
 */
import { LRUCache } from 'lru-cache';
import type { FileObject, FolderObject, TreeObject } from './objects.js';

/** The folder at the top, which has no object: what has no parent is in it. */
export const topId = '0';

/** Things remembered, some 500 bytes each. */
const remembered = 20_000;

/** What was said of one thing, and when. */
export interface Known<T extends TreeObject = TreeObject> {
  readonly object: T;
  /** As the name is shown. */
  readonly name: string;
  /** The folder in which it is shown. */
  readonly parentId: string;
  /** Milliseconds that had passed, sleep included. */
  readonly seen: number;
}

export function isFolder(known: Known): known is Known<FolderObject> {
  return known.object.kind === 'folder';
}

export function isFile(known: Known): known is Known<FileObject> {
  return known.object.kind === 'file';
}

export class Memory {
  private readonly things = new LRUCache<string, Known>({
    max: remembered,
    dispose: (known) => this.unindex(known),
  });
  /** When folders were listed last: what they did not show then is not remembered, either. */
  private readonly listings = new LRUCache<string, number>({ max: remembered });
  /** Where a document was seen last. */
  private readonly documents = new Map<string, string>();

  /** `elapsed`: milliseconds that have passed, sleep included. */
  constructor(private readonly elapsed: () => number) {}

  get(parentId: string, name: string): Known | undefined {
    const known = this.things.get(keyOf(parentId, name));
    return known !== undefined && known.seen >= (this.listings.get(parentId) ?? 0) ? known : undefined;
  }

  /** The folder was listed just now: what is in it is noted next. */
  listed(parentId: string): void {
    this.listings.set(parentId, this.elapsed());
  }

  /** A document wherever it was seen last. */
  byGuid(guid: string): Known<FileObject> | undefined {
    const key = this.documents.get(guid);
    const known = key === undefined ? undefined : this.things.get(key);
    return known !== undefined && isFile(known) ? known : undefined;
  }

  /** Notes what was said just now. */
  note<T extends TreeObject>(parentId: string, name: string, object: T): Known<T> {
    const known = { object, name, parentId, seen: this.elapsed() };
    const key = keyOf(parentId, name);
    this.things.set(key, known);
    if (object.kind === 'file' && object.guid !== undefined) this.documents.set(object.guid, key);
    return known;
  }

  forget(parentId: string, name: string): void {
    this.things.delete(keyOf(parentId, name));
  }

  private unindex(known: Known): void {
    if (!isFile(known)) return;
    const { guid } = known.object;
    if (guid !== undefined && this.documents.get(guid) === keyOf(known.parentId, known.name)) this.documents.delete(guid);
  }
}

function keyOf(parentId: string, name: string): string {
  return `${parentId}/${name}`;
}
