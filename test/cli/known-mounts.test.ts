/** Where a path leads, without a look at what lies on a mount of ours. */
import { describe, expect, test } from 'vitest';
import { belowMount, locate } from '../../src/cli/known-mounts.js';
import type { Mount } from '../../src/fuse/mount/mountinfo.js';

const mount = (mountPoint: string, type: string): Mount => ({ id: 1, parent: 0, device: '0:1', mountPoint, type, source: 's' });
const mounts = [
  mount('/', 'ext4'), mount('/mnt/files', 'fuse.amarre'), mount('/mnt/files/inside', 'tmpfs'), mount('/mnt/files/inside/ours', 'fuse.amarre'),
  mount('/covered', 'fuse.amarre'), mount('/covered', 'tmpfs'), mount('/home/a b', 'fuse.amarre'),
];
const links: Readonly<Record<string, string>> = {
  '/link': '/mnt/files/sub', '/home/up': '../mnt', '/loop': '/loop', '/chain': 'home/up/files/x',
};

describe('a path leads to', () => {
  test.each([
    ['/mnt/files', '/mnt/files', '/mnt/files', '/'],
    ['/mnt/files/', '/mnt/files', '/mnt/files', '/'],
    ['/mnt/files/gone/deep', '/mnt/files/gone/deep', '/mnt/files', '/gone/deep'],
    ['/mnt/files/a/../b/./c', '/mnt/files/b/c', '/mnt/files', '/b/c'],
    ['/mnt/files/../files/x', '/mnt/files/x', '/mnt/files', '/x'],
    ['/link/deeper', '/mnt/files/sub/deeper', '/mnt/files', '/sub/deeper'],
    ['/chain', '/mnt/files/x', '/mnt/files', '/x'],
    ['/home/a b/é', '/home/a b/é', '/home/a b', '/é'],
    ['/mnt/files/inside/ours/x', '/mnt/files/inside/ours/x', '/mnt/files/inside/ours', '/x'],
    ['/mnt/files/inside/x', '/mnt/files/inside/x', undefined, undefined],
    ['/mnt/filesystem', '/mnt/filesystem', undefined, undefined],
    ['/covered/x', '/covered/x', undefined, undefined],
    ['/', '/', undefined, undefined],
    ['/mnt/files/../../etc', '/etc', undefined, undefined],
  ])('%s', async (path, canonical, mountpoint, below) => {
    const asked: string[] = [];
    const place = await locate(path, mounts, (one) => {
      asked.push(one);
      return Promise.resolve(links[one]);
    });
    expect([place.path, place.mount?.mountPoint]).toEqual([canonical, mountpoint]);
    if (mountpoint !== undefined) expect(belowMount(place.path, mountpoint)).toBe(below);
    // Nothing on a mount of ours was looked at, not even its mount point.
    expect(asked.filter((one) => /^\/mnt\/files(?!\/inside)(\/|$)|^\/home\/a b/.test(one))).toEqual([]);
  });

  test('nowhere, where links lead in a circle', async () => {
    await expect(locate('/loop/x', mounts, (one) => Promise.resolve(links[one]))).rejects.toThrow('too many levels');
  });
});
