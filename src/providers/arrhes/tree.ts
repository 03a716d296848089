/**
 * The drive's tree out of Arrhes' two flat lists. Folders may hang on each other in a circle, or on one that
 * is not there; what cannot be reached from the root is shown under it, so that nothing is out of sight.
 * No I/O: a tree is made of rows, and of how an earlier one named them. (Arrhes' page: lists, names)
 */
import { isHiddenName } from '../hidden-names.js';
import { byCreation, mayBePlain, nameRows, nameWithId, type Shown } from './names.js';
import { folderOf, type FileRow, type FolderRow, type Row } from './rows.js';

/** What stands in the tree. */
export interface Node {
  readonly row: Row;
  /** As the drive shows it. */
  readonly name: string;
  /** The folder that it hangs in; undefined: the root. */
  readonly folder: string | undefined;
}

/** Where a path leads. */
export type Found =
  | { readonly kind: 'root' }
  | { readonly kind: 'node'; readonly node: Node }
  /** Nothing has that name in the folder; undefined: in the root. */
  | { readonly kind: 'nothing'; readonly folder: string | undefined }
  /** A folder on the way is not there. */
  | { readonly kind: 'no way' }
  | { readonly kind: 'through a file' };

export class Tree {
  readonly #rows = new Map<string, Row>();
  readonly #nodes = new Map<string, Node>();
  /** By folder (undefined: the root), by name. */
  readonly #children = new Map<string | undefined, Map<string, Node>>();
  readonly #shown = new Map<string, Shown>();

  /** `before`: the tree that this one follows in the same mount; its names stay. */
  constructor(rows: Iterable<Row>, before?: Tree) {
    for (const row of rows) this.#rows.set(row.id, row);
    const folders = new Map([...this.#rows.values()].filter((row) => row.kind === 'folder').map((row) => [row.id, row]));
    const parents = parentsOf(this.#rows.values(), folders);
    const siblings = new Map<string | undefined, Row[]>([[undefined, []]]);
    for (const id of folders.keys()) siblings.set(id, []);
    for (const row of this.#rows.values()) siblings.get(parents.get(row.id))?.push(row);
    for (const [folder, all] of siblings) {
      this.#children.set(folder, new Map());
      // Temporary things have names of their own that nobody is shown.
      const names = nameRows(all.filter(({ name }) => !isHiddenName(name)), folder, (id) => before?.shown(id));
      for (const row of all) this.#enter(row, names.get(row.id) ?? row.name, folder);
    }
  }

  rows(): Iterable<Row> {
    return this.#rows.values();
  }

  nodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  /** A folder's children by name, hidden ones too; undefined for an unknown folder. `folder` undefined: the root's. */
  children(folder: string | undefined): ReadonlyMap<string, Node> | undefined {
    return this.#children.get(folder);
  }

  node(id: string): Node | undefined {
    return this.#nodes.get(id);
  }

  /** The row of a document, wherever it hangs; undefined where there is none of that id. */
  file(id: string): FileRow | undefined {
    const row = this.#rows.get(id);
    return row?.kind === 'file' ? row : undefined;
  }

  /** How a row was named. */
  shown(id: string): Shown | undefined {
    return this.#shown.get(id);
  }

  /** Follows a path (`/` is the root). */
  find(path: string): Found {
    let at: Found = { kind: 'root' };
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (at.kind === 'nothing') return { kind: 'no way' };
      if (at.kind === 'node' && at.node.row.kind === 'file') return { kind: 'through a file' };
      const folder: string | undefined = at.kind === 'node' ? at.node.row.id : undefined;
      const node: Node | undefined = this.#children.get(folder)?.get(name);
      at = node === undefined ? { kind: 'nothing', folder } : { kind: 'node', node };
    }
    return at;
  }

  /** The path of a node from the root. */
  pathOf(node: Node): string {
    const above = node.folder === undefined ? undefined : this.#nodes.get(node.folder);
    return `${above === undefined ? '' : this.pathOf(above)}/${node.name}`;
  }

  /** Whether a folder is `top` or lies somewhere below it. */
  isWithin(folder: string | undefined, top: string): boolean {
    for (let id = folder; id !== undefined; id = this.#nodes.get(id)?.folder) if (id === top) return true;
    return false;
  }

  /**
   * Enters a new row, or a new state of a known one; the tree that holds it then, which is another where a folder
   * got another place. Nobody else's name changes: many files are entered one after the other. `anew`: the
   * name that it was shown by so far is not kept.
   */
  with(row: Row, anew = false): Tree {
    const known = this.#nodes.get(row.id);
    if (known?.row.kind === 'folder' && (known.row.name !== row.name || folderOf(known.row) !== folderOf(row))) {
      return new Tree([...this.#rows.values()].map((other) => (other.id === row.id ? row : other)), this);
    }
    const wanted = folderOf(row);
    const rule = wanted !== undefined && this.#children.has(wanted) ? wanted : undefined;
    // A folder whose place is as it was stays where it is shown, which is the root where it hangs in a circle.
    const folder = known?.row.kind === 'folder' ? known.folder : rule;
    this.#rows.set(row.id, row);
    if (known !== undefined && !anew && known.folder === folder && known.row.name === row.name) {
      this.#enter(row, known.name, folder);
      return this;
    }
    if (known !== undefined) this.#leave(known);
    if (row.kind === 'folder') this.#children.set(row.id, this.#children.get(row.id) ?? new Map<string, Node>());
    const name = this.#freshName(row, folder);
    // Somebody has called another one by this one's name with its id: that one gives way.
    if (this.#children.get(folder)?.has(name) === true && !isHiddenName(name)) return new Tree(this.#rows.values(), this);
    this.#enter(row, name, folder);
    return this;
  }

  /** Takes a row out; the tree without it. What hung in a folder hangs under the root then. */
  without(id: string): Tree {
    const known = this.#nodes.get(id);
    if (known === undefined) return this;
    if (known.row.kind === 'folder') return new Tree([...this.#rows.values()].filter((row) => row.id !== id), this);
    this.#leave(known);
    this.#rows.delete(id);
    this.#shown.delete(id);
    return this;
  }

  #freshName(row: Row, folder: string | undefined): string {
    if (isHiddenName(row.name)) return row.name;
    const children = this.#children.get(folder);
    const sibling = (id: string): Row | undefined => {
      const node = this.#nodes.get(id);
      return node?.folder === folder ? node?.row : undefined;
    };
    return children?.has(row.name) !== true && mayBePlain(row, sibling) ? row.name : nameWithId(row.name, row.id);
  }

  #enter(row: Row, name: string, folder: string | undefined): void {
    const node: Node = { row, name, folder };
    this.#children.get(folder)?.set(name, node);
    this.#nodes.set(row.id, node);
    this.#shown.set(row.id, { folder, raw: row.name, plain: name === row.name });
  }

  #leave(node: Node): void {
    const children = this.#children.get(node.folder);
    if (children?.get(node.name)?.row.id === node.row.id) children.delete(node.name);
    this.#nodes.delete(node.row.id);
  }
}

/**
 * Where each row hangs: in the folder that it names, or under the root where that is not there. Of folders
 * that hang on each other in a circle the first one made is shown under the root, with the others below it.
 */
function parentsOf(rows: Iterable<Row>, folders: ReadonlyMap<string, FolderRow>): ReadonlyMap<string, string | undefined> {
  const parents = new Map<string, string | undefined>();
  for (const row of rows) {
    const folder = folderOf(row);
    parents.set(row.id, folder !== undefined && folders.has(folder) ? folder : undefined);
  }
  const safe = new Set<string>();
  for (const { id } of folders.values()) {
    const way = new Set<string>();
    let at: string | undefined = id;
    while (at !== undefined && !safe.has(at) && !way.has(at)) {
      way.add(at);
      at = parents.get(at);
    }
    if (at !== undefined && !safe.has(at)) parents.set(firstOfCircle(at, parents, folders), undefined);
    for (const one of way) safe.add(one);
  }
  return parents;
}

function firstOfCircle(from: string, parents: ReadonlyMap<string, string | undefined>, folders: ReadonlyMap<string, FolderRow>): string {
  const circle: FolderRow[] = [];
  for (let at: string | undefined = from; at !== undefined; at = parents.get(at)) {
    const row = folders.get(at);
    if (row !== undefined) circle.push(row);
    if (parents.get(at) === from) break;
  }
  return circle.sort(byCreation)[0]?.id ?? from;
}
