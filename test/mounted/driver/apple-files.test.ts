/** What macOS leaves beside files, and its two spellings of a name: forced here, on the driver that Intel Macs use. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useMemoryMounts } from '../../support/memory-mounts.js';
import { refused, shell, succeed } from '../../support/programs.js';

const mounts = useMemoryMounts();

test('kept local: they are written, read, listed, renamed and removed, and the file system hears of none', async () => {
  const mount = await mounts.mount({ driver: 'fuse-native', appleFiles: 'local' });
  const script = 'cd "$0"; mkdir d; printf store > d/.DS_Store; printf fork > ._f; cat d/.DS_Store ._f; printf more >> ._f; mv d e; mv ._f e/._g; ls -A e; cat e/._g; truncate -s 2 e/._g; stat -c %s e/._g; rm -r e; ls -A';
  expect(await succeed('bash', ['-e', '-c', script, mount.mountpoint])).toBe('storefork.DS_Store\n._g\nforkmore2\n');
  const { calls } = await mount.report();
  expect([calls['create'], calls['write'], calls['unlink']]).toEqual([undefined, undefined, undefined]);
});

test('refused: none can be made, and a server\'s own is a file like any other', async () => {
  const mount = await mounts.mount({ driver: 'fuse-native', appleFiles: 'refuse' });
  await mount.tell({ do: 'plant', name: '._theirs', text: 'theirs' });
  expect(await refused('touch', [join(mount.mountpoint, '.DS_Store')])).toContain('Operation not permitted');
  expect(await shell(`cd ${mount.mountpoint}; cat ._theirs; rm ._theirs; ls -A`)).toBe('theirs');
});

test('a name with marks is found in either spelling, and a new one is composed', async () => {
  const mount = await mounts.mount({ driver: 'fuse-native', alike: true });
  await mount.tell({ do: 'plant', name: 'cafe\u0301', text: 'decomposed' });
  expect(await succeed('cat', [join(mount.mountpoint, 'caf\u00e9')])).toBe('decomposed');
  await shell(`echo > '${join(mount.mountpoint, 'o\u0308l')}'`);
  expect(await succeed('ls', [mount.mountpoint])).toBe('cafe\u0301\n\u00f6l\n');
});
