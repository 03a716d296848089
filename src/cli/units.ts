/**
 * Durations and sizes as people write them on a command line. Twenty lines of ours: the libraries
 * for this take "1.5 years" and guess at a bare number; here a unit is required where it could be
 * mistaken, and anything else is refused.
 */

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000], ['d', 86_400_000],
]);

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['', 1], ['K', 2 ** 10], ['M', 2 ** 20], ['G', 2 ** 30], ['T', 2 ** 40],
]);

/** Milliseconds in `500ms`, `30s`, `1.5m`, `2h`, `1d` or `0`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  return product(/^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text), durationUnits);
}

/** Bytes in `4096`, `512K`, `256M`, `1.5G`, `2T` (also written `MiB`; units of 1024); undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return product(/^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text), sizeUnits);
}

function product(match: RegExpExecArray | null, units: ReadonlyMap<string, number>): number | undefined {
  const [, digits = '', unit = ''] = match ?? [];
  const factor = units.get(unit) ?? units.get(unit.toUpperCase());
  if (match === null || factor === undefined) return undefined;
  const value = Math.round(Number(digits) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes for a person: `512 bytes`, `3.4 MiB`. */
export function showSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const exponent = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** exponent).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][exponent] ?? ''}`;
}
