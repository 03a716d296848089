/**
 * SFTPGo has no ETag and no id: what tells versions of a file apart is its size and the second of
 * its last change. `size-second`, opaque to everybody else.
 */

/** A version's parts: size in bytes, time in milliseconds since the epoch at a whole second. */
export interface VersionParts {
  readonly size: number;
  readonly modified: number;
}

/** Rounds down to the second, as the server shows times; those before 1970 too. */
export function wholeSecond(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

export function formatVersion(parts: VersionParts): string {
  return `${parts.size}-${wholeSecond(parts.modified) / 1000}`;
}

/** Undefined for what this provider has not written. */
export function parseVersion(version: string): VersionParts | undefined {
  const [, size, second] = /^(\d{1,15})-(-?\d{1,13})$/.exec(version) ?? [];
  return size === undefined || second === undefined ? undefined : { size: Number(size), modified: Number(second) * 1000 };
}
