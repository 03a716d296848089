/**
 * Names: looking them up, and making, removing and renaming what they stand for. The platform
 * decides what exists; memory only saves asking where nothing is changed.
 */
import { FsError, isErrno, type Errno } from '../errors.js';
import type { Entry } from '../providers/provider.js';
import { rounded, type Core } from './core.js';
import type { Caller, EntryReply, NegativeReply, NodeId, OpenFlags, OpenReply } from './filesystem.js';
import { unsentVersion, type Inode } from './inode.js';
import type { Knowledge } from './knowledge.js';
import type { OpenFiles } from './open-files.js';
import { mustBeAllowed } from './rights.js';
import type { Locks } from './writing/locks.js';
import type { Sender } from './writing/sender.js';

export class Namespace {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #files: OpenFiles;
  readonly #sender: Sender;
  readonly #locks: Locks;

  constructor(core: Core, knowledge: Knowledge, files: OpenFiles, sender: Sender, locks: Locks) {
    this.#core = core;
    this.#knowledge = knowledge;
    this.#files = files;
    this.#sender = sender;
    this.#locks = locks;
  }

  async lookup(parent: NodeId, name: string, caller: Caller): Promise<EntryReply | NegativeReply> {
    const folder = this.#folder(parent);
    const found = await this.#knowledge.find(folder, name, caller.signal);
    if (found !== undefined) return this.#knowledge.entryReply(found);
    folder.noteAbsent(name);
    return { node: 0, ttl: this.#core.settings.attrTtl };
  }

  async mkdir(parent: NodeId, name: string, caller: Caller): Promise<EntryReply> {
    const folder = this.#change(parent, name);
    if (folder.children.get(name)?.entry.version === unsentVersion) throw new FsError('EEXIST', `${name} exists`);
    mustBeAllowed(this.#core.provider, folder, 'write');
    const location = this.#core.table.locateChild(folder, name);
    const entry = await this.#dropOnFailure([folder], () => this.#core.provider.createFolder(location, caller.signal));
    // Until a listing tells it, the time of a folder whose making did not tell it is the moment in which it was made.
    const made = this.#enterNew(folder, name, { ...entry, modified: entry.modified ?? rounded(this.#core, entry.observed) });
    made.owner = { uid: caller.uid, gid: caller.gid };
    made.namedHere = true;
    this.#core.listings.startEmpty(made);
    this.#knowledge.markChanged(made);
    this.#knowledge.touchFolder(folder);
    return this.#knowledge.entryReply(made);
  }

  /** An empty file that nobody has open: there is no close to send it at, so it is sent now. */
  async mknod(parent: NodeId, name: string, caller: Caller): Promise<EntryReply> {
    const folder = this.#change(parent, name);
    const found = await this.#knowledge.look(folder, name, caller.signal);
    if (found !== undefined) throw this.#exists(found);
    const made = await this.#makeUnsent(folder, name, caller);
    try {
      await this.#sender.send(made, caller.signal);
    } catch (thrown) {
      await this.#undo(made);
      throw thrown;
    }
    const reply = this.#knowledge.entryReply(made);
    const { draft } = made;
    // Whoever opened it already has the draft from here on.
    if (draft?.dirty === false && made.writers === 0) {
      made.draft = undefined;
      await draft.discard();
    }
    return reply;
  }

  /**
   * CREATE. With O_EXCL, and without O_TRUNC, the platform is looked at: a file that a listing did
   * not show yet must be neither taken for new nor lost. With O_TRUNC alone its content goes anyway.
   */
  async create(parent: NodeId, name: string, flags: OpenFlags, caller: Caller): Promise<EntryReply & OpenReply> {
    const folder = this.#change(parent, name);
    const look = flags.exclusive || !flags.truncate;
    const found = look
      ? await this.#knowledge.look(folder, name, caller.signal)
      : await this.#knowledge.find(folder, name, caller.signal);
    if (found !== undefined) {
      if (flags.exclusive) throw this.#exists(found);
      const opened = await this.#files.open(found.node, flags, caller);
      return { ...this.#knowledge.entryReply(found), ...opened };
    }
    const made = await this.#makeUnsent(folder, name, caller);
    // Open first: the number that this reply tells is the one that it has while it is open.
    const opened = this.#files.enter(made, flags);
    return { ...this.#knowledge.entryReply(made), ...opened };
  }

  /**
   * An open file goes under a hidden name until its last close. One that was never sent is not on
   * the platform, and nothing is sent.
   */
  async unlink(parent: NodeId, name: string, caller: Caller): Promise<void> {
    const folder = this.#change(parent);
    const inode = await this.#existing(folder, name, caller.signal);
    if (inode.kind === 'folder') throw new FsError('EISDIR', `${inode.path} is a folder`);
    this.#mustBeRemovable(inode);
    await this.#dropOnFailure([folder], () => this.#sender.whileQuiet([inode], caller.signal, async () => {
      if (inode.entry.version !== unsentVersion) await this.#takeAway(inode, caller.signal);
      else if (inode.uncertain) await this.#takeAway(inode, caller.signal).catch(passOver('ENOENT'));
      this.#gone(inode);
    }));
    // close(2) does not wait for its RELEASE: the last may have come while the file went under its hidden name.
    await this.#files.lastOut(inode);
  }

  async #takeAway(inode: Inode, signal: AbortSignal): Promise<void> {
    await this.#locks.giveUp(inode);
    const location = this.#core.table.locate(inode);
    if (inode.handles > 0 || inode.lent > 0) inode.parked = await this.#core.provider.park(location, signal);
    else await this.#core.provider.removeFile(location, signal);
  }

  async rmdir(parent: NodeId, name: string, caller: Caller): Promise<void> {
    const folder = this.#change(parent);
    const inode = await this.#existing(folder, name, caller.signal);
    if (inode.kind === 'file') throw new FsError('ENOTDIR', `${inode.path} is a file`);
    this.#mustBeRemovable(inode);
    await this.#dropOnFailure([folder, inode], () => this.#sender.whileQuiet([inode], caller.signal, async () => {
      // What the platform does not have yet is in the folder all the same.
      if (this.#hasUnsent(inode)) throw new FsError('ENOTEMPTY', `${inode.path} holds a file that is being written`);
      await this.#core.provider.removeFolder(this.#core.table.locate(inode), caller.signal);
      this.#gone(inode);
    }));
  }

  /** Unsent changes of the file go out first, under its old name: if that fails nothing is renamed. */
  async rename(parent: NodeId, name: string, newParent: NodeId, newName: string, noReplace: boolean, caller: Caller): Promise<void> {
    const { signal } = caller;
    const from = this.#change(parent);
    const to = this.#change(newParent, newName);
    const inode = await this.#existing(from, name, signal);
    this.#mustBeMovable(inode, to, to.children.get(newName));
    if (inode.kind === 'file') await this.#sender.send(inode, signal);
    const target = to.children.get(newName);
    if (target === inode) return;
    // Only now the platform may have said what may be done with what was just sent.
    this.#mustBeMovable(inode, to, target);
    if (noReplace && target !== undefined && (target.draft?.dirty === true || this.#hasUnsent(target))) throw new FsError('EEXIST', `${target.path} exists`);
    // What the platform does not know of cannot stop it: an unsent file and what is in a folder.
    if (target?.entry.version === unsentVersion && inode.kind === 'folder') throw new FsError('ENOTDIR', `${target.path} is a file`);
    if (target?.kind === 'folder' && this.#hasUnsent(target)) throw new FsError('ENOTEMPTY', `${target.path} holds a file that is being written`);
    const move = async (): Promise<void> => {
      const { table, provider } = this.#core;
      const moving = provider.move(table.locate(inode), table.locateChild(to, newName), { replace: !noReplace }, signal);
      if (target !== undefined) target.replacing = moving.then(() => undefined, () => undefined);
      try {
        this.#renamed(inode, to, newName, await moving);
      } finally {
        if (target !== undefined) target.replacing = undefined;
      }
      await this.#locks.moved(inode, target);
    };
    if (target?.kind === 'file') await this.#locks.mustBeFree(target, signal);
    // What is to be a copy of the file that is replaced can get its bytes only now.
    if (target !== undefined) await this.#sender.copies.secure(target, signal);
    const both = target === undefined ? [inode] : [inode, target];
    const doubtful = target?.kind === 'folder' ? [from, to, target] : [from, to];
    await this.#dropOnFailure(doubtful, () => this.#sender.whileQuiet(both, signal, move));
    this.#core.table.dropIfUnused(inode);
  }

  /** EACCES. What is put in the place of a file changes that file; an empty folder that is replaced goes. */
  #mustBeMovable(inode: Inode, to: Inode, target: Inode | undefined): void {
    const { provider } = this.#core;
    if (target === inode) return;
    mustBeAllowed(provider, inode, 'remove');
    mustBeAllowed(provider, to, 'write');
    if (target !== undefined) mustBeAllowed(provider, target, target.kind === 'file' ? 'write' : 'remove');
  }

  #mustBeRemovable(inode: Inode): void {
    mustBeAllowed(this.#core.provider, inode, 'remove');
    mustNotBeBehindLink(inode);
  }

  #renamed(inode: Inode, to: Inode, newName: string, entry: Entry | undefined): void {
    const { place } = inode;
    const replaced = to.children.get(newName);
    if (replaced !== undefined) this.#knowledge.times.forget(replaced);
    const { mtime } = this.#knowledge.attributes(inode);
    const putTimes = this.#knowledge.times.take(inode);
    this.#core.table.move(inode, to, newName);
    inode.namedHere = true;
    if (entry === undefined) {
      this.#knowledge.assume(inode, { ...inode.entry, name: newName });
      putTimes();
    } else {
      // The content may have gone over to the document that it replaces: then that one's id and number are its own now.
      if (inode.kind === 'file') this.#sender.copies.sameBytes(inode, inode.entry.version, entry.version);
      this.#knowledge.enter(inode, { ...entry, modified: entry.modified ?? inode.entry.modified });
      putTimes();
      this.#knowledge.times.compareModified(inode, mtime);
    }
    this.#knowledge.markChanged(inode);
    this.#knowledge.touchFolder(to);
    if (place === undefined) return;
    this.#core.listings.enter(place.parent, place.name, undefined);
    this.#knowledge.touchFolder(place.parent);
  }

  /** A name went from the platform: from the tree and the listing, too. */
  #gone(inode: Inode): void {
    const { place } = inode;
    if (place === undefined) return;
    this.#knowledge.times.forget(inode);
    this.#core.listings.enter(place.parent, place.name, undefined);
    this.#knowledge.touchFolder(place.parent);
    inode.changed = this.#core.clock.now();
    this.#core.table.orphan(inode);
  }

  /** The kernel is told of no node, so none is kept for it. */
  #exists(found: Inode): FsError {
    this.#core.table.dropIfUnused(found);
    return new FsError('EEXIST', `${found.path} exists`);
  }

  /** A file that only this mount knows until it is sent. */
  async #makeUnsent(folder: Inode, name: string, caller: Caller): Promise<Inode> {
    mustBeAllowed(this.#core.provider, folder, 'write');
    const refused = this.#core.provider.learntRefusal?.('make', this.#core.table.locateChild(folder, name));
    if (refused !== undefined) throw refused;
    const now = this.#core.clock.now();
    const made = this.#enterNew(folder, name, {
      name, kind: 'file', size: 0, modified: rounded(this.#core, now), version: unsentVersion, observed: now,
    });
    made.owner = { uid: caller.uid, gid: caller.gid };
    made.namedHere = true;
    await this.#sender.change(made, caller.signal, (draft) => draft.truncate(0, now), 0);
    return made;
  }

  async #undo(made: Inode): Promise<void> {
    const { draft } = made;
    made.draft = undefined;
    this.#core.table.orphan(made);
    await draft?.discard();
  }

  #enterNew(folder: Inode, name: string, entry: Entry): Inode {
    const stale = folder.children.get(name);
    if (stale !== undefined) this.#core.table.vanish(stale);
    const made = this.#core.table.add(folder, name, { ...entry, name }, performance.now());
    if (entry.version !== unsentVersion) this.#core.listings.enter(folder, name, made.entry);
    return made;
  }

  /** What has that name: by memory if it knows one, else by a fresh look, for ENOENT is the platform's to say. */
  async #existing(folder: Inode, name: string, signal: AbortSignal): Promise<Inode> {
    const found = await this.#knowledge.find(folder, name, signal) ?? await this.#knowledge.look(folder, name, signal);
    if (found === undefined) throw new FsError('ENOENT', `${name} is not in ${folder.path}`);
    return found;
  }

  #hasUnsent(folder: Inode): boolean {
    for (const child of folder.children.values()) {
      if (child.draft?.dirty === true || this.#hasUnsent(child)) return true;
    }
    return false;
  }

  /** A folder that is about to change, and a new name in it that the platform can keep. */
  #change(node: NodeId, newName?: string): Inode {
    if (this.#core.settings.readOnly) throw new FsError('EROFS', 'the drive is mounted read-only');
    const folder = this.#folder(node);
    const refused = newName === undefined ? undefined : this.#core.provider.refuseName(newName);
    if (refused !== undefined) throw refused;
    return folder;
  }

  #folder(node: NodeId): Inode {
    const inode = this.#core.table.get(node);
    if (inode.kind !== 'folder') throw new FsError('ENOTDIR', `${inode.path} is not a folder`);
    return inode;
  }

  /** A change that fails may have happened, or show that memory is wrong: the platform is asked next time. */
  async #dropOnFailure<T>(folders: readonly Inode[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      for (const folder of folders) {
        this.#core.listings.drop(folder);
        for (const child of folder.children.values()) child.learnt = -Infinity;
      }
      throw thrown;
    }
  }
}

/**
 * EPERM for what is seen through a link to a folder: `rm -r` takes that for a folder of the tree that it
 * removes, and would empty what the link leads to. A program's own temporary and lock files go.
 */
function mustNotBeBehindLink(inode: Inode): void {
  if (inode.namedHere) return;
  for (let above = inode.place?.parent; above !== undefined; above = above.place?.parent) {
    if (above.entry.link === true) throw new FsError('EPERM', `${inode.path} is seen through the link ${above.path}, and can be deleted in its own folder alone`);
  }
}

/** For a failure that is as good as success. */
function passOver(errno: Errno): (thrown: unknown) => void {
  return (thrown) => {
    if (!isErrno(thrown, errno)) throw thrown;
  };
}
