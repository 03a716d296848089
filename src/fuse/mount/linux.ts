/**
 * Mounting on Linux: an open /dev/fuse and a mount(2) by somebody who may. Where that is this process,
 * mount(8) does it, with the device as its 3; for ordinary users it is fusermount3 (`helper.ts`).
 */
import { close, open } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { promisify } from 'node:util';
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { errorCode } from '../system-error.js';
import { devicePath, readMountFacts } from './facts.js';
import { mountByHelper } from './helper.js';
import { mountAt, readMounts } from './mountinfo.js';
import { prepareMountPoint } from './mountpoint.js';
import { mountData, mountType, type MountOptions } from './options.js';
import { runTool } from './tools.js';
import { explainFailure, requireWay, type MountFacts, type MountWish, type Way } from './ways.js';

/** A mount that was made, and the device that serves it. */
export interface MountedDevice {
  readonly fd: number;
  /** Canonical. */
  readonly mountpoint: string;
  /** `major:minor`. */
  readonly device: string;
}

/** Milliseconds that mount(8) has. */
const deadline = 10_000;

const openDevice = promisify(open);
const closeDevice = promisify(close);

/** Mounts. Every failure is an FsError whose message is one line that says what to do. */
export async function mountOnLinux(options: MountOptions, log: Log): Promise<MountedDevice> {
  requireLinux();
  const mountpoint = await prepareMountPoint(options.mountpoint, log);
  const facts = await readMountFacts();
  const way = requireWay(facts, options);
  const fd = way.kind === 'mount'
    ? await mountByProgram(way, mountpoint, options, facts)
    : await mountByHelper(way, mountpoint, options, facts);
  try {
    const mount = mountAt(await readMounts(), mountpoint);
    if (mount?.type !== mountType) throw new FsError('EIO', `the mount on ${mountpoint} was gone at once`);
    return { fd, mountpoint, device: mount.device };
  } catch (thrown) {
    await closeDevice(fd);
    throw thrown;
  }
}

/** Whether this process can mount at all, before anything is done for it. Throws the FsError that `mountOnLinux` would. */
export async function requireMountable(wish: MountWish): Promise<void> {
  requireLinux();
  requireWay(await readMountFacts(), wish);
}

function requireLinux(): void {
  if (process.platform === 'linux' && endianness() === 'LE') return;
  throw new FsError('ENOSYS', `the kernel driver runs on little-endian Linux, not on ${process.platform} ${process.arch}`);
}

/** Opens the device and lets mount(8) mount it. */
async function mountByProgram(way: Way, mountpoint: string, options: MountOptions, facts: MountFacts): Promise<number> {
  const fd = await openDevice(devicePath, 'r+').catch((thrown: unknown) => {
    throw deviceError(thrown);
  });
  try {
    // -i: without a helper program, which mount(8) would look for by the type's name.
    const parameters = ['-i', '-t', mountType, '-o', mountData(options), '--', options.fsname, mountpoint];
    const result = await runTool('mount', parameters, { deadline, descriptor: fd });
    if (result === undefined) {
      throw new FsError('ENOSYS', 'there is no mount command on this machine: install util-linux (Debian: apt install mount)');
    }
    if (result.status !== 0) throw new FsError('EPERM', explainFailure(facts, way, mountpoint, result.said));
    return fd;
  } catch (thrown) {
    await closeDevice(fd);
    throw thrown;
  }
}

function deviceError(thrown: unknown): FsError {
  const code = errorCode(thrown);
  if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
    return new FsError('ENXIO', `there is no ${devicePath}: load the module (modprobe fuse), or give the container --device ${devicePath}`, { cause: thrown });
  }
  return new FsError('EACCES', `${devicePath} cannot be opened (${code ?? 'unknown'}): give the container --device ${devicePath}`, { cause: thrown });
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
