/**
 * One request, one call of the file system, one reply: what each operation of the kernel means to the
 * interface. Errors are thrown; the dispatcher answers and logs them.
 */
import { FsError } from '../errors.js';
import type {
  AttributeChanges, AttributesReply, Caller, EntryReply, FileSystem, NegativeReply, NodeId, OpenReply, TimeChange,
} from '../filesystem/filesystem.js';
import { packEntries, packEntriesPlus } from './protocol/dirents.js';
import { modeType, permissionMask, renameBits, seekWhence } from './protocol/flags.js';
import type { Reply } from './protocol/replies.js';
import type { Operation, SetattrOperation } from './protocol/requests.js';
import { toMilliseconds, type TimeSpec } from './protocol/times.js';
import { refuseForeignXattr, xattrNames, xattrReply } from './xattrs.js';

/** A reply, and what to take back where the kernel does not accept it since nobody waits any more. */
export interface Outcome {
  readonly reply: Reply;
  readonly takeBack?: () => void | Promise<void>;
}

/** The operations that are not the dispatcher's own. */
export type FileSystemOperation = Exclude<
  Operation,
  { readonly op: 'init' | 'interrupt' | 'forget' | 'batchForget' | 'notifyReply' }
>;

const done: Outcome = { reply: { kind: 'done' } };

/** Performs an operation on `node`. Throws what the file system throws, and FsErrors of its own. */
export async function perform(fs: FileSystem, node: NodeId, operation: FileSystemOperation, caller: Caller): Promise<Outcome> {
  switch (operation.op) {
    case 'lookup':
      return entryOutcome(fs, await fs.lookup(node, operation.name, caller));
    case 'getattr':
      return attributesOutcome(await fs.getattr(node, operation.handle, caller));
    case 'setattr':
      return attributesOutcome(await setattr(fs, node, operation, caller));
    case 'mkdir':
      return entryOutcome(fs, await fs.mkdir(node, operation.name, operation.mode, caller));
    case 'mknod':
      return entryOutcome(fs, await mknod(fs, node, operation.name, operation.mode, caller));
    case 'create':
      return createdOutcome(fs, await fs.create(node, operation.name, operation.flags, operation.mode, caller), caller);
    case 'unlink':
      await fs.unlink(node, operation.name, caller);
      return done;
    case 'rmdir':
      await fs.rmdir(node, operation.name, caller);
      return done;
    case 'rename':
      await fs.rename(node, operation.name, operation.newParent, operation.newName, renameOptions(operation.flags), caller);
      return done;
    case 'link':
      throw new FsError('EPERM', 'there are no hard links here');
    case 'symlink':
      throw new FsError('EPERM', 'symbolic links cannot be made here');
    case 'open':
      return openedOutcome(fs, node, await fs.open(node, operation.flags, caller), caller);
    case 'read':
      return { reply: readReply(await fs.read(node, operation.handle, operation.offset, operation.size, caller), operation.size) };
    case 'write': {
      const { handle, offset, data, fromPageCache } = operation;
      return { reply: { kind: 'written', size: await fs.write(node, handle, offset, data, { fromPageCache }, caller) } };
    }
    case 'flush':
      await fs.flush(node, operation.handle, caller);
      return done;
    case 'fsync':
      await fs.fsync(node, operation.handle, caller);
      return done;
    case 'release':
      await fs.release(node, operation.handle, caller);
      return done;
    case 'fallocate':
      // An ENOSYS for one mode would stop the kernel asking for any.
      if (operation.mode !== 0) throw new FsError('EOPNOTSUPP', `fallocate(2) in mode ${operation.mode} is not supported`);
      await fs.fallocate(node, operation.handle, 0, operation.offset, operation.length, caller);
      return done;
    case 'copyRange': {
      const { handle, offset, toNode, toHandle, toOffset, length } = operation;
      if (operation.flags !== 0) throw new FsError('EINVAL', 'copy_file_range(2) with flags');
      const size = await fs.copyRange({ node, handle, offset }, { node: toNode, handle: toHandle, offset: toOffset }, length, caller);
      return { reply: { kind: operation.wide ? 'copied' : 'written', size } };
    }
    case 'lseek':
      return { reply: { kind: 'offset', offset: await fs.lseek(node, operation.handle, operation.offset, whence(operation.whence), caller) } };
    case 'opendir': {
      const handle = await fs.opendir(node, caller);
      return {
        reply: { kind: 'opened', opened: { handle, keepCache: false, directIo: false } },
        takeBack: () => fs.releasedir(node, handle),
      };
    }
    case 'readdir': {
      const bytes = packEntries(fs.readdir(node, operation.handle, operation.offset), operation.size);
      return { reply: { kind: 'data', pieces: [bytes] } };
    }
    case 'readdirplus':
      return readdirplus(fs, node, operation.handle, operation.offset, operation.size);
    case 'releasedir':
      fs.releasedir(node, operation.handle);
      return done;
    case 'statfs':
      return { reply: { kind: 'statfs', statfs: fs.statfs() } };
    case 'getxattr':
      refuseForeignXattr(operation.name);
      return { reply: xattrReply(await fs.getxattr(node, operation.name, caller), operation.size) };
    case 'listxattr':
      return { reply: xattrReply(xattrNames(fs.listxattr(node)), operation.size) };
    case 'setxattr':
      refuseForeignXattr(operation.name);
      await fs.setxattr(node, operation.name, operation.value, caller);
      return done;
    case 'removexattr':
      refuseForeignXattr(operation.name);
      await fs.removexattr(node, operation.name, caller);
      return done;
    case 'access': // the kernel has compared mode and owner itself: `default_permissions` is always on
    case 'fsyncdir': // every change of a folder is on the platform before its reply
    case 'destroy':
      return done;
    case 'unknown':
      throw new FsError('ENOSYS', 'not supported');
  }
}

function attributesOutcome(attributes: AttributesReply): Outcome {
  return { reply: { kind: 'attributes', attributes } };
}

function entryOutcome(fs: FileSystem, entry: EntryReply | NegativeReply): Outcome {
  const reply: Reply = { kind: 'entry', entry };
  return entry.node === 0 ? { reply } : { reply, takeBack: () => fs.forget(entry.node, 1) };
}

function createdOutcome(fs: FileSystem, created: EntryReply & OpenReply, caller: Caller): Outcome {
  return {
    reply: { kind: 'created', created },
    takeBack: async () => {
      await fs.release(created.node, created.handle, caller);
      fs.forget(created.node, 1);
    },
  };
}

function openedOutcome(fs: FileSystem, node: NodeId, opened: OpenReply, caller: Caller): Outcome {
  return { reply: { kind: 'opened', opened }, takeBack: () => fs.release(node, opened.handle, caller) };
}

function readReply(pieces: readonly Uint8Array[], asked: number): Reply {
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  if (size > asked) throw new FsError('EIO', `a read of ${asked} bytes was given ${size}`);
  return { kind: 'data', pieces };
}

async function setattr(fs: FileSystem, node: NodeId, operation: SetattrOperation, caller: Caller): Promise<AttributesReply> {
  const changes = attributeChanges(operation);
  // What is left out may have been all that was asked for, such as the bit that clears set-user-id.
  if (Object.keys(changes).length === 0) return fs.getattr(node, operation.handle, caller);
  return fs.setattr(node, changes, operation.handle, caller);
}

/** SETATTR's parts in the file system's words. */
export function attributeChanges(operation: SetattrOperation): AttributeChanges {
  const { mode, uid, gid, size, atime, mtime } = operation;
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(size === undefined ? {} : { size }),
    ...(atime === undefined ? {} : { atime: timeChange(atime) }),
    ...(mtime === undefined ? {} : { mtime: timeChange(mtime) }),
  };
}

function timeChange(time: TimeSpec | 'now'): TimeChange {
  return time === 'now' ? 'now' : toMilliseconds(time);
}

function mknod(fs: FileSystem, parent: NodeId, name: string, mode: number, caller: Caller): Promise<EntryReply> {
  const type = mode & modeType.MASK;
  if (type !== modeType.FILE && type !== 0) throw new FsError('EPERM', 'only files and folders can be made here');
  return fs.mknod(parent, name, mode & permissionMask, caller);
}

/** NOREPLACE alone is possible: no platform exchanges two names, and whiteouts are overlayfs's. */
function renameOptions(flags: number): { noReplace: boolean } {
  if ((flags & ~renameBits.NOREPLACE) !== 0) throw new FsError('EINVAL', 'a rename of a kind that is not possible here');
  return { noReplace: (flags & renameBits.NOREPLACE) !== 0 };
}

function whence(number: number): 'data' | 'hole' {
  if (number === seekWhence.DATA) return 'data';
  if (number === seekWhence.HOLE) return 'hole';
  throw new FsError('EINVAL', `lseek(2) with whence ${number}`);
}

function readdirplus(fs: FileSystem, node: NodeId, handle: number, cookie: number, room: number): Outcome {
  const { bytes, counted } = packEntriesPlus(
    fs.readdir(node, handle, cookie), room, (entry) => fs.lookupListed(node, handle, entry),
  );
  return {
    reply: { kind: 'data', pieces: [bytes] },
    takeBack: () => counted.forEach((child) => fs.forget(child, 1)),
  };
}
