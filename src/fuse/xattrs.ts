/** Extended attributes: which the file system is asked for, and how the kernel wants the answer. */
import { FsError } from '../errors.js';
import type { Reply } from './protocol/replies.js';

/**
 * The kernel and the tools ask for `security.*` (at writes) and `system.*` (`cp -p`, `ls -l`) again and
 * again. EOPNOTSUPP, not ENODATA: `ls` then asks no more for this mount, and `cp -p` falls back.
 */
export function refuseForeignXattr(name: string): void {
  if (name.startsWith('security.') || name.startsWith('system.')) {
    throw new FsError('EOPNOTSUPP', `no attributes of the kind ${name} here`);
  }
}

/** The value, or its size where `room` is 0. ERANGE where it does not fit. */
export function xattrReply(value: Uint8Array, room: number): Reply {
  if (room === 0) return { kind: 'xattrSize', size: value.byteLength };
  if (value.byteLength > room) throw new FsError('ERANGE', `${value.byteLength} bytes do not fit into ${room}`);
  return { kind: 'data', pieces: [value] };
}

/** The list of names as listxattr(2) has it: each closed by NUL. */
export function xattrNames(names: readonly string[]): Uint8Array {
  return Buffer.from(names.map((name) => `${name}\0`).join(''));
}
