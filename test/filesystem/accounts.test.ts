/** Accounts and platforms that cannot do all: times that are not taken, parts that are not given, folders that cannot be seen into. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FsError } from '../../src/errors.js';
import type { Access } from '../../src/providers/provider.js';
import { MemoryProvider } from '../support/memory-provider.js';
import { emptying, errnoOf, forReading, mount, type Mount } from './harness.js';

let m: Mount | undefined;
afterEach(async () => {
  await m?.end();
  m = undefined;
});

async function started(platform: MemoryProvider): Promise<Mount> {
  m = await mount({ platform, settings: { dirTtl: 0 } });
  return m;
}

const wanted = 1_600_000_000_000;

describe('a time that the platform does not take', () => {
  test.each([
    ['by its traits', new MemoryProvider({ clock: () => Date.now(), traits: { settableTimes: 'none' } })],
    ['by its refusal', (() => {
      const refusing = new MemoryProvider({ clock: () => Date.now() });
      refusing.setModified = () => Promise.reject(new FsError('EPERM', 'no right'));
      return refusing;
    })()],
  ])('%s is kept beside the cache: shown at once, through a rename, and at the next mount', async (_how, platform) => {
    const first = await started(platform);
    await first.save('/f', 'bytes');
    await first.mkdir('/d');
    await first.set('/f', { mtime: wanted });
    await first.set('/d', { mtime: wanted + 5000 });
    await first.rename('/f', '/g');
    expect((await first.stat('/g')).mtime).toBe(wanted);
    const { next } = await first.remount();
    m = next;
    expect((await next.stat('/g')).mtime).toBe(wanted);
    expect((await next.stat('/d')).mtime).toBe(wanted + 5000);
  });

  test('is bound to the version: a change made here or elsewhere shows its own', async () => {
    const platform = new MemoryProvider({ clock: () => Date.now(), traits: { settableTimes: 'none' } });
    const fs = await started(platform);
    for (const name of ['/here', '/there']) {
      await fs.save(name, 'bytes');
      await fs.set(name, { mtime: wanted });
    }
    await fs.save('/here', 'others');
    expect((await fs.stat('/here')).mtime).toBeGreaterThan(wanted);
    platform.put('/there', 'of somebody else');
    expect((await fs.stat('/there')).mtime).toBeGreaterThan(wanted);
    expect(await fs.cat('/there')).toBe('of somebody else');
  });
});

describe('a platform without parts of files', () => {
  const large = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 31 + (at >> 9)) % 256));

  async function withFile(): Promise<{ fs: Mount; platform: MemoryProvider }> {
    const platform = new MemoryProvider({ clock: () => Date.now(), traits: { ranges: false } });
    platform.put('/f', large);
    const fs = await started(platform);
    return { fs, platform };
  }

  test('is asked for a file once, from its start, whoever reads where', async () => {
    const { fs, platform } = await withFile();
    const first = await fs.open('/f', forReading);
    const files = [first, await fs.open('/f', forReading)];
    const places = [2_900_000, 0, 131_072, 1_500_000, 2_999_999, 7];
    const reads = files.flatMap((file) => places.map(async (at) => expect((await fs.read(file, at, 50_000)).equals(large.subarray(at, at + 50_000))).toBe(true)));
    await Promise.all(reads);
    for (let at = 0; at < large.length; at += 131_072) await fs.read(first, at, 131_072);
    expect(platform.calls.read).toBe(1);
    for (const file of files) await fs.close(file);
    // Nothing of it has a name on this machine's disk.
    expect(await readdir(join(fs.folder, 'staging', 'test00000001'))).toEqual([]);
  });

  test('a fetch that breaks off is an error to who waits, and begun anew by the next', async () => {
    const { fs, platform } = await withFile();
    platform.failNext('read', 'EIO', { stage: 'chunk' });
    const file = await fs.open('/f', forReading);
    expect(await errnoOf(fs.read(file, 2_000_000, 10))).toBe('EIO');
    expect((await fs.read(file, 2_000_000, 10)).equals(large.subarray(2_000_000, 2_000_010))).toBe(true);
    await fs.close(file);
  });

  test('what is changed in the middle is sent whole', async () => {
    const { fs, platform } = await withFile();
    const file = await fs.open('/f', { ...forReading, write: true });
    await fs.write(file, 1_000_000, 'changed');
    await fs.close(file);
    const expected = Buffer.from(large);
    expected.write('changed', 1_000_000);
    expect(Buffer.from(platform.get('/f') ?? '').equals(expected)).toBe(true);
  });
});

/** A platform that tells from memory what it refuses. */
class Refusing extends MemoryProvider {
  readonly refused = new Set<Access>();
  learntRefusal(access: Access): FsError | undefined {
    return this.refused.has(access) ? new FsError('EACCES', `no right to ${access}`) : undefined;
  }
}

describe('what is known to be refused', () => {
  test('is EACCES at open, before a byte moves; the old file is whole', async () => {
    const platform = new Refusing({ clock: () => Date.now() });
    platform.put('/f', 'old');
    const fs = await started(platform);
    platform.refused.add('replace').add('make').add('read');
    expect(await errnoOf(fs.open('/f', emptying))).toBe('EACCES');
    expect(await errnoOf(fs.open('/new', emptying, { create: true }))).toBe('EACCES');
    expect(await errnoOf(fs.open('/f', forReading))).toBe('EACCES');
    expect(await errnoOf(fs.set('/f', { size: 0 }))).toBe('EACCES');
    expect(await fs.exists('/new')).toBe(false);
    expect([platform.calls.write, platform.calls.read]).toEqual([0, 0]);
    platform.refused.clear();
    await fs.save('/f', 'new');
    expect(Buffer.from(platform.get('/f') ?? '').toString()).toBe('new');
  });
});

describe('a folder that cannot be seen into', () => {
  function letterBox(): Refusing {
    const platform = new Refusing({ clock: () => Date.now() });
    platform.refused.add('see');
    platform.hook = ({ member }) => {
      if (member === 'list' || member === 'stat') throw new FsError('EACCES', 'no right to look');
    };
    return platform;
  }

  test('takes files; those of this mount are shown, by name; it is not listed as empty', async () => {
    const platform = letterBox();
    platform.put('/others', 'not for us');
    const fs = await started(platform);
    expect(await fs.exists('/others')).toBe(false);
    await fs.save('/mine', 'bytes');
    expect(await fs.exists('/mine')).toBe(true);
    expect((await fs.stat('/mine')).size).toBe(5);
    fs.fs.forget(await fs.node('/mine'), 1000);
    expect(await fs.exists('/mine')).toBe(true);
    await fs.save('/mine', 'more bytes');
    expect(Buffer.from(platform.get('/mine') ?? '').toString()).toBe('more bytes');
    expect(await errnoOf(fs.names('/'))).toBe('EACCES');
  });

  test('a sign-in that has ended is no such folder', async () => {
    const platform = letterBox();
    platform.refused.clear();
    const fs = await started(platform);
    expect(await errnoOf(fs.exists('/mine'))).toBe('EACCES');
  });
});
