/**
 * Reads of a file over which this mount moves another. A server finds a file before it opens it, so what it
 * sends under the old file's head may be the new one's bytes; here both are of one version, as far as it tells.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errnoOf, forReading, hold, longAgo, mount, turns, type Mount, type OpenedFile } from './harness.js';

let m: Mount;
let file: OpenedFile;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/f', 'old', longAgo);
  m.platform.put('/g', 'new', longAgo);
  file = await m.open('/f', forReading);
});
afterEach(async () => { await m.end(); });

describe('a read of a file over which another is moved', () => {
  test('that asked before is ESTALE, not the other\'s bytes', async () => {
    const get = hold(m.platform, 'read');
    const reading = errnoOf(m.read(file));
    await get.reached;
    await m.rename('/g', '/f');
    get.release();
    expect(await reading).toBe('ESTALE');
    await m.close(file);
    expect(await m.cat('/f')).toBe('new');
  });

  test('that asks while the platform has moved it and has not said so waits, and is ESTALE', async () => {
    const move = hold(m.platform, 'move', 'end');
    const renaming = m.rename('/g', '/f');
    await move.reached;
    const reading = errnoOf(m.read(file));
    await turns();
    move.release();
    await renaming;
    expect(await reading).toBe('ESTALE');
    await m.close(file);
  });

  test('whose move fails is answered', async () => {
    const move = hold(m.platform, 'move');
    m.platform.failNext('move', 'EACCES');
    const renaming = errnoOf(m.rename('/g', '/f'));
    const reading = m.read(file);
    await turns();
    move.release();
    expect(await renaming).toBe('EACCES');
    expect((await reading).toString()).toBe('old');
    await m.close(file);
  });
});
