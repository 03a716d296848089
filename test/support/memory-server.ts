/**
 * The server behind the provider in memory: a tree of files and folders with a clock, and the back
 * door through which a test changes it, as another user of the platform would.
 */
import { FsError } from '../../src/errors.js';
import { isHiddenName } from '../../src/providers/hidden-names.js';

export interface FileNode {
  readonly kind: 'file';
  id: string;
  bytes: Uint8Array;
  modified: number;
  /** Who has it locked: `us`, or another's name. */
  lockedBy?: string | undefined;
  attributes?: Map<string, string>;
}
export interface FolderNode {
  readonly kind: 'folder';
  readonly id: string;
  modified: number;
  readonly children: Map<string, Node>;
  /** A symbolic link: its children are another folder's. */
  readonly link?: true;
  attributes?: Map<string, string>;
}
export type Node = FileNode | FolderNode;

export class MemoryServer {
  protected readonly root: FolderNode;
  private clockTime = 1_700_000_000_000;
  private nextId = 1;

  /** `clock`: milliseconds since the epoch; without it the clock stands until `setClock`. */
  constructor(private readonly givenClock: (() => number) | undefined) {
    this.root = { kind: 'folder', id: 'root', modified: this.clock(), children: new Map() };
  }

  /** Sets the platform's clock (milliseconds), where `clock` was not given. */
  setClock(time: number): void {
    this.clockTime = time;
  }

  /** Puts a file, making the folders above it. `modified` defaults to the platform's clock. */
  put(path: string, content: Uint8Array | string, modified = this.clock()): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : Uint8Array.from(content);
    const { folder, name } = this.makeParents(path);
    const old = folder.children.get(name);
    if (old?.kind === 'file') {
      old.bytes = bytes;
      old.modified = modified;
      return;
    }
    this.setChild(folder, name, { kind: 'file', id: this.newId(), bytes, modified });
  }

  /** Makes a folder and those above it. */
  putFolder(path: string, modified = this.clock()): void {
    const { folder, name } = this.makeParents(path);
    if (folder.children.get(name)?.kind === 'folder') return;
    this.setChild(folder, name, { kind: 'folder', id: this.newId(), modified, children: new Map() });
  }

  /** Makes a symbolic link to a folder that is there. */
  putLink(path: string, target: string, modified = this.clock()): void {
    const to = this.find(target);
    if (to?.kind !== 'folder') throw new Error(`no folder at ${target}`);
    const { folder, name } = this.makeParents(path);
    this.setChild(folder, name, { kind: 'folder', id: this.newId(), modified, children: to.children, link: true });
  }

  /** Takes a file, or a folder with all that is in it, away. */
  remove(path: string): void {
    const { folder, name } = this.makeParents(path);
    this.setChild(folder, name, undefined);
  }

  /** Renames on the server, over whatever is there. */
  rename(from: string, to: string): void {
    const source = this.makeParents(from);
    const node = source.folder.children.get(source.name);
    if (node === undefined) throw new Error(`nothing at ${from}`);
    this.setChild(source.folder, source.name, undefined);
    const target = this.makeParents(to);
    this.setChild(target.folder, target.name, node);
  }

  /** Has somebody else lock a file, or let it go. */
  lockFor(path: string, who: string | undefined): void {
    this.fileAt(path).lockedBy = who;
  }

  /** Who has a file locked: `us`, another's name, or nobody. */
  lockOf(path: string): string | undefined {
    const node = this.find(path);
    return node?.kind === 'file' ? node.lockedBy : undefined;
  }

  /** Gives a file or folder an attribute that the account may change. */
  tag(path: string, name: string, value: string): void {
    const node = this.nodeAt(path);
    (node.attributes ??= new Map()).set(name, value);
  }

  /** A file's bytes as the server holds them, or undefined. */
  get(path: string): Uint8Array | undefined {
    const node = this.find(path);
    return node?.kind === 'file' ? node.bytes : undefined;
  }

  /** A file's bytes as text, or undefined. */
  text(path: string): string | undefined {
    const bytes = this.get(path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  }

  /** The exact modification time that the server keeps, or undefined where nothing is. */
  modified(path: string): number | undefined {
    return this.find(path)?.modified;
  }

  /** Every path below the root in sorted order, folders with `/` behind; hidden things too if asked. */
  tree(options: { readonly hidden: boolean } = { hidden: false }): string[] {
    const paths: string[] = [];
    const walk = (folder: FolderNode, path: string): void => {
      for (const [name, node] of folder.children) {
        if (!options.hidden && isHiddenName(name)) continue;
        paths.push(`${path}/${name}${node.kind === 'folder' ? '/' : ''}`);
        if (node.kind === 'folder') walk(node, `${path}/${name}`);
      }
    };
    walk(this.root, '');
    return paths.sort();
  }

  protected clock(): number {
    return this.givenClock?.() ?? this.clockTime;
  }

  protected newId(): string {
    return `id-${this.nextId++}`;
  }

  protected find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node?.kind === 'folder' ? node.children.get(name) : undefined;
    }
    return node;
  }

  protected nodeAt(path: string): Node {
    if (path === '/') return this.root;
    const node = this.parentOf(path).children.get(lastName(path));
    if (node === undefined) throw notFound(path);
    return node;
  }

  protected fileAt(path: string): FileNode {
    const node = this.nodeAt(path);
    if (node.kind === 'folder') throw new FsError('EISDIR', `${path} is a folder`);
    return node;
  }

  protected folderAt(path: string): FolderNode {
    const node = this.nodeAt(path);
    if (node.kind === 'file') throw new FsError('ENOTDIR', `${path} is a file`);
    return node;
  }

  protected parentOf(path: string): FolderNode {
    let folder = this.root;
    for (const name of path.split('/').slice(1, -1)) {
      const node = folder.children.get(name);
      if (node === undefined) throw notFound(path);
      if (node.kind === 'file') throw new FsError('ENOTDIR', `${path} goes through a file`);
      folder = node;
    }
    return folder;
  }

  protected makeParents(path: string): { folder: FolderNode; name: string } {
    let folder = this.root;
    for (const name of path.split('/').slice(1, -1)) {
      const node = folder.children.get(name);
      if (node?.kind === 'file') throw new Error(`${path} goes through a file`);
      const next: FolderNode = node ?? { kind: 'folder', id: this.newId(), modified: this.clock(), children: new Map() };
      folder.children.set(name, next);
      folder = next;
    }
    return { folder, name: lastName(path) };
  }

  /** Puts a node under a name, or takes the name away; the folder's own time is that of the change. */
  protected setChild(folder: FolderNode, name: string, node: Node | undefined): void {
    if (node === undefined) folder.children.delete(name);
    else folder.children.set(name, node);
    folder.modified = this.clock();
  }
}

/** The last name of a path; of the root `/`. */
export function lastName(path: string): string {
  return path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1);
}

export function notFound(path: string): FsError {
  return new FsError('ENOENT', `${path} is not there`);
}
