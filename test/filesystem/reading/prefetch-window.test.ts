import { describe, expect, test } from 'vitest';
import { freshWindow, nextWindow, windowLimits, type WindowState } from '../../../src/filesystem/reading/prefetch-window.js';

const block = 128 * 1024;
const mega = 1024 * 1024;
const limits = { first: mega, largest: 8 * mega };
const size = 1000 * mega;

/** Reads one after the other; what each asks for ahead. */
function run(reads: readonly (readonly [offset: number, length: number])[], fileSize = size, most = limits): { ahead: [number, number][]; state: WindowState } {
  let state = freshWindow;
  const ahead: [number, number][] = [];
  for (const [offset, length] of reads) {
    const step = nextWindow(state, offset, length, fileSize, most);
    state = step.state;
    ahead.push([step.ahead.start, step.ahead.end]);
  }
  return { ahead, state };
}

describe('the window', () => {
  test('a read at the start opens it, each half used up doubles it, up to the largest', () => {
    const reads = Array.from({ length: 40 }, (_, i) => [i * mega, mega] as const);
    const { ahead, state } = run(reads);
    const asked = ahead.filter(([start, end]) => end > start);
    expect(asked.slice(0, 3)).toEqual([[mega, 2 * mega], [2 * mega, 4 * mega], [4 * mega, 7 * mega]]);
    expect(asked.length).toBeLessThan(16);
    expect(state.window).toBe(8 * mega);
    // Without a gap, without an overlap.
    for (const [i, [start]] of asked.entries()) if (i > 0) expect(start).toBe(asked[i - 1]?.[1]);
  });

  test('never beyond the end of the file', () => {
    expect(run([[0, block]], 3 * block).ahead).toEqual([[block, 3 * block]]);
    expect(run([[0, block]], block).ahead).toEqual([[block, block]]);
    expect(run([[0, 4096]], 10).ahead).toEqual([[10, 10]]);
  });

  test.each<[string, [number, number][]]>([
    ['a first read in the middle', [[500 * mega, 4096]]],
    ['jumps forward', [[500 * mega, 4096], [600 * mega, 4096], [700 * mega, 4096]]],
    ['jumps backward', [[500 * mega, 4096], [400 * mega, 4096], [300 * mega, 4096]]],
    ['here and there', [[10 * mega, 4096], [900 * mega, 4096], [50 * mega, 4096], [400 * mega, 4096]]],
  ])('%s: nothing ahead', (_name, reads) => {
    const { ahead } = run(reads);
    expect(ahead.every(([start, end]) => start === end)).toBe(true);
  });

  test('a jump closes it, reading on from there opens it anew', () => {
    const { ahead, state } = run([[0, mega], [mega, mega], [500 * mega, 4096], [500 * mega + 4096, 4096]]);
    expect(ahead[2]).toEqual([500 * mega + 4096, 500 * mega + 4096]);
    expect(ahead[3]).toEqual([500 * mega + 8192, 501 * mega + 8192]);
    expect(state.window).toBe(mega);
  });

  test('requests that overtake each other do not close it, and ask for nothing twice', () => {
    const order = [0, 2, 1, 4, 3, 5, 7, 6].map((i) => [i * mega, mega] as const);
    const { ahead, state } = run(order);
    expect(state.window).toBeGreaterThan(mega);
    const asked = ahead.filter(([start, end]) => end > start);
    for (const [i, [start]] of asked.entries()) if (i > 0) expect(start).toBeGreaterThanOrEqual(asked[i - 1]?.[1] ?? Infinity);
  });

  test('with no room for a window nothing is asked ahead', () => {
    expect(run([[0, block], [block, block]], size, { first: 0, largest: 0 }).ahead).toEqual([[block, block], [2 * block, 2 * block]]);
  });
});

describe('how large windows may be', () => {
  test.each([
    [256 * mega, 0, mega, 64 * mega],
    [256 * mega, 1, mega, 64 * mega],
    [1024 * mega, 1, mega, 64 * mega],
    [256 * mega, 10, mega, 51 * block],
    [16 * mega, 1, mega, 4 * mega],
    [16 * mega, 10, 3 * block, 3 * block],
    [16 * mega, 32, block, block],
    [16 * mega, 33, 0, 0],
  ])('%d bytes of memory, %d who read in order', (memory, readers, first, largest) => {
    expect(windowLimits(memory, readers, block)).toEqual({ first, largest });
  });
});
