/**
 * `st_ino`: a 64-bit number that a file has at every mount (promise 11), so that backup programs
 * know it again. It is the hash of the platform's lasting id, or of the current path where the
 * platform has none.
 */
import { hash } from 'node:crypto';

/** The root's number, as most file systems have it. */
export const rootIno = 1n;

/** Numbers below this are kept free: 0 and 1 mean something to the kernel and to tools. */
const smallest = 16n;

/**
 * The number for a stable id or a path. `attempt` counts up where another live object has the
 * number already: two live objects never share one.
 */
export function inodeNumber(identity: string, attempt = 0): bigint {
  const digest = hash('sha1', attempt === 0 ? identity : `${identity}\0${attempt}`, 'buffer');
  const number = digest.readBigUInt64BE(0);
  return number < smallest ? number + smallest : number;
}
