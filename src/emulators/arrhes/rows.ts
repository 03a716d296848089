/** What lies in the emulated database, and how a row looks in an answer. */
import { randomInt } from 'node:crypto';
import { postgresText } from './times.js';

/** A document. Times are milliseconds since the epoch. */
export interface FileRow {
  readonly id: string;
  readonly idOrganization: string;
  readonly idYear: string;
  readonly idFolder: string | null;
  readonly idFileParent: string | null;
  readonly reference: string | null;
  readonly name: string;
  readonly storageKey: string | null;
  readonly type: string | null;
  /** Bytes; null: no content yet. */
  readonly size: number | null;
  readonly createdAt: number;
  readonly lastUpdatedAt: number | null;
  readonly hash: string | null;
  /** The document's own day. */
  readonly date: number | null;
  readonly createdBy: string;
  readonly lastUpdatedBy: string | null;
}

export interface FolderRow {
  readonly id: string;
  readonly idOrganization: string;
  readonly idYear: string;
  readonly idFolderParent: string | null;
  readonly name: string;
  readonly createdAt: number;
  readonly lastUpdatedAt: number | null;
  readonly createdBy: string;
  readonly lastUpdatedBy: string | null;
}

export interface YearRow {
  readonly id: string;
  readonly idYearPrevious: string | null;
  readonly label: string;
  readonly isClosed: boolean;
}

/** How rows are shown. */
export interface Display {
  /** Minutes east of Greenwich; with several, they take turns. */
  readonly offsetsMinutes: readonly number[];
  /** Older versions tell the year of each row. */
  readonly carriesYear: boolean;
}

const letters = '0123456789abcdefghijklmnopqrstuvwxyz';

/** An id as Arrhes makes them: 16 of `[0-9a-z]`. */
export function makeId(): string {
  let id = '';
  while (id.length < 16) id += letters.charAt(randomInt(letters.length));
  return id;
}

/** A file or folder as an answer shows it. */
export function shownRow(row: FileRow | FolderRow, { offsetsMinutes, carriesYear }: Display): Record<string, unknown> {
  const { id, idOrganization, idYear, createdAt, lastUpdatedAt, createdBy, lastUpdatedBy, ...rest } = row;
  const time = (ms: number | null): string | null => (ms === null ? null : postgresText(ms, offsetsMinutes));
  return {
    id,
    idOrganization,
    ...(carriesYear ? { idYear } : {}),
    ...rest,
    ...('date' in row ? { date: time(row.date) } : {}),
    createdAt: time(createdAt),
    lastUpdatedAt: time(lastUpdatedAt),
    createdBy,
    lastUpdatedBy,
  };
}

/** A year as an answer shows it: the calendar year that its label names. */
export function shownYear(year: YearRow, organization: string, user: string, { offsetsMinutes }: Display): Record<string, unknown> {
  const time = (text: string): string => postgresText(Date.parse(text), offsetsMinutes);
  return {
    id: year.id,
    idOrganization: organization,
    idYearPrevious: year.idYearPrevious,
    isClosed: year.isClosed,
    closedAt: year.isClosed ? time(`${Number(year.label) + 1}-03-31T00:00:00Z`) : null,
    label: year.label,
    startingAt: time(`${year.label}-01-01T00:00:00Z`),
    endingAt: time(`${year.label}-12-31T23:59:59Z`),
    createdAt: time(`${year.label}-01-01T00:00:00Z`),
    lastUpdatedAt: null,
    createdBy: user,
    lastUpdatedBy: null,
  };
}
