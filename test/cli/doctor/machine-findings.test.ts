/** What the facts of a machine mean for a mount. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { showFinding, showSummary, wouldMount, type Finding, type Found } from '../../../src/cli/doctor/findings.js';
import { parseMountMax, type LinuxFacts, type MachineFacts, type StateFolderSight } from '../../../src/cli/doctor/machine-facts.js';
import { judgeMachine, oldestNode } from '../../../src/cli/doctor/machine-findings.js';
import type { MountFacts } from '../../../src/fuse/mount/ways.js';
import { like } from '../../support/like.js';

const root: MountFacts = {
  euid: 0, mayMount: true, inUserNamespace: false, noNewPrivileges: false, device: 'usable', helper: undefined, koffi: false, userAllowOther: false,
};
const user: MountFacts = { ...root, euid: 1000, mayMount: false, helper: { program: '/usr/bin/fusermount3', setuid: true }, koffi: true };

const known = <T>(value: T): Found<T> => ({ value });
const unknown = { trouble: { code: 'ETIMEDOUT', words: 'no answer within 5 s' } };

const refused = (words: string) => ({ trouble: { code: 'ENOSYS', words } });

const stateFolder = { folder: '/home/ann/state', named: false, mode: 0o40700, owner: 1000, uid: 1000, inMemory: false, free: 2 ** 40 };
const there = (facts: Partial<typeof stateFolder>): Found<StateFolderSight> => known({ kind: 'there', facts: { ...stateFolder, ...facts } });

function linux(mount: MountFacts, more: Partial<LinuxFacts> = {}): LinuxFacts {
  return {
    mount: known(mount), deviceMode: known(0o666), mountMax: known({ limit: undefined, mounts: 2 }),
    userNamespaces: known({ allowed: true, said: '' }), trial: known(undefined), dead: known([]), ...more,
  };
}

function machine(more: Partial<MachineFacts> = {}): MachineFacts {
  return {
    platform: 'linux', arch: 'x64', driver: 'kernel', drivable: known(undefined), node: '22.1.0', threadPool: undefined, linux: linux(user), mac: undefined,
    stateFolder: there({}), kept: known([]), ...more,
  };
}

const findingOf = (findings: readonly Finding[], check: string) => findings.find((finding) => finding.check === check);

test('a driver of a package needs neither koffi nor a trial', () => {
  const findings = judgeMachine(machine({ driver: 'fuse-native', linux: linux({ ...user, koffi: false }, { trial: undefined }) }));
  expect(findings.filter(({ verdict }) => verdict !== 'ok').map(({ check, verdict }) => [check, verdict])).toEqual([['trial mount', 'not tried']]);
  expect(findingOf(findings, 'koffi')).toBeUndefined();
});

test.each([['root', root], ['an ordinary user', user]])('nothing is wrong where all is as it should be, for %s', (_, mount) => {
  const findings = judgeMachine(machine({ linux: linux(mount) }));
  expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  expect(showSummary(findings)).toBe('Mounting works.');
});

describe('a mount would not work, and the remedy is named, where', () => {
  test.each<[string, Partial<MachineFacts>, string, RegExp, RegExp]>([
    ['this is a Mac', { platform: 'darwin', arch: 'arm64', linux: undefined, mac: { macFuse: false, fuseT: false } }, 'macFUSE', /neither/, /macfuse\.io/],
    ['the driver is not for this system', { platform: 'win32', linux: undefined, drivable: refused('the kernel driver runs on little-endian Linux, not on win32 x64') }, 'driver', /not on win32 x64/, /--driver/],
    ['the driver\'s package is missing', { driver: 'fuse-native', drivable: refused('the package fuse-native cannot be loaded: npm install fuse-native') }, 'driver', /^fuse-native: the package .* cannot be loaded$/, /^npm install fuse-native$/],
    ['Node is too old', { node: '20.18.3' }, 'Node.js', /20\.18\.3/, /20\.19 or later/],
    ['Node is much too old', { node: '18.20.0' }, 'Node.js', /18\.20/, /20\.19 or later/],
    ['there is no device', { linux: linux({ ...user, device: 'missing' }, { deviceMode: known(undefined), trial: undefined }) }, '/dev/fuse', /not there/, /modprobe fuse/],
    ['the device is root\'s alone', { linux: linux({ ...user, device: { mode: 0o600 } }, { trial: undefined }) }, '/dev/fuse', /0600/, /chmod 666 \/dev\/fuse/],
    ['there is no fusermount3', { linux: linux({ ...user, helper: undefined }, { trial: undefined }) }, 'fusermount3', /PATH/, /install fuse3/],
    ['programs get no new rights', { linux: linux({ ...user, noNewPrivileges: true }, { trial: undefined }) }, 'fusermount3', /no_new_privs/, /NoNewPrivileges=no/],
    ['koffi is missing', { linux: linux({ ...user, koffi: false }, { trial: undefined }) }, 'koffi', /cannot be loaded/, /npm install koffi/],
    ['there are too many mounts', { linux: linux(user, { mountMax: known({ limit: 2, mounts: 2 }) }) }, 'mount_max', /2 FUSE mounts of 2/, /raise mount_max/],
    ['root has not the right', { linux: linux({ ...root, mayMount: false }, { trial: undefined }) }, 'way to mount', /CAP_SYS_ADMIN/, /--cap-add SYS_ADMIN/],
    ['the trial failed', { linux: linux(root, { trial: { trouble: { code: 'EPERM', words: 'mount on /tmp/x failed: permission denied' } } }) }, 'trial mount', /permission denied/, /troubleshooting\.md/],
    ['others can look into the state folder', { stateFolder: there({ mode: 0o40750 }) }, 'state folder', /other users can look/, /^run: chmod 700 '\/home\/ann\/state'$/],
    ['the state folder is another\'s', { stateFolder: there({ owner: 0 }) }, 'state folder', /another user/, /--cache-dir/],
    ['the state folder lies in memory', { stateFolder: there({ inMemory: true }) }, 'state folder', /power cut/, /--cache-dir/],
    ['the state folder cannot be made', { stateFolder: known({ kind: 'to be made', folder: '/var/lib/amarre', above: '/var/lib', writable: false }) }, 'state folder', /\/var\/lib may not be written to/, /--cache-dir/],
  ])('%s', (_, facts, check, found, remedy) => {
    const findings = judgeMachine(machine(facts));
    expect(findingOf(findings, check)).toEqual({ check, verdict: 'failed', found: like(found), remedy: like(remedy) });
    expect(wouldMount(findings)).toBe(false);
  });
});

describe('a mount would work, and what will be missing is said, where', () => {
  test.each<[string, Partial<MachineFacts>, string, RegExp, RegExp]>([
    ['fusermount3 is not setuid', { linux: linux({ ...user, helper: { program: '/opt/fusermount3', setuid: false } }) }, 'fusermount3', /not setuid root/, /reinstall fuse3/],
    ['a dead mount is left', { linux: linux(user, { dead: known([{ mountPoint: '/mnt/a', state: 'dead' }, { mountPoint: '/mnt/b', state: 'hangs' }]) }) }, 'dead mounts', /^\/mnt\/a, \/mnt\/b \(does not answer\)$/, /^amarre umount \/mnt\/a$/],
    ['files are kept', { kept: known([{ instance: 'a', files: 2, bytes: 2048 }, { instance: 'b', files: 1, bytes: 1024 }]) }, 'unsent files', /^3 files of earlier mounts \(3\.0 KiB\)$/, /mount the same remote again/],
    ['the disk is nearly full', { stateFolder: there({ free: 2 ** 20 }) }, 'room on the disk', /^1\.0 MiB free/, /make room/],
    ['the named state folder lies in memory', { stateFolder: there({ named: true, inMemory: true }) }, 'state folder', /power cut/, /on a disk/],
    ['the state folder does not answer', { stateFolder: unknown }, 'state folder', /no answer within 5 s/, /again/],
    ['mounts do not answer', { linux: linux(user, { dead: unknown }) }, 'dead mounts', /no answer within 5 s/, /again/],
  ])('%s', (_, facts, check, found, remedy) => {
    const findings = judgeMachine(machine(facts));
    expect(findingOf(findings, check)).toEqual({ check, verdict: 'warning', found: like(found), remedy: like(remedy) });
    expect(wouldMount(findings)).toBe(true);
  });
});

test.each<[string, Partial<MachineFacts>, string, RegExp]>([
  ['the way of root', { linux: linux(root) }, 'way to mount', /mount\(8\), as root$/],
  ['the way of root in a user namespace', { linux: linux({ ...root, inUserNamespace: true }) }, 'way to mount', /root of a user namespace/],
  ['the way of a user', { linux: linux(user) }, 'way to mount', /through \/usr\/bin\/fusermount3/],
  ['that a device which root may use is closed to others', { linux: linux(root, { deviceMode: known(0o600) }) }, '/dev/fuse', /mode 0600.*not by all others/],
  ['that user namespaces are not allowed', { linux: linux(user, { userNamespaces: known({ allowed: false, said: 'unshare: Operation not permitted' }) }) }, 'user namespaces', /not allowed \(unshare: Operation not permitted\)/],
  ['that a mount can be shared', { linux: linux({ ...user, userAllowOther: true }) }, 'allow_other', /lets users share/],
  ['that a mount cannot be shared', {}, 'allow_other', /no line user_allow_other/],
  ['that the thread pool is small, and will be larger', { threadPool: '4' }, 'thread pool', /is 4; .* with 16/],
  ['that there is no limit of mounts', { linux: linux(user, { mountMax: known({ limit: -1, mounts: 5000 }) }) }, 'mount_max', /any number/],
  ['where the state folder will be', { stateFolder: known({ kind: 'to be made', folder: '/home/ann/s/amarre', above: '/home/ann', writable: true }) }, 'state folder', /\/home\/ann\/s\/amarre will be made/],
])('it is told, and no fault, %s', (_, facts, check, found) => {
  expect(findingOf(judgeMachine(machine(facts)), check)).toEqual({ check, verdict: 'ok', found: like(found) });
});

test.each([['', undefined], ['mount_max = 20\n', 20], ['#mount_max = 20\n', undefined], ['mount_max=-1 # all\nuser_allow_other\n', -1], ['mount_max = 3\nmount_max = 5', 5], ['mount_max = many', undefined]])(
  'mount_max in %j', (text, limit) => {
    expect(parseMountMax(text)).toBe(limit);
  },
);

test('the Node.js that is asked for is the one of package.json', async () => {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  expect(text).toContain(`"node": ">=${oldestNode.join('.')}"`);
});

test('a finding is a line, its remedy another, whatever was found', () => {
  const shown = showFinding({ check: 'TLS', verdict: 'failed', found: 'a\r\nb', remedy: 'c\nd' });
  expect(shown.split('\n')).toEqual([like(/^ {2}failed +TLS +a b$/), like(/^ +→ c d$/)]);
});

test('the last line names what failed and what was warned of', () => {
  const findings: Finding[] = [
    { check: 'DNS', verdict: 'failed', found: '', remedy: '' }, { check: 'clock', verdict: 'warning', found: '', remedy: '' }, { check: 'TCP', verdict: 'not tried', found: '' },
  ];
  expect(showSummary(findings)).toBe('Mounting does not work: DNS; warnings: clock.');
});
