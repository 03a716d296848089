/**
 * fuse-native 2.2.6: libfuse 2 for Node, prebuilt for x64 Linux and Intel Macs. What it does wrong is passed by:
 * its own handlers (`_op_…`) are replaced by ours, and so is its list of mount options. libfuse 2 runs threads of
 * its own; each waits for our answer, however long that takes: the file system has its own deadlines.
 */
import { createRequire } from 'node:module';
import { constants as systemConstants } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FsError } from '../../errors.js';
import { capabilities } from '../drivers.js';
import { mountSubtype } from '../mount/options.js';
import { xattrNames } from '../xattrs.js';
import { copyPieces, notLoaded, openFlags, ownerChanges, type Binding, type BindingOptions } from './binding.js';
import { fromHalves, modificationTime, statArray, statvfsArray, utimensHandler } from './fuse-native-layout.js';
import { FoldedInodeNumbers } from './inode-numbers.js';
import type { PathCalls } from './path-calls.js';
import type { Asker, Requests } from './requests.js';

/** Answers libfuse: a result, and what comes with it. */
type Signal = (result: number, ...values: unknown[]) => void;
type NativeHandler = (memory: unknown, operation: number, ...parameters: unknown[]) => void;
type Done = (error: unknown) => void;

interface NativeFuse {
  readonly _handlers: (NativeHandler | undefined)[];
  mount(done: Done): void;
  close(done: Done): void;
}
interface NativeFuseClass {
  new (mountpoint: string, operations: object, options: object): NativeFuse;
  unmount: (mountpoint: string, done: Done) => void;
}

const classSchema = z.custom<NativeFuseClass>((value) => typeof value === 'function' && 'unmount' in value);

/** glibc's flag for a library that stays when its loading is given up; Node has no name for it. */
const RTLD_NODELETE = 0x1000;

/** Files whose number is remembered, so that no two of them share one. */
const rememberedNumbers = 100_000;

/** Its buffer for the mount options, less what it needs itself. */
const longestOptions = 1000;

/** Loads the package, with the libfuse that it brings. ENOSYS with the remedy where it cannot be. */
export function loadFuseNative(): NativeFuseClass {
  const require = createRequire(import.meta.url);
  try {
    return classSchema.parse(requireWithLibrary(require));
  } catch (thrown) {
    const here = process.platform === 'linux' || process.platform === 'darwin' ? process.arch : '';
    const remedy = here === 'x64'
      ? 'npm install fuse-native@2.2.6, in the folder of Amarre'
      : 'it is made for x64 Linux and Intel Macs alone; --driver fuse-napi is for Apple silicon';
    throw notLoaded('fuse-native', remedy, thrown);
  }
}

function requireWithLibrary(require: NodeJS.Require): unknown {
  try {
    return require('fuse-native');
  } catch (thrown) {
    if (!(thrown instanceof Error) || !thrown.message.includes('libfuse.so.2')) throw thrown;
    // The addon names libfuse.so.2, which is not on this machine; that of the package, once loaded, goes by this name.
    const library = join(dirname(require.resolve('fuse-shared-library-linux/package.json')), 'libfuse', 'lib', 'libfuse.so');
    try {
      process.dlopen({ exports: {} }, library, systemConstants.dlopen.RTLD_NOW | RTLD_NODELETE);
    } catch {
      // It is no addon, which Node says when it is loaded already.
    }
    return require('fuse-native');
  }
}

/** The binding, ready to mount. */
export function openFuseNative(calls: PathCalls, requests: Requests, options: BindingOptions, asker: Asker): Binding {
  const Fuse = loadFuseNative();
  // It would run `fusermount -uz`, on Linux, or `diskutil unmount force`: unmounting is not its business here.
  Fuse.unmount = (_mountpoint, done) => done(null);
  const fuse = new Fuse(options.mountpoint, Object.fromEntries(handledOperations.map((name) => [name, true])), { timeout: false });
  Object.assign(fuse, { _fuseOptions: () => optionText(options) }, nativeHandlers(calls, requests, asker));
  mendUtimens(fuse);
  return {
    mount: () => new Promise((resolve, reject) => {
      fuse.mount((error) => {
        if (error === null || error === undefined) resolve();
        else reject(mountError(error, options.mountpoint));
      });
    }),
    close: () => new Promise((resolve) => fuse.close(() => resolve())),
  };
}

function mountError(error: unknown, mountpoint: string): FsError {
  const said = error instanceof Error ? error.message : String(error);
  const remedy = process.platform === 'darwin'
    ? 'is macFUSE installed, and allowed in System Settings, Privacy & Security?'
    : 'libfuse has said why above; an ordinary user needs the program fusermount, of the package fuse or fuse3';
  return new FsError('EPERM', `mount on ${mountpoint} through fuse-native failed: ${said} (${remedy})`, { cause: error });
}

/**
 * The mount options, all of them: its own list knows neither big_writes, without which libfuse 2 writes 4 KiB at a
 * time, nor atomic_o_trunc, without which opening with O_TRUNC is a truncate(2) that is sent at once. hard_remove is
 * not among them: a file that was removed has no path then, of which the addon makes a value that was never set
 * when it is closed. The process died of that now and then.
 */
export function optionText(options: BindingOptions): string {
  const { largestRead } = capabilities['fuse-native'];
  const text = `-o${[
    `fsname=${options.fsname.replace(/[\\,]/g, '\\$&')}`,
    ...(process.platform === 'darwin' ? [] : [`subtype=${mountSubtype}`, 'nosuid', 'nodev']),
    'default_permissions', 'big_writes', 'atomic_o_trunc', 'use_ino', `max_read=${largestRead}`,
    // No notice can correct what the kernel believes: it asks for sizes and times each time.
    'attr_timeout=0', `entry_timeout=${options.nameTtl / 1000}`, `negative_timeout=${options.nameTtl / 1000}`,
    ...(options.allowOther ? ['allow_other'] : []), ...(options.readOnly ? ['ro'] : []),
  ].join(',')}`;
  if (Buffer.byteLength(text) > longestOptions) throw new FsError('EINVAL', 'the source of this mount is too long for fuse-native: -o fsname=NAME gives a shorter one');
  return text;
}

const handledOperations = [
  'statfs', 'getattr', 'fgetattr', 'flush', 'fsync', 'fsyncdir', 'readdir', 'truncate', 'ftruncate', 'utimens', 'chown', 'chmod', 'mknod',
  'setxattr', 'getxattr', 'listxattr', 'removexattr', 'open', 'read', 'write', 'release', 'create', 'unlink', 'rename', 'link', 'symlink',
  'mkdir', 'rmdir',
] as const;

type NativeHandlers = Readonly<Record<`_op_${(typeof handledOperations)[number]}`, (signal: Signal, ...parameters: never[]) => void>>;

function nativeHandlers(calls: PathCalls, requests: Requests, asker: Asker): NativeHandlers {
  const numbers = new FoldedInodeNumbers(rememberedNumbers);
  const plain = (operation: string, signal: Signal, path: string | number, run: Parameters<typeof requests.perform<unknown>>[3]): void =>
    requests.perform(operation, path, asker, run, () => signal(0), signal);
  return {
    _op_getattr: (signal: Signal, path: string) => requests.perform(
      'getattr', path, asker, (caller) => calls.getattr(path, caller), (found) => signal(0, statArray(found, numbers.number(found.ino))), signal),
    _op_fgetattr: (signal: Signal, path: string, open: number) => requests.perform(
      'fgetattr', path, asker, (caller) => calls.fgetattr(open, caller), (found) => signal(0, statArray(found, numbers.number(found.ino))), signal),
    _op_statfs: (signal: Signal, path: string) => requests.perform(
      'statfs', path, asker, () => calls.statfs(), (found) => signal(0, statvfsArray(found)), signal),
    _op_readdir: (signal: Signal, path: string) => requests.perform('readdir', path, asker, (caller) => calls.list(path, caller), (entries) => {
      // libfuse takes the number and the type alone from here.
      const listed = entries.map(({ ino, kind }) => statArray({ ...noAttributes, kind, ino }, numbers.number(ino)));
      signal(0, entries.map(({ name }) => name), listed);
    }, signal),
    _op_open: (signal: Signal, path: string, flags: number) => requests.perform(
      'open', path, asker, (caller) => calls.open(path, openFlags(flags), caller), ({ handle }) => signal(0, handle), signal),
    // It keeps the flags to itself. The kernel sees to reading and writing; a file that is there after all must be neither emptied nor mixed with.
    _op_create: (signal: Signal, path: string, mode: number) => requests.perform(
      'create', path, asker, (caller) => calls.create(path, createdFlags, mode, caller), ({ handle }) => signal(0, handle), signal),
    _op_read: (signal: Signal, _path: string, open: number, buffer: Buffer, length: number, low: number, high: number) => requests.perform(
      'read', open, asker, async (caller) => copyPieces(await calls.read(open, fromHalves(low, high), length, caller), buffer),
      (size) => signal(size, 0, buffer.buffer), (result) => signal(result, 0, buffer.buffer)),
    _op_write: (signal: Signal, _path: string, open: number, buffer: Buffer, length: number, low: number, high: number) => requests.perform(
      'write', open, asker,
      (caller) => calls.write(open, fromHalves(low, high), buffer.subarray(0, length), { fromPageCache: false }, caller),
      (size) => signal(size, 0, buffer.buffer), (result) => signal(result, 0, buffer.buffer)),
    _op_flush: (signal: Signal, _path: string, open: number) => plain('flush', signal, open, (caller) => calls.flush(open, caller)),
    _op_fsync: (signal: Signal, _path: string, _dataOnly: number, open: number) => plain('fsync', signal, open, (caller) => calls.fsync(open, caller)),
    _op_fsyncdir: (signal: Signal) => signal(0),
    _op_release: (signal: Signal, _path: string, open: number) => plain('release', signal, open, (caller) => calls.release(open, caller)),
    _op_truncate: (signal: Signal, path: string, low: number, high: number) =>
      plain('truncate', signal, path, (caller) => calls.setattr(path, { size: fromHalves(low, high) }, caller)),
    _op_ftruncate: (signal: Signal, _path: string, open: number, low: number, high: number) =>
      plain('ftruncate', signal, open, (caller) => calls.setattr(open, { size: fromHalves(low, high) }, caller)),
    _op_utimens: (signal: Signal, path: string, low: number, high: number, modified: number | undefined) =>
      plain('utimens', signal, path, (caller) => {
        if (modified === undefined) throw new FsError('EOPNOTSUPP', 'this build of fuse-native does not tell the time of modification');
        return calls.setattr(path, { atime: fromHalves(low, high), mtime: modified }, caller);
      }),
    _op_chmod: (signal: Signal, path: string, mode: number) => plain('chmod', signal, path, (caller) => calls.setattr(path, { mode: mode & 0o7777 }, caller)),
    _op_chown: (signal: Signal, path: string, uid: number, gid: number) =>
      plain('chown', signal, path, (caller) => calls.setattr(path, ownerChanges(uid, gid), caller)),
    _op_mknod: (signal: Signal, path: string, mode: number) => plain('mknod', signal, path, (caller) => calls.mknod(path, mode, caller)),
    _op_mkdir: (signal: Signal, path: string, mode: number) => plain('mkdir', signal, path, (caller) => calls.mkdir(path, mode, caller)),
    _op_unlink: (signal: Signal, path: string) => plain('unlink', signal, path, (caller) => calls.unlink(path, caller)),
    _op_rmdir: (signal: Signal, path: string) => plain('rmdir', signal, path, (caller) => calls.rmdir(path, caller)),
    _op_rename: (signal: Signal, from: string, to: string) =>
      plain('rename', signal, from, (caller) => calls.rename(from, to, { noReplace: false }, caller)),
    _op_link: (signal: Signal) => signal(-systemConstants.errno.EPERM),
    _op_symlink: (signal: Signal) => signal(-systemConstants.errno.EPERM),
    _op_getxattr: (signal: Signal, path: string, name: string, buffer: Buffer) => requests.perform(
      'getxattr', path, asker, async (caller) => fit(await calls.getxattr(path, name, caller), buffer),
      (size) => signal(size, buffer.buffer), (result) => signal(result, buffer.buffer)),
    _op_listxattr: (signal: Signal, path: string, buffer: Buffer) => requests.perform(
      'listxattr', path, asker, async (caller) => fit(xattrNames(await calls.listxattr(path, caller)), buffer),
      (size) => signal(size, buffer.buffer), (result) => signal(result, buffer.buffer)),
    _op_setxattr: (signal: Signal, path: string, name: string, value: Buffer) => requests.perform(
      'setxattr', path, asker, (caller) => calls.setxattr(path, name, value, caller),
      () => signal(0, value.buffer), (result) => signal(result, value.buffer)),
    _op_removexattr: (signal: Signal, path: string, name: string) =>
      plain('removexattr', signal, path, (caller) => calls.removexattr(path, name, caller)),
  };
}

const createdFlags = { read: true, write: true, append: false, truncate: false, exclusive: true } as const;
const noAttributes = { mode: 0, nlink: 1, uid: 0, gid: 0, size: 0, blocks: 0, atime: 0, mtime: 0, ctime: 0 } as const;

/** The size alone where there is no room at all: that is what the program asks for first. */
function fit(value: Uint8Array, room: Buffer): number {
  if (room.length === 0) return value.byteLength;
  if (value.byteLength > room.length) throw new FsError('ERANGE', `${value.byteLength} bytes do not fit into ${room.length}`);
  room.set(value);
  return value.byteLength;
}

/** Puts the time of modification, from the memory that only the outermost handler sees, where the time of access stands twice. */
function mendUtimens(fuse: NativeFuse): void {
  const original = fuse._handlers[utimensHandler];
  if (original === undefined) throw notLoaded('fuse-native', 'Amarre is made for version 2.2.6', new Error('another version'));
  fuse._handlers[utimensHandler] = (memory, operation, path, low, high) => {
    const known = memory instanceof Uint8Array && typeof low === 'number' && typeof high === 'number';
    original(memory, operation, path, low, high, known ? modificationTime(memory, low, high, `${process.platform} ${process.arch}`) : undefined);
  };
}
