/**
 * fuse-napi 2.3.1: libfuse 3 for Node 22 and later, prebuilt for Linux and for Macs of both kinds. It tells all that
 * a program said; what libfuse 3 would only do when told in its `init`, which the package does not pass on, stays
 * undone: numbers of inodes are libfuse's own, and an open file that is removed goes under a `.fuse_hidden` name.
 */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { z } from 'zod';
import { FsError } from '../../errors.js';
import type { Attributes, StatfsReply, TimeChange } from '../../filesystem/filesystem.js';
import { capabilities } from '../drivers.js';
import { mountSubtype } from '../mount/options.js';
import { modeType, renameBits, seekWhence } from '../protocol/flags.js';
import { fromMilliseconds, toMilliseconds } from '../protocol/times.js';
import { notLoaded, openFlags, ownerChanges, type Binding, type BindingOptions } from './binding.js';
import type { PathCalls } from './path-calls.js';
import type { Asker, Requests } from './requests.js';

type Answer = (result: number, value?: unknown, more?: unknown) => void;
/** An open file: what `open` answered, whichever kind of number comes back. */
type Open = number | bigint;
type Path = string | null;

interface Timespec {
  readonly seconds: number | bigint;
  readonly nanoseconds: number;
}

interface NapiContext extends Asker {
  readonly fileInfo: { readonly writepage: boolean } | null;
}

interface NapiFuse {
  _fuseOptions: () => string;
  context(): NapiContext | null;
  mount(done: (error?: Error | null) => void): void;
  close(done: (error?: Error | null) => void): void;
}
interface NapiFuseClass {
  new (mountpoint: string, operations: object, options: object): NapiFuse;
  readonly UTIME_NOW: number;
  readonly UTIME_OMIT: number;
}

const classSchema = z.custom<NapiFuseClass>((value) => typeof value === 'function' && 'UTIME_NOW' in value && 'UTIME_OMIT' in value);

/** Requests at once; each has a thread, and one that waits for the platform must not keep `ls` waiting. */
const threads = 64;

/** Node's that the package is made for. */
const smallestNode = 22;

/** Loads the package. ENOSYS with the remedy where it cannot be. */
export function loadFuseNapi(): NapiFuseClass {
  const node = Number(process.versions.node.split('.')[0]);
  if (node < smallestNode) {
    throw new FsError('ENOSYS', `fuse-napi needs Node.js ${smallestNode} or later, and this is ${process.version}: run Amarre with a newer one`);
  }
  try {
    return classSchema.parse(createRequire(import.meta.url)('fuse-napi'));
  } catch (thrown) {
    throw notLoaded('fuse-napi', 'npm install fuse-napi@2.3.1, in the folder of Amarre, and libfuse 3 (Debian: fuse3, macOS: macFUSE)', thrown);
  }
}

/** The binding, ready to mount. */
export function openFuseNapi(calls: PathCalls, requests: Requests, options: BindingOptions, asker: Asker): Binding {
  const Fuse = loadFuseNapi();
  const { largestRead } = capabilities['fuse-napi'];
  const who = (): NapiContext => fuse.context() ?? { ...asker, fileInfo: null };
  const fuse: NapiFuse = new Fuse(options.mountpoint, napiOperations(calls, requests, who, Fuse), {
    timeout: false, nullPathOk: true, maxConcurrency: threads, maxRead: largestRead, defaultPermissions: true,
    attrTimeout: 0, entryTimeout: options.nameTtl / 1000, onError: (thrown: unknown) => requests.complain(thrown),
  });
  const text = fuse._fuseOptions();
  // What it has no option for, or would refuse: a source with a comma, and allow_other to root without a line in /etc/fuse.conf.
  fuse._fuseOptions = () => [
    text, `fsname=${options.fsname.replace(/[\\,]/g, '\\$&')}`, `negative_timeout=${options.nameTtl / 1000}`,
    ...(process.platform === 'darwin' ? [] : [`subtype=${mountSubtype}`, 'nosuid', 'nodev']), ...(options.allowOther ? ['allow_other'] : []), ...(options.readOnly ? ['ro'] : []),
  ].join(',');
  return {
    mount: () => new Promise((resolve, reject) => {
      fuse.mount((error) => {
        if (error === null || error === undefined) resolve();
        else reject(new FsError('EPERM', `mount on ${options.mountpoint} through fuse-napi failed: ${error.message}`, { cause: error }));
      });
    }),
    close: () => new Promise((resolve) => fuse.close(() => resolve())),
  };
}

function napiOperations(
  calls: PathCalls, requests: Requests, who: () => NapiContext, { UTIME_NOW, UTIME_OMIT }: Pick<NapiFuseClass, 'UTIME_NOW' | 'UTIME_OMIT'>,
): object {
  const perform = requests.perform.bind(requests);
  type Run = Parameters<typeof requests.perform<unknown>>[3];
  const plain = (operation: string, about: string | number, run: Run, answer: Answer): void =>
    perform(operation, about, who(), run, () => answer(0), answer);
  const time = (spec: Timespec): TimeChange | undefined => {
    if (spec.nanoseconds === UTIME_OMIT) return undefined;
    return spec.nanoseconds === UTIME_NOW ? 'now' : toMilliseconds({ seconds: Number(spec.seconds), nanoseconds: spec.nanoseconds - spec.nanoseconds % 1000 });
  };
  return {
    getattr: (path: string, answer: Answer) => perform('getattr', path, who(), (caller) => calls.getattr(path, caller), (found) => answer(0, stat(found)), answer),
    fgetattr: (_path: Path, open: Open, answer: Answer) => perform(
      'fgetattr', Number(open), who(), (caller) => calls.fgetattr(Number(open), caller), (found) => answer(0, stat(found)), answer),
    statfs: (path: string, answer: Answer) => perform('statfs', path, who(), () => calls.statfs(), (found) => answer(0, statvfs(found)), answer),
    readdir: (path: string, answer: Answer) => perform('readdir', path, who(), (caller) => calls.list(path, caller), (entries) => answer(
      0, entries.map(({ name }) => name), entries.map(({ ino, kind }) => ({ ino, mode: kind === 'folder' ? modeType.FOLDER : modeType.FILE }))), answer),
    open: (path: string, flags: number, answer: Answer) => perform(
      'open', path, who(), (caller) => calls.open(path, openFlags(flags), caller),
      ({ handle, keepCache, directIo }) => answer(0, { fd: handle, keepCache, directIO: directIo }), answer),
    createWithFlags: (path: string, mode: number, flags: number, answer: Answer) => perform(
      'create', path, who(), (caller) => calls.create(path, openFlags(flags), mode, caller),
      ({ handle, keepCache, directIo }) => answer(0, { fd: handle, keepCache, directIO: directIo }), answer),
    readBuffer: (_path: Path, open: Open, length: number, offset: number | bigint, answer: Answer) => perform(
      'read', Number(open), who(), (caller) => calls.read(Number(open), Number(offset), length, caller), (pieces) => answer(0, Buffer.concat(pieces)), answer),
    write: (_path: Path, open: Open, buffer: Buffer, length: number, offset: number | bigint, answer: Answer) => {
      const asking = who();
      perform('write', Number(open), asking, (caller) => calls.write(
        Number(open), Number(offset), buffer.subarray(0, length), { fromPageCache: asking.fileInfo?.writepage === true }, caller), answer, answer);
    },
    flush: (_path: Path, open: Open, answer: Answer) => plain('flush', Number(open), (caller) => calls.flush(Number(open), caller), answer),
    fsync: (_path: Path, _dataOnly: boolean, open: Open, answer: Answer) => plain('fsync', Number(open), (caller) => calls.fsync(Number(open), caller), answer),
    fsyncdir: (_path: Path, _dataOnly: boolean, _open: Open, answer: Answer) => answer(0),
    release: (_path: Path, open: Open, answer: Answer) => plain('release', Number(open), (caller) => calls.release(Number(open), caller), answer),
    truncate: (path: string, size: number | bigint, answer: Answer) => plain('truncate', path, (caller) => calls.setattr(path, { size: Number(size) }, caller), answer),
    ftruncate: (_path: Path, open: Open, size: number | bigint, answer: Answer) =>
      plain('ftruncate', Number(open), (caller) => calls.setattr(Number(open), { size: Number(size) }, caller), answer),
    utimensWithHandle: (path: Path, open: Open, accessed: Timespec, modified: Timespec, answer: Answer) => {
      const [atime, mtime] = [time(accessed), time(modified)];
      const target = path ?? Number(open);
      plain('utimens', target, (caller) => calls.setattr(
        target, { ...(atime === undefined ? {} : { atime }), ...(mtime === undefined ? {} : { mtime }) }, caller), answer);
    },
    chmodWithHandle: (path: Path, open: Open, mode: number, answer: Answer) =>
      plain('chmod', path ?? Number(open), (caller) => calls.setattr(path ?? Number(open), { mode: mode & 0o7777 }, caller), answer),
    chownWithHandle: (path: Path, open: Open, uid: number, gid: number, answer: Answer) =>
      plain('chown', path ?? Number(open), (caller) => calls.setattr(path ?? Number(open), ownerChanges(uid, gid), caller), answer),
    mknod: (path: string, mode: number, _device: unknown, answer: Answer) => plain('mknod', path, (caller) => calls.mknod(path, mode, caller), answer),
    mkdir: (path: string, mode: number, answer: Answer) => plain('mkdir', path, (caller) => calls.mkdir(path, mode, caller), answer),
    unlink: (path: string, answer: Answer) => plain('unlink', path, (caller) => calls.unlink(path, caller), answer),
    rmdir: (path: string, answer: Answer) => plain('rmdir', path, (caller) => calls.rmdir(path, caller), answer),
    renameWithFlags: (from: string, to: string, flags: number, answer: Answer) => plain('rename', from, (caller) => {
      if ((flags & ~renameBits.NOREPLACE) !== 0) throw new FsError('EINVAL', 'a rename of a kind that is not possible here');
      return calls.rename(from, to, { noReplace: (flags & renameBits.NOREPLACE) !== 0 }, caller);
    }, answer),
    link: (_from: string, _to: string, answer: Answer) => answer(-constants.errno.EPERM),
    symlink: (_from: string, _to: string, answer: Answer) => answer(-constants.errno.EPERM),
    fallocate: (_path: Path, open: Open, mode: number, offset: number | bigint, length: number | bigint, answer: Answer) =>
      plain('fallocate', Number(open), (caller) => {
        if (mode !== 0) throw new FsError('EOPNOTSUPP', `fallocate(2) in mode ${mode} is not supported`);
        return calls.fallocate(Number(open), mode, Number(offset), Number(length), caller);
      }, answer),
    copyFileRange: (
      _from: Path, fromOpen: Open, fromOffset: number | bigint, _to: Path, toOpen: Open, toOffset: number | bigint, length: number | bigint, flags: number, answer: Answer,
    ) => perform('copyFileRange', Number(fromOpen), who(), (caller) => {
      if (flags !== 0) throw new FsError('EINVAL', 'copy_file_range(2) with flags');
      return calls.copyRange({ open: Number(fromOpen), offset: Number(fromOffset) }, { open: Number(toOpen), offset: Number(toOffset) }, Number(length), caller);
    }, answer, answer),
    lseek: (_path: Path, open: Open, offset: number | bigint, whence: number, answer: Answer) => perform('lseek', Number(open), who(), (caller) => {
      const kind = whence === seekWhence.DATA ? 'data' : whence === seekWhence.HOLE ? 'hole' : undefined;
      if (kind === undefined) throw new FsError('EINVAL', `lseek(2) with whence ${whence}`);
      return calls.lseek(Number(open), Number(offset), kind, caller);
    }, (found) => answer(0, found), answer),
    getxattr: (path: string, name: string, _position: number, answer: Answer) => perform(
      'getxattr', path, who(), (caller) => calls.getxattr(path, name, caller), (value) => answer(0, Buffer.from(value)), answer),
    listxattr: (path: string, answer: Answer) => perform(
      'listxattr', path, who(), (caller) => calls.listxattr(path, caller), (names) => answer(0, [...names]), answer),
    setxattr: (path: string, name: string, value: Buffer, _position: number, _flags: number, answer: Answer) =>
      plain('setxattr', path, (caller) => calls.setxattr(path, name, value, caller), answer),
    removexattr: (path: string, name: string, answer: Answer) => plain('removexattr', path, (caller) => calls.removexattr(path, name, caller), answer),
  };
}

function stat({ ino, kind, mode, nlink, uid, gid, size, blocks, atime, mtime, ctime }: Attributes): object {
  return {
    ino, mode: (kind === 'folder' ? modeType.FOLDER : modeType.FILE) | mode, nlink, uid, gid, size, blksize: 4096, blocks,
    atime: fromMilliseconds(atime), mtime: fromMilliseconds(mtime), ctime: fromMilliseconds(ctime),
  };
}

function statvfs({ blockSize, blocks, blocksFree, files, filesFree, nameLength }: StatfsReply): object {
  return { bsize: blockSize, frsize: blockSize, blocks, bfree: blocksFree, bavail: blocksFree, files, ffree: filesFree, favail: filesFree, namemax: nameLength };
}
