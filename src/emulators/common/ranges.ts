/**
 * Ranges as most servers understand them: what they do not understand is the whole object. So does the store recorded
 * for Arrhes (Arrhes' page: pre-signed URLs).
 */

export type Range = { readonly kind: 'whole' } | { readonly kind: 'part'; readonly start: number; readonly end: number } | { readonly kind: 'outside' };

/** Which bytes a Range header asks of an object; `end` is the first byte after them. */
export function rangeOf(header: string | undefined, size: number): Range {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/u.exec(header ?? '') ?? [];
  if (first === '') {
    if (last === '' || (size === 0 && Number(last) > 0)) return { kind: 'whole' };
    return Number(last) === 0 ? { kind: 'outside' } : { kind: 'part', start: Math.max(0, size - Number(last)), end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  if (start >= size) return { kind: 'outside' };
  return { kind: 'part', start, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}
