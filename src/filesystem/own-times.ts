/**
 * Times that this mount knows better than the platform (promises 8 and 11): when it changed a file, and
 * the modification times that programs set where the platform takes none, or not from this account.
 * Kept beside the cache under the inode's number, for this mount and the next.
 */
import type { Entry, Traits } from '../providers/provider.js';
import type { KeptTime, KeptTimes } from '../storage/kept-times.js';
import { rounded, type Core } from './core.js';
import type { Inode } from './inode.js';

/**
 * A folder's kept time holds until the platform shows one that is later than the moment it was kept, by
 * more than this: the change that a program made just before may still be on its way. Milliseconds.
 */
const folderSlack = 2000;

/** Whether the platform says that it can set the time of such a thing. */
export function canSetTime(traits: Traits, kind: Entry['kind']): boolean {
  return traits.settableTimes === 'files and folders' || (traits.settableTimes === 'files' && kind === 'file');
}

export class OwnTimes {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** When this mount, or an earlier one, changed it; undefined where the platform shows a later state. */
  changed(inode: Inode): number | undefined {
    if (inode.changed !== undefined || inode.isOrphan) return inode.changed;
    return this.#core.changeTimes.get(this.#key(inode), sizeAndTime(inode));
  }

  noteChange(inode: Inode, changed: number): void {
    inode.changed = changed;
    if (inode.isOrphan || inode.draft?.dirty === true) return;
    this.#core.changeTimes.set(this.#key(inode), sizeAndTime(inode), changed);
  }

  /** The modification time that a program set and the platform did not take; undefined: the platform's counts. */
  modified(inode: Inode): number | undefined {
    if (inode.isRoot || inode.isDetached) return undefined;
    const kept = this.#core.setTimes.find(this.#key(inode));
    if (isTimeless(inode)) return this.#firstSeen(inode, kept);
    if (kept === undefined) return undefined;
    const holds = inode.kind === 'folder' ? (inode.entry.modified ?? 0) <= Number(kept.state) + folderSlack : kept.state === inode.entry.version;
    return holds ? kept.time : undefined;
  }

  /**
   * Of a file without a time on the platform: when its content was first seen. A file that was not read yet has the time when it
   * was first seen itself, and its first content has that, too: a program that looked before it read finds no change afterwards.
   */
  #firstSeen(inode: Inode, kept: KeptTime | undefined): number {
    const state = contentState(inode);
    if (kept?.state === state || (kept !== undefined && state === unread)) return kept.time;
    const time = kept?.state === unread ? kept.time : rounded(this.#core, this.#core.clock.now());
    this.#core.setTimes.set(this.#key(inode), state, time);
    return time;
  }

  /** A file whose size only reading tells was read: size and time are kept for the next mount. */
  noteRead(inode: Inode): void {
    if (isTimeless(inode) && !inode.isDetached) this.#firstSeen(inode, this.#core.setTimes.find(this.#key(inode)));
  }

  /** What was last read, by this mount or an earlier one, of a file whose size only reading tells. */
  lastRead(inode: Inode): Entry | undefined {
    const [, size, version] = /^(\d+) (.*)$/s.exec(this.#core.setTimes.find(this.#key(inode))?.state ?? '') ?? [];
    return size === undefined || version === undefined ? undefined : { ...inode.entry, size: Number(size), version };
  }

  /** Keeps a modification time that the platform did not take. It holds for the present version. */
  keepModified(inode: Inode, time: number): void {
    if (inode.isRoot || inode.isDetached) return;
    const state = inode.kind === 'folder' ? String(this.#core.clock.now()) : isTimeless(inode) ? contentState(inode) : inode.entry.version;
    this.#core.setTimes.set(this.#key(inode), state, rounded(this.#core, time));
  }

  /** After the platform took a content that was to have this time: keeps the time where it shows another. */
  compareModified(inode: Inode, wanted: number): void {
    if (inode.entry.modified === rounded(this.#core, wanted)) this.forgetModified(inode);
    else this.keepModified(inode, wanted);
  }

  /** The platform's own time counts again. */
  forgetModified(inode: Inode): void {
    if (inode.isRoot || inode.isDetached) return;
    const key = this.#key(inode);
    // Most files have none: no write to the disk for them.
    if (this.#core.setTimes.find(key) !== undefined) this.#core.setTimes.delete(key);
  }

  /** A name went. Called before the tree forgets it. */
  forget(inode: Inode): void {
    this.#core.changeTimes.delete(this.#key(inode));
    this.forgetModified(inode);
  }

  /**
   * Before a rename, for what is known at and below an inode: takes the times from under the old
   * numbers. What it returns puts them under the new ones.
   */
  take(inode: Inode): () => void {
    const puts: (() => void)[] = [];
    const take = (moved: Inode): void => {
      const changed = this.changed(moved);
      const kept = this.#core.setTimes.find(this.#key(moved));
      if (changed !== undefined) puts.push(() => this.noteChange(moved, changed));
      if (kept !== undefined) puts.push(() => this.#core.setTimes.set(this.#key(moved), kept.state, kept.time));
      this.forget(moved);
      for (const child of moved.children.values()) take(child);
    };
    take(inode);
    return () => {
      for (const put of puts) put();
    };
  }

  #key(inode: Inode): string {
    return this.#core.table.number(inode).toString(36);
  }
}

/** What a time of change is bound to. */
function sizeAndTime({ entry }: Inode): string {
  return `${entry.size ?? 0}-${entry.modified ?? entry.version}`;
}

/** The platform tells no time of such a file. */
function isTimeless({ kind, entry }: Inode): boolean {
  return kind === 'file' && entry.modified === undefined;
}

/** What the time of a file is bound to whose content was never read. */
const unread = '';

/** And of one that was: its content. */
function contentState({ entry }: Inode): string {
  return entry.size === undefined ? unread : `${entry.size} ${entry.version}`;
}

/** The root's time is the first seen, kept for all mounts to come. */
export function rootTime(changeTimes: KeptTimes, now: number): number {
  const [key, state] = ['root', ''];
  const first = changeTimes.get(key, state) ?? now;
  changeTimes.set(key, state, first);
  return first;
}
