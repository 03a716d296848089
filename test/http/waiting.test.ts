import { expect, test } from 'vitest';
import { orAborted } from '../../src/http/waiting.js';

test('work that fails after its only waiter was interrupted is no unhandled rejection', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  const failing = () => new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('too late')), 5));
  const controller = new AbortController();
  const waiting = orAborted(failing(), controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ errno: 'EINTR' });
  await expect(orAborted(failing(), controller.signal)).rejects.toMatchObject({ errno: 'EINTR' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});
