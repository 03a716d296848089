/**
 * A platform in memory that keeps the provider's contract to the letter, for tests of what stands
 * above it: deterministic, with a clock that the test sets, a hook on every step of every call (to
 * fail, delay or lose an answer), counters, and a back door to change the "server" behind the mount.
 */
import { hash } from 'node:crypto';
import { FsError, toFsError, type Errno } from '../../src/errors.js';
import { hiddenNameSource, hiddenPrefix, isHiddenName } from '../../src/providers/hidden-names.js';
import { lastName, MemoryServer, notFound, type FileNode, type FolderNode, type Node } from './memory-server.js';
import type {
  Content, CopyOptions, Download, Entry, ListedFolder, Location, Provider, Quota, ReadRequest, Rights, Traits, WriteOptions,
} from '../../src/providers/provider.js';

export type Member =
  | 'connect' | 'list' | 'stat' | 'read' | 'write' | 'createFolder' | 'removeFile' | 'removeFolder'
  | 'move' | 'setModified' | 'park' | 'copy' | 'quota' | 'listTree' | 'attributes' | 'setAttribute' | 'lock' | 'unlock';

/**
 * Where a call stands when the hook is asked: `start`, before anything; `chunk`, before each piece
 * of a download's body or batch of a listing (`offset`: bytes or entries given before it) or folder of a tree, and
 * before each piece of an upload's content is asked for; `commit`, a write's or copy's bytes are all in and
 * nothing has changed; `end`, done, the answer not given yet (throw here to lose an answer).
 */
export type Stage = 'start' | 'chunk' | 'commit' | 'end';

export interface Call {
  readonly member: Member;
  readonly stage: Stage;
  readonly path: string;
  /** The target of a move or copy. */
  readonly to?: string | undefined;
  /** The range of a read. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  /** Bytes or entries given so far, at stage `chunk`. */
  readonly offset?: number | undefined;
  /** The how-manieth call of this member it is, from 1. */
  readonly count: number;
  readonly signal: AbortSignal;
}

/** May throw (an FsError as a rule) or wait; an abort of the call's signal ends the wait by itself. */
export type Hook = (call: Call) => void | Promise<void>;

export interface MemoryProviderOptions {
  /** The platform's clock, milliseconds since the epoch. Default: stands at 1,700,000,000,000 until `setClock`. */
  readonly clock?: () => number;
  /** What differs from: replaces atomically, copies, times of files and folders to 1000 ms, ranges, no ids, 6 requests. */
  readonly traits?: Partial<Traits>;
  /** Bytes in a piece of a download's body. Default 65,536. */
  readonly chunkSize?: number;
  /** Entries in a batch of a listing. Default 1000. */
  readonly batchSize?: number;
  /** The id in hidden names. Default `memory01`. */
  readonly instance?: string;
  /** Files have no time, and a listing does not tell their sizes: a look reads them. Default false. */
  readonly unsure?: boolean;
  /** What the account may do with the thing at a path. Absent: the platform does not say, and all may be done. */
  readonly rights?: (path: string, kind: Entry['kind']) => Rights | undefined;
  /** Files and folders have attributes: `owner`, which can only be read, and whatever `tag` gave or `setAttribute` gives. */
  readonly attributes?: boolean;
  /**
   * Files are documents: one that is put over another gives that one its content, and its own id goes; a new name,
   * place or attribute is a change like others, and moves the time. Entries carry ids.
   */
  readonly documents?: boolean;
  /** Files can be locked. */
  readonly locks?: boolean;
  /** Whole trees are told in one answer. */
  readonly trees?: boolean;
}

const memoryTraits: Traits = {
  atomicReplace: true,
  serverSideCopy: true,
  settableTimes: 'files and folders',
  timeResolution: 1000,
  ranges: true,
  stableIds: false,
  caseSensitive: true,
  maxFileSize: 2 ** 53 - 1,
  parallelRequests: 6,
};

export class MemoryProvider extends MemoryServer implements Provider {
  readonly name = 'memory';
  readonly traits: Traits;
  readonly copy?: NonNullable<Provider['copy']>;
  readonly attributes?: NonNullable<Provider['attributes']>;
  readonly setAttribute?: NonNullable<Provider['setAttribute']>;
  readonly lock?: NonNullable<Provider['lock']>;
  readonly unlock?: NonNullable<Provider['unlock']>;
  readonly listTree?: NonNullable<Provider['listTree']>;

  /** How often each member was called. */
  readonly calls: Record<Member, number> = emptyCounters();
  /** Every call in order, as `member path` (and ` -> target`). */
  readonly log: string[] = [];
  /** Bytes given by downloads and taken by uploads. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Calls, and bodies not yet read to their end, at this moment, and the most there ever were. */
  inFlight = 0;
  mostInFlight = 0;
  closed = false;

  /** Asked at every stage of every call. */
  hook: Hook | undefined;
  quotaAnswer: Quota | undefined;

  private readonly chunkSize: number;
  private readonly batchSize: number;
  private readonly nextHiddenName: () => string;
  private readonly unsure: boolean;
  private readonly documents: boolean;
  private readonly rights: MemoryProviderOptions['rights'];

  constructor(options: MemoryProviderOptions = {}) {
    super(options.clock);
    this.documents = options.documents ?? false;
    this.traits = { ...memoryTraits, ...(this.documents && { stableIds: true, settableTimes: 'none' }), ...options.traits };
    this.chunkSize = options.chunkSize ?? 65_536;
    this.batchSize = options.batchSize ?? 1000;
    this.unsure = options.unsure ?? false;
    this.nextHiddenName = hiddenNameSource(options.instance ?? 'memory01', () => this.clock());
    if (this.traits.serverSideCopy) {
      this.copy = (from, to, copyOptions, signal) => this.copyFile(from, to, copyOptions, signal);
    }
    this.rights = options.rights;
    if (options.attributes === true) {
      this.attributes = (location, _current, signal) => this.run('attributes', location.path, {}, signal, () => this.attributesAt(location.path));
      this.setAttribute = (location, _current, name, value, signal) =>
        this.run('setAttribute', location.path, {}, signal, () => this.changeAttribute(location.path, name, value));
    }
    if (options.locks === true) {
      this.lock = (file, signal) => this.run('lock', file.path, {}, signal, () => this.lockFile(file.path));
      this.unlock = (file, signal) => this.run('unlock', file.path, {}, signal, () => this.unlockFile(file.path));
    }
    if (options.trees === true) this.listTree = (folder, signal) => this.wholeTree(folder, signal);
  }

  /** Makes the next `times` calls of a member fail at a stage. Hooks set before are asked as well. */
  failNext(member: Member, error: FsError | Errno, options: { readonly times?: number; readonly stage?: Stage } = {}): void {
    const { times = 1, stage = 'start' } = options;
    const previous = this.hook;
    let left = times;
    this.hook = async (call) => {
      await previous?.(call);
      if (call.member !== member || call.stage !== stage || left === 0) return;
      left -= 1;
      throw typeof error === 'string' ? new FsError(error, `${member} made to fail`) : error;
    };
  }

  /** Sets all counters back, and the log; hooks stay. */
  resetCounters(): void {
    Object.assign(this.calls, emptyCounters());
    this.log.length = 0;
    this.bytesRead = 0;
    this.bytesWritten = 0;
    this.mostInFlight = this.inFlight;
  }

  // The contract.

  connect(signal: AbortSignal): Promise<void> {
    return this.run('connect', '/', {}, signal, () => undefined);
  }

  baseRights(): Rights | undefined {
    return this.rights?.('/', 'folder');
  }

  refuseName(name: string): FsError | undefined {
    if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
      return new FsError('EINVAL', `"${name}" cannot be a name`);
    }
    if (name.startsWith(hiddenPrefix)) return new FsError('EINVAL', `names beginning with ${hiddenPrefix} are kept for temporary files`);
    if (/\p{Surrogate}/u.test(name)) return new FsError('EILSEQ', 'the name is not valid Unicode');
    if (Buffer.byteLength(name) > 255) return new FsError('ENAMETOOLONG', 'the name is longer than 255 bytes');
    return undefined;
  }

  async *list(folder: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const count = this.enter('list', folder.path);
    try {
      const stage = (name: Stage, offset?: number): Promise<void> =>
        this.stage({ member: 'list', stage: name, path: folder.path, offset, count, signal });
      await stage('start');
      const node = this.folderAt(folder.path);
      const entries = this.entriesOf(folder.path, node);
      for (let offset = 0; offset < entries.length; offset += this.batchSize) {
        await stage('chunk', offset);
        yield entries.slice(offset, offset + this.batchSize);
      }
      await stage('end', entries.length);
    } finally {
      this.inFlight -= 1;
    }
  }

  stat(location: Location, signal: AbortSignal): Promise<Entry> {
    return this.run('stat', location.path, {}, signal, () => {
      if (isHiddenName(lastName(location.path))) throw notFound(location.path);
      return this.entryAt(location.path);
    });
  }

  async read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    const { start, end, version } = request;
    if (!(start >= 0 && start < end)) throw new FsError('EINVAL', `a read from ${start} to ${end}`);
    const count = this.enter('read', file.path);
    const about = { member: 'read', path: file.path, start, end, count, signal } as const;
    let given = false;
    try {
      await this.stage({ ...about, stage: 'start' });
      const node = this.fileAt(file.path);
      const entry = { ...this.entry(file.path, node), size: node.bytes.length };
      if (version !== undefined && entry.version !== version) {
        throw new FsError('ESTALE', `${file.path} is of another version now`);
      }
      const bytes = node.bytes.subarray(Math.min(start, node.bytes.length), Math.min(end, node.bytes.length));
      given = true;
      const body = this.body(bytes, about);
      return { entry, body };
    } finally {
      if (!given) this.inFlight -= 1;
    }
  }

  write(target: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    return this.run('write', target.path, {}, signal, async (stage) => {
      this.checkTarget(target.path);
      const pieces: Uint8Array[] = [];
      let sent = 0;
      await stage('chunk', 0);
      for await (const piece of asFsErrors(content.open(0))) {
        signalled(signal);
        pieces.push(Uint8Array.from(piece));
        sent += piece.length;
        this.bytesWritten += piece.length;
        options.onProgress?.(sent);
        await stage('chunk', sent);
      }
      if (sent !== content.size) throw new FsError('EIO', `${sent} bytes came of ${content.size}`);
      await stage('commit', sent);
      const { folder, name } = this.checkTarget(target.path);
      const old = folder.children.get(name);
      const bytes = new Uint8Array(Buffer.concat(pieces));
      this.setChild(folder, name, replacing(old, { id: old?.id ?? this.newId(), bytes, modified: this.documents ? this.clock() : Math.floor(options.modified) }));
      return this.entryAt(target.path);
    });
  }

  createFolder(folder: Location, signal: AbortSignal): Promise<Entry> {
    return this.run('createFolder', folder.path, {}, signal, () => {
      const parent = this.parentOf(folder.path);
      const name = this.goodName(folder.path);
      if (parent.children.has(name)) throw new FsError('EEXIST', `${folder.path} exists`);
      this.setChild(parent, name, { kind: 'folder', id: this.newId(), modified: this.clock(), children: new Map() });
      return this.entryAt(folder.path);
    });
  }

  removeFile(file: Location, signal: AbortSignal): Promise<void> {
    return this.run('removeFile', file.path, {}, signal, () => {
      this.fileAt(file.path);
      this.setChild(this.parentOf(file.path), lastName(file.path), undefined);
    });
  }

  removeFolder(folder: Location, signal: AbortSignal): Promise<void> {
    return this.run('removeFolder', folder.path, {}, signal, () => {
      const node = this.folderAt(folder.path);
      if (node === this.root) throw new FsError('EBUSY', 'the base is not removed');
      if (node.children.size > 0) throw new FsError('ENOTEMPTY', `${folder.path} is not empty`);
      this.setChild(this.parentOf(folder.path), lastName(folder.path), undefined);
    });
  }

  move(from: Location, to: Location, options: { readonly replace: boolean }, signal: AbortSignal): Promise<Entry | undefined> {
    return this.run('move', from.path, { to: to.path }, signal, () => {
      const node = this.nodeAt(from.path);
      const target = this.parentOf(to.path);
      const name = this.goodName(to.path);
      const there = target.children.get(name);
      if (there !== undefined && !options.replace) throw new FsError('EEXIST', `${to.path} exists`);
      if (there === node) return this.entryAt(to.path);
      if (node === this.root || to.path.startsWith(`${from.path}/`)) throw new FsError('EINVAL', 'a folder cannot go into itself');
      if (there !== undefined) refuseReplace(node, there, to.path);
      if (this.documents) {
        if (there?.kind === 'file' && node.kind === 'file') node.id = there.id;
        node.modified = this.clock();
      }
      this.setChild(this.parentOf(from.path), lastName(from.path), undefined);
      this.setChild(target, name, node);
      return this.entryAt(to.path);
    });
  }

  setModified(location: Location, current: Entry, modified: number, signal: AbortSignal): Promise<Entry> {
    return this.run('setModified', location.path, {}, signal, () => {
      const { settableTimes } = this.traits;
      if (settableTimes === 'none' || (settableTimes === 'files' && current.kind === 'folder')) {
        throw new FsError('EPERM', `times of a ${current.kind} cannot be set here`);
      }
      this.nodeAt(location.path).modified = Math.floor(modified);
      return this.entryAt(location.path);
    });
  }

  park(file: Location, signal: AbortSignal): Promise<Location> {
    return this.run('park', file.path, {}, signal, () => {
      const node = this.fileAt(file.path);
      const name = this.nextHiddenName();
      this.setChild(this.parentOf(file.path), lastName(file.path), undefined);
      this.setChild(this.root, name, node);
      return { path: `/${name}`, id: this.traits.stableIds ? node.id : undefined };
    });
  }

  quota(signal: AbortSignal): Promise<Quota | undefined> {
    return this.run('quota', '/', {}, signal, () => this.quotaAnswer);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  private copyFile(from: Location, to: Location, { modified, version }: CopyOptions, signal: AbortSignal): Promise<Entry> {
    return this.run('copy', from.path, { to: to.path }, signal, async (stage) => {
      const source = (): FileNode => {
        const node = this.find(from.path);
        if (node?.kind !== 'file' || this.entry(from.path, node).version !== version) throw new FsError('ESTALE', `${from.path} is of another version now`);
        return node;
      };
      const { bytes } = source();
      this.checkTarget(to.path);
      await stage('commit');
      source();
      const { folder, name } = this.checkTarget(to.path);
      const old = folder.children.get(name);
      this.setChild(folder, name, replacing(old, { id: old?.id ?? this.newId(), bytes, modified: Math.floor(modified) }));
      return this.entryAt(to.path);
    });
  }

  private async *wholeTree(folder: Location, signal: AbortSignal): AsyncGenerator<ListedFolder> {
    const count = this.enter('listTree', folder.path);
    try {
      const stage = (name: Stage, offset?: number): Promise<void> =>
        this.stage({ member: 'listTree', stage: name, path: folder.path, offset, count, signal });
      await stage('start');
      const waiting = [{ below: '', node: this.folderAt(folder.path) }];
      let told = 0;
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const { below, node } = next;
        await stage('chunk', told);
        const path = join(folder.path, below);
        yield { below, entries: this.entriesOf(path, node) };
        told += 1;
        const inside = [...node.children].filter(([name]) => !isHiddenName(name)).reverse();
        for (const [name, child] of inside) {
          if (child.kind === 'folder' && child.link !== true) waiting.push({ below: below === '' ? name : `${below}/${name}`, node: child });
        }
      }
      await stage('end', told);
    } finally {
      this.inFlight -= 1;
    }
  }

  private attributesAt(path: string): ReadonlyMap<string, string> {
    const node = this.nodeAt(path);
    const lock = this.lockOf(path);
    return new Map([...node.attributes ?? [], ['owner', 'ann'], ...(lock === undefined ? [] : [['lock', lock] as const])]);
  }

  private changeAttribute(path: string, name: string, value: string | undefined): Entry {
    const node = this.nodeAt(path);
    if (name === 'owner' || name === 'id') throw new FsError('EPERM', `${name} can only be read`);
    if (value?.includes('\n') === true) throw new FsError('EINVAL', `${name} takes one line`);
    if (value === undefined) node.attributes?.delete(name);
    else this.tag(path, name, value);
    if (this.documents) node.modified = this.clock();
    return this.entryAt(path);
  }

  private lockFile(path: string): void {
    const node = this.fileAt(path);
    if (node.lockedBy !== undefined && node.lockedBy !== us) throw new FsError('EBUSY', `${path} is locked by ${node.lockedBy}`);
    node.lockedBy = us;
  }

  private unlockFile(path: string): void {
    const node = this.find(path);
    if (node?.kind === 'file' && node.lockedBy === us) node.lockedBy = undefined;
  }

  // Inside.

  private entriesOf(path: string, folder: FolderNode): Entry[] {
    return [...folder.children].filter(([name]) => !isHiddenName(name)).map(([name, child]): Entry => ({
      ...this.entry(join(path, name), child), ...(this.unsure && child.kind === 'file' ? { size: undefined, version: 'unread', unsure: true } : {}), ...(child.kind === 'folder' && child.link === true ? { link: child.link } : {}),
    }));
  }

  private enter(member: Member, path: string, to?: string): number {
    if (this.closed) throw new FsError('EIO', 'the provider is closed');
    this.calls[member] += 1;
    this.log.push(to === undefined ? `${member} ${path}` : `${member} ${path} -> ${to}`);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    return this.calls[member];
  }

  private async run<T>(
    member: Member, path: string, more: { readonly to?: string }, signal: AbortSignal,
    work: (stage: (name: Stage, offset?: number) => Promise<void>) => T | Promise<T>,
  ): Promise<T> {
    const count = this.enter(member, path, more.to);
    try {
      const stage = (name: Stage, offset?: number): Promise<void> =>
        this.stage({ member, path, to: more.to, stage: name, offset, count, signal });
      await stage('start');
      const result = await work(stage);
      await stage('end');
      return result;
    } finally {
      this.inFlight -= 1;
    }
  }

  private async stage(call: Call): Promise<void> {
    signalled(call.signal);
    await abortable(Promise.resolve(this.hook?.(call)), call.signal);
    signalled(call.signal);
  }

  /** Not a generator: `return()` of one that was never started would not give the request's place back. */
  private body(bytes: Uint8Array, about: Omit<Call, 'stage' | 'offset'>): AsyncIterableIterator<Uint8Array> {
    let offset = 0;
    let ended = false;
    const end = (): void => {
      if (!ended) this.inFlight -= 1;
      ended = true;
    };
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      if (ended) return { done: true, value: undefined };
      try {
        await this.stage({ ...about, stage: offset < bytes.length ? 'chunk' : 'end', offset });
      } catch (error) {
        end();
        throw error;
      }
      const value = bytes.subarray(offset, offset + this.chunkSize);
      if (value.length === 0) {
        end();
        return { done: true, value: undefined };
      }
      offset += value.length;
      this.bytesRead += value.length;
      return { done: false, value };
    };
    const iterator: AsyncIterableIterator<Uint8Array> = {
      next,
      return: () => {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  private entry(path: string, node: Node): Entry {
    const { timeResolution, stableIds } = this.traits;
    const modified = Math.floor(node.modified / timeResolution) * timeResolution;
    const size = node.kind === 'file' ? node.bytes.length : undefined;
    const rights = this.rights?.(path, node.kind);
    const lockedBy = node.kind === 'file' && node.lockedBy !== us ? node.lockedBy : undefined;
    return {
      name: lastName(path),
      kind: node.kind,
      size,
      modified: this.unsure && node.kind === 'file' ? undefined : modified,
      version: node.kind !== 'file' ? '' : this.unsure ? hash('sha1', node.bytes) : `${node.bytes.length}-${Math.floor(node.modified / 1000)}`,
      ...(stableIds ? { id: node.id } : {}),
      ...(rights === undefined ? {} : { rights }),
      ...(lockedBy === undefined ? {} : { lockedBy }),
      observed: this.clock(),
    };
  }

  private entryAt(path: string): Entry {
    return this.entry(path, this.nodeAt(path));
  }

  private goodName(path: string): string {
    const name = lastName(path);
    const refused = this.refuseName(name);
    if (refused !== undefined) throw refused;
    return name;
  }

  private checkTarget(path: string): { folder: FolderNode; name: string } {
    const folder = this.parentOf(path);
    const name = this.goodName(path);
    if (folder.children.get(name)?.kind === 'folder') throw new FsError('EISDIR', `${path} is a folder`);
    return { folder, name };
  }
}

function emptyCounters(): Record<Member, number> {
  return {
    connect: 0, list: 0, stat: 0, read: 0, write: 0, createFolder: 0, removeFile: 0, removeFolder: 0,
    move: 0, setModified: 0, park: 0, copy: 0, quota: 0, listTree: 0, attributes: 0, setAttribute: 0, lock: 0, unlock: 0,
  };
}

/** Whose lock is the account's own. */
const us = 'us';

/** A new content keeps what else there is to a file. */
function replacing(old: Node | undefined, anew: Pick<FileNode, 'id' | 'bytes' | 'modified'>): FileNode {
  return {
    kind: 'file', ...anew,
    ...(old?.attributes === undefined ? {} : { attributes: old.attributes }),
    ...(old?.kind === 'file' ? { lockedBy: old.lockedBy } : {}),
  };
}

function join(folder: string, below: string): string {
  if (below === '') return folder;
  return folder === '/' ? `/${below}` : `${folder}/${below}`;
}

/** What the content's source throws, as the contract wants failures. */
async function* asFsErrors(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    throw toFsError(error);
  }
}

function refuseReplace(node: Node, there: Node, path: string): void {
  if (there.kind === 'folder' && node.kind === 'file') throw new FsError('EISDIR', `${path} is a folder`);
  if (there.kind === 'file' && node.kind === 'folder') throw new FsError('ENOTDIR', `${path} is a file`);
  if (there.kind === 'folder' && there.children.size > 0) throw new FsError('ENOTEMPTY', `${path} is not empty`);
}

function signalled(signal: AbortSignal): void {
  if (signal.aborted) throw new FsError('EINTR', 'interrupted');
}

/** The promise, or EINTR as soon as the signal is aborted. */
async function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new FsError('EINTR', 'interrupted'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
