import { afterEach, beforeEach, expect, test } from 'vitest';
import { forReading, forWriting, mount, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
});
afterEach(async () => { await m.end(); });

test('what an unmount must wait for: files written and not closed, and uploads under way', async () => {
  m.platform.put('/read.txt', 'read', 1_600_000_000_000);
  expect(m.fs.pending()).toEqual({ sending: 0, open: 0 });

  const reader = await m.open('/read.txt', forReading);
  const writer = await m.open('/new.txt', forWriting, { create: true });
  await m.write(writer, 0, 'abc');
  expect(m.fs.pending()).toEqual({ sending: 0, open: 1 });

  let arrived: () => void = () => undefined;
  let letGo: () => void = () => undefined;
  const uploading = new Promise<void>((resolve) => (arrived = resolve));
  const held = new Promise<void>((resolve) => (letGo = resolve));
  m.platform.hook = async ({ member }) => {
    if (member !== 'write') return;
    arrived();
    await held;
  };
  const closing = m.close(writer);
  await uploading;
  expect(m.fs.pending()).toEqual({ sending: 1, open: 0 });
  letGo();
  await closing;
  expect(m.fs.pending()).toEqual({ sending: 0, open: 0 });
  await m.close(reader);
});
