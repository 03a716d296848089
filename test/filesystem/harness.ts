/**
 * A file system over the platform in memory, and a small program that uses it as the kernel would:
 * paths to nodes by LOOKUP, CREATE, WRITE, FLUSH, RELEASE in the order that was seen of the tools.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isErrno } from '../../src/errors.js';
import type { AttributeChanges, Attributes, Caller, FileHandle, NodeId, OpenFlags, UnsentFile } from '../../src/filesystem/filesystem.js';
import { createFileSystem, type FileSystemSettings, type RemoteFileSystem } from '../../src/filesystem/remote-filesystem.js';
import { giveBackLeftLocks } from '../../src/filesystem/writing/locks.js';
import { silentLog, type Log } from '../../src/observe/log.js';
import { MetricRegistry } from '../../src/observe/metrics.js';
import type { Provider } from '../../src/providers/provider.js';
import { openKeptTimes, type KeptTimes } from '../../src/storage/kept-times.js';
import { openLockRecords } from '../../src/storage/lock-records.js';
import { openStaging, type Staging } from '../../src/storage/staging.js';
import { MemoryProvider, type Call, type Member, type MemoryProviderOptions, type Stage } from '../support/memory-provider.js';

/** A program that nobody interrupts. Each request has a signal of its own, as from the kernel. */
export const someone: Caller = { pid: 4711, uid: 1000, gid: 1000, get signal() { return new AbortController().signal; } };

/** A program that will be interrupted (Ctrl-C). */
export function interruptible(pid = 4712): Caller & { interrupt(): void } {
  const abort = new AbortController();
  return { pid, uid: 1000, gid: 1000, signal: abort.signal, interrupt: () => abort.abort() };
}

let offset = 0;
const realTime = Date.now.bind(Date);
const realElapsed = performance.now.bind(performance);
Date.now = () => realTime() + offset;
performance.now = () => realElapsed() + offset;

/** Lets so many milliseconds pass at once, for everybody but timers: what has a time to live grows old. */
export function elapse(milliseconds: number): void {
  offset += milliseconds;
}

/** Longer ago than any version is unsettled, and in whole seconds. */
export const longAgo = 1_600_000_000_000;

export const settings: FileSystemSettings = {
  uid: 0, gid: 0, umask: 0o022, readOnly: false, permissions: 'ignore', lockOnWrite: 'auto', attrTtl: 1000, dirTtl: 10_000, memory: 64 * 1024 * 1024,
};

const flags = { read: false, write: false, append: false, truncate: false, exclusive: false };
export const forReading: OpenFlags = { ...flags, read: true };
export const forWriting: OpenFlags = { ...flags, write: true };
export const forBoth: OpenFlags = { ...flags, read: true, write: true };
export const forAppending: OpenFlags = { ...flags, write: true, append: true };
/** What `cmd > file` opens with. */
export const emptying: OpenFlags = { ...flags, write: true, truncate: true };
/** What `cp` makes a new file with. */
export const exclusively: OpenFlags = { ...flags, write: true, exclusive: true };

export interface OpenedFile {
  readonly node: NodeId;
  readonly handle: FileHandle;
  readonly keepCache: boolean;
  readonly directIo: boolean;
}

/** How a mount ends. */
interface WaysOut<P extends Provider> {
  end(): Promise<void>;
  remount(): Promise<{ readonly next: Mount<P>; readonly unsent: readonly UnsentFile[] }>;
}

export class Mount<P extends Provider = MemoryProvider> {
  readonly fs: RemoteFileSystem;
  readonly platform: P;
  readonly staging: Staging;
  readonly notices: string[] = [];
  readonly folder: string;
  readonly #ways: WaysOut<P>;

  constructor(fs: RemoteFileSystem, platform: P, staging: Staging, folder: string, ways: WaysOut<P>) {
    this.fs = fs;
    this.platform = platform;
    this.staging = staging;
    this.folder = folder;
    this.#ways = ways;
    fs.attachKernel({
      forgetAttributes: (node) => {
        this.notices.push(`attributes ${node}`);
        return Promise.resolve();
      },
      invalidateNode: (node) => this.notices.push(`node ${node}`),
      invalidateEntry: (parent, name) => this.notices.push(`entry ${parent} ${name}`),
      expireEntry: (parent, name) => {
        this.notices.push(`expire ${parent} ${name}`);
        return Promise.resolve();
      },
    });
  }

  /** The node of a path, by one LOOKUP a step; ENOENT is thrown as open(2) would give it. */
  async node(path: string): Promise<NodeId> {
    let node: NodeId = 1;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const reply = await this.fs.lookup(node, name, someone);
      if (reply.node === 0) throw Object.assign(new Error(`ENOENT ${path}`), { errno: 'ENOENT' });
      node = reply.node;
    }
    return node;
  }

  async exists(path: string): Promise<boolean> {
    const { parent, name } = await this.split(path);
    return (await this.fs.lookup(parent, name, someone)).node !== 0;
  }

  async split(path: string): Promise<{ parent: NodeId; name: string }> {
    const cut = path.lastIndexOf('/');
    return { parent: await this.node(path.slice(0, cut)), name: path.slice(cut + 1) };
  }

  /** What `stat` and `fstat` show of a node, whatever its name is. */
  async attributes(node: NodeId): Promise<Attributes> {
    return (await this.fs.getattr(node, undefined, someone)).attributes;
  }

  async stat(path: string): Promise<Attributes> {
    return (await this.fs.getattr(await this.node(path), undefined, someone)).attributes;
  }

  /** open(2) as the kernel does it: LOOKUP, then OPEN or CREATE. */
  async open(path: string, how: OpenFlags, options: { readonly create?: boolean } = {}): Promise<OpenedFile> {
    const { parent, name } = await this.split(path);
    const found = await this.fs.lookup(parent, name, someone);
    if (found.node === 0) {
      if (options.create !== true) throw Object.assign(new Error(`ENOENT ${path}`), { errno: 'ENOENT' });
      return await this.fs.create(parent, name, how, 0o644, someone);
    }
    return { node: found.node, ...await this.fs.open(found.node, how, someone) };
  }

  async write(file: OpenedFile, offset: number, text: string | Uint8Array, caller = someone): Promise<void> {
    const data = typeof text === 'string' ? Buffer.from(text) : text;
    await this.fs.write(file.node, file.handle, offset, data, { fromPageCache: false }, caller);
  }

  /** copy_file_range(2), without what the kernel makes of EOPNOTSUPP. */
  async copyRange(from: OpenedFile, to: OpenedFile, length: number, offset = 0, toOffset = offset): Promise<number> {
    return await this.fs.copyRange({ node: from.node, handle: from.handle, offset }, { node: to.node, handle: to.handle, offset: toOffset }, length, someone);
  }

  /** What the kernel writes back of a mapped file, by whatever handle it finds. */
  async writePages(file: OpenedFile, offset: number, text: string): Promise<void> {
    await this.fs.write(file.node, file.handle, offset, Buffer.from(text), { fromPageCache: true }, someone);
  }

  async read(file: OpenedFile, offset = 0, length = 1 << 20, caller = someone): Promise<Buffer> {
    return Buffer.concat(await this.fs.read(file.node, file.handle, offset, length, caller));
  }

  async flush(file: OpenedFile, caller = someone): Promise<void> {
    await this.fs.flush(file.node, file.handle, caller);
  }

  async fsync(file: OpenedFile, caller = someone): Promise<void> {
    await this.fs.fsync(file.node, file.handle, caller);
  }

  async release(file: OpenedFile): Promise<void> {
    await this.fs.release(file.node, file.handle, someone);
  }

  /** close(2): FLUSH, whose error the program gets, and RELEASE, which comes all the same. */
  async close(file: OpenedFile): Promise<void> {
    try {
      await this.flush(file);
    } finally {
      await this.release(file);
    }
  }

  /** What `cmd > path` does. */
  async save(path: string, content: string | Uint8Array): Promise<void> {
    const file = await this.open(path, emptying, { create: true });
    try {
      await this.write(file, 0, content);
    } finally {
      await this.close(file);
    }
  }

  /** What `cat path` does. */
  async cat(path: string): Promise<string> {
    const file = await this.open(path, forReading);
    try {
      let text = '';
      for (let offset = 0; ;) {
        const piece = await this.read(file, offset);
        if (piece.length === 0) return text;
        text += piece.toString();
        offset += piece.length;
      }
    } finally {
      await this.close(file);
    }
  }

  async set(path: string, changes: AttributeChanges, file?: OpenedFile): Promise<void> {
    await this.fs.setattr(await this.node(path), changes, file?.handle, someone);
  }

  async unlink(path: string): Promise<void> {
    const { parent, name } = await this.split(path);
    await this.fs.unlink(parent, name, someone);
  }

  async rename(from: string, to: string, options = { noReplace: false }): Promise<void> {
    const source = await this.split(from);
    const target = await this.split(to);
    await this.fs.lookup(source.parent, source.name, someone);
    await this.fs.lookup(target.parent, target.name, someone);
    await this.fs.rename(source.parent, source.name, target.parent, target.name, options, someone);
  }

  async mkdir(path: string): Promise<void> {
    const { parent, name } = await this.split(path);
    await this.fs.mkdir(parent, name, 0o755, someone);
  }

  async rmdir(path: string): Promise<void> {
    const { parent, name } = await this.split(path);
    await this.fs.rmdir(parent, name, someone);
  }

  /** The names of a folder, without the dots, as `ls` gets them. */
  async names(path: string): Promise<string[]> {
    const node = await this.node(path);
    const handle = await this.fs.opendir(node, someone);
    const names = [...this.fs.readdir(node, handle, 0)].map((entry) => entry.name).filter((name) => name !== '.' && name !== '..');
    this.fs.releasedir(node, handle);
    return names.sort();
  }

  /** Unmounts: what could not be sent is listed. */
  async shutdown(): Promise<readonly UnsentFile[]> {
    return await this.fs.shutdown(AbortSignal.timeout(5000), false);
  }

  /** Ends, and mounts again over the same state folder, which goes with the last. */
  async remount(): Promise<{ readonly next: Mount<P>; readonly unsent: readonly UnsentFile[] }> {
    return await this.#ways.remount();
  }

  async end(): Promise<void> {
    await this.#ways.end();
  }
}

export interface MountSettings {
  readonly settings?: Partial<FileSystemSettings>;
  readonly instance?: string;
  /** No times are kept for the next mount: for who mounts often and each time anew. */
  readonly forgetful?: boolean;
  readonly log?: Log;
  /** The state folder of another mount, which has crashed for all that this one knows. */
  readonly folder?: string;
}

export interface MountChoices extends MountSettings {
  readonly platform?: MemoryProvider;
  readonly provider?: MemoryProviderOptions;
}

const noTimes: KeptTimes = {
  get: () => undefined, find: () => undefined, set: () => undefined, delete: () => undefined, close: () => Promise.resolve(),
};

/** Mounts a platform in memory, over a state folder of its own. */
export async function mount({ platform, provider, ...choices }: MountChoices = {}): Promise<Mount> {
  return await mountOn(platform ?? new MemoryProvider({ clock: () => Date.now(), ...provider }), choices);
}

/** Mounts any platform, over a state folder of its own. The platform stays the caller's to close. */
export async function mountOn<P extends Provider>(platform: P, choices: MountSettings = {}): Promise<Mount<P>> {
  return await mountOver(choices.folder ?? await mkdtemp(join(tmpdir(), 'amarre-fs-')), platform, choices);
}

async function mountOver<P extends Provider>(folder: string, platform: P, choices: MountSettings): Promise<Mount<P>> {
  const instance = choices.instance ?? 'test00000001';
  const log = choices.log ?? silentLog();
  const staging = await openStaging({ folder: join(folder, 'staging'), instance, isDead: () => true, log });
  const bounds = { unseenDays: 400, records: 1000 };
  const keep = (name: string): KeptTimes => (choices.forgetful === true ? noTimes : openKeptTimes({ folder: join(folder, name), log, bounds, now: Date.now }));
  const changeTimes = keep('times');
  const setTimes = keep('set-times');
  const lockRecords = await openLockRecords({ folder: join(folder, 'locks'), instance, isDead: () => true });
  await giveBackLeftLocks(platform, lockRecords.leftovers, log, AbortSignal.timeout(5000));
  const fs = createFileSystem({ provider: platform, staging, changeTimes, setTimes, lockRecords, log, metrics: new MetricRegistry() }, { ...settings, ...choices.settings });
  const close = async (): Promise<readonly UnsentFile[]> => {
    const unsent = await fs.shutdown(AbortSignal.timeout(5000), false);
    await staging.close();
    await changeTimes.close();
    await setTimes.close();
    await lockRecords.close();
    return unsent;
  };
  let again = false;
  return new Mount(fs, platform, staging, folder, {
    end: async () => {
      if (again) return;
      try {
        await close();
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    remount: async () => {
      again = true;
      const unsent = await close();
      mounts += 1;
      return { unsent, next: await mountOver(folder, platform, { ...choices, instance: `again${String(mounts).padStart(7, '0')}` }) };
    },
  });
}

let mounts = 0;

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

/** A promise that is resolved from outside. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((take) => { resolve = take; });
  return { promise, resolve };
}

/** Calls of the platform that are held where they are, until they are let go. */
export interface Hold {
  /** Resolves when a call has come to the held stage. */
  readonly reached: Promise<Call>;
  /** How many have come. */
  readonly count: number;
  release(): void;
}

/** Holds every call of a member at a stage. What was hooked before still is asked, first. */
export function hold(platform: MemoryProvider, member: Member, stage: Stage = 'start', path?: string): Hold {
  const previous = platform.hook;
  let count = 0;
  let open = false;
  const reached = deferred<Call>();
  const released = deferred<undefined>();
  platform.hook = async (call) => {
    await previous?.(call);
    if (open || call.member !== member || call.stage !== stage || (path !== undefined && call.path !== path)) return;
    count += 1;
    reached.resolve(call);
    await released.promise;
  };
  return {
    reached: reached.promise,
    get count() { return count; },
    release: () => { open = true; released.resolve(undefined); },
  };
}

/** Lets everything run that waits for nothing but its turn. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The errno that a promise rejects with, or `none`. */
export async function errnoOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (thrown) {
    if (isErrno(thrown, 'EINTR')) return 'EINTR';
    if (thrown instanceof Error && 'errno' in thrown && typeof thrown.errno === 'string') return thrown.errno;
    throw thrown;
  }
}
