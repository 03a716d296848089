/**
 * When a program walks a tree (`find`, `du`, `rsync`, a backup's scan), from the folders that it opens
 * one after the other: then one answer about the whole tree costs less than a listing for each folder.
 * Pure: what is known of the walks under way goes in and comes out. Times are `performance.now()`.
 */

export interface Walk {
  /** The folder that it began at: all others are below. A path. */
  readonly top: string;
  /** Folders opened, the top first, then the newest. */
  readonly seen: readonly string[];
  /** How many of them were not in memory. */
  readonly asked: number;
  /** When the last one was opened, or had come. */
  readonly last: number;
  /** When the whole tree was asked for; undefined while it is not noticed. */
  readonly tree: number | undefined;
  /** The tree's answer did not come, or did not fit: what it lacks is asked for one by one. */
  readonly spent: boolean;
}

/** A folder is opened; `listed`: its names are in memory, and young enough. */
export interface Opening {
  readonly path: string;
  readonly listed: boolean;
  readonly now: number;
}

export interface WalkLimits {
  /** For how long a tree's answer is believed while the walk goes on, milliseconds. */
  readonly life: number;
  /** A walk whose tree was asked for has ended when for so long no folder of it was opened. Milliseconds. */
  readonly rest: number;
}

/** Programs open the next folder sooner than people do. Milliseconds. */
const hurry = 2000;

/** `ls` of a folder, of two in it and of one of theirs is no walk yet. */
const noticedAt = 4;

/** A tree's answer saves nothing where the listings were in memory. */
const missedAt = 3;

/** Parents that are remembered of a walk: those above the folder at hand, and for who goes by levels some more. */
const longestMemory = 256;

/** Programs that walk side by side. */
const mostWalks = 8;

/** Notes that a folder is opened. `fetch`: the top of the tree to ask for as a whole, this folder in it. */
export function noteOpening(walks: readonly Walk[], opening: Opening, limits: WalkLimits): { readonly walks: readonly Walk[]; readonly fetch: string | undefined } {
  const { path, listed, now } = opening;
  const alive = walks.filter((walk) => now - walk.last <= (walk.tree === undefined ? hurry : limits.rest));
  const noticed = alive.find((walk) => walk.tree !== undefined && !walk.spent && isWithin(walk.top, path));
  if (noticed?.tree !== undefined) {
    const again = !listed && now - noticed.tree > limits.life;
    const next = { ...noticed, last: now, tree: again ? now : noticed.tree };
    return { walks: replaced(alive, noticed, next), fetch: again ? noticed.top : undefined };
  }
  const begun = alive.find((walk) => walk.tree === undefined && (walk.seen.includes(path) || walk.seen.includes(parentOf(path))));
  if (begun === undefined) {
    const fresh: Walk = { top: path, seen: [path], asked: listed ? 0 : 1, last: now, tree: undefined, spent: false };
    return { walks: [...alive, fresh].slice(-mostWalks), fetch: undefined };
  }
  const known = begun.seen.includes(path);
  const seen = known ? begun.seen : remembered([...begun.seen, path]);
  const asked = begun.asked + (known || listed ? 0 : 1);
  const isWalk = !known && !listed && seen.length >= noticedAt && asked >= missedAt;
  return { walks: replaced(alive, begun, { ...begun, seen, asked, last: now, tree: isWalk ? now : undefined }), fetch: isWalk ? begun.top : undefined };
}

/** The listing of an opened folder has come: the walk goes on from here. */
export function noteListed(walks: readonly Walk[], path: string, now: number): readonly Walk[] {
  return walks.map((walk) => (isWithin(walk.top, path) ? { ...walk, last: Math.max(walk.last, now) } : walk));
}

/** The answer about a tree did not come, or did not fit. */
export function noteSpent(walks: readonly Walk[], top: string): readonly Walk[] {
  return walks.map((walk) => (walk.top === top && walk.tree !== undefined ? { ...walk, spent: true } : walk));
}

/** What was listed at and below a path is believed no more: walks there, and through there, begin anew. */
export function forgetWalks(walks: readonly Walk[], path: string): readonly Walk[] {
  return walks.filter((walk) => !isWithin(path, walk.top) && !isWithin(walk.top, path));
}

/** Whether a path is a folder or below it. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** The folder of a path; of the root the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function remembered(seen: readonly string[]): readonly string[] {
  return seen.length <= longestMemory ? seen : [...seen.slice(0, 1), ...seen.slice(2)];
}

function replaced(walks: readonly Walk[], before: Walk, after: Walk): readonly Walk[] {
  return walks.map((walk) => (walk === before ? after : walk));
}
