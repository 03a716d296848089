/** What refresh forgets, what it tells the kernel, and what it never touches. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errnoOf, forReading, forWriting, longAgo, mount, settings, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount({ settings: { dirTtl: 3_600_000, attrTtl: 3_600_000 } });
  m.platform.put('/folder/a', 'one', longAgo);
  m.platform.put('/folder/sub/b', 'two', longAgo);
  m.platform.put('/other/c', 'three', longAgo);
  await m.names('/');
});
afterEach(() => m.end());

describe('with a listing believed for an hour', () => {
  test('a change made elsewhere does not show; after a refresh it does, at once', async () => {
    expect(settings.dirTtl).toBeLessThan(3_600_000);
    expect(await m.cat('/folder/a')).toBe('one');
    expect(await m.exists('/folder/new')).toBe(false);
    m.platform.put('/folder/a', 'one and more', longAgo + 5000);
    m.platform.put('/folder/new', 'new', longAgo);
    expect([await m.exists('/folder/new'), (await m.stat('/folder/a')).size]).toEqual([false, 3]);
    await m.fs.refresh('/folder');
    expect([await m.exists('/folder/new'), (await m.stat('/folder/a')).size]).toEqual([true, 12]);
    expect(await m.cat('/folder/a')).toBe('one and more');
    expect(await m.names('/folder')).toEqual(['a', 'new', 'sub']);
  });

  test('what was refused is tried anew, at and below the path', async () => {
    const asked: string[] = [];
    Object.assign(m.platform, { forget: ({ path }: { readonly path: string }) => asked.push(path) });
    await m.fs.refresh('folder//sub/');
    await m.fs.refresh('/');
    expect(asked).toEqual(['/folder/sub', '/']);
  });

  test('of a file alone, of a name that was not there, of all', async () => {
    await m.cat('/folder/a');
    await m.exists('/folder/new');
    await m.cat('/folder/sub/b');
    m.platform.put('/folder/a', 'longer', longAgo + 5000);
    await m.fs.refresh('/folder/a');
    expect(await m.cat('/folder/a')).toBe('longer');
    m.platform.put('/folder/new', 'new', longAgo);
    await m.fs.refresh('/folder/new');
    expect(await m.cat('/folder/new')).toBe('new');
    m.platform.put('/folder/sub/b', 'deep down', longAgo + 5000);
    await m.fs.refresh('/');
    expect(await m.cat('/folder/sub/b')).toBe('deep down');
  });

  test('of a version that looks the same no page of the kernel is kept', async () => {
    const keepsPages = async () => {
      const file = await m.open('/folder/a', forReading);
      await m.read(file);
      await m.close(file);
      return file.keepCache;
    };
    await keepsPages();
    expect(await keepsPages()).toBe(true);
    await m.fs.refresh('/folder/a');
    expect(await keepsPages()).toBe(false);
  });

  test('a folder that is gone on the platform, and a path that never was', async () => {
    await m.cat('/folder/sub/b');
    m.platform.remove('/folder/sub');
    await m.fs.refresh('/folder/sub/b/c/d');
    await m.fs.refresh('/nothing/at/all');
    await m.fs.refresh('/folder/sub');
    expect(await m.exists('/folder/sub')).toBe(false);
  });
});

describe('the kernel', () => {
  test('is told of what it knows below the path, of absent names too, and of nothing else', async () => {
    const [folder, sub, a] = [await m.node('/folder'), await m.node('/folder/sub'), await m.node('/folder/a')];
    await m.node('/other/c');
    await m.exists('/folder/absent');
    m.notices.length = 0;
    expect(await m.fs.refresh('/folder')).toEqual({ forgotten: 3, unsent: 0 });
    expect(m.notices.toSorted()).toEqual([
      `attributes ${a}`, `attributes ${folder}`, `attributes ${sub}`, `expire 1 folder`, `expire ${folder} a`, `expire ${folder} absent`, `expire ${folder} sub`,
    ].toSorted());
  });
});

describe('what is unsent', () => {
  test('stays, and is sent at its close', async () => {
    const file = await m.open('/folder/a', forWriting);
    await m.write(file, 0, 'ONE');
    expect(await m.fs.refresh('/')).toMatchObject({ unsent: 1 });
    expect((await m.stat('/folder/a')).size).toBe(3);
    await m.write(file, 3, ' MORE');
    await m.close(file);
    expect(m.platform.text('/folder/a')).toBe('ONE MORE');
  });

  test('a new file that the platform does not have yet stays in its folder', async () => {
    const file = await m.open('/folder/new', forWriting, { create: true });
    await m.write(file, 0, 'x');
    await m.fs.refresh('/folder');
    expect(await m.names('/folder')).toContain('new');
    await m.close(file);
    expect(m.platform.text('/folder/new')).toBe('x');
  });
});

describe('who has a file open', () => {
  test('reads on in the version that he began with, or gets ESTALE: never half of each', async () => {
    m.platform.put('/large', 'a'.repeat(400_000), longAgo);
    await m.fs.refresh('/large');
    const file = await m.open('/large', forReading);
    expect((await m.read(file, 0, 10)).toString()).toBe('a'.repeat(10));
    m.platform.put('/large', 'b'.repeat(400_000), longAgo + 5000);
    await m.fs.refresh('/');
    const later = await m.read(file, 390_000, 10).then(String, () => 'ESTALE');
    expect(['a'.repeat(10), 'ESTALE']).toContain(later);
    expect(await errnoOf(m.stat('/large'))).toBe('none');
    await m.close(file);
    expect(await m.cat('/large')).toBe('b'.repeat(400_000));
  });
});
