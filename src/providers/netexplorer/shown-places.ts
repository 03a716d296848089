/**
 * Where older versions and the trash stand in the tree with `--show-versions`, and under which names. Pure. Both are
 * found by their names and in no listing, so that a program that walks the drive does not take every version with it.
 */
import { joinPath, unsafeName } from '../paths.js';
import type { TrashedThing } from '../services.js';
import type { FileObject } from './objects.js';

/** In each folder. */
export const versionsName = '.versions';
/** In the drive's own folder. */
export const trashName = '.trash';

/** What a path leads to. */
export type Place =
  /** The platform's own tree. */
  | { readonly kind: 'tree' }
  /** `.versions` of a folder. */
  | { readonly kind: 'versions'; readonly folder: string }
  /** `.versions/NAME`, of a file. */
  | { readonly kind: 'file'; readonly file: string }
  /** `.versions/NAME/DATE`. */
  | { readonly kind: 'version'; readonly file: string; readonly name: string }
  | { readonly kind: 'trash' }
  /** `.trash/NAME`. */
  | { readonly kind: 'trashed'; readonly name: string }
  /** Below these there is nothing. */
  | { readonly kind: 'nothing' };

export function placeOf(path: string): Place {
  const names = path.split('/').slice(1);
  if (names[0] === trashName) {
    const [, name, more] = names;
    if (name === undefined) return { kind: 'trash' };
    return more === undefined ? { kind: 'trashed', name } : { kind: 'nothing' };
  }
  const at = names.indexOf(versionsName);
  if (at === -1) return { kind: 'tree' };
  const folder = `/${names.slice(0, at).join('/')}`;
  const [file, version, more] = names.slice(at + 1);
  if (file === undefined) return { kind: 'versions', folder };
  if (version === undefined) return { kind: 'file', file: joinPath(folder, file) };
  return more === undefined ? { kind: 'version', file: joinPath(folder, file), name: version } : { kind: 'nothing' };
}

/** Whether a name is taken by one of them, in the drive's own folder or in one below it. */
export function isTaken(name: string, inRoot: boolean): boolean {
  return name === versionsName || (inRoot && name === trashName);
}

/**
 * Versions by name: the moment of their creation, in UTC so that a name is the same in summer and winter, and without
 * a `:`, which the platform does not take when a version is copied beside its file. Of several of one second the
 * oldest has the plain name.
 */
export function namedVersions(newestFirst: readonly FileObject[]): ReadonlyMap<string, FileObject> {
  const named = new Map<string, FileObject>();
  for (const version of newestFirst.toReversed()) {
    const moment = version.created === undefined ? `version-${version.id}` : new Date(version.created).toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-').concat('Z');
    named.set(named.has(moment) ? `${moment}-${version.id}` : moment, version);
  }
  return named;
}

/** Things in the trash by name. Of several of one name the one that has been there longest has it, the others their id behind it. */
export function namedTrash(things: readonly TrashedThing[]): ReadonlyMap<string, TrashedThing> {
  const named = new Map<string, TrashedThing>();
  const oldestFirst = things.filter(({ name }) => unsafeName(name) === undefined).toSorted((one, other) => one.deleted - other.deleted);
  for (const thing of oldestFirst) {
    const name = named.has(thing.name) ? withId(thing) : thing.name;
    if (unsafeName(name) === undefined) named.set(name, thing);
  }
  return named;
}

/** `report (4711).ods`. */
function withId({ name, id, kind }: TrashedThing): string {
  const dot = kind === 'file' ? name.lastIndexOf('.') : -1;
  return dot <= 0 ? `${name} (${id})` : `${name.slice(0, dot)} (${id})${name.slice(dot)}`;
}
