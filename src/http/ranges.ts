/**
 * Ranges, read strictly: what an answer says it holds is compared with what was asked before a byte
 * of it is given to anyone. Error pages, whole files and other versions have all been taken for the
 * part of a file by programs that did not look.
 */

export interface ContentRange {
  /** First byte, and the byte after the last. Equal: no bytes. */
  readonly start: number;
  readonly end: number;
  /** The whole file's size in bytes. */
  readonly total: number;
}

/**
 * Reads `Content-Range: bytes a-b/n`; undefined for all else, an unknown size (`*`) included. Some
 * servers write an empty part as `10-9/10`, and of an empty file `0--1/0` (SFTPGo's page: ranges).
 */
export function parseContentRange(text: string | undefined): ContentRange | undefined {
  const [, first, last, size] = /^bytes (\d{1,15})-(-1|\d{1,15})\/(\d{1,15})$/.exec(text ?? '') ?? [];
  if (first === undefined || last === undefined || size === undefined) return undefined;
  const range = { start: Number(first), end: Number(last) + 1, total: Number(size) };
  return range.start <= range.end && range.end <= range.total ? range : undefined;
}

/** Reads `Content-Length`; undefined where it is absent or not a whole number. */
export function parseContentLength(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
