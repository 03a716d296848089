/** Which driver is meant, and what is said where it cannot be used. */
import { describe, expect, test } from 'vitest';
import { chooseDriver } from '../../src/fuse/drivers.js';
import { parseMacMounts } from '../../src/fuse/mount/mountinfo.js';
import { unmountCommand } from '../../src/fuse/mount/ways.js';
import { loadFuseNapi } from '../../src/fuse/path/fuse-napi.js';
import { optionText } from '../../src/fuse/path/fuse-native.js';

test.each([
  ['linux', 'x64', 'kernel'], ['linux', 'arm64', 'kernel'], ['darwin', 'x64', 'fuse-native'], ['darwin', 'arm64', 'fuse-napi'],
])('auto on %s %s is %s', (platform, processor, driver) => {
  expect(chooseDriver('auto', platform, processor)).toBe(driver);
  expect(chooseDriver('fuse-native', platform, processor)).toBe('fuse-native');
});

test('fuse-napi says in one line what it needs where Node.js is too old; else it loads, or names the package', () => {
  const said = (() => {
    try {
      return typeof loadFuseNapi();
    } catch (thrown) {
      return String(thrown);
    }
  })();
  const old = Number(process.versions.node.split('.')[0]) < 22;
  expect(said).toMatch(old ? /fuse-napi needs Node\.js 22 or later, and this is v\d+.*: run Amarre with a newer one$/ : /^function$|npm install fuse-napi@2\.3\.1/);
  expect(said).not.toContain('\n');
});

describe('the options for libfuse 2', () => {
  const options = { mountpoint: '/mnt', fsname: 'a,b', allowOther: true, readOnly: true, uid: 0, gid: 0, nameTtl: 1500 };

  test('force in what the package leaves out, and keep a comma in its place', () => {
    const text = optionText(options);
    expect(text).toMatch(/^-ofsname=a\\,b,/);
    for (const option of ['default_permissions', 'big_writes', 'atomic_o_trunc', 'use_ino', 'attr_timeout=0', 'entry_timeout=1.5', 'allow_other', 'ro']) {
      expect(text.slice(2).split(',')).toContain(option);
    }
    expect(text).not.toContain('hard_remove');
  });

  test('refuse a source that its buffer would cut', () => {
    expect(() => optionText({ ...options, fsname: 'x'.repeat(1000) })).toThrow('fsname=NAME');
  });
});

describe('macOS', () => {
  test('mounts are read from the lines of mount(8)', () => {
    const lines = [
      '/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)',
      'sftpgo+https://files.example.org/ on /Users/ann/my drive (macfuse, nodev, nosuid, synchronous, mounted by ann)',
    ];
    expect(parseMacMounts(`${lines.join('\n')}\n`)).toMatchObject([
      { mountPoint: '/', type: 'apfs' },
      { mountPoint: '/Users/ann/my drive', type: 'macfuse', source: 'sftpgo+https://files.example.org/' },
    ]);
  });

  test('umount(8) is asked in its own words', () => {
    const who = { euid: 501, helper: undefined, platform: 'darwin' };
    expect(unmountCommand(who, '/Users/ann/d', false)).toEqual(['umount', '/Users/ann/d']);
    expect(unmountCommand(who, '/Users/ann/d', true)).toEqual(['umount', '-f', '/Users/ann/d']);
  });
});
