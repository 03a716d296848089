/**
 * What macOS leaves beside people's files: `._name` with what the file system has no place for, `.DS_Store` with how
 * a folder is shown. They may be stored like any file, refused, or kept in this machine's memory until the mount ends.
 */
import { FsError } from '../../errors.js';
import type { AttributeChanges, Attributes, Caller, TimeChange } from '../../filesystem/filesystem.js';
import { withChanges, type Listed, type Opened, type OpenNumber, type PathCalls } from './path-calls.js';

export const appleFileWays = ['store', 'refuse', 'local'] as const;
export type AppleFileWay = (typeof appleFileWays)[number];

/** Whether the last name of a path is one of those. */
export function isAppleFile(path: string): boolean {
  return /\/(?:\._[^/]*|\.DS_Store)$/.test(path);
}

/** The calls, with Apple's files treated that way. Those that the platform has already are files like any other. */
export function withAppleFiles(inner: PathCalls, way: AppleFileWay, owner: { readonly uid: number; readonly gid: number }): PathCalls {
  if (way === 'store') return inner;
  return way === 'refuse' ? refusing(inner) : withChanges(inner, new LocalAppleFiles(inner, owner).changes());
}

function refusing(inner: PathCalls): PathCalls {
  const refuse = (path: string): void => {
    if (isAppleFile(path)) throw new FsError('EPERM', `${path}: --apple-files refuse keeps such files out`);
  };
  return withChanges(inner, {
    async mknod(path, mode, caller) {
      refuse(path);
      await inner.mknod(path, mode, caller);
    },
    async create(path, flags, mode, caller) {
      refuse(path);
      return await inner.create(path, flags, mode, caller);
    },
    async rename(from, to, options, caller) {
      if (!isAppleFile(from)) refuse(to);
      await inner.rename(from, to, options, caller);
    },
  });
}

/** Bytes of all local files together. */
const localLimit = 64 * 2 ** 20;
/** Above the numbers of the platform's files. */
const firstNumber = 2 ** 30;
/** Far from the platform's hashes, which are spread over all 64 bits. */
const firstIno = 0xa991_e000_0000n;

interface LocalFile {
  readonly ino: bigint;
  bytes: Buffer;
  atime: number;
  mtime: number;
  ctime: number;
}

class LocalAppleFiles {
  readonly #inner: PathCalls;
  readonly #owner: { readonly uid: number; readonly gid: number };
  readonly #files = new Map<string, LocalFile>();
  readonly #open = new Map<OpenNumber, LocalFile>();
  #made = 0;
  #opened = 0;
  #used = 0;

  constructor(inner: PathCalls, owner: { readonly uid: number; readonly gid: number }) {
    this.#inner = inner;
    this.#owner = owner;
  }

  changes(): Partial<PathCalls> {
    const inner = this.#inner;
    const on = async <Value>(open: OpenNumber, local: (file: LocalFile) => Value | Promise<Value>, other: () => Promise<Value>): Promise<Value> => {
      const file = this.#open.get(open);
      return file === undefined ? await other() : await local(file);
    };
    return {
      getattr: async (path, caller) => this.#at(path, (file) => this.#attributes(file), () => inner.getattr(path, caller)),
      fgetattr: (open, caller) => on(open, (file) => this.#attributes(file), () => inner.fgetattr(open, caller)),
      setattr: async (target, wanted, caller) => typeof target === 'string'
        ? await this.#at(target, (file) => this.#change(file, wanted), () => inner.setattr(target, wanted, caller))
        : await on(target, (file) => this.#change(file, wanted), () => inner.setattr(target, wanted, caller)),
      list: async (path, caller) => this.#list(path, await inner.list(path, caller)),
      mknod: async (path, mode, caller) => {
        if (isAppleFile(path)) this.#make(path);
        else await inner.mknod(path, mode, caller);
      },
      create: async (path, flags, mode, caller) => isAppleFile(path) ? this.#enter(this.#make(path)) : await inner.create(path, flags, mode, caller),
      open: (path, flags, caller) => this.#at(path, (file) => {
        if (flags.truncate) this.#resize(file, 0);
        return this.#enter(file);
      }, () => inner.open(path, flags, caller)),
      unlink: (path, caller) => this.#at(path, () => this.#drop(path), () => inner.unlink(path, caller)),
      rmdir: async (path, caller) => {
        await inner.rmdir(path, caller);
        for (const name of this.#below(path)) this.#drop(name);
      },
      rename: (from, to, options, caller) => this.#rename(from, to, options, caller),
      read: (open, offset, length, caller) => on(open, (file) => [Uint8Array.from(file.bytes.subarray(offset, offset + length))], async () => [...await inner.read(open, offset, length, caller)]),
      write: (open, offset, data, options, caller) => on(open, (file) => {
        if (offset + data.byteLength > file.bytes.byteLength) this.#resize(file, offset + data.byteLength);
        file.bytes.set(data, offset);
        file.mtime = file.ctime = Date.now();
        return data.byteLength;
      }, () => inner.write(open, offset, data, options, caller)),
      flush: (open, caller) => on(open, () => undefined, () => inner.flush(open, caller)),
      fsync: (open, caller) => on(open, () => undefined, () => inner.fsync(open, caller)),
      release: (open, caller) => on(open, () => void this.#open.delete(open), () => inner.release(open, caller)),
      fallocate: (open, mode, offset, length, caller) => on(
        open, (file) => this.#resize(file, Math.max(file.bytes.byteLength, offset + length)), () => inner.fallocate(open, mode, offset, length, caller)),
      lseek: (open, offset, whence, caller) => on(open, (file) => {
        if (offset >= file.bytes.byteLength) throw new FsError('ENXIO', 'behind the end');
        return whence === 'data' ? offset : file.bytes.byteLength;
      }, () => inner.lseek(open, offset, whence, caller)),
      copyRange: async (from, to, length, caller) => {
        if (this.#open.has(from.open) || this.#open.has(to.open)) throw new FsError('EOPNOTSUPP', 'a local file is read and written');
        return await inner.copyRange(from, to, length, caller);
      },
      getxattr: (path, name, caller) => this.#at(path, none, () => inner.getxattr(path, name, caller)),
      setxattr: (path, name, value, caller) => this.#at(path, none, () => inner.setxattr(path, name, value, caller)),
      removexattr: (path, name, caller) => this.#at(path, none, () => inner.removexattr(path, name, caller)),
      listxattr: (path, caller) => this.#at(path, (): readonly string[] => [], () => inner.listxattr(path, caller)),
    };
  }

  async #at<Value>(path: string, local: (file: LocalFile) => Value, other: () => Promise<Value>): Promise<Value> {
    const file = this.#files.get(path);
    return file === undefined ? await other() : local(file);
  }

  #make(path: string): LocalFile {
    if (this.#files.has(path)) throw new FsError('EEXIST', `${path} exists`);
    this.#made += 1;
    const now = Date.now();
    const file: LocalFile = { ino: firstIno + BigInt(this.#made), bytes: Buffer.alloc(0), atime: now, mtime: now, ctime: now };
    this.#files.set(path, file);
    return file;
  }

  #enter(file: LocalFile): Opened {
    this.#opened += 1;
    this.#open.set(firstNumber + this.#opened, file);
    return { handle: firstNumber + this.#opened, keepCache: false, directIo: false };
  }

  #resize(file: LocalFile, size: number): void {
    if (this.#used - file.bytes.byteLength + size > localLimit) throw new FsError('ENOSPC', `files kept by --apple-files local take ${localLimit} bytes already`);
    this.#used += size - file.bytes.byteLength;
    const grown = Buffer.alloc(size);
    file.bytes.copy(grown);
    file.bytes = grown;
    file.mtime = file.ctime = Date.now();
  }

  #change(file: LocalFile, { size, atime, mtime }: AttributeChanges): void {
    if (size !== undefined) this.#resize(file, size);
    const time = (change: TimeChange): number => (change === 'now' ? Date.now() : change);
    if (atime !== undefined) file.atime = time(atime);
    if (mtime !== undefined) file.mtime = time(mtime);
    file.ctime = Date.now();
  }

  #drop(path: string): void {
    this.#used -= this.#files.get(path)?.bytes.byteLength ?? 0;
    this.#files.delete(path);
  }

  #below(folder: string): string[] {
    return [...this.#files.keys()].filter((path) => path.startsWith(`${folder}/`));
  }

  async #rename(from: string, to: string, options: { readonly noReplace: boolean }, caller: Caller): Promise<void> {
    const file = this.#files.get(from);
    if (file === undefined) {
      // Their own `._` goes with them by itself: macOS renames it, too.
      if (this.#files.has(to)) throw new FsError('EXDEV', `${to} is kept on this machine`);
      await this.#inner.rename(from, to, options, caller);
      for (const path of this.#below(from)) this.#move(path, to + path.slice(from.length));
      return;
    }
    if (!isAppleFile(to)) throw new FsError('EXDEV', `${from} is kept on this machine`);
    if (options.noReplace && this.#files.has(to)) throw new FsError('EEXIST', `${to} exists`);
    this.#move(from, to);
  }

  #move(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined || from === to) return;
    this.#drop(to);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  #list(folder: string, entries: readonly Listed[]): readonly Listed[] {
    const prefix = folder === '/' ? '/' : `${folder}/`;
    const local = [...this.#files].flatMap(([path, { ino }]): Listed[] => {
      const name = path.startsWith(prefix) ? path.slice(prefix.length) : '';
      return name === '' || name.includes('/') ? [] : [{ name, ino, kind: 'file' }];
    });
    const names = new Set(local.map(({ name }) => name));
    return [...entries.filter(({ name }) => !names.has(name)), ...local];
  }

  #attributes({ ino, bytes, atime, mtime, ctime }: LocalFile): Attributes {
    return { ino, kind: 'file', mode: 0o644, nlink: 1, ...this.#owner, size: bytes.byteLength, blocks: Math.ceil(bytes.byteLength / 512), atime, mtime, ctime };
  }
}

function none(): never {
  throw new FsError('EOPNOTSUPP', 'a local file has no attributes');
}
