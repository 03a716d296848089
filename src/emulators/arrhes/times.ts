/** Times as PostgreSQL writes and reads them: whole seconds, rounded, in the offset of the session (Arrhes' page: times). */

/** `2026-11-22 15:44:17+00`, `+01`, `+05:30`. Milliseconds since the epoch are rounded to the nearest second. */
export function postgresText(ms: number, offsets: readonly number[]): string {
  const seconds = Math.floor(ms / 1000 + 0.5);
  const offset = offsets[Math.abs(seconds) % offsets.length] ?? 0;
  const local = new Date((seconds + offset * 60) * 1000).toISOString();
  return local.replace('T', ' ').replace(/\.\d+Z$/u, offsetText(offset));
}

function offsetText(minutes: number): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const size = Math.abs(minutes);
  const rest = size % 60 === 0 ? '' : `:${two(size % 60)}`;
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${rest}`;
}

const written = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d+)?)? ?(Z|[+-]\d{2}(?::?\d{2})?)?$/iu;

/** A time that a client wrote, in milliseconds since the epoch; undefined for what PostgreSQL would refuse. */
export function parseTime(text: string, offsets: readonly number[]): number | undefined {
  const [, day = '', clock = '00:00', fraction = '', zone = ''] = written.exec(text) ?? [];
  if (day === '') return undefined;
  const own = offsetText(offsets[0] ?? 0);
  const offset = (zone === '' ? own : zone.toUpperCase()).replace(/^([+-]\d{2})$/u, '$1:00').replace(/^([+-]\d{2})(\d{2})$/u, '$1:$2');
  const ms = Date.parse(`${day}T${clock.length === 5 ? `${clock}:00` : clock}${fraction.slice(0, 4)}${offset}`);
  // V8 takes the 31st of February for a day in March; PostgreSQL does not.
  const isDay = new Date(Date.parse(`${day}T00:00:00Z`)).getUTCDate() === Number(day.slice(8));
  return Number.isNaN(ms) || !isDay ? undefined : ms;
}
