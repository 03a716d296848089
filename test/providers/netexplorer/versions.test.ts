/** Versions as a service: which a file has, and an older one made the present one. */
import { afterEach, expect, test } from 'vitest';
import type { NetexplorerOptions } from '../../../src/emulators/start.js';
import type { Versions } from '../../../src/providers/services.js';
import { bytesOf, contentOf, never, readAll, someTime } from '../subject.js';
import { startSubject, type NetexplorerSubject } from './subject.js';

let subject: NetexplorerSubject | undefined;
afterEach(async () => {
  await subject?.close();
  subject = undefined;
});

const begin = Date.UTC(2026, 10, 22, 10);

async function start(emulator: NetexplorerOptions = {}): Promise<NetexplorerSubject & { readonly versions: Versions }> {
  const started = await startSubject({ emulator: { now: () => begin, ...emulator } });
  subject = started;
  await started.provider.connect(never);
  const { versions } = started.provider.services ?? {};
  if (versions === undefined) throw new Error('there are no versions');
  return { ...started, versions };
}

test('are listed newest first, counted from the oldest, with whose they are', async () => {
  const { provider, versions, emulator } = await start();
  await provider.write({ path: '/f' }, contentOf(bytesOf(10)), { modified: someTime }, never);
  await emulator.control.advance(60_000);
  await emulator.control.writeAs('/Commun/f', 'hers', 'marie');
  expect(await versions.list({ path: '/f' }, never)).toMatchObject([
    { number: 2, created: begin + 60_000, size: 4, author: 'marie', current: true }, { number: 1, size: 10, author: 'u', current: false },
  ]);
  await expect(versions.list({ path: '/' }, never)).rejects.toMatchObject({ errno: 'EISDIR' });
  await expect(versions.list({ path: '/nosuch' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
});

test.each<[string, NetexplorerOptions]>([
  ['a platform that behaves', {}], ['sums under another name', { surprises: { hashField: 'md5' } }], ['no sums', { surprises: { hashField: 'none' } }],
])('an older one is restored with its bytes, and none goes: %s', async (_what, options) => {
  const { provider, versions, emulator } = await start(options);
  const old = bytesOf(3_000_000, 1);
  await provider.write({ path: '/f' }, contentOf(old), { modified: someTime }, never);
  await emulator.control.writeAs('/Commun/f', 'newer');
  expect(await versions.restore({ path: '/f' }, 1, never)).toMatchObject({ name: 'f', size: old.length });
  expect((await readAll(provider, '/f')).bytes.equals(old)).toBe(true);
  expect((await emulator.control.versionsOf('/Commun/f')).map(({ size }) => size)).toEqual([old.length, 5, old.length]);
  // The present one is there already.
  expect(await versions.restore({ path: '/f' }, 3, never)).toMatchObject({ size: old.length });
  expect(await emulator.control.versionsOf('/Commun/f')).toHaveLength(3);
  for (const number of [0, 4, 99]) await expect(versions.restore({ path: '/f' }, number, never)).rejects.toMatchObject({ errno: 'ENOENT' });
});

test('a version whose bytes are replaced while it is restored leaves the file as it was', async () => {
  const { provider, versions, emulator } = await start();
  await provider.write({ path: '/f' }, contentOf(bytesOf(2_000_000)), { modified: someTime }, never);
  await emulator.control.writeAs('/Commun/f', 'newer');
  await emulator.control.addRule({ route: 'download', times: 0, action: { kind: 'answer', status: 200, headers: { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment' }, body: 'x'.repeat(2_000_000) } });
  await expect(versions.restore({ path: '/f' }, 1, never)).rejects.toThrow();
  await emulator.control.removeRules();
  expect((await readAll(provider, '/f')).bytes.toString()).toBe('newer');
});
