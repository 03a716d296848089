/** What goes of the records that are kept, and when it is looked for. */
import { describe, expect, test } from 'vitest';
import { cutOf, isSeenDue, isSweepDue } from '../../src/storage/aging.js';

const bounds = { unseenDays: 100, records: 10 };

describe('what goes', () => {
  test.each<[string, [number, number][], { before: number; among: number }]>([
    ['nothing of nothing', [], { before: 400, among: 0 }],
    ['what was not seen for longer than the bound', [[399, 3], [400, 4], [500, 5]], { before: 400, among: 0 }],
    ['nothing more where there are as many as may be', [[399, 30], [450, 10]], { before: 400, among: 0 }],
    ['of too many the oldest, and a tenth more', [[410, 2], [420, 3], [500, 6]], { before: 420, among: 0 }],
    ['all of one day and some of the next', [[410, 2], [420, 3], [500, 8]], { before: 420, among: 2 }],
    ['some of those seen today, where all were', [[500, 50]], { before: 500, among: 41 }],
    ['what nobody can read', [[-Infinity, 2], [500, 1]], { before: 400, among: 0 }],
  ])('is %s', (_what, seen, cut) => {
    expect(cutOf(new Map(seen), 500, bounds)).toEqual(cut);
  });
});

test.each([[500, false], [491, false], [490, true], [400, true]])('a record of day %i is brought up to date on day 500: %s', (day, due) => {
  expect(isSeenDue(day, 500, bounds)).toBe(due);
});

test.each([[500, 10, false], [499, 10, false], [498, 10, true], [500, 11, true]])('looked through on day %i, %i records: again on day 500: %s', (swept, records, due) => {
  expect(isSweepDue(swept, 500, records, bounds)).toBe(due);
});
