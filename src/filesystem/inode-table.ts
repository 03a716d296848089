/**
 * The inodes in memory: those that the kernel holds a lookup of, and those in use. What the kernel
 * forgets goes, so that memory follows the kernel's own cache.
 */
import { FsError } from '../errors.js';
import type { Entry, Location } from '../providers/provider.js';
import { rootNode, type NodeId } from './filesystem.js';
import { Inode } from './inode.js';
import { inodeNumber, rootIno } from './inode-number.js';

export class InodeTable {
  readonly root: Inode;
  /** Told of each inode that goes: what is kept by its node is of no use any more. */
  onDrop: (inode: Inode) => void = () => undefined;
  /** Told of each folder that is about to lose its path, or has come to one: what is known by that path is of something else. */
  onUproot: (folder: Inode) => void = () => undefined;
  readonly #byNode = new Map<NodeId, Inode>();
  readonly #byNumber = new Map<bigint, Inode>();
  #lastNode: NodeId = rootNode;

  constructor(rootEntry: Entry) {
    this.root = new Inode(rootNode, rootEntry, undefined, performance.now());
    this.root.lookups = 1;
    this.#byNode.set(rootNode, this.root);
  }

  get size(): number {
    return this.#byNode.size;
  }

  /** The inode of a number from the kernel; ESTALE for one that is not known. */
  get(node: NodeId): Inode {
    const inode = this.#byNode.get(node);
    if (inode === undefined) throw new FsError('ESTALE', `the kernel asked for node ${node}, which is not known`);
    return inode;
  }

  /** The inode of a number, or undefined. */
  find(node: NodeId): Inode | undefined {
    return this.#byNode.get(node);
  }

  all(): Iterable<Inode> {
    return this.#byNode.values();
  }

  /** A new inode for a name that has none, hung into the tree. `learnt`: when `entry` was so. */
  add(parent: Inode, name: string, entry: Entry, learnt: number): Inode {
    this.#lastNode += 1;
    const inode = new Inode(this.#lastNode, entry, { parent, name }, learnt);
    this.#byNode.set(inode.node, inode);
    parent.children.set(name, inode);
    return inode;
  }

  /** Takes a name from an inode: the file was deleted or replaced. It lives on while it is in use. */
  orphan(inode: Inode): void {
    if (inode.place === undefined) return;
    const { parent, name } = inode.place;
    if (inode.kind === 'folder') this.onUproot(inode);
    if (parent.children.get(name) === inode) parent.children.delete(name);
    inode.lastPath = inode.path;
    inode.place = undefined;
    this.dropIfUnused(inode);
    this.dropIfUnused(parent);
  }

  /** The platform says that it is there no more, and not by our doing. */
  vanish(inode: Inode): void {
    inode.vanished = true;
    this.orphan(inode);
  }

  /** Hangs an inode under another name. What had that name is an orphan before. */
  move(inode: Inode, parent: Inode, name: string): void {
    const from = inode.place;
    if (inode.kind === 'folder') this.onUproot(inode);
    if (from !== undefined && from.parent.children.get(from.name) === inode) from.parent.children.delete(from.name);
    const replaced = parent.children.get(name);
    if (replaced !== undefined && replaced !== inode) this.orphan(replaced);
    inode.place = { parent, name };
    // The old name's number may be another file's soon.
    inode.told = undefined;
    inode.entry = { ...inode.entry, name };
    parent.children.set(name, inode);
    if (inode.kind === 'folder') this.onUproot(inode);
    if (from !== undefined) this.dropIfUnused(from.parent);
  }

  /** The kernel gives back lookups. */
  forget(node: NodeId, lookups: number): void {
    const inode = this.#byNode.get(node);
    if (inode === undefined) return;
    inode.lookups = Math.max(0, inode.lookups - lookups);
    this.dropIfUnused(inode);
  }

  /** Drops an inode that neither the kernel nor anybody here uses, and then its parent likewise. */
  dropIfUnused(inode: Inode): void {
    if (inode.isRoot || inode.lookups > 0 || inode.handles > 0 || inode.lent > 0 || inode.draft !== undefined || inode.children.size > 0) return;
    if (!this.#byNode.delete(inode.node)) return;
    this.#giveBackNumber(inode);
    this.onDrop(inode);
    const { place } = inode;
    if (place === undefined) return;
    if (place.parent.children.get(place.name) === inode) place.parent.children.delete(place.name);
    this.dropIfUnused(place.parent);
  }

  /** Where the platform has an inode. ESTALE for one that is gone. */
  locate(inode: Inode): Location {
    if (inode.parked !== undefined) return inode.parked;
    if (inode.isDetached) throw new FsError('ESTALE', `${inode.entry.name} was deleted or replaced while it was open`);
    return { path: inode.path, id: inode.entry.id };
  }

  /** Where the platform has, or would have, a folder's child. */
  locateChild(parent: Inode, name: string): Location {
    const { path } = this.locate(parent);
    return { path: path === '/' ? `/${name}` : `${path}/${name}`, id: parent.children.get(name)?.entry.id };
  }

  /**
   * `st_ino`. By the platform's id, else by the present path; another where a live object has that
   * number already.
   */
  number(inode: Inode): bigint {
    if (inode.isRoot) return rootIno;
    if (inode.isDetached) return this.#detachedNumber(inode);
    const identity = identityOf(inode);
    if (inode.ino?.identity === identity) return inode.ino.number;
    this.#giveBackNumber(inode);
    const number = this.#freeNumber(identity, inode.learnt);
    const holder = this.#byNumber.get(number);
    if (holder !== undefined) holder.ino = undefined;
    this.#byNumber.set(number, inode);
    inode.ino = { identity, number };
    return number;
  }

  /**
   * `st_ino` as programs are told it: who has a new file open finds it under one number, also when the platform has given
   * it its id meanwhile (sqlite takes it for moved else, and writes no more). From its last close on it has that of the id.
   */
  shownNumber(inode: Inode): bigint {
    const number = this.number(inode);
    if (inode.handles === 0 || inode.isDetached) inode.told = undefined;
    else inode.told ??= number;
    return inode.told ?? number;
  }

  /** The number that a name not in the table would have: for READDIR's d_ino, equal to stat's. */
  numberOf(parent: Inode, entry: Entry): bigint {
    const known = parent.children.get(entry.name);
    if (known !== undefined) return this.shownNumber(known);
    return this.#freeNumber(entry.id ?? (parent.isRoot ? `/${entry.name}` : `${parent.path}/${entry.name}`), performance.now());
  }

  /** The first number for an identity that no live object has by right. */
  #freeNumber(identity: string, learnt: number): bigint {
    for (let attempt = 0; ; attempt += 1) {
      const number = inodeNumber(identity, attempt);
      const holder = this.#byNumber.get(number);
      if (holder?.ino === undefined) return number;
      // Deleted ones give way, and those that a rename above them gave another identity since.
      if (holder.isDetached || holder.ino.identity !== identityOf(holder)) return number;
      // The same document at another path: where it was learnt to be last, it is.
      if (holder.ino.identity === identity && holder.learnt < learnt) return number;
    }
  }

  /** A deleted file keeps the number that it had until another file needs it. */
  #detachedNumber(inode: Inode): bigint {
    const identity = `deleted node ${inode.node}`;
    inode.ino ??= { identity, number: inodeNumber(identity) };
    return inode.ino.number;
  }

  #giveBackNumber(inode: Inode): void {
    if (inode.ino === undefined) return;
    if (this.#byNumber.get(inode.ino.number) === inode) this.#byNumber.delete(inode.ino.number);
    inode.ino = undefined;
  }
}

/** What a live object is told from all others by: the platform's id for it, else its path. */
function identityOf(inode: Inode): string {
  return inode.entry.id ?? inode.path;
}
