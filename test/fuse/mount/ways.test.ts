import { describe, expect, it } from 'vitest';
import {
  chooseWay, explainFailure, hasUserAllowOther, requireWay, unmountCommand, type MountFacts, type Way,
} from '../../../src/fuse/mount/ways.js';

const helper = { program: '/usr/bin/fusermount3', setuid: true };
const root: MountFacts = {
  euid: 0, mayMount: true, inUserNamespace: false, noNewPrivileges: false, device: 'usable', helper: undefined, koffi: false, userAllowOther: false,
};
const user: MountFacts = { ...root, euid: 1000, mayMount: false, helper, koffi: true };
const rootOfNamespace: MountFacts = { ...root, inUserNamespace: true };

const alone = { allowOther: false };
const shared = { allowOther: true };

describe('the way to mount', () => {
  it.each<[string, MountFacts, { allowOther: boolean }, Way['kind']]>([
    ['root', root, alone, 'mount'],
    ['root, for others too', root, shared, 'mount'],
    ['root, though programs get no new rights', { ...root, noNewPrivileges: true }, alone, 'mount'],
    ['root of a user namespace', rootOfNamespace, alone, 'mount'],
    ['root of a user namespace, for others too', rootOfNamespace, shared, 'mount'],
    ['a user with fusermount3 and koffi', user, alone, 'helper'],
    ['a user of a machine whose fuse.conf allows it, for others too', { ...user, userAllowOther: true }, shared, 'helper'],
    ['a user with a right to mount that mount(8) does not heed', { ...user, mayMount: true }, alone, 'helper'],
    ['a user whose fusermount3 is a wrapper', { ...user, helper: { ...helper, setuid: false } }, alone, 'helper'],
  ])('of %s', (_, facts, wish, way) => {
    expect(chooseWay(facts, wish).kind).toBe(way);
  });

  it.each<[string, MountFacts, { allowOther: boolean }, string, RegExp]>([
    ['there is no device', { ...root, device: 'missing' }, alone, 'ENXIO', /no \/dev\/fuse: .*modprobe fuse.*--device/],
    ['there is no device, for a user', { ...user, device: 'missing' }, alone, 'ENXIO', /no \/dev\/fuse: .*modprobe fuse.*--device/],
    ['the device is root\'s alone', { ...user, device: { mode: 0o600 } }, alone, 'EACCES', /\(mode 0600\): .*chmod 666 \/dev\/fuse/],
    ['the device is root\'s alone, in a user namespace', { ...rootOfNamespace, device: { mode: 0o600 } }, alone, 'EACCES', /\(mode 0600\): .*chmod 666 \/dev\/fuse/],
    ['the device is a group\'s', { ...user, device: { mode: 0o660 } }, alone, 'EACCES', /\(mode 0660\)/],
    ['root has not the right', { ...root, mayMount: false }, alone, 'EPERM', /--cap-add SYS_ADMIN/],
    ['there is no fusermount3', { ...user, helper: undefined }, alone, 'EPERM', /apt-get install fuse3.*unshare -Urm/],
    ['there is neither fusermount3 nor koffi: one line at a time', { ...user, helper: undefined, koffi: false }, alone, 'EPERM', /apt-get install fuse3/],
    ['programs get no new rights', { ...user, noNewPrivileges: true }, alone, 'EPERM', /no_new_privs/],
    ['fuse.conf does not allow sharing', user, shared, 'EPERM', /echo user_allow_other >> \/etc\/fuse\.conf/],
    ['there is no koffi', { ...user, koffi: false }, alone, 'ENOSYS', /npm install koffi/],
  ])('is none where %s, and the line says what to do', (_, facts, wish, errno, line) => {
    expect(chooseWay(facts, wish)).toMatchObject({ kind: 'none', errno });
    expect(() => requireWay(facts, wish)).toThrow(line);
    expect(() => requireWay(facts, wish)).toThrow(/^[^\n]+$/);
  });
});

describe('the line where mounting failed', () => {
  const mount: Way = { kind: 'mount' };
  const byHelper: Way = { kind: 'helper', helper };
  const byPlainHelper: Way = { kind: 'helper', helper: { ...helper, setuid: false } };
  const denied = 'mount: /mnt: permission denied.';
  it.each<[string, MountFacts, Way, string, string]>([
    ['has the program\'s words', root, mount, 'mount: /mnt: bad option', 'mount on /mnt failed: mount: /mnt: bad option'],
    ['says so where there were none', root, mount, '', 'mount on /mnt failed: no reason given'],
    ['speaks of containers', root, mount, denied, `mount on /mnt failed: ${denied} (a container needs --cap-add SYS_ADMIN)`],
    ['speaks of unshare', rootOfNamespace, mount, denied, `mount on /mnt failed: ${denied} (a user namespace needs mounts of its own: unshare -Urm)`],
    ['of the helper has its words', user, byHelper, 'fusermount3: user has no write access to mountpoint /mnt',
      'mount on /mnt failed: fusermount3: user has no write access to mountpoint /mnt'],
    ['of a helper that is not setuid says so', user, byPlainHelper, 'fusermount3: mount failed: Operation not permitted',
      'mount on /mnt failed: fusermount3: mount failed: Operation not permitted (/usr/bin/fusermount3 is not setuid root: apt-get install --reinstall fuse3)'],
  ])('%s', (_, facts, way, said, line) => {
    expect(explainFailure(facts, way, '/mnt', said)).toBe(line);
  });
});

describe('user_allow_other', () => {
  it.each([
    ['user_allow_other\n', true],
    ['# fuse\n\n  user_allow_other  \nmount_max = 10', true],
    ['user_allow_other # for the backup', true],
    ['', false],
    ['#user_allow_other\n', false],
    ['mount_max = 10\nuser_allow_other_too\n', false],
  ])('in %j: %s', (text, holds) => {
    expect(hasUserAllowOther(text)).toBe(holds);
  });
});

describe('the program that unmounts', () => {
  it.each([
    ['root', 0, helper, false, ['umount', '-c', '-i', '--', '/mnt']],
    ['root, lazily', 0, undefined, true, ['umount', '-l', '-c', '-i', '--', '/mnt']],
    ['a user', 1000, helper, false, ['/usr/bin/fusermount3', '-u', '--', '/mnt']],
    ['a user, lazily', 1000, helper, true, ['/usr/bin/fusermount3', '-uz', '--', '/mnt']],
    // umount(8) lets a user unmount his own FUSE mounts.
    ['a user without fusermount3', 1000, undefined, false, ['umount', '-c', '-i', '--', '/mnt']],
  ])('of %s', (_, euid, program, lazy, words) => {
    expect(unmountCommand({ euid, helper: program }, '/mnt', lazy)).toEqual(words);
  });
});
