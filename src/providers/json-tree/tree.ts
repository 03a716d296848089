/** What stands where: paths of the drive as folders, documents and switches, by the table of routes. */
import { FsError } from '../../errors.js';
import { unsafeName } from '../paths.js';
import { isHalfYear, lastHalfYears } from './half-years.js';
import type { Rows } from './rows.js';
import { placeholderOf, type FileRoute, type NameSource, type RouteTable } from './table.js';

/** A file, and what its placeholder stands for. */
export interface TreeFile {
  readonly name: string;
  readonly route: FileRoute;
  readonly value: string | undefined;
}

export type TreeNode = { readonly kind: 'folder' } | { readonly kind: 'file'; readonly file: TreeFile };

export interface Child {
  readonly name: string;
  readonly node: TreeNode;
}

/** A route as its files are found by it. */
interface Place {
  readonly route: FileRoute;
  readonly folder: string;
  /** What stands before and behind the placeholder; the whole name where there is none. */
  readonly before: string;
  readonly behind: string;
  readonly names: NameSource | undefined;
}

/** Parts of names, and what they stand for. */
type Listed = Iterable<readonly [string, string | undefined]>;

const folder: TreeNode = { kind: 'folder' };

export class Tree {
  private readonly places: readonly Place[];
  /** Folders, and the names of those in them. */
  private readonly folders = new Map<string, Set<string>>([['/', new Set()]]);

  /** `now`: milliseconds since the epoch by the platform's clock. */
  constructor(table: RouteTable, private readonly rows: Rows, private readonly now: () => number) {
    this.places = table.files.map((route) => placeOf(route));
    for (const { folder: path } of this.places) this.addFolder(path);
  }

  isFolder(path: string): boolean {
    return this.folders.has(path);
  }

  /** Every name in a folder of the table, which asks for the lists that it is made of. ENOENT, ENOTDIR, and what the lists fail with. */
  async children(path: string, signal: AbortSignal): Promise<readonly Child[]> {
    const below = this.folders.get(path);
    if (below === undefined) {
      const node = await this.find(path, signal);
      throw new FsError(node.kind === 'file' ? 'ENOTDIR' : 'EIO', `${path} is not a folder`);
    }
    const children = new Map<string, TreeNode>([...below].map((name) => [name, folder]));
    const here = this.places.filter((place) => place.folder === path);
    // Files of several kinds are named by one list: it is asked for once, however short it is believed.
    const lists = new Map<string, Listed>();
    for (const place of here) {
      const key = place.names === undefined ? '' : JSON.stringify(place.names);
      const listed = lists.get(key) ?? await this.listed(place, signal);
      lists.set(key, listed);
      for (const [stem, value] of listed) {
        const name = `${place.before}${stem}${place.behind}`;
        if (!children.has(name) && unsafeName(name) === undefined) children.set(name, { kind: 'file', file: { name, route: place.route, value } });
      }
    }
    return [...children].map(([name, node]) => ({ name, node }));
  }

  /** What stands at a path. ENOENT, ENOTDIR, and what the lists fail with that would know. */
  async find(path: string, signal: AbortSignal): Promise<TreeNode> {
    if (this.folders.has(path)) return folder;
    for (const { place, stem, name } of this.placesOf(path)) {
      const value = await this.valueOf(place, stem, signal);
      if (value !== undefined) return { kind: 'file', file: { name, route: place.route, value: place.names === undefined ? undefined : value } };
    }
    const above = path.slice(0, path.lastIndexOf('/'));
    if (above !== '' && !this.folders.has(above) && (await this.find(above, signal)).kind === 'file') {
      throw new FsError('ENOTDIR', `${above} is a file`);
    }
    throw new FsError('ENOENT', `there is no ${path}`);
  }

  /** The route that a file of that path has, or would have. From memory. */
  routeOf(path: string): FileRoute | undefined {
    return this.placesOf(path)[0]?.place.route;
  }

  /** True for a file that opens by name and is not listed. */
  isUnlisted(path: string): boolean {
    return this.placesOf(path).some(({ place: { names }, stem }) =>
      names?.from === 'half-years' && isHalfYear(stem) && !lastHalfYears(this.now(), names.listed).includes(stem));
  }

  /** The routes that fit a path, those of one file first. */
  private placesOf(path: string): readonly { readonly place: Place; readonly stem: string; readonly name: string }[] {
    const cut = path.lastIndexOf('/');
    const above = cut <= 0 ? '/' : path.slice(0, cut);
    const name = path.slice(cut + 1);
    const found = this.places.flatMap((place) => {
      const { before, behind, names } = place;
      if (place.folder !== above) return [];
      if (names === undefined) return name === before ? [{ place, stem: '', name }] : [];
      const fits = name.startsWith(before) && name.endsWith(behind) && name.length > before.length + behind.length;
      return fits ? [{ place, stem: name.slice(before.length, name.length - behind.length), name }] : [];
    });
    return found.sort((a, b) => Number(a.place.names !== undefined) - Number(b.place.names !== undefined));
  }

  private async listed({ names }: Place, signal: AbortSignal): Promise<Listed> {
    switch (names?.from) {
      case undefined: return [['', undefined]];
      case 'half-years': return lastHalfYears(this.now(), names.listed).map((name) => [name, name] as const);
      case 'rows': return await this.rows.names(names, signal);
    }
  }

  /** What a part of a name stands for; undefined where it stands for nothing. */
  private async valueOf({ names }: Place, stem: string, signal: AbortSignal): Promise<string | undefined> {
    switch (names?.from) {
      case undefined: return '';
      case 'half-years': return isHalfYear(stem) ? stem : undefined;
      case 'rows': return (await this.rows.names(names, signal)).get(stem);
    }
  }

  private addFolder(path: string): void {
    if (this.folders.has(path)) return;
    const cut = path.lastIndexOf('/');
    const above = cut === 0 ? '/' : path.slice(0, cut);
    this.addFolder(above);
    this.folders.set(path, new Set());
    this.folders.get(above)?.add(path.slice(cut + 1));
  }
}

function placeOf(route: FileRoute): Place {
  const cut = route.path.lastIndexOf('/');
  const name = route.path.slice(cut + 1);
  const placeholder = placeholderOf(name);
  const at = placeholder === undefined ? name.length : name.indexOf('{');
  return {
    route,
    folder: cut === 0 ? '/' : route.path.slice(0, cut),
    before: name.slice(0, at),
    behind: placeholder === undefined ? '' : name.slice(at + placeholder.length + 2),
    names: route.names,
  };
}
