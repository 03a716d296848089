/**
 * How far to read ahead: a pure policy, one state a handle. Reading in order doubles the window up
 * to its limit; a jump closes it, so that a database's pages cost what they are.
 */

export interface WindowLimits {
  /** The window that a first read in order opens, bytes. */
  readonly first: number;
  /** The largest window, bytes. */
  readonly largest: number;
}

export interface WindowState {
  /** Where the next read in order begins. */
  readonly next: number;
  /** How far ahead of the reader to be, bytes; 0 after a jump. */
  readonly window: number;
  /** Up to where bytes were asked for already. */
  readonly asked: number;
}

/** No single reader is further ahead than this, whatever the budget. */
const farthest = 64 * 1024 * 1024;

/** A first read in order opens this much; each further step doubles it. */
const nearest = 1024 * 1024;

/**
 * The windows of each of so many handles that read in order: all together they take a quarter of the
 * memory, half of what is kept, so that no block is dropped before it was read. Whole blocks, for a
 * part of one costs what the whole does.
 */
export function windowLimits(memory: number, readers: number, block: number): WindowLimits {
  const share = memory / 4 / Math.max(1, readers);
  const largest = Math.floor(Math.min(farthest, share) / block) * block;
  return { first: Math.min(nearest, largest), largest };
}

/** A handle just opened: a read at 0 counts as reading in order. */
export const freshWindow: WindowState = { next: 0, window: 0, asked: 0 };

/**
 * The kernel's own read-ahead sends several requests at once and they may overtake each other, so
 * "in order" allows this much before and behind the expected place.
 */
const tolerance = 4 * 1024 * 1024;

export interface WindowStep {
  readonly state: WindowState;
  /** Bytes to ask for besides the read itself; empty where `start === end`. */
  readonly ahead: { readonly start: number; readonly end: number };
}

/** What a read of `[offset, offset + length)` in a file of `size` bytes makes of the window. */
export function nextWindow(state: WindowState, offset: number, length: number, size: number, limits: WindowLimits): WindowStep {
  const end = Math.min(offset + length, size);
  const inOrder = offset >= state.next - tolerance && offset <= Math.max(state.next, state.asked) + tolerance;
  if (!inOrder || (state.next === 0 && offset > 0)) {
    return { state: { next: end, window: 0, asked: end }, ahead: { start: end, end } };
  }
  const next = Math.max(state.next, end);
  const asked = Math.max(state.asked, end);
  // Ask again only when half of the window is used up: few large requests, not many small ones.
  if (state.window > 0 && asked - next > state.window / 2) {
    return { state: { next, window: state.window, asked }, ahead: { start: asked, end: asked } };
  }
  const window = state.window === 0 ? limits.first : Math.min(state.window * 2, limits.largest);
  const target = Math.min(size, next + window);
  const start = Math.min(asked, target);
  return { state: { next, window, asked: Math.max(asked, target) }, ahead: { start, end: target } };
}
