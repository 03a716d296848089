import { expect, test } from 'vitest';
import { Rate } from '../../src/observe/rate.js';

test('growth over the last seconds, not since the beginning', () => {
  const rate = new Rate();
  for (let second = 0; second <= 60; second += 1) rate.note(second < 30 ? 0 : (second - 30) * 1000, second * 1000);
  expect(rate.perSecond(30_000, 60_000)).toBeCloseTo(1000, 0);
});

test('what stands still has none', () => {
  const rate = new Rate();
  for (let second = 0; second <= 20; second += 1) rate.note(Math.min(second, 5) * 100, second * 1000);
  expect(rate.perSecond(500, 20_000)).toBe(0);
  // Nobody noted anything since.
  expect(rate.perSecond(500, 60_000)).toBe(0);
});

test('many notes in one moment are few samples, and none is lost in the sum', () => {
  const rate = new Rate();
  for (let step = 0; step <= 10_000; step += 1) rate.note(step, step / 10);
  expect(rate.perSecond(10_000, 1000)).toBeCloseTo(10_000, 0);
});

test('what begins anew has none until it has grown', () => {
  const rate = new Rate();
  rate.note(0, 0);
  rate.note(5000, 1000);
  expect(rate.perSecond(0, 2000)).toBe(0);
});

test('nothing noted is no rate', () => expect(new Rate().perSecond(100, 1000)).toBe(0));
