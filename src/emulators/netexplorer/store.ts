/**
 * The tree with its bytes. What is present lies below the root as ordinary folders and files, so that a test can look
 * at the truth; older versions, the trash and uploads under way lie in a folder beside it. Names and bytes on the disk
 * change in the same breath as the tree, so that no request sees one without the other.
 */
import { createHash, type Hash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { filePieces } from '../common/file-pieces.js';
import { filesBelow, newest, Tree, type FileNode, type FolderNode, type Node, type Version } from './tree.js';

/** Bytes that came and lie in the folder beside the root, to be moved to where they belong. */
export interface Content {
  readonly place: string;
  readonly size: number;
  readonly md5: string;
}

/** The dates of something written; left out: now. */
export interface Dates {
  readonly creation?: number | undefined;
  readonly modification?: number | undefined;
}

/** Bytes that are read in one go for their MD5. */
const smallSize = 64 * 1024;

export class Store {
  readonly tree: Tree;
  readonly #aside: string;
  readonly #now: () => number;
  #nextPlace = 1;

  /** Over a folder, with another on the same disk for what is not in the tree. */
  constructor(root: string, aside: string, rootFolder: string | undefined, now: () => number) {
    this.#aside = aside;
    this.#now = () => Math.floor(now() / 1000) * 1000;
    this.tree = new Tree(rootFolder === undefined ? root : this.newPlace());
    if (rootFolder === undefined) return;
    mkdirSync(this.tree.top.place);
    this.tree.addFolder(this.tree.top, rootFolder, 0, this.now()).place = root;
  }

  now(): number {
    return this.#now();
  }

  /** A fresh place beside the root. */
  newPlace(): string {
    return join(this.#aside, String(this.#nextPlace++));
  }

  placeOf(node: Node): string {
    return node.place !== '' || node.parent === undefined ? node.place : join(this.placeOf(node.parent), node.name);
  }

  placeOfVersion(version: Version): string {
    return version.place ?? this.placeOf(version.file);
  }

  /** Reads the disk below the root, or a folder, and enters what differs from the tree, as done by this user. */
  adopt(owner: number, folder = this.tree.top): void {
    this.#adoptFolder(folder, this.placeOf(folder), owner, true);
  }

  /** The same for what lies in a folder itself, and for what is new below it. */
  adoptContent(owner: number, folder: FolderNode): void {
    if (existsSync(this.placeOf(folder))) this.#adoptFolder(folder, this.placeOf(folder), owner, false);
  }

  #adoptFolder(folder: FolderNode, place: string, owner: number, deep: boolean): void {
    const { tree } = this;
    const entries = readdirSync(place, { withFileTypes: true }).filter((entry) => entry.isDirectory() || (entry.isFile() && folder !== tree.top));
    const found = new Map(entries.map((entry) => [entry.name, entry.isDirectory()]));
    for (const [name, node] of [...folder.folders, ...folder.files]) {
      if (node.kind === 'folder' && isMounted(node)) {
        node.modification = Math.floor(statSync(node.place).mtimeMs / 1000) * 1000;
        if (deep) this.#adoptFolder(node, node.place, owner, true);
      } else if (found.get(name) !== (node.kind === 'folder')) {
        this.#forget(node);
      }
    }
    for (const [name, isFolder] of found) {
      const below = join(place, name);
      const modification = Math.floor(statSync(below).mtimeMs / 1000) * 1000;
      if (isFolder) {
        const old = folder.folders.get(name);
        const known = old ?? tree.addFolder(folder, name, owner, modification);
        if (deep || old === undefined) this.#adoptFolder(known, below, owner, true);
        known.modification = modification;
      } else {
        this.#adoptFile(folder.files.get(name) ?? tree.addFile(folder, name), below, owner, modification);
      }
    }
  }

  /** What stood there before is overwritten: the version that it was is gone. */
  #adoptFile(file: FileNode, place: string, owner: number, modification: number): void {
    const seen = look(place);
    const [known] = file.versions;
    if (known?.seen === seen) return;
    if (known !== undefined) this.tree.removeVersion(known);
    this.tree.addVersion(file, owner, { size: statSync(place).size, md5: undefined, creation: modification, modification, seen });
    file.writtenAt = Date.now();
  }

  #forget(node: Node): void {
    this.tree.detach(node);
    for (const file of filesBelow(node)) removePlaces(file.versions);
    this.tree.forget(node);
  }

  /** The MD5 of a version, in hex. */
  async md5(version: Version): Promise<string> {
    // A small one at once: a tree of many thousands is hashed when it is first listed.
    if (version.size <= smallSize) version.md5 ??= createHash('md5').update(readFileSync(this.placeOfVersion(version))).digest('hex');
    while (version.md5 === undefined) {
      const { seen } = version;
      const hash = await hashOf(this.placeOfVersion(version), version.size);
      if (version.seen === seen) version.md5 ??= hash.digest('hex');
    }
    return version.md5;
  }

  makeFolder(parent: FolderNode, name: string, owner: number, dates: Dates): FolderNode {
    mkdirSync(join(this.placeOf(parent), name));
    const folder = this.tree.addFolder(parent, name, owner, this.now());
    this.#touch(parent);
    this.setFolderDates(folder, dates);
    return folder;
  }

  setFolderDates(folder: FolderNode, { creation, modification }: Dates): void {
    folder.creation = creation ?? folder.creation;
    folder.modification = modification ?? folder.modification;
    setTime(this.placeOf(folder), folder.modification);
  }

  makeFile(parent: FolderNode, name: string, owner: number, content: Content, dates: Dates): Version {
    const file = this.tree.addFile(parent, name);
    return this.#enter(file, owner, content, dates);
  }

  /** A new version, with the older ones kept, or without. */
  addVersion(file: FileNode, owner: number, content: Content, dates: Dates, keepsOlder: boolean): Version {
    const old = newest(file);
    old.place = this.newPlace();
    linkSync(this.placeOf(file), old.place);
    const version = this.#enter(file, owner, content, dates);
    if (!keepsOlder) for (const older of file.versions.slice(1)) this.#dropVersion(older);
    return version;
  }

  #enter(file: FileNode, owner: number, content: Content, dates: Dates): Version {
    const now = this.now();
    const { creation = now, modification = now } = dates;
    const place = this.placeOf(file);
    renameSync(content.place, place);
    setTime(place, modification);
    file.writtenAt = Date.now();
    const { size, md5 } = content;
    const version = this.tree.addVersion(file, owner, { size, md5, creation, modification, seen: look(place) });
    if (file.parent !== undefined) this.#touch(file.parent);
    return version;
  }

  /** Other bytes under the same id. */
  replaceContent(version: Version, content: Content): void {
    const place = this.placeOfVersion(version);
    renameSync(content.place, place);
    Object.assign(version, { size: content.size, md5: content.md5, modification: this.now() });
    version.file.writtenAt = Date.now();
    setTime(place, version.modification);
    version.seen = look(place);
    if (version.file.parent !== undefined) this.#touch(version.file.parent);
  }

  /** Sets the newest version's time. */
  setFileTime(file: FileNode, modification: number): void {
    const version = newest(file);
    version.modification = modification;
    setTime(this.placeOf(file), modification);
    version.seen = look(this.placeOf(file));
  }

  /** Destroys versions; the newest that is left is the document's content then. At least one must be left. */
  removeVersions(file: FileNode, versions: readonly Version[]): void {
    for (const version of versions) this.#dropVersion(version);
    const now = newest(file);
    if (now.place === undefined) return;
    renameSync(now.place, this.placeOf(file));
    now.place = undefined;
    setTime(this.placeOf(file), now.modification);
    now.seen = look(this.placeOf(file));
    file.writtenAt = Date.now();
    if (file.parent !== undefined) this.#touch(file.parent);
  }

  #dropVersion(version: Version): void {
    removePlaces([version]);
    this.tree.removeVersion(version);
  }

  move(node: Node, parent: FolderNode, name: string): void {
    const from = this.placeOf(node);
    const { parent: left } = node;
    renameSync(from, join(this.placeOf(parent), name));
    this.tree.attach(node, parent, name);
    if (left !== undefined) this.#touch(left);
    this.#touch(parent);
  }

  /** Takes something out of the tree, with its bytes: to the trash. */
  takeOut(node: Node): void {
    const place = this.newPlace();
    const { parent } = node;
    renameSync(this.placeOf(node), place);
    this.tree.detach(node);
    node.place = place;
    if (parent !== undefined) this.#touch(parent);
  }

  /** Destroys what was taken out. */
  destroy(node: Node): void {
    for (const file of filesBelow(node)) removePlaces(file.versions);
    rmSync(node.place, { recursive: true, force: true });
    this.tree.forget(node);
  }

  #touch(folder: FolderNode): void {
    if (folder === this.tree.top) return;
    folder.modification = this.now();
    setTime(this.placeOf(folder), folder.modification);
  }
}

/** A root folder that is the whole disk's root: it lies where no folder of the tree says. */
export function isMounted(node: Node): boolean {
  return node.kind === 'folder' && node.parent !== undefined && node.place !== '';
}

function removePlaces(versions: readonly Version[]): void {
  for (const { place } of versions) if (place !== undefined) rmSync(place, { force: true });
}

function setTime(place: string, ms: number): void {
  utimesSync(place, new Date(ms), new Date(ms));
}

/** What tells on the disk that a file was written again. */
function look(place: string): string {
  const { ino, size, mtimeNs } = statSync(place, { bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
}

/** The MD5 of a file's first bytes, still open for more. */
export async function hashOf(place: string, size: number): Promise<Hash> {
  const hash = createHash('md5');
  for await (const piece of filePieces(await open(place, 'r'), 0, size)) hash.update(piece);
  return hash;
}
