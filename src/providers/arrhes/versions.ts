/**
 * Which object of the store is which version of a document. Lists know no ETag, and between an upload and its
 * finalize they tell the size of what was there before: what the store itself said of an object is bound to
 * the version that the lists told then. (Arrhes' page: between PUT and finalize)
 */
import { LRUCache } from 'lru-cache';
import { sizeOf, versionOf, type FileRow } from './rows.js';

/** Documents remembered. One that was forgotten costs a request. */
const remembered = 20_000;

/** What the store said of an object. */
export interface Seen {
  /** As the store writes it, in quotes. */
  readonly etag: string;
  readonly size: number;
}

/** What the store has where the row tells something else. */
interface Overlay {
  readonly rowVersion: string;
  readonly version: string;
  readonly size: number;
}

export class Versions {
  private readonly seen = new LRUCache<string, Seen>({ max: remembered });
  private readonly successors = new LRUCache<string, string>({ max: remembered });
  private readonly overlays = new LRUCache<string, Overlay>({ max: remembered });

  /** The document as the drive shows it: by its row, unless the store was seen to have something else since. */
  shown(row: FileRow): { readonly version: string; readonly size: number } {
    const rowVersion = versionOf(row);
    const overlay = this.overlays.get(row.id);
    if (overlay?.rowVersion === rowVersion) return overlay;
    return { version: rowVersion, size: sizeOf(row) };
  }

  /** The store has an object that the row does not tell of: its size counts until the row changes. `modified`: the object's, milliseconds. */
  overlay(row: FileRow, seen: Seen, modified: number): void {
    const version = `${seen.size}-${Math.floor(modified / 1000)}-unfinished`;
    this.overlays.set(row.id, { rowVersion: versionOf(row), version, size: seen.size });
    this.bind(row.id, version, seen);
  }

  object(id: string, version: string): Seen | undefined {
    return this.seen.get(`${id} ${version}`);
  }

  bind(id: string, version: string, seen: Seen): void {
    this.seen.set(`${id} ${version}`, seen);
  }

  /** A change of ours moved the version and left the content as it was. */
  sameContent(id: string, before: string, after: string): void {
    if (before === after) return;
    this.successors.set(`${id} ${before}`, after);
    const seen = this.object(id, before);
    if (seen !== undefined) this.bind(id, after, seen);
  }

  /** Whether a version that was once told is of the same bytes as the present one. */
  isPresent(id: string, version: string, row: FileRow): boolean {
    const present = this.shown(row).version;
    // Each step of the way was a change of ours.
    for (let at: string | undefined = version, steps = 0; at !== undefined && steps < 1000; at = this.successors.get(`${id} ${at}`), steps += 1) {
      if (at === present) return true;
    }
    return false;
  }
}
