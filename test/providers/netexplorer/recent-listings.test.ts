/** For how long a listing may say that a name is free. */
import { describe, expect, it } from 'vitest';
import { believed, RecentListings } from '../../../src/providers/netexplorer/recent-listings.js';

it.each([
  ['act', 0, 0, true], ['act', 2_000, 0, true], ['act', 2_001, 100, false],
  ['certain', 0, 100, false], ['look', 0, 0, false], ['look', 0, 7, false], ['look', 0, 8, true], ['look', 1_000, 8, true], ['look', 1_001, 8, false],
] as const)('to %s, %i ms old, after %i looks in vain: %j', (purpose, age, misses, free) => {
  expect(believed(purpose, age, misses)).toBe(free);
});

describe('a listing', () => {
  function start(): { readonly recent: RecentListings; pass: (milliseconds: number) => void } {
    let now = 1000;
    return { recent: new RecentListings(() => now), pass: (milliseconds) => { now += milliseconds; } };
  }

  it('says of what it did not show, and was not made since, that it is free', () => {
    const { recent } = start();
    recent.listed('1', recent.now, ['a']);
    recent.taken('1', 'b');
    expect(['a', 'b', 'c'].map((name) => recent.isFree('1', name, 'act'))).toEqual([false, false, true]);
    expect(recent.isFree('2', 'c', 'act')).toBe(false);
  });

  it('is of when it was asked for, and a later one is not replaced by one that took longer', () => {
    const { recent, pass } = start();
    const early = recent.now;
    pass(1500);
    recent.listed('1', recent.now, ['a', 'b']);
    recent.listed('1', early, ['a']);
    expect(recent.isFree('1', 'b', 'act')).toBe(false);
    pass(2001);
    expect(recent.isFree('1', 'c', 'act')).toBe(false);
  });

  it('is believed by those who look once they have looked in vain again and again, and for as long as they go on', () => {
    const { recent, pass } = start();
    const free: boolean[] = [];
    for (let time = 0; time < 10; time += 1) {
      recent.listed('1', recent.now, []);
      free.push(recent.isFree('1', `${time}`, 'look'));
      pass(100);
    }
    expect(free).toEqual([...Array.from({ length: 8 }, () => false), true, true]);
    pass(6_000);
    recent.listed('1', recent.now, []);
    expect(recent.isFree('1', 'x', 'look')).toBe(false);
  });
});
