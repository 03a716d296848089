/**
 * What was last seen under a path. Needed in one case: a rename whose answer was lost, where the
 * source is gone and something stands at the target. Was it moved there, or had the source been
 * deleted by somebody and the target been there all along? Only its likeness to the source tells.
 */
import { LRUCache } from 'lru-cache';

/** Paths remembered. One that was forgotten makes a lost answer EIO instead of settled, no worse. */
const remembered = 20_000;

/** A file by its version, or any folder. */
export type Likeness = string;
const folder: Likeness = 'folder';

export class Sightings {
  private readonly seen = new LRUCache<string, Likeness>({ max: remembered });

  /** Notes what stands at a path. `version` is a file's; undefined: a folder. */
  note(path: string, version: string | undefined): void {
    this.seen.set(path, version ?? folder);
  }

  /** Nothing stands there any more, as far as we did it. */
  forget(path: string): void {
    this.seen.delete(path);
  }

  /** What was seen under `from` stands under `to` now. */
  moved(from: string, to: string): void {
    const likeness = this.seen.get(from);
    this.seen.delete(from);
    if (likeness === undefined) this.seen.delete(to);
    else this.seen.set(to, likeness);
  }

  /** Whether a file of that version, or a folder (undefined), is what was last seen at `path`. */
  looksLike(path: string, version: string | undefined): boolean {
    return this.seen.get(path) === (version ?? folder);
  }
}
