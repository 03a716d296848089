/** Dates of links, which the platform also writes without an offset (NetExplorer's page: share link). */

/** RFC 3339 with the offset; `14/02/2024`; `2024-01-01 00:00:00`. */
export type LinkDates = 'rfc3339' | 'french' | 'sql';

/** Writes milliseconds since the epoch in the platform's offset, in minutes. */
export function writeLinkDate(ms: number, form: LinkDates, offsetMinutes: number): string {
  const local = new Date(ms + offsetMinutes * 60_000).toISOString();
  const [year = '', month = '', day = ''] = local.slice(0, 10).split('-');
  if (form === 'french') return `${day}/${month}/${year}`;
  const clock = local.slice(11, 19);
  return form === 'sql' ? `${year}-${month}-${day} ${clock}` : `${year}-${month}-${day}T${clock}${offsetText(offsetMinutes)}`;
}

function offsetText(minutes: number): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const french = /^(\d{2})\/(\d{2})\/(\d{4})$/u;
const written = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?$/u;

/** Reads any of the forms; without an offset it is the platform's own. Undefined for what is no date. */
export function readLinkDate(text: string, offsetMinutes: number): number | undefined {
  const [, day = '', month = '', year = ''] = french.exec(text) ?? [];
  const [, date = `${year}-${month}-${day}`, clock = '00:00:00', zone = offsetText(offsetMinutes)] = written.exec(text) ?? [];
  const ms = Date.parse(`${date}T${clock}${zone.replace(/^([+-]\d{2}):?(\d{2})$/u, '$1:$2')}`);
  // V8 takes the 31st of February for a day in March.
  const isDay = new Date(`${date}T00:00:00Z`).getUTCDate() === Number(date.slice(8));
  return Number.isNaN(ms) || !isDay ? undefined : ms;
}
