/** What the two packages have in common: a binding of libfuse that is loaded when it is wanted, and mounts once. */
import { constants } from 'node:fs';
import { FsError } from '../../errors.js';
import type { OpenFlags } from '../../filesystem/filesystem.js';
import type { MountOptions } from '../mount/options.js';

export interface BindingOptions extends MountOptions {
  /** Milliseconds that the kernel may believe a name, or that there is none. */
  readonly nameTtl: number;
}

export interface Binding {
  /** Resolves when the kernel's first request was answered. Rejects with an FsError that says in a line why not. */
  mount(): Promise<void>;
  /** Lets go of what keeps the process alive. To be called when the mount has ended. */
  close(): Promise<void>;
}

/** Why a package cannot be used: one line, with the remedy. */
export function notLoaded(name: string, remedy: string, thrown: unknown): FsError {
  const reason = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown);
  return new FsError('ENOSYS', `the package ${name} cannot be loaded (${reason}): ${remedy}`, { cause: thrown });
}

/** open(2)'s flags as this system numbers them. */
export function openFlags(flags: number): OpenFlags {
  const mode = flags & 3;
  return {
    read: mode !== constants.O_WRONLY,
    write: mode !== constants.O_RDONLY,
    append: (flags & constants.O_APPEND) !== 0,
    truncate: (flags & constants.O_TRUNC) !== 0,
    exclusive: (flags & constants.O_EXCL) !== 0,
  };
}

/** "No such owner": what chown(2) has for what shall stay. */
const unchanged = 0xffff_ffff;

export function ownerChanges(uid: number, gid: number): { uid?: number; gid?: number } {
  return { ...(uid >>> 0 === unchanged ? {} : { uid }), ...(gid >>> 0 === unchanged ? {} : { gid }) };
}

/** Copies pieces into a buffer; the bytes copied. EIO where they are more than were asked for. */
export function copyPieces(pieces: readonly Uint8Array[], buffer: Buffer): number {
  let filled = 0;
  for (const piece of pieces) {
    if (filled + piece.byteLength > buffer.length) throw new FsError('EIO', `a read of ${buffer.length} bytes was given more`);
    buffer.set(piece, filled);
    filled += piece.byteLength;
  }
  return filled;
}
