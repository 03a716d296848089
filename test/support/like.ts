/** A text to be expected inside of an object, by what must be in it: as vitest's own matchers, but with a type. */
import { expect } from 'vitest';

export function like(part: RegExp | string): unknown {
  return typeof part === 'string' ? expect.stringContaining(part) : expect.stringMatching(part);
}
