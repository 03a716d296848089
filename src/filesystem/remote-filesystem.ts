/**
 * The file system on a remote platform: what a driver calls, handed to the room whose business it
 * is. See `namespace` for names, `open-files` for reading and writing, `knowledge` for what is known.
 */
import type { Log } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Entry, Provider } from '../providers/provider.js';
import type { KeptTimes } from '../storage/kept-times.js';
import type { LockRecords } from '../storage/lock-records.js';
import type { Staging } from '../storage/staging.js';
import { AttributeSetter } from './attribute-changes.js';
import { Clock } from './clock.js';
import { rounded, type Core, type FileSystemSettings } from './core.js';
import { Directories } from './directories.js';
import { ExtendedAttributes } from './extended-attributes.js';
import type { FileSystem, KernelNotices, NodeId, Pending, StatfsReply, UnsentFile } from './filesystem.js';
import { Inspector, type FileSystemReport } from './inspection.js';
import { InodeTable } from './inode-table.js';
import { Knowledge } from './knowledge.js';
import { Listings } from './listings.js';
import { Namespace } from './namespace.js';
import { OpenFiles } from './open-files.js';
import { rootTime } from './own-times.js';
import { BlockStore } from './reading/block-store.js';
import { Spools } from './reading/spool.js';
import { Refresher, type Refreshed } from './refreshing.js';
import { Room } from './room.js';
import { Locks } from './writing/locks.js';
import { Sender } from './writing/sender.js';

export type { FileSystemSettings } from './core.js';

export interface FileSystemParts {
  readonly provider: Provider;
  readonly staging: Staging;
  readonly changeTimes: KeptTimes;
  readonly setTimes: KeptTimes;
  readonly lockRecords: LockRecords;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The file system, and what is asked of it past the kernel. */
export interface RemoteFileSystem extends FileSystem {
  /** What is open, unsent and cached now. From memory. */
  report(): FileSystemReport;
  /** The path of a node below the mount point, for a person; undefined for one that is not known. */
  pathOf(node: NodeId): string | undefined;
  /**
   * Forgets what is cached at and below a path below the mount point, the kernel's part included; never what
   * is unsent. Never called from inside a request: it waits for the kernel, which may wait for one.
   */
  refresh(path: string): Promise<Refreshed>;
}

/** What listings take of the one budget at most; the rest is for content. */
const shareOfListings = 1 / 8;

/** Makes the file system over a provider that is connected. The parts stay the caller's to close. */
export function createFileSystem(parts: FileSystemParts, settings: FileSystemSettings): RemoteFileSystem {
  const { provider, changeTimes, metrics } = parts;
  const clock = new Clock();
  const table = new InodeTable(rootEntry(changeTimes, provider, clock));
  const core: Core = {
    ...parts,
    settings,
    clock,
    table,
    listings: new Listings({
      provider, table, metrics, ttl: settings.dirTtl, memory: settings.memory * shareOfListings, log: parts.log,
      onAnswer: (entry) => clock.observe(entry.observed),
    }),
    store: new BlockStore(settings.memory * (1 - shareOfListings), metrics),
    spools: new Spools(parts.staging),
    notices: { forgetAttributes: () => Promise.resolve(), invalidateNode: () => undefined, invalidateEntry: () => undefined, expireEntry: () => Promise.resolve() },
  };
  table.onDrop = (inode) => core.listings.forget(inode);
  table.onUproot = (folder) => core.listings.uproot(folder);
  const knowledge = new Knowledge(core);
  const sender = new Sender(core, knowledge);
  const locks = new Locks(core, knowledge, sender);
  const files = new OpenFiles(core, knowledge, sender, locks);
  const names = new Namespace(core, knowledge, files, sender, locks);
  const attributes = new AttributeSetter(core, knowledge, files, sender);
  const extended = new ExtendedAttributes(core, knowledge, sender);
  const folders = new Directories(core, knowledge);
  const room = new Room(provider, parts.log);
  const inspector = new Inspector(core, files, folders, sender);
  inspector.offer(metrics);
  const refresher = new Refresher(core);

  return {
    attachKernel(notices: KernelNotices) { core.notices = notices; },

    lookup: (parent, name, caller) => names.lookup(parent, name, caller),
    forget: (node, lookups) => table.forget(node, lookups),
    async getattr(node, _handle, caller) {
      const inode = table.get(node);
      await knowledge.refresh(inode, caller.signal);
      return knowledge.attributesReply(inode);
    },
    setattr: (node, changes, handle, caller) => attributes.set(node, changes, handle, caller),

    mkdir: (parent, name, _mode, caller) => names.mkdir(parent, name, caller),
    mknod: (parent, name, _mode, caller) => names.mknod(parent, name, caller),
    create: (parent, name, flags, _mode, caller) => names.create(parent, name, flags, caller),
    unlink: (parent, name, caller) => names.unlink(parent, name, caller),
    rmdir: (parent, name, caller) => names.rmdir(parent, name, caller),
    rename: (parent, name, newParent, newName, options, caller) =>
      names.rename(parent, name, newParent, newName, options.noReplace, caller),

    open: (node, flags, caller) => files.open(node, flags, caller),
    read: (_node, handle, offset, length, caller) => files.read(handle, offset, length, caller),
    write: (node, handle, offset, data, options, caller) => files.write(handle, node, offset, data, options.fromPageCache, caller),
    flush: (_node, handle, caller) => files.flush(handle, caller),
    fsync: (node, _handle, caller) => files.fsync(node, caller),
    release: (_node, handle) => files.release(handle),
    fallocate: (_node, handle, mode, offset, length, caller) => files.fallocate(handle, mode, offset, length, caller),
    copyRange: (from, to, length, caller) => files.copyRange(from, to, length, caller),
    lseek: (_node, handle, offset, whence) => Promise.resolve().then(() => files.lseek(handle, offset, whence)),

    opendir: (node, caller) => folders.open(node, caller),
    readdir: (_node, handle, cookie) => folders.read(handle, cookie),
    lookupListed: (_node, handle, entry) => folders.lookupListed(handle, entry),
    releasedir: (_node, handle) => folders.release(handle),

    statfs: (): StatfsReply => room.statfs(),

    getxattr: (node, name, caller) => extended.get(node, name, caller),
    listxattr: () => [],
    setxattr: (node, name, value, caller) => extended.set(node, name, value, caller),
    removexattr: (node, name, caller) => extended.set(node, name, undefined, caller),

    pending: () => countPending(table),
    report: () => inspector.report(),
    pathOf: (node) => inspector.pathOf(node),
    refresh: (path) => refresher.refresh(path),

    async shutdown(signal: AbortSignal, cutOff: boolean): Promise<readonly UnsentFile[]> {
      await Promise.all([...table.all()].map((inode) => sender.finish(inode, cutOff, signal)));
      await locks.close(signal);
      room.close();
      await core.listings.close();
      await core.spools.close();
      return sender.kept;
    },
  };
}

function countPending(table: InodeTable): Pending {
  const unsent = [...table.all()].filter((inode) => inode.draft?.dirty === true && !inode.isOrphan);
  const sending = unsent.filter((inode) => inode.draft?.sealed !== undefined).length;
  return { sending, open: unsent.length - sending };
}

function rootEntry(changeTimes: KeptTimes, provider: Provider, clock: Clock): Entry {
  const modified = rootTime(changeTimes, rounded({ provider }, clock.now()));
  return { name: '', kind: 'folder', size: undefined, modified, version: 'root', observed: clock.now() };
}
