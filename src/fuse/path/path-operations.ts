/**
 * Calls by path on the file system's interface by nodes. Knows no binding: what one can and cannot is in its
 * `Capabilities`, and where that changes what is right to do, it is done here.
 */
import { FsError } from '../../errors.js';
import {
  type AttributeChanges, type Attributes, type Caller, type FileHandle, type FileSystem, type NodeId, type OpenFlags,
  type OpenReply, type StatfsReply,
} from '../../filesystem/filesystem.js';
import type { Capabilities } from '../drivers.js';
import { modeType, permissionMask } from '../protocol/flags.js';
import { refuseForeignXattr } from '../xattrs.js';
import type { CopyPlace, Listed, Opened, OpenNumber, PathCalls } from './path-calls.js';
import type { Held, HeldPlace, PathTable } from './path-table.js';

interface OpenFile {
  readonly node: NodeId;
  readonly handle: FileHandle;
  /** Gives back what keeps the node known while the file is open. */
  readonly forget: () => void;
}

/** Below the numbers of files that are kept on this machine (`apple-files.ts`). */
const largestNumber = 2 ** 30 - 1;

export class PathOperations implements PathCalls {
  readonly #fs: FileSystem;
  readonly #paths: PathTable;
  readonly #can: Capabilities;
  readonly #open = new Map<OpenNumber, OpenFile>();
  #lastNumber = 0;

  constructor(fs: FileSystem, paths: PathTable, can: Capabilities) {
    this.#fs = fs;
    this.#paths = paths;
    this.#can = can;
  }

  /** How many files programs have open. */
  get openFiles(): number {
    return this.#open.size;
  }

  getattr(path: string, caller: Caller): Promise<Attributes> {
    return this.#with(path, caller, async ({ node, attributes }) => attributes ?? (await this.#fs.getattr(node, undefined, caller)).attributes);
  }

  async fgetattr(open: OpenNumber, caller: Caller): Promise<Attributes> {
    const { node, handle } = this.#get(open);
    return (await this.#fs.getattr(node, handle, caller)).attributes;
  }

  async setattr(target: string | OpenNumber, changes: AttributeChanges, caller: Caller): Promise<void> {
    if (typeof target === 'number') {
      const { node, handle } = this.#get(target);
      await this.#fs.setattr(node, changes, handle, caller);
      return;
    }
    await this.#with(target, caller, ({ node }) => this.#fs.setattr(node, changes, undefined, caller));
  }

  list(path: string, caller: Caller): Promise<readonly Listed[]> {
    return this.#with(path, caller, async ({ node }) => {
      const handle = await this.#fs.opendir(node, caller);
      try {
        return [...this.#fs.readdir(node, handle, 0)];
      } finally {
        this.#fs.releasedir(node, handle);
      }
    });
  }

  mkdir(path: string, mode: number, caller: Caller): Promise<void> {
    return this.#inFolder(path, caller, async (place) => {
      const made = await this.#fs.mkdir(place.folder.node, place.name, mode & permissionMask, caller);
      this.#paths.keep(place.path, made.node);
    });
  }

  mknod(path: string, mode: number, caller: Caller): Promise<void> {
    const type = mode & modeType.MASK;
    if (type !== modeType.FILE && type !== 0) return Promise.reject(new FsError('EPERM', 'only files and folders can be made here'));
    return this.#inFolder(path, caller, async (place) => {
      const made = await this.#fs.mknod(place.folder.node, place.name, mode & permissionMask, caller);
      this.#paths.keep(place.path, made.node);
    });
  }

  unlink(path: string, caller: Caller): Promise<void> {
    return this.#inFolder(path, caller, async (place) => {
      await this.#fs.unlink(place.folder.node, place.name, caller);
      this.#paths.drop(place.path);
    });
  }

  rmdir(path: string, caller: Caller): Promise<void> {
    return this.#inFolder(path, caller, async (place) => {
      await this.#fs.rmdir(place.folder.node, place.name, caller);
      this.#paths.drop(place.path);
    });
  }

  rename(from: string, to: string, options: { readonly noReplace: boolean }, caller: Caller): Promise<void> {
    return this.#inFolder(from, caller, (source) => this.#inFolder(to, caller, async (target) => {
      await this.#fs.rename(source.folder.node, source.name, target.folder.node, target.name, options, caller);
      this.#paths.rename(source.path, target.path);
    }));
  }

  async open(path: string, flags: OpenFlags, caller: Caller): Promise<Opened> {
    const held = await this.#paths.resolve(requireUtf8(path), caller);
    const forget = held.take();
    try {
      return await this.#enter(held.node, await this.#fs.open(held.node, flags, caller), forget, caller);
    } catch (thrown) {
      forget();
      throw thrown;
    }
  }

  create(path: string, flags: OpenFlags, mode: number, caller: Caller): Promise<Opened> {
    return this.#inFolder(path, caller, async (place) => {
      const made = await this.#fs.create(place.folder.node, place.name, flags, mode & permissionMask, caller);
      const forget = (): void => this.#fs.forget(made.node, 1);
      try {
        return await this.#enter(made.node, made, forget, caller);
      } catch (thrown) {
        forget();
        throw thrown;
      }
    });
  }

  read(open: OpenNumber, offset: number, length: number, caller: Caller): Promise<readonly Uint8Array[]> {
    return this.#on(open, ({ node, handle }) => this.#fs.read(node, handle, offset, length, caller));
  }

  write(open: OpenNumber, offset: number, data: Uint8Array, options: { readonly fromPageCache: boolean }, caller: Caller): Promise<number> {
    return this.#on(open, ({ node, handle }) => this.#fs.write(node, handle, offset, data, options, caller));
  }

  flush(open: OpenNumber, caller: Caller): Promise<void> {
    return this.#on(open, ({ node, handle }) => this.#fs.flush(node, handle, caller));
  }

  fsync(open: OpenNumber, caller: Caller): Promise<void> {
    return this.#on(open, ({ node, handle }) => this.#fs.fsync(node, handle, caller));
  }

  async release(open: OpenNumber, caller: Caller): Promise<void> {
    const { node, handle, forget } = this.#get(open);
    this.#open.delete(open);
    try {
      await this.#fs.release(node, handle, caller);
    } finally {
      forget();
    }
  }

  fallocate(open: OpenNumber, mode: number, offset: number, length: number, caller: Caller): Promise<void> {
    return this.#on(open, ({ node, handle }) => this.#fs.fallocate(node, handle, mode, offset, length, caller));
  }

  lseek(open: OpenNumber, offset: number, whence: 'data' | 'hole', caller: Caller): Promise<number> {
    return this.#on(open, ({ node, handle }) => this.#fs.lseek(node, handle, offset, whence, caller));
  }

  async copyRange(from: CopyPlace, to: CopyPlace, length: number, caller: Caller): Promise<number> {
    const [source, target] = [this.#get(from.open), this.#get(to.open)];
    return this.#fs.copyRange(
      { node: source.node, handle: source.handle, offset: from.offset }, { node: target.node, handle: target.handle, offset: to.offset }, length, caller,
    );
  }

  statfs(): StatfsReply {
    return this.#fs.statfs();
  }

  getxattr(path: string, name: string, caller: Caller): Promise<Uint8Array> {
    return this.#xattr(path, name, caller, ({ node }) => this.#fs.getxattr(node, name, caller));
  }

  listxattr(path: string, caller: Caller): Promise<readonly string[]> {
    return this.#with(path, caller, ({ node }) => Promise.resolve(this.#fs.listxattr(node)));
  }

  setxattr(path: string, name: string, value: Uint8Array, caller: Caller): Promise<void> {
    return this.#xattr(path, name, caller, ({ node }) => this.#fs.setxattr(node, name, value, caller));
  }

  removexattr(path: string, name: string, caller: Caller): Promise<void> {
    return this.#xattr(path, name, caller, ({ node }) => this.#fs.removexattr(node, name, caller));
  }

  /** Refuses the attributes that no platform has before the path is looked up: they are asked for most. */
  async #xattr<Value>(path: string, name: string, caller: Caller, perform: (held: Held) => Promise<Value>): Promise<Value> {
    refuseForeignXattr(name);
    return this.#with(path, caller, perform);
  }

  async #with<Value>(path: string, caller: Caller, perform: (held: Held) => Promise<Value>): Promise<Value> {
    const held = await this.#paths.resolve(requireUtf8(path), caller);
    try {
      return await perform(held);
    } finally {
      held.release();
    }
  }

  async #inFolder<Value>(path: string, caller: Caller, perform: (place: HeldPlace) => Promise<Value>): Promise<Value> {
    const place = await this.#paths.resolvePlace(requireUtf8(path), caller);
    try {
      return await perform(place);
    } finally {
      place.folder.release();
    }
  }

  // As a promise whatever happens: a file that is not open fails like anything else.
  async #on<Value>(open: OpenNumber, perform: (file: OpenFile) => Promise<Value>): Promise<Value> {
    return perform(this.#get(open));
  }

  /** Gives an open file its number, unless its reads would mix two versions in the kernel's pages. */
  async #enter(node: NodeId, opened: OpenReply, forget: () => void, caller: Caller): Promise<Opened> {
    const { handle, keepCache, directIo } = opened;
    if (opened.pagesOfAnother === true && !this.#can.readsPastPages) {
      await this.#fs.release(node, handle, caller);
      throw new FsError('EBUSY', 'another program has an older version open, and this driver cannot show both');
    }
    do this.#lastNumber = this.#lastNumber === largestNumber ? 1 : this.#lastNumber + 1;
    while (this.#open.has(this.#lastNumber));
    this.#open.set(this.#lastNumber, { node, handle, forget });
    return { handle: this.#lastNumber, keepCache, directIo };
  }

  #get(open: OpenNumber): OpenFile {
    const file = this.#open.get(open);
    if (file === undefined) throw new FsError('EBADF', `no file is open as ${open}`);
    return file;
  }
}

/**
 * Bindings hand over names as text: bytes that are not UTF-8 have become U+FFFD, and cannot be told from each other
 * nor from a name that holds it. Such a name is refused rather than taken for another.
 */
function requireUtf8(path: string): string {
  if (path.includes('\ufffd')) throw new FsError('EILSEQ', 'a name that is not UTF-8');
  return path;
}
