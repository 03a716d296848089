/**
 * Arrhes' rows as its lists give them, read once at the border. Only what a drive needs of them: versions
 * of the platform add fields, and none of those may make a document disappear. (Arrhes' page: routes)
 */
import { z } from 'zod';
import { FsError } from '../../errors.js';

/** PostgreSQL's text for a moment: date, a space, time, an offset of hours and perhaps minutes or seconds. */
const postgresForm = /^(\d{4,6})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?( BC)?$/;

/**
 * A moment as PostgreSQL writes it (`2026-11-22 15:44:17+05:30`), in milliseconds since the epoch; undefined
 * for what is none. `Date.parse` takes some of these and gives NaN for others.
 */
export function parsePostgresTime(text: string): number | undefined {
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = '', offset = 'Z', before] = postgresForm.exec(text) ?? [];
  if (year === '' || before !== undefined) return undefined;
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  // Not Date.UTC: it takes the years below 100 for those of the last century.
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), milliseconds);
  const time = date.getTime() - offsetOf(offset);
  return Number.isNaN(time) ? undefined : time;
}

/** An offset in milliseconds: `+01`, `+0530`, `-03:30`, `Z`. */
function offsetOf(text: string): number {
  const [, sign = '+', hours = '0', minutes = '0', seconds = '0'] = /^([+-])(\d\d):?(\d\d)?:?(\d\d)?$/.exec(text) ?? [];
  const total = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -total : total;
}

const time = z.string().transform((text, context) => {
  const parsed = parsePostgresTime(text);
  if (parsed === undefined) context.addIssue({ code: 'custom', message: 'not a time' });
  return parsed ?? 0;
});
/** What PostgreSQL counts in more than 32 bits some servers write as text. */
const size = z.union([z.number(), z.string().regex(/^\d{1,15}$/).transform(Number)]).pipe(z.int().min(0));
const optionalText = z.string().nullish().transform((text) => text ?? undefined);

const common = {
  id: z.string().min(1),
  idOrganization: optionalText,
  /** Told by older versions alone. */
  idYear: optionalText,
  name: z.string(),
  createdAt: time,
  /** Undefined until the first change. */
  lastUpdatedAt: time.nullish().transform((value) => value ?? undefined),
};

export const folderRowSchema = z.object({ ...common, idFolderParent: optionalText }).transform((row) => ({ ...row, kind: 'folder' as const }));

export const fileRowSchema = z.object({
  ...common,
  idFolder: optionalText,
  /** The document whose text this one holds. */
  idFileParent: optionalText,
  reference: optionalText,
  hash: optionalText,
  date: time.nullish().transform((value) => value ?? undefined),
  storageKey: optionalText,
  type: optionalText,
  /** Undefined: no content yet. */
  size: size.nullish().transform((value) => value ?? undefined),
}).transform((row) => ({ ...row, kind: 'file' as const }));

export type FolderRow = z.infer<typeof folderRowSchema>;
export type FileRow = z.infer<typeof fileRowSchema>;
export type Row = FolderRow | FileRow;

export const yearRowSchema = z.object({ id: z.string(), label: z.string().nullish(), isClosed: z.boolean().nullish() });
export type YearRow = z.infer<typeof yearRowSchema>;

export const organizationSchema = z.object({ storageLimit: size.nullish(), storageCurrentUsage: size.nullish() });

/** Reads what the server sent by a schema. EIO for another form: a list with a row left out would be a lie. */
export function readAs<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FsError('EIO', `${what}: the server's answer has not the form that Arrhes gives it (${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'})`);
}

/** The folder that a row names as its own; undefined: the root. */
export function folderOf(row: Row): string | undefined {
  return row.kind === 'folder' ? row.idFolderParent : row.idFolder;
}

/** When it was last changed: milliseconds since the epoch, whole seconds, rounded by the server. */
export function modifiedOf(row: Row): number {
  return row.lastUpdatedAt ?? row.createdAt;
}

/** True where the platform holds a content for it. */
export function hasContent(row: FileRow): boolean {
  return row.size !== undefined && row.storageKey !== undefined;
}

/** Bytes that a reader gets; a document without content is empty. */
export function sizeOf(row: FileRow): number {
  return hasContent(row) ? row.size ?? 0 : 0;
}

/**
 * What tells versions of a document apart: its size and the second of its last change. The lists have no
 * better; what the store says of the object (its ETag) is bound to this where it was seen. A change of a
 * name or a reference moves it, too.
 */
export function versionOf(row: FileRow): string {
  return `${sizeOf(row)}-${Math.round(modifiedOf(row) / 1000)}`;
}
