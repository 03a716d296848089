import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHiddenName, hiddenNameSource, isHiddenName, isLeftover, parseHiddenName } from '../../src/providers/hidden-names.js';

const day = 24 * 3600 * 1000;

describe('hidden names', () => {
  it('are read back as they were written', () => {
    fc.assert(fc.property(
      fc.stringMatching(/^[A-Za-z0-9]{4,36}$/), fc.integer({ min: 0, max: 2 ** 44 }), fc.nat(),
      (instance, time, sequence) => {
        const name = formatHiddenName({ instance, time, sequence });
        expect(parseHiddenName(name)).toEqual({ instance, time, sequence });
        expect(name.length).toBeLessThan(100);
      },
    ));
  });

  it.each(['.amarre-notes', '.amarre-', '.amarre-abcd-0', 'amarre-abcd-018bcfe56800-000001', '.amarre-abcd-018bcfe56800-000001.txt', '.amarre-a b-018bcfe56800-000001', ''])(
    'a person\'s own file is none: "%s"', (name) => {
      expect(isHiddenName(name)).toBe(false);
    });

  it('never come twice from one source', () => {
    const next = hiddenNameSource('abcd', () => 5);
    expect(new Set(Array.from({ length: 1000 }, next)).size).toBe(1000);
  });

  it('an instance that could not be read back is refused', () => {
    for (const instance of ['', 'abc', 'a-b-c-d', 'a/b/c', 'x'.repeat(37)]) {
      expect(() => hiddenNameSource(instance, () => 0)).toThrow(expect.objectContaining({ errno: 'EINVAL' }));
    }
  });
});

describe('leftovers', () => {
  const instances = { own: 'ownown', isDead: (id: string) => id === 'deadone' };
  const now = 1_700_000_000_000;
  it.each([
    ['our own is never one, however old', 'ownown', now - 99 * day, now - 99 * day, false],
    ['that of a dead mount of ours is, however young', 'deadone', now, now, true],
    ['another machine\'s is not, for seven days', 'another', now - 6 * day, now - 6 * day, false],
    ['and is after that', 'another', now - 8 * day, now - 8 * day, true],
    ['a parked file of another machine carries the old time of its content', 'another', now - day, now - 900 * day, false],
    ['an upload that takes more than seven days is being written', 'another', now - 9 * day, now - 1000, false],
    ['without a time of its own the name\'s counts', 'another', now - 8 * day, undefined, true],
  ])('%s', (_name, instance, time, modified, expected) => {
    expect(isLeftover({ instance, time, sequence: 1 }, instances, modified, now)).toBe(expected);
  });
});
