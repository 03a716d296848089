/**
 * What is known of names and files, and how it is brought up to date: from memory while it is young,
 * from the folder's listing, from a look at the one file. Turns it into what stat(2) shows.
 */
import { FsError, isErrno } from '../errors.js';
import type { Entry } from '../providers/provider.js';
import { isSettled, rounded, type Core } from './core.js';
import type { Attributes, AttributesReply, EntryReply } from './filesystem.js';
import type { Inode } from './inode.js';
import type { Listing } from './listing-cache.js';
import { OwnTimes } from './own-times.js';
import { modeOf, rightsOf } from './rights.js';
import { RemoteContent } from './reading/remote-content.js';

/** What a folder's st_size says; no tool takes it for content. */
const folderSize = 4096;

export class Knowledge {
  /** Times that the platform does not keep. */
  readonly times: OwnTimes;
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
    this.times = new OwnTimes(core);
  }

  /**
   * The child of that name as far as the platform and this mount know, at most `dirTtl` old; undefined
   * where there is none. What is being written here and not yet sent is always known.
   */
  async find(parent: Inode, name: string, signal: AbortSignal): Promise<Inode | undefined> {
    const known = parent.children.get(name);
    if (known !== undefined && this.#isYoung(known)) return known;
    const listing = this.#core.listings.fresh(parent);
    if (listing !== undefined) return await this.#listed(parent, name, listing, signal);
    // A look at a file whose size only reading tells would read it.
    const unsure = this.#core.listings.last(parent)?.entries.get(name)?.unsure === true;
    if (!unsure && this.#core.listings.prefersLook(parent)) return await this.look(parent, name, signal);
    try {
      return await this.#listed(parent, name, await this.#core.listings.load(parent, signal), signal);
    } catch (thrown) {
      return this.#unseen(parent, name, thrown);
    }
  }

  /** What a listing says of a name; where names can be that it does not show, a look says it. */
  async #listed(parent: Inode, name: string, { entries, learnt }: Listing, signal: AbortSignal): Promise<Inode | undefined> {
    const entry = entries.get(name);
    if (entry === undefined && this.#core.provider.isUnlisted?.(this.#core.table.locateChild(parent, name)) === true) return await this.look(parent, name, signal);
    return this.settle(parent, name, entry, learnt);
  }

  /** The child of that name by a fresh look at the platform, for whoever is about to change it. */
  async look(parent: Inode, name: string, signal: AbortSignal): Promise<Inode | undefined> {
    const known = parent.children.get(name);
    if (known?.draft?.dirty === true) return known;
    try {
      const { entry, learnt } = await this.#core.listings.look(parent, name, async () => {
        try {
          return this.#completed(parent, await this.#core.provider.stat(this.#core.table.locateChild(parent, name), signal));
        } catch (thrown) {
          if (isErrno(thrown, 'ENOENT')) return undefined;
          throw thrown;
        }
      });
      return this.settle(parent, name, entry, learnt);
    } catch (thrown) {
      return this.#unseen(parent, name, thrown);
    }
  }

  /**
   * What is known of a name in a folder that the account may not see into, as in a letter box: what this
   * mount put there. All else counts as not there, else nothing could be put in; the server decides then.
   */
  #unseen(parent: Inode, name: string, thrown: unknown): Inode | undefined {
    if (!isErrno(thrown, 'EACCES') || this.#core.provider.learntRefusal?.('see', this.#core.table.locate(parent)) === undefined) throw thrown;
    const known = parent.children.get(name);
    if (known !== undefined) return known;
    const own = this.#core.listings.startUnseen(parent).entries.get(name);
    return own === undefined ? undefined : this.#core.table.add(parent, name, own, performance.now());
  }

  /** A look may not tell a folder's time, nor that it is a link, nor that the next look may say otherwise: what is known stays. */
  #completed(parent: Inode, entry: Entry): Entry {
    this.#core.clock.observe(entry.observed);
    if (entry.kind === 'file' && entry.modified !== undefined) return entry;
    const known = parent.children.get(entry.name)?.entry ?? this.#core.listings.last(parent)?.entries.get(entry.name);
    const kept = entry.kind === 'folder' ? { link: entry.link ?? known?.link } : { unsure: known?.unsure };
    return { ...entry, modified: entry.modified ?? known?.modified, ...kept };
  }

  /** Makes what the platform said of a name the truth, unless something newer was done here. */
  settle(parent: Inode, name: string, entry: Entry | undefined, learnt: number): Inode | undefined {
    const known = parent.children.get(name);
    if (known !== undefined) {
      if (known.draft?.dirty === true || known.learnt >= learnt) return known;
      if (entry?.kind === known.kind && entry.id === known.entry.id) {
        this.adopt(known, entry, learnt);
        return known;
      }
      this.#core.table.vanish(known);
    }
    if (entry === undefined) return undefined;
    const added = this.#core.table.add(parent, name, entry, learnt);
    if (saysNothing(entry)) added.entry = this.times.lastRead(added) ?? entry;
    return added;
  }

  /** Takes a new word of the platform on a known file. Another version is to be read anew. */
  adopt(inode: Inode, entry: Entry, learnt: number): void {
    if (inode.draft?.dirty === true) return;
    inode.learnt = learnt;
    const before = inode.entry;
    if (saysNothing(entry)) {
      inode.entry = { ...entry, size: before.size, version: before.version, modified: before.modified };
      return;
    }
    inode.entry = entry.modified === undefined ? { ...entry, modified: before.modified } : entry;
    // Somebody else's change: the time of our own says nothing any more.
    if (inode.entry.modified !== before.modified || entry.size !== before.size) inode.changed = undefined;
    if (entry.version === before.version || inode.kind === 'folder') return;
    inode.content = undefined;
    inode.notOurs();
    inode.changed = undefined;
    const { draft } = inode;
    if (draft !== undefined) {
      // Somebody else wrote a newer version: the local copy is of no use any more.
      inode.draft = undefined;
      void draft.discard().catch((thrown: unknown) => this.#core.log.warn({ path: inode.path, err: thrown }, 'a staged file could not be removed'));
    }
    // Pages of the older version go. Where there are none the notice would cost a reader the size that he is just told.
    if (inode.pagers > 0 && inode.pages !== undefined) this.#core.notices.invalidateNode(inode.node);
    else if (inode.kernelSize !== undefined && inode.size > inode.kernelSize) this.#tellSize(inode);
  }

  /** The kernel ends what it reads where it believes the file to end: it has to ask anew before it gets bytes behind that. */
  #tellSize(inode: Inode): void {
    const telling = this.#core.notices.forgetAttributes(inode.node).finally(() => {
      if (inode.telling === telling) inode.telling = undefined;
    });
    inode.telling = telling;
  }

  /** Enters an own change of an inode: its entry as the platform tells it now, in the tree and in the listing. */
  enter(inode: Inode, entry: Entry): void {
    this.#core.clock.observe(entry.observed);
    this.assume(inode, entry);
  }

  /**
   * Enters an own change of what stands around a content: its name, an attribute. The content is as old as it
   * was, whatever time the platform gives to such a change.
   */
  enterSame(inode: Inode, entry: Entry): void {
    const { mtime } = this.attributes(inode);
    this.enter(inode, { ...entry, modified: entry.modified ?? inode.entry.modified });
    this.times.compareModified(inode, mtime);
  }

  /** Enters an own change where the platform did not tell what came of it. */
  assume(inode: Inode, entry: Entry): void {
    inode.entry = inode.place === undefined ? entry : { ...entry, name: inode.place.name };
    inode.learnt = performance.now();
    if (inode.place !== undefined) this.#core.listings.enter(inode.place.parent, inode.place.name, inode.entry);
  }

  /** An own change happened now: `ctime`, for this mount and the next. */
  markChanged(inode: Inode): void {
    this.times.noteChange(inode, this.#core.clock.now());
  }

  /** A folder's content was changed from here: its time moves, as the platform's does. */
  touchFolder(folder: Inode): void {
    if (folder.isRoot) return;
    const now = rounded(this.#core, this.#core.clock.now());
    folder.changed = undefined;
    this.times.forgetModified(folder);
    if ((folder.entry.modified ?? 0) < now) this.assume(folder, { ...folder.entry, modified: now });
  }

  /** The present version of a file, to be read. */
  contentOf(inode: Inode): RemoteContent {
    const { version, size } = inode.entry;
    const stale = inode.content === undefined || inode.content.version !== version || inode.content.size !== (size ?? 0);
    if (inode.content === undefined || stale) inode.content = this.newContent(inode, version, size ?? 0);
    return inode.content;
  }

  newContent(inode: Inode, version: string, size: number): RemoteContent {
    const { provider, store, spools, log, table } = this.#core;
    return new RemoteContent({ provider, store, spools, log, locate: () => table.locate(inode), replacing: () => inode.replacing, settled: isSettled(inode.entry) }, version, size);
  }

  /** What stat(2) shows. */
  attributes(inode: Inode): Attributes {
    const { settings } = this.#core;
    const { draft, entry } = inode;
    const folder = inode.kind === 'folder';
    const size = folder ? folderSize : inode.size;
    const mtime = rounded(this.#core, draft?.dirty === true ? draft.modified : (this.times.modified(inode) ?? entry.modified ?? this.#core.table.root.entry.modified ?? 0));
    return {
      ino: this.#core.table.shownNumber(inode),
      kind: inode.kind,
      mode: modeOf(inode.kind, rightsOf(this.#core.provider, inode), settings.umask),
      nlink: inode.isOrphan ? 0 : 1,
      uid: inode.owner?.uid ?? settings.uid,
      gid: inode.owner?.gid ?? settings.gid,
      size,
      // With 0 blocks cp takes a file for sparse and reads it all to find its holes.
      blocks: Math.ceil(size / 512),
      atime: inode.atime ?? mtime,
      mtime,
      ctime: this.times.changed(inode) ?? mtime,
    };
  }

  /** Attributes for the kernel, which knows the size from then on. */
  attributesReply(inode: Inode): AttributesReply {
    inode.kernelSize = inode.size;
    inode.appendShift = 0;
    return { attributes: this.attributes(inode), ttl: this.#core.settings.attrTtl };
  }

  /** The reply to a lookup, which it counts. */
  entryReply(inode: Inode): EntryReply {
    inode.lookups += 1;
    return { node: inode.node, ...this.attributesReply(inode) };
  }

  /** Brings a known inode up to date, where what is known of it is older than `dirTtl`. */
  async refresh(inode: Inode, signal: AbortSignal): Promise<void> {
    if (inode.place === undefined || this.#isYoung(inode)) return;
    const { parent, name } = inode.place;
    const found = await this.find(parent, name, signal);
    if (found === inode) return;
    if (found !== undefined) this.#core.table.dropIfUnused(found);
    throw new FsError('ESTALE', `${inode.entry.name} was deleted or replaced on the platform`);
  }

  #isYoung(inode: Inode): boolean {
    return inode.draft?.dirty === true || performance.now() - inode.learnt <= this.#core.settings.dirTtl;
  }
}

/** Nothing is known of its size: what was last read of it, if anything was, stays. */
function saysNothing(entry: Entry): boolean {
  return entry.unsure === true && entry.size === undefined;
}
