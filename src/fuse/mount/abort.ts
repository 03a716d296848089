/**
 * The kernel's own switch for a FUSE connection: whatever waits for us fails at once, whoever it is.
 * Only a file of /sys/fs/fuse/connections throws it, which is not mounted everywhere.
 */
import { writeFile } from 'node:fs/promises';

/** True where the kernel took it. `device` is `major:minor`; the connection's name is the minor. */
export async function abortConnection(device: string): Promise<boolean> {
  const minor = device.slice(device.indexOf(':') + 1);
  try {
    await writeFile(`/sys/fs/fuse/connections/${minor}/abort`, '1', { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}
