/** The folder that is to be mounted on: looked at so that neither a dead nor a hanging mount can catch us. */
import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { errorCode } from '../system-error.js';
import { mountAt, readMounts, type Mount } from './mountinfo.js';
import { mountType } from './options.js';
import { runTool } from './tools.js';
import { detachMount } from './unmount.js';

/** Milliseconds that a mount found at the mount point has to answer. */
const probeDeadline = 3000;

/**
 * The canonical path of a folder that can be mounted on. A dead mount of ours there is detached, and
 * that is told. FsErrors: ENOENT, ENOTDIR, EACCES; EBUSY where something is mounted there.
 */
export async function prepareMountPoint(path: string, log: Log): Promise<string> {
  const canonical = await realpath(resolve(path)).catch((thrown: unknown) => {
    throw mountPointError(path, thrown);
  });
  for (;;) {
    const mount = mountAt(await readMounts(), canonical);
    if (mount === undefined) break;
    if (mount.type !== mountType) throw new FsError('EBUSY', `${canonical} is a mount point already (${mount.type})`);
    await requireDead(mount);
    await detachMount(canonical);
    log.warn({ mountpoint: canonical }, `a dead mount was left on ${canonical}: detached`);
  }
  const found = await stat(canonical).catch((thrown: unknown) => {
    throw mountPointError(path, thrown);
  });
  if (!found.isDirectory()) throw new FsError('ENOTDIR', `${path} is not a folder`);
  return canonical;
}

async function requireDead(mount: Mount): Promise<void> {
  const state = await mountState(mount.mountPoint);
  if (state === 'dead') return;
  const words = state === 'hangs' ? ', which does not answer' : '';
  throw new FsError('EBUSY', `${mount.mountPoint} is a mount of Amarre already (${mount.source})${words}`);
}

/** What a mount of ours says. A dead one answers at once, and with ENOTCONN. Asked by another process, since a hanging one never answers. */
export async function mountState(mountPoint: string): Promise<'answers' | 'dead' | 'hangs'> {
  const probe = 'require("fs").stat(process.argv[1], (e) => process.exit(e === null ? 10 : e.code === "ENOTCONN" ? 11 : 12))';
  const result = await runTool(process.execPath, ['-e', probe, mountPoint], { deadline: probeDeadline });
  if (result?.status === 11) return 'dead';
  return result?.status === undefined ? 'hangs' : 'answers';
}

function mountPointError(path: string, thrown: unknown): FsError {
  switch (errorCode(thrown)) {
    case 'ENOENT': return new FsError('ENOENT', `there is no folder ${path}: make it first`, { cause: thrown });
    case 'ENOTDIR': return new FsError('ENOTDIR', `${path} is not a folder`, { cause: thrown });
    case 'EACCES': return new FsError('EACCES', `the folder ${path} may not be entered`, { cause: thrown });
    case 'ENOTCONN': return new FsError('EIO', `${path} lies in or is a dead mount that is not Amarre's`, { cause: thrown });
    default: return new FsError('EIO', `the folder ${path} cannot be looked at (${errorCode(thrown) ?? 'unknown'})`, { cause: thrown });
  }
}
