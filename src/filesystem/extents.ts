/**
 * Which parts of a file something is true of (bytes written that lie on this machine, blocks that the
 * kernel was given): a sorted list of extents that neither touch nor overlap.
 */

/** From `start` up to, not including, `end`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** A list of extents. Values are immutable: each operation gives a new list. */
export type Extents = readonly Extent[];

export const noExtents: Extents = [];

/** The list with one extent more, joined with those that it touches. */
export function addExtent(extents: Extents, added: Extent): Extents {
  if (added.end <= added.start) return extents;
  const last = extents.at(-1);
  // Writing from start to end is the common case: it grows the last extent.
  if (last !== undefined && added.start >= last.start && added.start <= last.end) {
    if (added.end <= last.end) return extents;
    return [...extents.slice(0, -1), { start: last.start, end: added.end }];
  }
  const before = extents.filter((extent) => extent.end < added.start);
  const after = extents.filter((extent) => extent.start > added.end);
  const touched = extents.slice(before.length, extents.length - after.length);
  const start = Math.min(added.start, ...touched.slice(0, 1).map((extent) => extent.start));
  const end = Math.max(added.end, ...touched.slice(-1).map((extent) => extent.end));
  return [...before, { start, end }, ...after];
}

/** The list cut off at `size`. */
export function cutExtents(extents: Extents, size: number): Extents {
  return extents
    .filter((extent) => extent.start < size)
    .map((extent) => (extent.end > size ? { start: extent.start, end: size } : extent));
}

/** A stretch that is wholly inside the list (`present`) or wholly outside it. */
export interface Stretch extends Extent {
  readonly present: boolean;
}

/** Splits `[start, end)` into stretches, in order. */
export function splitByExtents(extents: Extents, start: number, end: number): Stretch[] {
  const stretches: Stretch[] = [];
  let at = start;
  for (const extent of extents) {
    if (extent.end <= at) continue;
    if (extent.start >= end) break;
    if (extent.start > at) stretches.push({ start: at, end: extent.start, present: false });
    const from = Math.max(at, extent.start);
    const to = Math.min(end, extent.end);
    stretches.push({ start: from, end: to, present: true });
    at = to;
  }
  if (at < end) stretches.push({ start: at, end, present: false });
  return stretches;
}

/** What of `[0, limit)` is not in the list. */
export function gapsBelow(extents: Extents, limit: number): Extent[] {
  return splitByExtents(extents, 0, limit)
    .filter((stretch) => !stretch.present)
    .map(({ start, end }) => ({ start, end }));
}
