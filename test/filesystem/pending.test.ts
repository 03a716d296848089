import { afterEach, beforeEach, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import { emptying, forReading, forWriting, mount, type Mount } from './harness.js';

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

test.each(['before', 'while'])('shutdown given up %s it waits, with a program in close(): the upload ends, the file is kept', async (when) => {
  m.platform.put('/file', 'the old version', 1_600_000_000_000);
  const writer = await m.open('/file', emptying);
  await m.write(writer, 0, 'new');
  const uploading = new Promise<void>((arrived) => {
    m.platform.hook = ({ member, signal }) => {
      if (member !== 'write') return;
      arrived();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new FsError('EINTR', 'interrupted'))));
    };
  });
  const closing = m.close(writer).catch((error: unknown) => error);
  await uploading;
  const impatience = new AbortController();
  if (when === 'before') impatience.abort();
  const ending = m.fs.shutdown(impatience.signal, false);
  impatience.abort();
  expect(await ending).toMatchObject([{ path: '/file', size: 3, reason: 'the mount ended before the upload did' }]);
  // Not EINTR: dd takes that from close() for success.
  expect(await closing).toMatchObject({ errno: 'EIO' });
  m.platform.hook = undefined;
  expect(m.platform.text('/file')).toBe('the old version');
});
