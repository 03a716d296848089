/**
 * Which way leads to a mount for this process on this machine: mount(8) for whoever has the right to
 * mount, fusermount3 for anybody else. Pure: from facts to a way, or to one line that names the remedy.
 */
import { FsError, type Errno } from '../../errors.js';

/** What decides, as `readMountFacts` finds it. */
export interface MountFacts {
  readonly euid: number;
  /** CAP_SYS_ADMIN is in effect, in the user namespace of this process. */
  readonly mayMount: boolean;
  /** The user namespace is not the machine's first: that of `unshare -Ur`, of a rootless container. */
  readonly inUserNamespace: boolean;
  /** no_new_privs: a setuid program gives no rights. */
  readonly noNewPrivileges: boolean;
  readonly device: DeviceState;
  readonly helper: Helper | undefined;
  /** koffi could be loaded. Not tried, and false, where euid is 0. */
  readonly koffi: boolean;
  /** /etc/fuse.conf has the line user_allow_other. */
  readonly userAllowOther: boolean;
}

/** /dev/fuse; `mode` are the permission bits of a device that this process may not open. */
export type DeviceState = 'usable' | 'missing' | { readonly mode: number };

/** fusermount3, or fusermount, as the PATH has it. */
export interface Helper {
  readonly program: string;
  /** Owned by root and setuid. A wrapper, or a program with file capabilities, works without. */
  readonly setuid: boolean;
}

/** `mount`: open the device and hand it to mount(8). `helper`: let a program mount that sends the device back. */
export type Way = { readonly kind: 'mount' } | { readonly kind: 'helper'; readonly helper: Helper };

/** Why there is no way: one line, which names the remedy. */
export interface NoWay {
  readonly kind: 'none';
  readonly errno: Errno;
  readonly reason: string;
}

/** What the person wants of the mount that decides, too. */
export interface MountWish {
  readonly allowOther: boolean;
}

/** The way, or why there is none. */
export function chooseWay(facts: MountFacts, wish: MountWish): Way | NoWay {
  const { device } = facts;
  if (device === 'missing') {
    return none('ENXIO', 'there is no /dev/fuse: load the module (modprobe fuse), or give the container --device /dev/fuse');
  }
  if (device !== 'usable') {
    const mode = device.mode.toString(8).padStart(4, '0');
    return none('EACCES', `/dev/fuse may not be opened by this user (mode ${mode}): as the machine's root, chmod 666 /dev/fuse`);
  }
  if (facts.euid === 0) return chooseForRoot(facts);
  return chooseForUser(facts, wish);
}

function chooseForRoot(facts: MountFacts): Way | NoWay {
  if (facts.mayMount) return { kind: 'mount' };
  return none('EPERM', 'root may not mount here, for want of CAP_SYS_ADMIN: a container needs --cap-add SYS_ADMIN');
}

function chooseForUser(facts: MountFacts, wish: MountWish): Way | NoWay {
  const { helper } = facts;
  if (helper === undefined) {
    return none('EPERM', 'an ordinary user mounts through fusermount3, which is not on this machine: apt-get install fuse3; or run Amarre as root, or in unshare -Urm');
  }
  if (facts.noNewPrivileges) {
    return none('EPERM', `${helper.program} gets no rights here, since no_new_privs is set: take away NoNewPrivileges= (systemd) or no-new-privileges (a container), or run Amarre as root`);
  }
  if (wish.allowOther && !facts.userAllowOther) {
    return none('EPERM', 'allow_other is for ordinary users where /etc/fuse.conf says so: as root, echo user_allow_other >> /etc/fuse.conf');
  }
  if (!facts.koffi) {
    return none('ENOSYS', 'an ordinary user\'s mount needs the package koffi, which cannot be loaded: npm install koffi, in the folder of Amarre; or run Amarre as root');
  }
  return { kind: 'helper', helper };
}

function none(errno: Errno, reason: string): NoWay {
  return { kind: 'none', errno, reason };
}

/** The way; throws an FsError with the line where there is none. */
export function requireWay(facts: MountFacts, wish: MountWish): Way {
  const choice = chooseWay(facts, wish);
  if (choice.kind === 'none') throw new FsError(choice.errno, choice.reason);
  return choice;
}

/** The line where the way was tried and failed. `said`: the words of mount(8) or of the helper. */
export function explainFailure(facts: MountFacts, way: Way, mountpoint: string, said: string): string {
  const words = said === '' ? 'no reason given' : said;
  return `mount on ${mountpoint} failed: ${words}${hint(facts, way, said)}`;
}

function hint(facts: MountFacts, way: Way, said: string): string {
  if (!/permission denied|not permitted/i.test(said)) return '';
  if (way.kind === 'helper') {
    return way.helper.setuid ? '' : ` (${way.helper.program} is not setuid root: apt-get install --reinstall fuse3)`;
  }
  // Whoever is root in a user namespace alone has no right over the mounts of the namespace around it.
  return facts.inUserNamespace ? ' (a user namespace needs mounts of its own: unshare -Urm)' : ' (a container needs --cap-add SYS_ADMIN)';
}

/** Whether the text of /etc/fuse.conf has the line that lets ordinary users share their mounts. */
export function hasUserAllowOther(fuseConf: string): boolean {
  return fuseConf.split('\n').some((line) => line.replace(/#.*/, '').trim() === 'user_allow_other');
}

/** The program that unmounts for this user, with its parameters. `lazy`: at once, though it is in use. */
export function unmountCommand(who: Pick<MountFacts, 'euid' | 'helper'> & { readonly platform?: string }, mountPoint: string, lazy: boolean): readonly [string, ...string[]] {
  if (who.euid !== 0 && who.helper !== undefined) {
    return [who.helper.program, lazy ? '-uz' : '-u', '--', mountPoint];
  }
  // macOS's umount(8) knows neither a lazy end nor canonical paths.
  if (who.platform === 'darwin') return ['umount', ...(lazy ? ['-f'] : []), mountPoint];
  // The path is canonical already (-c); umount(8) must not look at it, for the mount may hang.
  return ['umount', ...(lazy ? ['-l'] : []), '-c', '-i', '--', mountPoint];
}
