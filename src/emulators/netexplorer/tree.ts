/**
 * The platform's tree as it is in its database: folders, documents and their versions, by id, guid and name. It knows
 * nothing of the disk; the ids of folders and of files are counted apart, so that the same number may mean both.
 */
import { randomUUID } from 'node:crypto';

/** Times are milliseconds since the epoch, whole seconds. */
export interface FolderNode {
  readonly kind: 'folder';
  readonly id: number;
  name: string;
  /** Undefined: the top, which is no folder of anybody's; or what hangs in the trash. */
  parent: FolderNode | undefined;
  /** Where it lies on the disk, where its parent does not say it; else empty. */
  place: string;
  readonly folders: Map<string, FolderNode>;
  readonly files: Map<string, FileNode>;
  creation: number;
  modification: number;
  /** The id of a user. */
  owner: number;
  /** Bytes; 0 none, -1 inherited. */
  quota: number;
  /** Files in it are deleted after so many days; 0: never. */
  purgeDays: number;
  /** When it came to where it is, by the machine's clock. */
  bornAt: number;
}

/** A document, across its versions. */
export interface FileNode {
  readonly kind: 'file';
  readonly guid: string;
  name: string;
  parent: FolderNode | undefined;
  place: string;
  /** Newest first; never empty while the document is in the tree. */
  versions: Version[];
  lock: Lock | undefined;
  bornAt: number;
  /** When its bytes last changed, by the machine's clock. */
  writtenAt: number;
}

export interface Version {
  readonly id: number;
  readonly file: FileNode;
  size: number;
  /** Hex; undefined until somebody asks. */
  md5: string | undefined;
  creation: number;
  modification: number;
  owner: number;
  /** Where its bytes lie; undefined: at the document's own place. */
  place: string | undefined;
  /** What the disk said of its bytes when they were last looked at. */
  seen: string;
}

export interface Lock {
  /** A user's id, and how he is shown. */
  readonly ownerId: number;
  readonly owner: string;
  readonly date: number;
  readonly readable: boolean;
  readonly writeable: boolean;
}

export type Node = FolderNode | FileNode;

export class Tree {
  readonly top: FolderNode;
  readonly folders = new Map<number, FolderNode>();
  /** By the id of each version. */
  readonly versions = new Map<number, Version>();
  readonly files = new Map<string, FileNode>();
  #nextFolder = 101;
  #nextVersion = 101;

  constructor(place: string) {
    this.top = makeFolder(0, '', undefined, place);
  }

  addFolder(parent: FolderNode, name: string, owner: number, at: number): FolderNode {
    const folder = makeFolder(this.#nextFolder++, name, parent, '');
    Object.assign(folder, { owner, creation: at, modification: at, bornAt: Date.now() });
    parent.folders.set(name, folder);
    this.folders.set(folder.id, folder);
    return folder;
  }

  /** A document that has no version yet. */
  addFile(parent: FolderNode, name: string): FileNode {
    const now = Date.now();
    const file: FileNode = {
      kind: 'file', guid: randomUUID(), name, parent, place: '', versions: [], lock: undefined, bornAt: now, writtenAt: now,
    };
    parent.files.set(name, file);
    this.files.set(file.guid, file);
    return file;
  }

  /** The newest version of a document from now on. */
  addVersion(file: FileNode, owner: number, content: Pick<Version, 'size' | 'md5' | 'creation' | 'modification' | 'seen'>): Version {
    const version: Version = { id: this.#nextVersion++, file, owner, place: undefined, ...content };
    file.versions.unshift(version);
    this.versions.set(version.id, version);
    return version;
  }

  removeVersion(version: Version): void {
    this.versions.delete(version.id);
    version.file.versions = version.file.versions.filter((other) => other !== version);
  }

  /** Takes a folder or document out of its folder; whatever is below it goes with it. It keeps its ids. */
  detach(node: Node): void {
    if (node.parent === undefined) return;
    if (node.kind === 'folder') node.parent.folders.delete(node.name);
    else node.parent.files.delete(node.name);
    node.parent = undefined;
  }

  attach(node: Node, parent: FolderNode, name: string): void {
    this.detach(node);
    node.parent = parent;
    node.place = '';
    node.name = name;
    node.bornAt = Date.now();
    if (node.kind === 'folder') parent.folders.set(name, node);
    else parent.files.set(name, node);
  }

  /** Forgets a folder or document that was taken out, with all below it. */
  forget(node: Node): void {
    if (node.kind === 'file') {
      this.files.delete(node.guid);
      for (const { id } of node.versions) this.versions.delete(id);
      return;
    }
    this.folders.delete(node.id);
    for (const below of [...node.folders.values(), ...node.files.values()]) this.forget(below);
  }

  /** Whether it hangs below the top: not in the trash. */
  isPresent(node: Node): boolean {
    let at: Node | undefined = node;
    while (at !== undefined && at !== this.top) at = at.parent;
    return at === this.top;
  }

  at(path: string): Node | undefined {
    let node: Node = this.top;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (node.kind === 'file') return undefined;
      const next: Node | undefined = child(node, name);
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }
}

/** What has this name in a folder: a folder or a document, never both. */
export function child(folder: FolderNode, name: string): Node | undefined {
  return folder.folders.get(name) ?? folder.files.get(name);
}

/** `/Commun/a.txt`; the top is `/`. */
export function pathOf(node: Node): string {
  if (node.parent === undefined) return node.name === '' ? '/' : `/${node.name}`;
  const above = pathOf(node.parent);
  return above === '/' ? `/${node.name}` : `${above}/${node.name}`;
}

/** The newest version. */
export function newest(file: FileNode): Version {
  const [first] = file.versions;
  if (first === undefined) throw new Error(`${file.name} has no version`);
  return first;
}

/** Whether a node is a folder or hangs below it. */
export function isWithin(node: Node, folder: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) if (at === folder) return true;
  return false;
}

/** Every document at and below a node. */
export function* filesBelow(node: Node): Generator<FileNode> {
  if (node.kind === 'file') {
    yield node;
    return;
  }
  yield* node.files.values();
  for (const folder of node.folders.values()) yield* filesBelow(folder);
}

function makeFolder(id: number, name: string, parent: FolderNode | undefined, place: string): FolderNode {
  return {
    kind: 'folder', id, name, parent, place, folders: new Map(), files: new Map(), creation: 0, modification: 0, owner: 0,
    quota: -1, purgeDays: 0, bornAt: 0,
  };
}
