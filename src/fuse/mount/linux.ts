/**
 * Mounting on Linux: a descriptor of /dev/fuse is given to whoever may call mount(2). For root that is
 * mount(8), with the descriptor as its 3. Another way of mounting is another function of the same type.
 */
import { close, open } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { promisify } from 'node:util';
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { maxRequest } from '../protocol/init.js';
import { errorCode } from '../system-error.js';
import { mountAt, readMounts } from './mountinfo.js';
import { mountType, prepareMountPoint } from './mountpoint.js';
import { runTool } from './tools.js';

export interface MountOptions {
  readonly mountpoint: string;
  /** What /proc/mounts and df show as the source. Holds no user name and no secret. */
  readonly fsname: string;
  /** Users other than `uid` may use the mount, as far as modes and owners let them. */
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** Whose mount it is: without `allowOther` nobody else, not even root, may use it. */
  readonly uid: number;
  readonly gid: number;
}

/** A mount that was made, and the device that serves it. */
export interface MountedDevice {
  readonly fd: number;
  /** Canonical. */
  readonly mountpoint: string;
  /** `major:minor`. */
  readonly device: string;
}

const devicePath = '/dev/fuse';
/** Milliseconds that mount(8) has. */
const deadline = 10_000;

const openDevice = promisify(open);
const closeDevice = promisify(close);

/** Mounts. Every failure is an FsError whose message is one line that says what to do. */
export async function mountOnLinux(options: MountOptions, log: Log): Promise<MountedDevice> {
  if (process.platform !== 'linux' || endianness() !== 'LE') {
    throw new FsError('ENOSYS', `the kernel driver runs on little-endian Linux, not on ${process.platform} ${process.arch}`);
  }
  if (process.geteuid?.() !== 0) throw new FsError('EPERM', 'mounting needs root on this machine: run as root, or with sudo');
  const mountpoint = await prepareMountPoint(options.mountpoint, log);
  const fd = await openDevice(devicePath, 'r+').catch((thrown: unknown) => {
    throw deviceError(thrown);
  });
  try {
    await mountAsRoot(fd, mountpoint, options);
    const mount = mountAt(await readMounts(), mountpoint);
    if (mount?.type !== mountType) throw new FsError('EIO', `the mount on ${mountpoint} was gone at once`);
    return { fd, mountpoint, device: mount.device };
  } catch (thrown) {
    await closeDevice(fd);
    throw thrown;
  }
}

async function mountAsRoot(fd: number, mountpoint: string, options: MountOptions): Promise<void> {
  // -i: without a helper program, which mount(8) would look for by the type's name.
  const parameters = ['-i', '-t', mountType, '-o', mountData(options), '--', options.fsname, mountpoint];
  const result = await runTool('mount', parameters, { deadline, descriptor: fd });
  if (result === undefined) {
    throw new FsError('ENOSYS', 'there is no mount command on this machine: install util-linux (Debian: apt install mount)');
  }
  if (result.status !== 0) throw mountError(mountpoint, result.said);
}

/** The options in mount(8)'s form. */
export function mountData(options: MountOptions): string {
  return [
    'fd=3',
    'rootmode=40000',
    `user_id=${options.uid}`,
    `group_id=${options.gid}`,
    // The kernel compares modes and owners: with allow_other and without it, everybody would read everything.
    'default_permissions',
    `max_read=${maxRequest}`,
    'nosuid',
    'nodev',
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.readOnly ? ['ro'] : []),
  ].join(',');
}

function deviceError(thrown: unknown): FsError {
  const code = errorCode(thrown);
  if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
    return new FsError('ENXIO', `there is no ${devicePath}: load the module (modprobe fuse), or give the container --device ${devicePath}`, { cause: thrown });
  }
  return new FsError('EACCES', `${devicePath} cannot be opened (${code ?? 'unknown'}): give the container --device ${devicePath}`, { cause: thrown });
}

function mountError(mountpoint: string, said: string): FsError {
  const hint = /permission denied|not permitted/i.test(said) ? ' (a container needs --cap-add SYS_ADMIN)' : '';
  return new FsError('EPERM', `mount on ${mountpoint} failed: ${said === '' ? 'no reason given' : said}${hint}`);
}

/**
 * Lets the kernel read ahead as far as one request goes. Its own figure is 128 KiB, and INIT can only
 * lower it. Where /sys cannot be written (a container), reads are smaller, no more.
 */
export async function raiseReadAhead(device: string, kibibytes: number, log: Log): Promise<void> {
  try {
    await writeFile(`/sys/class/bdi/${device}/read_ahead_kb`, String(kibibytes), { flag: 'r+' });
  } catch (thrown) {
    log.info({ code: errorCode(thrown) }, 'the kernel reads ahead 128 KiB at a time: /sys/class/bdi cannot be written');
  }
}
