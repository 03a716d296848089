import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addExtent, cutExtents, gapsBelow, noExtents, splitByExtents, type Extents } from '../../src/filesystem/extents.js';

const e = (start: number, end: number) => ({ start, end });

describe('extents', () => {
  test.each<[string, Extents, ReturnType<typeof e>, Extents]>([
    ['the first', [], e(5, 9), [e(5, 9)]],
    ['nothing', [e(1, 2)], e(5, 5), [e(1, 2)]],
    ['growing the last', [e(0, 4)], e(4, 8), [e(0, 8)]],
    ['inside', [e(0, 9)], e(2, 3), [e(0, 9)]],
    ['bridging two', [e(0, 2), e(4, 6)], e(2, 4), [e(0, 6)]],
    ['before all', [e(4, 6)], e(0, 2), [e(0, 2), e(4, 6)]],
    ['swallowing several', [e(1, 2), e(3, 4), e(8, 9)], e(0, 5), [e(0, 5), e(8, 9)]],
  ])('adding %s', (_name, before, added, after) => {
    expect(addExtent(before, added)).toEqual(after);
  });

  test('agree with a plain list of flags for any order of writes and cuts', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), start: fc.nat(60), length: fc.nat(20) }),
      fc.record({ kind: fc.constant('cut' as const), start: fc.nat(60), length: fc.constant(0) }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let extents: Extents = noExtents;
      const flags = new Array<boolean>(100).fill(false);
      for (const { kind, start, length } of steps) {
        if (kind === 'add') {
          extents = addExtent(extents, e(start, start + length));
          flags.fill(true, start, start + length);
        } else {
          extents = cutExtents(extents, start);
          flags.fill(false, start);
        }
      }
      const shown = new Array<boolean>(100).fill(false);
      for (const stretch of splitByExtents(extents, 0, 100)) shown.fill(stretch.present, stretch.start, stretch.end);
      expect(shown).toEqual(flags);
      for (const [index, extent] of extents.entries()) {
        expect(extent.end).toBeGreaterThan(extent.start);
        if (index > 0) expect(extent.start).toBeGreaterThan(extents[index - 1]?.end ?? Infinity);
      }
      const missing = gapsBelow(extents, 100).reduce((sum, gap) => sum + gap.end - gap.start, 0);
      expect(missing).toBe(flags.filter((flag) => !flag).length);
    }));
  });
});
