/** A platform that may put other bytes in the place of a version: what is remembered is looked at before it is shown again. */
import { afterEach, expect, test } from 'vitest';
import { forReading, longAgo, mount, type Mount } from './harness.js';

let m: Mount;
afterEach(() => m.end());

async function readOnce(): Promise<string> {
  const file = await m.open('/f', forReading);
  const text = (await m.read(file, 0, 100)).toString();
  await m.close(file);
  return text;
}

test('is asked at the next open of a file that was read, and at no first one; what changed is read anew', async () => {
  m = await mount({ provider: { traits: { changesInPlace: true } } });
  m.platform.put('/f', 'before', longAgo);
  await m.names('/');
  m.platform.resetCounters();
  expect(await readOnce()).toBe('before');
  expect(m.platform.calls.stat).toBe(0);
  expect(await readOnce()).toBe('before');
  expect(m.platform.calls.stat).toBe(1);
  m.platform.put('/f', 'behind', longAgo + 5000);
  expect(await readOnce()).toBe('behind');
  expect(m.platform.calls.stat).toBe(2);
});

test('is not asked where a version is one content for ever', async () => {
  m = await mount();
  m.platform.put('/f', 'before', longAgo);
  await m.names('/');
  m.platform.resetCounters();
  expect([await readOnce(), await readOnce()]).toEqual(['before', 'before']);
  expect(m.platform.calls.stat).toBe(0);
});
