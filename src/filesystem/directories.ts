/** Open folders: a snapshot of the names at OPENDIR, so that cookies stay true while `rm -r` deletes. */
import { FsError } from '../errors.js';
import type { Entry } from '../providers/provider.js';
import type { Core } from './core.js';
import type { Caller, DirectoryEntry, EntryReply, FileHandle, NodeId } from './filesystem.js';
import type { Inode } from './inode.js';
import type { Knowledge } from './knowledge.js';
import { mustBeAllowed } from './rights.js';

interface OpenFolder {
  readonly inode: Inode;
  readonly entries: readonly Entry[];
  readonly learnt: number;
}

/** `.` and `..` come first; the snapshot's entry i has the cookie i + 3. */
const dots = 2;

export class Directories {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #open = new Map<FileHandle, OpenFolder>();
  #lastHandle = 0;

  constructor(core: Core, knowledge: Knowledge) {
    this.#core = core;
    this.#knowledge = knowledge;
  }

  /** Handles that are open. */
  get size(): number {
    return this.#open.size;
  }

  async open(node: NodeId, caller: Caller): Promise<FileHandle> {
    const inode = this.#core.table.get(node);
    if (inode.kind !== 'folder') throw new FsError('ENOTDIR', `${inode.path} is not a folder`);
    mustBeAllowed(this.#core.provider, inode, 'read');
    const listing = await this.#core.listings.open(inode, caller.signal);
    const entries = [...listing.entries.values()];
    for (const [name, child] of inode.children) {
      if (child.draft?.dirty === true && !listing.entries.has(name)) entries.push(child.entry);
    }
    this.#lastHandle += 1;
    this.#open.set(this.#lastHandle, { inode, entries, learnt: listing.learnt });
    inode.handles += 1;
    return this.#lastHandle;
  }

  *read(handle: FileHandle, cookie: number): Iterable<DirectoryEntry> {
    const { inode, entries } = this.#get(handle);
    const parent = inode.place?.parent ?? inode;
    if (cookie < 1) yield { name: '.', ino: this.#core.table.number(inode), kind: 'folder', cookie: 1 };
    if (cookie < dots) yield { name: '..', ino: this.#core.table.number(parent), kind: 'folder', cookie: dots };
    for (let i = Math.max(0, cookie - dots); i < entries.length; i += 1) {
      const entry = entries[i];
      if (entry !== undefined) yield { name: entry.name, ino: this.#core.table.numberOf(inode, entry), kind: entry.kind, cookie: i + dots + 1 };
    }
  }

  /** What a lookup of a snapshot's name says, if the name still stands for what the snapshot saw. */
  lookupListed(handle: FileHandle, { name, cookie }: DirectoryEntry): EntryReply | undefined {
    const { inode, entries, learnt } = this.#get(handle);
    const seen = entries[cookie - dots - 1];
    if (seen === undefined || seen.name !== name) return undefined;
    const known = inode.children.get(name);
    if (known !== undefined) {
      const now = this.#core.listings.last(inode)?.entries.get(name) ?? known.entry;
      return this.#reply(this.#knowledge.settle(inode, name, now, learnt));
    }
    const now = this.#core.listings.last(inode)?.entries.get(name);
    return now === undefined ? undefined : this.#reply(this.#knowledge.settle(inode, name, now, learnt));
  }

  release(handle: FileHandle): void {
    const { inode } = this.#get(handle);
    this.#open.delete(handle);
    inode.handles -= 1;
    this.#core.table.dropIfUnused(inode);
  }

  #reply(inode: Inode | undefined): EntryReply | undefined {
    return inode === undefined ? undefined : this.#knowledge.entryReply(inode);
  }

  #get(handle: FileHandle): OpenFolder {
    const folder = this.#open.get(handle);
    if (folder === undefined) throw new FsError('EBADF', `folder handle ${handle} is not open`);
    return folder;
  }
}
