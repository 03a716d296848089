/**
 * Mounting through fusermount3, which has root's rights and mounts for ordinary users: it opens the
 * device, mounts, and sends the device back over the socket whose number _FUSE_COMMFD names.
 */
import { close } from 'node:fs';
import { promisify } from 'node:util';
import { FsError } from '../../errors.js';
import { DescriptorSocket } from './descriptor-socket.js';
import { helperData, type MountOptions } from './options.js';
import { runTool } from './tools.js';
import { unmount } from './unmount.js';
import { explainFailure, type MountFacts, type Way } from './ways.js';

/** Milliseconds that the helper has. */
const deadline = 10_000;

const closeDevice = promisify(close);

/** Mounts on a canonical path, and answers the device. FsErrors: EPERM with the helper's words, ENOSYS without koffi. */
export async function mountByHelper(
  way: Extract<Way, { kind: 'helper' }>, mountpoint: string, options: MountOptions, facts: MountFacts,
): Promise<number> {
  const { program } = way.helper;
  const socket = await DescriptorSocket.open();
  try {
    const result = await runTool(program, ['-o', helperData(options), '--', mountpoint], {
      deadline,
      descriptor: socket.far,
      env: { _FUSE_COMMFD: '3' },
    });
    // It sends before it ends: what was not sent by now never comes.
    const fd = socket.receive();
    if (fd !== undefined && result?.status === 0) return fd;
    if (fd !== undefined) await closeDevice(fd);
    if (result?.status !== 0) throw new FsError('EPERM', explainFailure(facts, way, mountpoint, result?.said ?? `there is no ${program} any more`));
    await unmount(mountpoint, { lazy: true });
    throw new FsError('EIO', `${program} mounted on ${mountpoint}, but sent no device`);
  } finally {
    socket.close();
  }
}
