/**
 * A file system in memory behind the drivers' interface, so that a driver is tested without a platform:
 * it keeps bytes, names and times, counts what it is asked, and can be told to stall.
 */
import { FsError } from '../../src/errors.js';
import {
  rootNode, type AttributeChanges, type Attributes, type AttributesReply, type Caller, type CopyEnd, type DirectoryEntry, type EntryReply,
  type FileHandle, type FileSystem, type KernelNotices, type NegativeReply, type NodeId, type OpenFlags, type OpenReply,
  type Pending, type StatfsReply, type TimeChange, type UnsentFile,
} from '../../src/filesystem/filesystem.js';

interface MemoryNode {
  readonly id: NodeId;
  readonly kind: 'file' | 'folder';
  readonly children: Map<string, MemoryNode>;
  readonly xattrs: Map<string, Uint8Array>;
  parent: MemoryNode | undefined;
  bytes: Buffer;
  size: number;
  mode: number;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
  ctime: number;
  lookups: number;
}

interface MemoryHandle {
  readonly node: MemoryNode;
  /** Aborted by a flush: what closes a file no longer waits for its bytes. */
  readonly closing: AbortController;
}

export interface MemoryOptions {
  /** Milliseconds that the kernel may believe names and attributes. */
  readonly ttl: number;
  /** Bytes are not kept, reads are zeros: for measuring a driver alone. Absent: they are kept. */
  readonly discard?: boolean;
  /** Reads go past the kernel's pages. */
  readonly directIo: boolean;
  /** The kernel's pages stay good from one open to the next. Absent: no. */
  readonly keepCache?: boolean;
  readonly uid: number;
  readonly gid: number;
}

/** What was asked so far. */
export interface MemoryReport {
  /** Calls by the member's name. */
  readonly calls: Readonly<Record<string, number>>;
  readonly largestRead: number;
  readonly largestWrite: number;
  /** Reads that ended since somebody interrupted them. */
  readonly interrupted: number;
  /** Lookup counts that the kernel holds, over all nodes but the root. */
  readonly lookups: number;
  readonly openHandles: number;
}

const nameLimit = 255;
const zeros = new Uint8Array(1024 * 1024);

export class MemoryFileSystem implements FileSystem {
  readonly #options: MemoryOptions;
  readonly #nodes = new Map<NodeId, MemoryNode>();
  readonly #handles = new Map<FileHandle, MemoryHandle>();
  readonly #snapshots = new Map<FileHandle, readonly DirectoryEntry[]>();
  readonly #calls = new Map<string, number>();
  readonly #stalled = new Set<string>();
  readonly #root: MemoryNode;
  #nextNode = rootNode;
  #nextHandle = 1;
  #largestRead = 0;
  #largestWrite = 0;
  #interrupted = 0;
  /** For tests that send notices of their own. */
  notices: KernelNotices | undefined;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.#root = this.#newNode('folder', 0o755, undefined);
  }

  /** Members named here (`read`, `getattr` …) answer no more, until their caller is interrupted. */
  stall(member: string): void {
    this.#stalled.add(member);
  }

  report(): MemoryReport {
    const others = [...this.#nodes.values()].filter((node) => node !== this.#root);
    return {
      calls: Object.fromEntries(this.#calls),
      largestRead: this.#largestRead,
      largestWrite: this.#largestWrite,
      interrupted: this.#interrupted,
      lookups: others.reduce((sum, node) => sum + node.lookups, 0),
      openHandles: this.#handles.size + this.#snapshots.size,
    };
  }

  /** Makes a file without asking the kernel's leave, as another machine would. */
  plant(parent: NodeId, name: string, content: Uint8Array): NodeId {
    const folder = this.#folder(parent);
    const node = folder.children.get(name) ?? this.#newNode('file', 0o644, folder);
    folder.children.set(name, node);
    node.bytes = Buffer.from(content);
    node.size = content.byteLength;
    node.mtime = node.ctime = Date.now();
    return node.id;
  }

  /** The node of a child, undefined where there is none. */
  nodeOf(parent: NodeId, name: string): NodeId | undefined {
    return this.#folder(parent).children.get(name)?.id;
  }

  attachKernel(notices: KernelNotices): void {
    this.notices = notices;
  }

  async lookup(parent: NodeId, name: string, caller: Caller): Promise<EntryReply | NegativeReply> {
    await this.#asked('lookup', caller);
    checkName(name);
    const child = this.#folder(parent).children.get(name);
    return child === undefined ? { node: 0, ttl: this.#options.ttl } : this.#entry(child);
  }

  forget(node: NodeId, lookups: number): void {
    this.#count('forget');
    const found = this.#nodes.get(node);
    if (found === undefined || found === this.#root) return;
    found.lookups -= lookups;
    if (found.lookups < 0) throw new FsError('EIO', `node ${node} was forgotten more often than it was looked up`);
    this.#drop(found);
  }

  async getattr(node: NodeId, _handle: FileHandle | undefined, caller: Caller): Promise<AttributesReply> {
    await this.#asked('getattr', caller);
    return this.#attributes(this.#node(node));
  }

  async setattr(node: NodeId, changes: AttributeChanges, _handle: FileHandle | undefined, caller: Caller): Promise<AttributesReply> {
    await this.#asked('setattr', caller);
    const found = this.#node(node);
    const now = Date.now();
    if (changes.size !== undefined) {
      this.#resize(found, changes.size);
      found.mtime = now;
    }
    found.mode = changes.mode ?? found.mode;
    found.uid = changes.uid ?? found.uid;
    found.gid = changes.gid ?? found.gid;
    found.atime = timeOf(changes.atime, now) ?? found.atime;
    found.mtime = timeOf(changes.mtime, now) ?? found.mtime;
    found.ctime = now;
    return this.#attributes(found);
  }

  async mkdir(parent: NodeId, name: string, mode: number, caller: Caller): Promise<EntryReply> {
    await this.#asked('mkdir', caller);
    return this.#entry(this.#make(parent, name, 'folder', mode, caller));
  }

  async mknod(parent: NodeId, name: string, mode: number, caller: Caller): Promise<EntryReply> {
    await this.#asked('mknod', caller);
    return this.#entry(this.#make(parent, name, 'file', mode, caller));
  }

  async create(parent: NodeId, name: string, flags: OpenFlags, mode: number, caller: Caller): Promise<EntryReply & OpenReply> {
    await this.#asked('create', caller);
    const existing = this.#folder(parent).children.get(name);
    if (existing !== undefined && flags.exclusive) throw new FsError('EEXIST', `${name} is there`);
    const node = existing ?? this.#make(parent, name, 'file', mode, caller);
    if (flags.truncate) this.#resize(node, 0);
    return { ...this.#entry(node), ...this.#opened(node) };
  }

  async unlink(parent: NodeId, name: string, caller: Caller): Promise<void> {
    await this.#asked('unlink', caller);
    this.#remove(parent, name, 'file');
  }

  async rmdir(parent: NodeId, name: string, caller: Caller): Promise<void> {
    await this.#asked('rmdir', caller);
    this.#remove(parent, name, 'folder');
  }

  async rename(
    parent: NodeId, name: string, newParent: NodeId, newName: string, options: { readonly noReplace: boolean }, caller: Caller,
  ): Promise<void> {
    await this.#asked('rename', caller);
    checkName(newName);
    const from = this.#folder(parent);
    const to = this.#folder(newParent);
    const moved = from.children.get(name);
    if (moved === undefined) throw new FsError('ENOENT', `no ${name}`);
    const target = to.children.get(newName);
    if (target !== undefined) {
      if (options.noReplace) throw new FsError('EEXIST', `${newName} is there`);
      this.#remove(newParent, newName, moved.kind);
    }
    from.children.delete(name);
    to.children.set(newName, moved);
    moved.parent = to;
    from.mtime = to.mtime = moved.ctime = Date.now();
  }

  async open(node: NodeId, flags: OpenFlags, caller: Caller): Promise<OpenReply> {
    await this.#asked('open', caller);
    const found = this.#node(node);
    if (flags.truncate) this.#resize(found, 0);
    return this.#opened(found);
  }

  async read(node: NodeId, handle: FileHandle, offset: number, length: number, caller: Caller): Promise<readonly Uint8Array[]> {
    await this.#asked('read', caller, this.#handle(handle).closing.signal);
    const found = this.#node(node);
    this.#largestRead = Math.max(this.#largestRead, length);
    if (this.#options.discard === true) return [zeros.subarray(0, Math.max(0, Math.min(length, found.size - offset)))];
    // A copy: the reply may still be on its way when a write changes these bytes.
    return [Uint8Array.from(found.bytes.subarray(offset, Math.min(offset + length, found.size)))];
  }

  async write(
    node: NodeId, _handle: FileHandle, offset: number, data: Uint8Array,
    _options: { readonly fromPageCache: boolean }, caller: Caller,
  ): Promise<number> {
    await this.#asked('write', caller);
    const found = this.#node(node);
    this.#largestWrite = Math.max(this.#largestWrite, data.byteLength);
    if (offset + data.byteLength > found.size) this.#resize(found, offset + data.byteLength);
    if (this.#options.discard !== true) found.bytes.set(data, offset);
    found.mtime = found.ctime = Date.now();
    return data.byteLength;
  }

  async flush(_node: NodeId, handle: FileHandle): Promise<void> {
    this.#count('flush');
    this.#handle(handle).closing.abort();
    return Promise.resolve();
  }

  async fsync(_node: NodeId, _handle: FileHandle, caller: Caller): Promise<void> {
    await this.#asked('fsync', caller);
  }

  async release(_node: NodeId, handle: FileHandle): Promise<void> {
    this.#count('release');
    this.#handles.delete(handle);
    return Promise.resolve();
  }

  async fallocate(node: NodeId, _handle: FileHandle, _mode: number, offset: number, length: number, caller: Caller): Promise<void> {
    await this.#asked('fallocate', caller);
    const found = this.#node(node);
    if (offset + length > found.size) this.#resize(found, offset + length);
  }

  async copyRange(from: CopyEnd, to: CopyEnd, length: number, caller: Caller): Promise<number> {
    await this.#asked('copyRange', caller);
    if (this.#options.discard === true) throw new FsError('EOPNOTSUPP', 'there are no bytes to be copied');
    const bytes = this.#node(from.node).bytes.subarray(from.offset, from.offset + length);
    return await this.write(to.node, to.handle, to.offset, bytes, { fromPageCache: false }, caller);
  }

  async lseek(node: NodeId, _handle: FileHandle, offset: number, whence: 'data' | 'hole', caller: Caller): Promise<number> {
    await this.#asked('lseek', caller);
    const found = this.#node(node);
    if (offset >= found.size) throw new FsError('ENXIO', 'behind the end');
    return whence === 'data' ? offset : found.size;
  }

  async opendir(node: NodeId, caller: Caller): Promise<FileHandle> {
    await this.#asked('opendir', caller);
    const folder = this.#folder(node);
    const dots: [string, MemoryNode][] = [['.', folder], ['..', folder.parent ?? folder]];
    const entries = [...dots, ...folder.children].map(([name, child], index) => ({
      name, ino: inoOf(child.id), kind: child.kind, cookie: index + 1,
    }));
    this.#snapshots.set(this.#nextHandle, entries);
    return this.#nextHandle++;
  }

  readdir(_node: NodeId, handle: FileHandle, cookie: number): Iterable<DirectoryEntry> {
    this.#count('readdir');
    const entries = this.#snapshots.get(handle);
    if (entries === undefined) throw new FsError('EBADF', `no folder is open as ${handle}`);
    return entries.slice(cookie);
  }

  lookupListed(node: NodeId, _handle: FileHandle, entry: DirectoryEntry): EntryReply | undefined {
    const child = this.#folder(node).children.get(entry.name);
    return child === undefined ? undefined : this.#entry(child);
  }

  releasedir(_node: NodeId, handle: FileHandle): void {
    this.#count('releasedir');
    this.#snapshots.delete(handle);
  }

  statfs(): StatfsReply {
    this.#count('statfs');
    return { blockSize: 4096, blocks: 1 << 28, blocksFree: 1 << 27, files: 1 << 20, filesFree: 1 << 19, nameLength: nameLimit };
  }

  async getxattr(node: NodeId, name: string): Promise<Uint8Array> {
    this.#count('getxattr');
    const value = this.#node(node).xattrs.get(name);
    if (value === undefined) throw new FsError('ENODATA', `no attribute ${name}`);
    return Promise.resolve(value);
  }

  listxattr(node: NodeId): readonly string[] {
    this.#count('listxattr');
    return [...this.#node(node).xattrs.keys()];
  }

  async setxattr(node: NodeId, name: string, value: Uint8Array): Promise<void> {
    this.#count('setxattr');
    this.#node(node).xattrs.set(name, value);
    return Promise.resolve();
  }

  async removexattr(node: NodeId, name: string): Promise<void> {
    this.#count('removexattr');
    if (!this.#node(node).xattrs.delete(name)) throw new FsError('ENODATA', `no attribute ${name}`);
    return Promise.resolve();
  }

  pending(): Pending {
    return { sending: 0, open: 0 };
  }

  shutdown(): Promise<readonly UnsentFile[]> {
    return Promise.resolve([]);
  }

  #count(member: string): void {
    this.#calls.set(member, (this.#calls.get(member) ?? 0) + 1);
  }

  /** Counts a call, and lets it wait for its interrupt where its member is stalled. */
  async #asked(member: string, caller: Caller, closing?: AbortSignal): Promise<void> {
    this.#count(member);
    if (!this.#stalled.has(member)) return;
    const signal = closing === undefined ? caller.signal : AbortSignal.any([caller.signal, closing]);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#interrupted += 1;
    throw new FsError('EINTR', 'interrupted');
  }

  #newNode(kind: 'file' | 'folder', mode: number, parent: MemoryNode | undefined): MemoryNode {
    const now = Date.now();
    const node: MemoryNode = {
      id: this.#nextNode++, kind, children: new Map(), xattrs: new Map(), parent, bytes: Buffer.alloc(0), size: 0, mode,
      uid: this.#options.uid, gid: this.#options.gid, atime: now, mtime: now, ctime: now, lookups: 0,
    };
    this.#nodes.set(node.id, node);
    return node;
  }

  #make(parent: NodeId, name: string, kind: 'file' | 'folder', mode: number, caller: Caller): MemoryNode {
    checkName(name);
    const folder = this.#folder(parent);
    if (folder.children.has(name)) throw new FsError('EEXIST', `${name} is there`);
    const node = this.#newNode(kind, mode, folder);
    node.uid = caller.uid;
    node.gid = caller.gid;
    folder.children.set(name, node);
    folder.mtime = folder.ctime = Date.now();
    return node;
  }

  #remove(parent: NodeId, name: string, kind: 'file' | 'folder'): void {
    const folder = this.#folder(parent);
    const node = folder.children.get(name);
    if (node === undefined) throw new FsError('ENOENT', `no ${name}`);
    if (node.kind !== kind) throw new FsError(kind === 'file' ? 'EISDIR' : 'ENOTDIR', `${name} is a ${node.kind}`);
    if (node.children.size > 0) throw new FsError('ENOTEMPTY', `${name} is not empty`);
    folder.children.delete(name);
    folder.mtime = folder.ctime = Date.now();
    node.parent = undefined;
    this.#drop(node);
  }

  #resize(node: MemoryNode, size: number): void {
    if (this.#options.discard !== true) {
      if (size > node.bytes.length) {
        const larger = Buffer.alloc(Math.max(size, node.bytes.length * 2));
        node.bytes.copy(larger, 0, 0, node.size);
        node.bytes = larger;
      } else if (size < node.size) {
        node.bytes.fill(0, size, node.size);
      }
    }
    node.size = size;
    node.mtime = node.ctime = Date.now();
  }

  /** Lets a node go that has neither name nor lookup. */
  #drop(node: MemoryNode): void {
    if (node.lookups === 0 && node.parent === undefined) this.#nodes.delete(node.id);
  }

  #node(id: NodeId): MemoryNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new FsError('ESTALE', `no node ${id}`);
    return node;
  }

  #folder(id: NodeId): MemoryNode {
    const node = this.#node(id);
    if (node.kind !== 'folder') throw new FsError('ENOTDIR', `node ${id} is a file`);
    return node;
  }

  #handle(handle: FileHandle): MemoryHandle {
    const found = this.#handles.get(handle);
    if (found === undefined) throw new FsError('EBADF', `nothing is open as ${handle}`);
    return found;
  }

  #opened(node: MemoryNode): OpenReply {
    const handle = this.#nextHandle++;
    this.#handles.set(handle, { node, closing: new AbortController() });
    return { handle, keepCache: this.#options.keepCache === true, directIo: this.#options.directIo };
  }

  #entry(node: MemoryNode): EntryReply {
    node.lookups += 1;
    return { node: node.id, ...this.#attributes(node) };
  }

  #attributes(node: MemoryNode): AttributesReply {
    const { kind, mode, uid, gid, size, atime, mtime, ctime } = node;
    const folders = [...node.children.values()].filter((child) => child.kind === 'folder').length;
    const attributes: Attributes = {
      ino: inoOf(node.id), kind, mode, nlink: kind === 'folder' ? 2 + folders : 1, uid, gid, size,
      blocks: Math.ceil(size / 512), atime, mtime, ctime,
    };
    return { attributes, ttl: this.#options.ttl };
  }
}

/** Past 2^53, as hashes are. */
function inoOf(node: NodeId): bigint {
  return (0xf00d_0000_0000_0000n) + BigInt(node);
}

function checkName(name: string): void {
  if (Buffer.byteLength(name) > nameLimit) throw new FsError('ENAMETOOLONG', 'a name that is too long');
}

function timeOf(change: TimeChange | undefined, now: number): number | undefined {
  return change === 'now' ? now : change;
}
