/** Finds out what decides how this process can mount: who it is, the device, the helper, koffi. */
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { errorCode } from '../system-error.js';
import { canReceiveDescriptors } from './descriptor-socket.js';
import { hasUserAllowOther, type DeviceState, type Helper, type MountFacts } from './ways.js';

export const devicePath = '/dev/fuse';

/** CAP_SYS_ADMIN's place in a set of capabilities. */
const capSysAdmin = 21n;

/** Asks the system anew each time. Never fails: what cannot be read counts as not there. */
export async function readMountFacts(): Promise<MountFacts> {
  const euid = effectiveUser();
  const status = await textOf('/proc/self/status');
  return {
    euid,
    mayMount: hasCapability(status, capSysAdmin),
    inUserNamespace: !/^\s*0\s+0\s+4294967295\s*$/.test(await textOf('/proc/self/uid_map')),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status),
    device: await deviceState(),
    helper: euid === 0 ? undefined : await findHelper(process.env['PATH'] ?? ''),
    koffi: euid !== 0 && await canReceiveDescriptors(),
    userAllowOther: hasUserAllowOther(await textOf('/etc/fuse.conf')),
  };
}

/** Whose rights this process has. */
export function effectiveUser(): number {
  return process.geteuid?.() ?? 0;
}

/** Whether the text of /proc/PID/status has a capability in its effective set. */
export function hasCapability(status: string, capability: bigint): boolean {
  const [, digits = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  return (BigInt(`0x${digits}`) >> capability & 1n) === 1n;
}

async function deviceState(): Promise<DeviceState> {
  try {
    await access(devicePath, constants.R_OK | constants.W_OK);
    return 'usable';
  } catch (thrown) {
    const found = await stat(devicePath).catch(() => undefined);
    if (found === undefined) return 'missing';
    // Anything else is told when it is opened.
    return errorCode(thrown) === 'EACCES' ? { mode: found.mode & 0o7777 } : 'usable';
  }
}

/** fusermount3 of libfuse 3, else fusermount of libfuse 2, which takes the same parameters. */
export async function findHelper(path: string): Promise<Helper | undefined> {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  for (const name of ['fusermount3', 'fusermount']) {
    for (const folder of folders) {
      const program = join(folder, name);
      const found = await executable(program);
      if (found !== undefined) return { program, setuid: found.uid === 0 && (found.mode & 0o4000) !== 0 };
    }
  }
  return undefined;
}

async function executable(path: string) {
  try {
    await access(path, constants.X_OK);
    const found = await stat(path);
    return found.isFile() ? found : undefined;
  } catch {
    return undefined;
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
