/**
 * What Arrhes knows of a document besides, as attributes: the accountant's reference and day, which can be set,
 * and what only the platform sets. (Arrhes' page: PATCH)
 */
import { FsError } from '../../errors.js';
import type { Entry, Location } from '../provider.js';
import type { Lists } from './lists.js';
import type { Looker } from './looking.js';
import type { FileRow, Row } from './rows.js';
import type { Versions } from './versions.js';
import type { DocumentWriter, RowChange } from './writing.js';

const readable = ['id', 'reference', 'date', 'hash', 'type'] as const;
/** Longest reference, in UTF-16 units, as for names. */
const longestReference = 256;

export class DocumentAttributes {
  constructor(private readonly lists: Lists, private readonly looker: Looker, private readonly writer: DocumentWriter, private readonly versions: Versions) {}

  /** By name, as far as there are values. From memory where that is of the version that is shown. */
  async read(location: Location, current: Entry, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const known = current.id === undefined ? undefined : this.lists.known?.node(current.id)?.row;
    const young = known?.kind === 'folder' || (known !== undefined && this.versions.shown(known).version === current.version);
    const row = young ? known : (await this.lists.find(location.path, (found) => found.kind === 'node', signal).then((found) => (found.kind === 'node' ? found.node.row : undefined)));
    if (row === undefined) throw new FsError('ENOENT', `${location.path} is not there`);
    return attributesOf(row);
  }

  /** Sets one, or takes it away (undefined). EPERM, EINVAL. */
  async set(location: Location, name: string, value: string | undefined, signal: AbortSignal): Promise<Entry> {
    const node = await this.looker.existing(location, signal);
    const what = `set ${name}: ${location.path}`;
    if (node.row.kind === 'folder') throw new FsError('EPERM', `${what}: a folder has none`);
    return this.writer.entry(await this.writer.change(node.row, changeFor(name, value, what), what, signal));
  }
}

function attributesOf(row: Row): ReadonlyMap<string, string> {
  const values: Partial<Record<(typeof readable)[number], string | undefined>> = row.kind === 'folder' ? { id: row.id } : valuesOf(row);
  const told = new Map<string, string>();
  for (const name of readable) {
    const value = values[name];
    if (value !== undefined) told.set(name, value);
  }
  return told;
}

function valuesOf({ id, reference, date, hash, type }: FileRow): Record<(typeof readable)[number], string | undefined> {
  return { id, reference, hash, type, date: date === undefined ? undefined : formatDay(date) };
}

function changeFor(name: string, value: string | undefined, what: string): RowChange {
  switch (name) {
    case 'reference':
      if (value !== undefined && (value.length > longestReference || value.includes('\0'))) {
        throw new FsError('EINVAL', `${what}: a reference has at most ${longestReference} characters`);
      }
      return { reference: value ?? null };
    case 'date': return { date: value === undefined ? null : parseDay(value, what) };
    case 'id': case 'hash': case 'type': throw new FsError('EPERM', `${what}: only the platform sets it`);
    default: throw new FsError('EPERM', `${what}: Arrhes has no such attribute; reference and date can be set`);
  }
}

/** A document's day, in UTC: the time besides only where it is not midnight. */
export function formatDay(time: number): string {
  const text = new Date(time).toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, -'T00:00:00.000Z'.length) : text.replace('.000Z', 'Z');
}

const dayForm = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?(Z|[+-]\d\d:?\d\d))?$/;

/** Reads a day (`2026-03-31`), or a moment with its offset. The server takes more, and says 500 to the rest. */
export function parseDay(text: string, what: string): string {
  const trimmed = text.trim();
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', offset = 'Z'] = dayForm.exec(trimmed) ?? [];
  const zone = offset === 'Z' || offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  // The 31st of a month that has 30 days would quietly become the 1st of the next.
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  if (year === '' || Number.isNaN(time) || !isDay) throw new FsError('EINVAL', `${what}: a date is written 2026-03-31, or 2026-03-31T12:00:00+02:00`);
  return new Date(time).toISOString();
}
