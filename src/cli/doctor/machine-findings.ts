/** What the facts of this machine mean for a mount, each with its remedy. Pure. */
import type { DriverName } from '../../fuse/drivers.js';
import type { MountFacts } from '../../fuse/mount/ways.js';
import { chooseWay } from '../../fuse/mount/ways.js';
import { hasLargeThreadPool, threadPoolSize } from '../../fuse/thread-pool.js';
import type { KeptCount } from '../serving/kept-files.js';
import { refuseStateFolder } from '../state-folder.js';
import { showSize } from '../units.js';
import { failed, notTried, ok, unless, warning, type Finding } from './findings.js';
import type { LinuxFacts, MacFacts, MachineFacts, StateFolderSight } from './machine-facts.js';

/** The oldest Node.js that will do: `engines` of package.json. */
export const oldestNode = [20, 19] as const;

/** Less room than this for files being written is worth a word, in bytes. */
const littleRoom = 2 ** 30;

/** fusermount3's own limit where /etc/fuse.conf sets none. */
const usualMountMax = 1000;

export function judgeMachine(facts: MachineFacts): readonly Finding[] {
  return [
    ok('system', `${facts.platform} ${facts.arch}`),
    judgeNode(facts.node),
    judgeThreadPool(facts.threadPool),
    ...(facts.linux === undefined ? [] : judgeLinux(facts.linux, facts.driver)),
    ...(facts.mac === undefined ? [] : [judgeMac(facts.mac)]),
    judgeDriver(facts),
    ...unless(facts.stateFolder, 'state folder', judgeStateFolder),
    ...unless(facts.kept, 'unsent files', judgeKept),
  ];
}

/** What a driver says of itself is one line: what is wrong, a colon, and what to do. */
function judgeDriver({ driver, drivable }: MachineFacts): Finding {
  if ('value' in drivable) return ok('driver', driver);
  const { words } = drivable.trouble;
  const [, wrong = words, remedy = 'another --driver: native-notes/drivers.md says which there are'] = /^(.*?): (.*)$/.exec(words) ?? [];
  return failed('driver', `${driver}: ${wrong}`, remedy);
}

function judgeNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = oldestNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return ok('Node.js', version);
  return failed('Node.js', version, `install Node.js ${wantedMajor}.${wantedMinor} or later`);
}

function judgeThreadPool(size: string | undefined): Finding {
  if (size === undefined) return ok('thread pool', `amarre mount starts its process with ${threadPoolSize} threads`);
  if (hasLargeThreadPool({ UV_THREADPOOL_SIZE: size })) return ok('thread pool', `UV_THREADPOOL_SIZE is ${size}`);
  return ok('thread pool', `UV_THREADPOOL_SIZE is ${size}; amarre mount starts its process with ${threadPoolSize}`);
}

function judgeLinux(facts: LinuxFacts, driver: DriverName): readonly Finding[] {
  return [
    ...unless(facts.mount, '/dev/fuse', (mount) => judgeDevice(mount, 'value' in facts.deviceMode ? facts.deviceMode.value : undefined)),
    ...('value' in facts.mount ? judgeWays(facts.mount.value, facts, driver) : []),
    ...unless(facts.dead, 'dead mounts', judgeDead),
  ];
}

/** The line that `chooseWay` has for a device that cannot be used is the remedy. */
function judgeDevice(mount: MountFacts, mode: number | undefined): Finding {
  const shown = mode === undefined ? '' : `mode ${showMode(mode)}, `;
  if (mount.device === 'usable') {
    // Root is let in everywhere: whoever helps others on this machine wants to know what they will meet.
    const others = mode !== undefined && (mode & 0o006) !== 0o006 ? ', and not by all others' : '';
    return ok('/dev/fuse', `${shown}can be opened by this user${others}`);
  }
  const remedy = 'sudo chmod 666 /dev/fuse (until the next start; udev\'s rule is KERNEL=="fuse", MODE="0666"), or mount as root';
  if (mount.device === 'missing') return failed('/dev/fuse', 'is not there', 'sudo modprobe fuse; for a container: --device /dev/fuse');
  return failed('/dev/fuse', `mode ${showMode(mount.device.mode)}, may not be opened by this user`, remedy);
}

function judgeWays(found: MountFacts, facts: LinuxFacts, driver: DriverName): readonly Finding[] {
  // libfuse takes the device from its helper itself.
  const mount = driver === 'kernel' ? found : { ...found, koffi: true };
  const asRoot = mount.euid === 0;
  return [
    ...(asRoot ? [] : judgeHelper(mount)),
    ...(asRoot || driver !== 'kernel' ? [] : [judgeKoffi(mount.koffi)]),
    ...(asRoot ? [] : unless(facts.mountMax, 'mount_max', judgeMountMax)),
    judgeWay(mount),
    driver === 'kernel' ? judgeTrial(facts.trial) : notTried('trial mount', 'only the kernel driver tries one'),
    judgeSharing(mount),
    ...(asRoot ? [] : unless(facts.userNamespaces, 'user namespaces', ({ allowed, said }) =>
      ok('user namespaces', allowed ? 'allowed: unshare -Urm opens a shell that can mount, too' : `not allowed (${said}); fusermount3 needs none`))),
  ];
}

function judgeHelper({ helper, noNewPrivileges }: MountFacts): readonly Finding[] {
  const check = 'fusermount3';
  if (helper === undefined) return [failed(check, 'is not in the PATH', 'sudo apt-get install fuse3 (Fedora: dnf install fuse3)')];
  const { program, setuid } = helper;
  if (noNewPrivileges) {
    return [failed(check, `${program} gets no rights here, since no_new_privs is set`, 'NoNewPrivileges=no in a systemd unit; for a container leave no-new-privileges out')];
  }
  if (setuid) return [ok(check, `${program}, setuid root`)];
  return [warning(check, `${program} is not setuid root`, 'sudo apt-get install --reinstall fuse3, unless it is a wrapper that gets its rights in another way')];
}

function judgeKoffi(koffi: boolean): Finding {
  return koffi ? ok('koffi', 'can be loaded') : failed('koffi', 'cannot be loaded', 'npm install koffi, in the folder of Amarre');
}

function judgeMountMax({ limit = usualMountMax, mounts }: { readonly limit: number | undefined; readonly mounts: number }): Finding {
  const shown = `${mounts} FUSE ${mounts === 1 ? 'mount' : 'mounts'} of ${limit < 0 ? 'any number' : limit}`;
  if (limit < 0 || mounts < limit) return ok('mount_max', shown);
  return failed('mount_max', shown, 'unmount some, or raise mount_max in /etc/fuse.conf');
}

function judgeWay(mount: MountFacts): Finding {
  const way = chooseWay(mount, { allowOther: false });
  if (way.kind === 'none') {
    const colon = way.reason.indexOf(': ');
    return failed('way to mount', `none: ${way.reason.slice(0, colon)}`, way.reason.slice(colon + 2));
  }
  if (way.kind === 'helper') return ok('way to mount', `through ${way.helper.program}`);
  return ok('way to mount', mount.inUserNamespace ? 'by mount(8), as root of a user namespace' : 'by mount(8), as root');
}

function judgeTrial(trial: LinuxFacts['trial']): Finding {
  if (trial === undefined) return notTried('trial mount', 'there is no way to mount');
  if ('value' in trial) return ok('trial mount', 'made on an empty folder, and taken away');
  return failed('trial mount', trial.trouble.words, 'see "Mounting fails" in native-notes/troubleshooting.md for these words');
}

/** Nobody must share a mount: where it cannot be shared that is said, and is no fault. */
function judgeSharing(mount: MountFacts): Finding {
  if (mount.euid === 0) return ok('allow_other', 'root may share a mount with -o allow_other');
  if (mount.userAllowOther) return ok('allow_other', '/etc/fuse.conf lets users share their mounts with -o allow_other');
  return ok('allow_other', '/etc/fuse.conf has no line user_allow_other: a mount is yours alone');
}

function judgeDead(dead: readonly { readonly mountPoint: string; readonly state: 'dead' | 'hangs' }[]): Finding {
  if (dead.length === 0) return ok('dead mounts', 'none');
  const shown = dead.map(({ mountPoint, state }) => (state === 'dead' ? mountPoint : `${mountPoint} (does not answer)`)).join(', ');
  return warning('dead mounts', shown, `amarre umount ${dead[0]?.mountPoint ?? ''}`);
}

function judgeMac({ macFuse, fuseT }: MacFacts): Finding {
  const found = [...(macFuse ? ['macFUSE'] : []), ...(fuseT ? ['FUSE-T'] : [])];
  if (found.length > 0) return ok('macFUSE', `${found.join(' and ')} installed`);
  return failed('macFUSE', 'neither macFUSE nor FUSE-T is installed', 'install macFUSE from macfuse.io and allow its extension in the system settings');
}

function judgeStateFolder(sight: StateFolderSight): Finding | readonly Finding[] {
  if (sight.kind === 'to be made') {
    const { folder, above, writable } = sight;
    if (writable) return ok('state folder', `${folder} will be made`);
    return failed('state folder', `${folder} cannot be made: ${above} may not be written to`, 'name a folder of your own with --cache-dir');
  }
  const { facts } = sight;
  const refused = refuseStateFolder(facts);
  if (refused !== undefined) return failed('state folder', `${facts.folder}: ${refused.why}`, refused.remedy);
  const place = facts.inMemory
    ? warning('state folder', `${facts.folder} lies in memory: a power cut loses files not yet sent`, 'name a folder on a disk with --cache-dir')
    : ok('state folder', `${facts.folder}, mode ${showMode(facts.mode & 0o7777)}, on a disk`);
  const room = `${showSize(facts.free)} free for files being written`;
  return [place, facts.free < littleRoom ? warning('room on the disk', room, 'make room, or name a folder on a larger disk with --cache-dir') : ok('room on the disk', room)];
}

function judgeKept(kept: readonly KeptCount[]): Finding {
  const files = kept.reduce((sum, count) => sum + count.files, 0);
  if (files === 0) return ok('unsent files', 'none');
  const bytes = kept.reduce((sum, count) => sum + count.bytes, 0);
  return warning('unsent files', `${files === 1 ? '1 file' : `${files} files`} of earlier mounts (${showSize(bytes)})`, 'mount the same remote again: what can be sent goes out, the rest is named');
}

function showMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
