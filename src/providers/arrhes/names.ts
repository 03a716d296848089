/**
 * Names for the rows of one folder. Arrhes takes any text as a name, twice or ten times over; a folder of
 * a drive needs each once, legal, and the same tomorrow. The first of several keeps the name as it is, the
 * others get their id into it, so that no name depends on the order of a list, and a new double changes
 * nobody else's. Pure. (Arrhes' page: names)
 */
import { createHash } from 'node:crypto';
import { isHiddenName } from '../hidden-names.js';
import { unsafeName } from '../paths.js';
import type { Row } from './rows.js';

/** Longest name, in bytes of UTF-8. */
const longest = 255;

/** What a row was shown as before, in this mount: a name once given stays as long as the row keeps its folder and name. */
export interface Shown {
  /** The id of the folder that it hangs in; undefined: the root. */
  readonly folder: string | undefined;
  readonly raw: string;
  readonly plain: boolean;
}

/** Sorts by creation, then by id: the one order in which doubles are looked at, however the lists came. */
export function byCreation(a: Pick<Row, 'createdAt' | 'id'>, b: Pick<Row, 'createdAt' | 'id'>): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * The names of a folder's rows, by id: each another, each legal. `before` says how a row was shown before.
 * What no folder can hold gets its id, too, and so does a name that is another row's with its id in it.
 */
export function nameRows(rows: readonly Row[], folder: string | undefined, before: (id: string) => Shown | undefined): Map<string, string> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const takes = new Map<string, Row>();
  for (const row of rows) {
    if (!mayBePlain(row, (id) => byId.get(id))) continue;
    // One that was shown with its id keeps that, even when the first of its name is gone.
    const shown = shownAs(row, folder, before);
    if (shown?.plain === false) continue;
    const other = takes.get(row.name);
    if (other === undefined || comesFirst(row, shown, other, shownAs(other, folder, before))) takes.set(row.name, row);
  }
  return new Map(rows.map((row) => [row.id, takes.get(row.name) === row ? row.name : nameWithId(row.name, row.id)]));
}

/** Whether a row may be shown by its own name alone. `sibling`: the row of that id in the same folder. */
export function mayBePlain(row: Row, sibling: (id: string) => Row | undefined): boolean {
  if (unsafeName(row.name) !== undefined || isHiddenName(row.name)) return false;
  const [, id] = /~([0-9A-Za-z_-]{1,64})(?:\.[^.~\s]{1,12})?$/u.exec(row.name) ?? [];
  const other = id === undefined || id === row.id ? undefined : sibling(id);
  return other === undefined || nameWithId(other.name, other.id) !== row.name;
}

function comesFirst(row: Row, shown: Shown | undefined, other: Row, otherShown: Shown | undefined): boolean {
  if ((shown === undefined) !== (otherShown === undefined)) return shown !== undefined;
  return byCreation(row, other) < 0;
}

function shownAs(row: Row, folder: string | undefined, before: (id: string) => Shown | undefined): Shown | undefined {
  const shown = before(row.id);
  return shown?.folder === folder && shown?.raw === row.name ? shown : undefined;
}

/** A name with the row's id in it, in front of its ending: `invoice~k3j2h1abcd012345.pdf`. Legal, at most 255 bytes. */
export function nameWithId(name: string, id: string): string {
  const clean = legalText(name);
  // No "~" and no second dot in it, so that the last "~" of the whole is the one before the id.
  const [, stem = '', ending = ''] = /^(.*?)(\.[^.~\s]{1,12})?$/su.exec(clean) ?? [];
  const suffix = `~${plainId(id)}${stem === '' ? '' : ending}`;
  return `${cut(stem === '' ? clean : stem, longest - Buffer.byteLength(suffix))}${suffix}`;
}

/** Ids are 16 letters and digits; one of another form is told by a digest of it. */
function plainId(id: string): string {
  return /^[0-9A-Za-z_-]{1,64}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 16);
}

/** Takes from a name what no folder can hold. It may be empty then. */
function legalText(name: string): string {
  const clean = name.replace(/[/\0]/g, '_').replace(/\p{Surrogate}/gu, '\ufffd');
  return clean === '.' || clean === '..' ? clean.replaceAll('.', '_') : clean;
}

/** The first whole characters of a text that fit into so many bytes. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let kept = '';
  let length = 0;
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > bytes) break;
    kept += character;
  }
  return kept;
}
