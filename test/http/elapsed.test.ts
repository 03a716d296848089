import { expect, it } from 'vitest';
import { elapsedClock } from '../../src/http/elapsed.js';

it('counts the time asleep, and takes the kernel\'s hundredths for no sleep', () => {
  let awake = 5_000;
  let sinceBoot = 900_000;
  const elapsed = elapsedClock({ awake: () => awake, sinceBoot: () => sinceBoot });
  expect(elapsed()).toBe(5_000);
  awake += 100;
  sinceBoot += 90;
  expect(elapsed()).toBe(5_100);
  sinceBoot += 3_600_000;
  expect(elapsed()).toBe(3_605_090);
  awake += 10;
  sinceBoot += 10;
  expect(elapsed()).toBe(3_605_100);
});
