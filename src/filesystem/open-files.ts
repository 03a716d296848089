/**
 * Open files: who has which open, writing into the draft, and what each of FLUSH, FSYNC and RELEASE must
 * have done before it says yes.
 */
import { FsError, isErrno, toFsError } from '../errors.js';
import type { Core } from './core.js';
import type { Caller, CopyEnd, FileHandle, NodeId, OpenFlags, OpenReply } from './filesystem.js';
import { FreshLooks } from './fresh-looks.js';
import type { Inode } from './inode.js';
import type { Knowledge } from './knowledge.js';
import { deliver, isOf, mustBeOf, pagesAt, type OpenFile } from './open-file.js';
import { freshWindow } from './reading/prefetch-window.js';
import { Reads } from './reading/reads.js';
import { mustBeAllowed } from './rights.js';
import { notCopied } from './writing/copies.js';
import type { Draft } from './writing/draft.js';
import type { Lease, Locks } from './writing/locks.js';
import type { Sender } from './writing/sender.js';

export class OpenFiles {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #sender: Sender;
  readonly #reads: Reads;
  readonly #locks: Locks;
  readonly #looks: FreshLooks;
  readonly #files = new Map<FileHandle, OpenFile>();
  #lastHandle = 0;

  constructor(core: Core, knowledge: Knowledge, sender: Sender, locks: Locks) {
    this.#core = core;
    this.#knowledge = knowledge;
    this.#sender = sender;
    this.#reads = new Reads(core, knowledge);
    this.#locks = locks;
    this.#looks = new FreshLooks(core, knowledge);
  }

  /** Handles that are open. */
  get size(): number {
    return this.#files.size;
  }

  /**
   * OPEN. Asks the platform nothing, as long as nothing has shown that what is known is wrong; what is
   * wrong with it shows at the first read or write. But for a file whose size only reading tells, and for
   * writing where the platform locks files.
   */
  async open(node: NodeId, flags: OpenFlags, caller: Caller): Promise<OpenReply> {
    const inode = this.#core.table.get(node);
    if (inode.kind === 'folder') throw new FsError('EISDIR', `${inode.path} is a folder`);
    if (flags.write) this.#writable();
    // The kernel looks the name up anew, and opens or makes what there is now.
    if (inode.vanished) throw new FsError('ESTALE', `${inode.path} is not on the platform any more`);
    tellUntold(inode);
    if (inode.draft === undefined) this.#refuseLearnt(inode, flags);
    // The kernel believes in the name a while longer, and does not look it up again by itself.
    if (inode.learnt === -Infinity) await this.#knowledge.refresh(inode, caller.signal);
    if (flags.read) mustBeAllowed(this.#core.provider, inode, 'read');
    if (flags.write) mustBeAllowed(this.#core.provider, inode, 'write');
    if (inode.entry.unsure === true && inode.draft === undefined && !(flags.write && flags.truncate)) await this.#looks.makeSure(inode, caller.signal);
    else if (flags.read && this.#looks.mayBeOutdated(inode)) await this.#looks.lookAnew(inode, caller.signal);
    const lease = flags.write ? await this.#locks.take(inode, caller.signal) : undefined;
    try {
      if (isGone(inode)) throw new FsError('ESTALE', `${inode.path} was deleted while it was being opened`);
      if (flags.write && flags.truncate) await this.#empty(inode, caller.signal);
      return this.enter(inode, flags, lease);
    } catch (thrown) {
      await lease?.end();
      throw thrown;
    }
  }

  async #empty(inode: Inode, signal: AbortSignal): Promise<void> {
    await this.#sender.change(inode, signal, (draft) => {
      // What was written before is void, and this open alone is nothing that a FLUSH sends.
      draft.due = false;
      return draft.truncate(0, this.#core.clock.now());
    }, 0);
    inode.kernelSize = 0;
  }

  /** What the platform will not let this account do is told at open(2), once it is known. */
  #refuseLearnt(inode: Inode, flags: OpenFlags): void {
    if (flags.write) this.#sender.mayChange(inode);
    if (!flags.read || inode.isDetached) return;
    const refused = this.#core.provider.learntRefusal?.('read', this.#core.table.locate(inode));
    if (refused !== undefined) throw refused;
  }

  /** Gives out a handle, and decides what the kernel's pages are still worth. */
  enter(inode: Inode, flags: OpenFlags, lease?: Lease): OpenReply {
    const pages = pagesAt(inode, flags);
    const { directIo } = pages;
    this.#lastHandle += 1;
    this.#files.set(this.#lastHandle, { inode, lease, flags, direct: directIo, content: undefined, draft: undefined, window: freshWindow, reads: new Map() });
    inode.handles += 1;
    if (flags.write) inode.writers += 1;
    if (!directIo) inode.pagers += 1;
    return { handle: this.#lastHandle, ...pages };
  }

  async read(handle: FileHandle, offset: number, length: number, caller: Caller): Promise<readonly Uint8Array[]> {
    const file = this.#get(handle);
    const own = new AbortController();
    const interrupted = (): void => own.abort();
    if (caller.signal.aborted) own.abort();
    caller.signal.addEventListener('abort', interrupted, { once: true });
    file.reads.set(own, caller.pid);
    const now = () => this.#reads.read(file, offset, length, own.signal);
    try {
      return await file.inode.crossings.read(offset, offset + length, own.signal, now);
    } finally {
      file.reads.delete(own);
      caller.signal.removeEventListener('abort', interrupted);
    }
  }

  async write(handle: FileHandle, node: NodeId, offset: number, data: Uint8Array, fromPageCache: boolean, caller: Caller): Promise<number> {
    // Pages written back by the kernel may name a handle that is closed already: the node counts.
    const file = this.#files.get(handle);
    const inode = file?.inode ?? this.#core.table.get(node);
    if (file === undefined && !fromPageCache) throw new FsError('EBADF', 'a write to a file that is not open');
    this.#writable();
    return await inode.crossings.write(offset, offset + data.length, () => this.#write(inode, file, offset, data, fromPageCache, caller));
  }

  async #write(inode: Inode, file: OpenFile | undefined, offset: number, data: Uint8Array, fromPageCache: boolean, caller: Caller): Promise<number> {
    const appends = file?.flags.append === true && !fromPageCache;
    await this.#prepare(inode, file, caller.signal, appends);
    const place = appends ? offset + inode.appendShift : offset;
    const refused = inode.isDetached ? undefined : this.#core.provider.refuseBytes?.(this.#core.table.locate(inode), place, data);
    if (refused !== undefined) throw refused;
    if (place + data.length > this.#core.provider.traits.maxFileSize) throw this.#tooLarge(inode);
    await this.#sender.roomForCopy(inode, Infinity);
    await this.#sender.change(inode, caller.signal, (draft) => {
      draft.shown = true;
      draft.appended ||= appends;
      return draft.write(place, data, this.#core.clock.now());
    });
    inode.kernelSize = Math.max(inode.kernelSize ?? 0, offset + data.length);
    // The kernel has put the bytes where it believed the end to be.
    if (place !== offset) this.#core.notices.invalidateNode(inode.node);
    if (inode.handles === 0) await this.#settleUnheld(inode);
    return data.length;
  }

  /**
   * copy_file_range(2). Taken where it can become a copy that the platform makes of a whole file: from
   * the start, or behind what was taken before, into a file with nothing else in it. It is as if the
   * bytes had been written: they are read from the source until a FLUSH has the platform copy it.
   */
  async copyRange(from: CopyEnd, to: CopyEnd, length: number, caller: Caller): Promise<number> {
    const target = this.#get(to.handle);
    this.#writable();
    const { inode } = target;
    return await inode.crossings.write(to.offset, to.offset + length, () => this.#planCopy(this.#get(from.handle), target, from.offset, to.offset, length, caller.signal));
  }

  async #planCopy(from: OpenFile, to: OpenFile, offset: number, toOffset: number, length: number, signal: AbortSignal): Promise<number> {
    const { inode: source } = from;
    const { inode } = to;
    const { provider } = this.#core;
    if (provider.copy === undefined) throw notCopied(inode, 'it copies nothing');
    if (source === inode || offset !== toOffset || offset !== inode.size) throw notCopied(inode, 'not the whole of a file');
    if (source.isOrphan || source.draft?.dirty === true) throw notCopied(inode, `it does not have ${source.path} as it is here`);
    if (source.kernelSize !== source.size) throw notCopied(inode, 'the source has changed');
    if (source.draft === undefined) await this.#looks.freshen(source, signal, this.#core.settings.attrTtl);
    await this.#prepare(inode, to, signal);
    const content = this.#knowledge.contentOf(source);
    // Who has read of another version, or believes in another end, gets what READ gives him.
    const changing = source.draft !== undefined && isUnsent(source.draft);
    const same = !changing && source.kernelSize === source.size && isOf(from, content.version);
    if (!same || !deliver(from, content)) throw notCopied(inode, 'the source has changed');
    const end = Math.min(offset + length, content.size);
    if (end <= offset) return 0;
    if (end > provider.traits.maxFileSize) throw this.#tooLarge(inode);
    await this.#sender.change(inode, signal, (draft) => {
      const { copies } = this.#sender;
      const lender = copies.sourceOf(draft);
      if (!draft.takesCopy(content, offset) || (lender ?? source) !== source) throw notCopied(inode, 'it holds something else');
      draft.copy(end, this.#core.clock.now(), () => copies.lend(source, content, draft, () => this.lastOut(source)));
      return Promise.resolve();
    });
    inode.kernelSize = Math.max(inode.kernelSize ?? 0, end);
    return end - offset;
  }

  #tooLarge(inode: Inode): FsError {
    const error = new FsError('EFBIG', `${inode.path} would be larger than the ${this.#core.provider.traits.maxFileSize} bytes that the platform takes`);
    inode.draft?.refuseLarger(error);
    return error;
  }

  /** A new length for a file that somebody has open for writing. */
  async truncateOpen(inode: Inode, size: number, signal: AbortSignal): Promise<void> {
    this.#writable();
    const { maxFileSize } = this.#core.provider.traits;
    if (size > maxFileSize) throw new FsError('EFBIG', `${inode.path}: the platform takes no file of ${size} bytes`);
    if (inode.draft === undefined) {
      this.#sender.mayChange(inode);
      await this.#locks.mustBeFree(inode, signal);
    }
    // Of a file whose size only reading tells a listing is no word: what nobody knows of would be cut off.
    if (inode.entry.unsure === true && inode.draft === undefined && size > 0) await this.#looks.freshen(inode, signal, -Infinity);
    await this.#prepare(inode, undefined, signal);
    await this.#sender.roomForCopy(inode, size);
    await this.#sender.change(inode, signal, async (draft) => {
      draft.due = true;
      await draft.truncate(size, this.#core.clock.now());
    }, size);
  }

  async fallocate(handle: FileHandle, mode: number, offset: number, length: number, caller: Caller): Promise<void> {
    const { inode } = this.#get(handle);
    if (mode !== 0) throw new FsError('EOPNOTSUPP', 'only plain growth can be allocated');
    if (offset + length <= inode.size) return;
    await this.truncateOpen(inode, offset + length, caller.signal);
    inode.kernelSize = inode.size;
  }

  /** No holes are known of a remote file: all is data up to the end. */
  lseek(handle: FileHandle, offset: number, whence: 'data' | 'hole'): number {
    const { inode } = this.#get(handle);
    if (offset < 0 || offset >= inode.size) throw new FsError('ENXIO', `offset ${offset} is past the end of ${inode.path}`);
    return whence === 'data' ? offset : inode.size;
  }

  /** close(2): sends what is due and says whether the platform has it. */
  async flush(handle: FileHandle, caller: Caller): Promise<void> {
    const file = this.#get(handle);
    // A closing program does not wait for what it asked to read; other processes on the handle do.
    for (const [read, pid] of file.reads) if (pid === caller.pid) read.abort();
    tellUntold(file.inode);
    if (!file.flags.write) return;
    if (file.inode.draft?.due === true) await this.#sendOpen(file.inode, caller.signal);
  }

  async fsync(node: NodeId, caller: Caller): Promise<void> {
    const inode = this.#core.table.get(node);
    tellUntold(inode);
    await this.#sendOpen(inode, caller.signal);
    // A program may have it open for days without writing again.
    if (inode.draft?.dirty === false) await inode.draft.file.noteSent();
  }

  /** For who has it open a missing folder is a handle that leads nowhere: ENOENT is the word for a path. */
  async #sendOpen(inode: Inode, signal: AbortSignal): Promise<void> {
    try {
      await this.#sender.send(inode, signal);
    } catch (thrown) {
      if (!isErrno(thrown, 'ENOENT')) throw thrown;
      throw new FsError('ESTALE', toFsError(thrown).message, { cause: thrown });
    }
  }

  /** The last of a handle. What no close has sent is sent now; what cannot be is kept. */
  async release(handle: FileHandle): Promise<void> {
    const file = this.#get(handle);
    const { inode } = file;
    this.#files.delete(handle);
    // Before the first wait: close(2) does not wait for this, and what comes next finds neither reader nor writer.
    if (!file.direct) inode.pagers -= 1;
    if (file.flags.write) inode.writers -= 1;
    this.#reads.forget(file);
    try {
      await this.#settle(inode);
    } finally {
      // While the handle counts: who opens the file meanwhile finds this inode, and waits for its lock.
      await file.lease?.end();
      inode.handles -= 1;
      await this.lastOut(inode);
    }
  }

  /** The last writer has gone: his draft is sent, or kept, and let go. */
  async #settle(inode: Inode): Promise<void> {
    // Nobody can interrupt a RELEASE.
    const { signal } = new AbortController();
    for (;;) {
      if (ownerless(inode) === undefined) return;
      await this.#sender.quiet(inode, signal);
      const draft = ownerless(inode);
      // Another writer came while it was being sent: the draft is his now.
      if (draft === undefined) return;
      if (!draft.dirty || inode.isOrphan) {
        if (inode.isOrphan && inode.handles > 1) return;
        inode.draft = undefined;
        // Mapped pages may come meanwhile, and make another.
        await draft.discard();
        continue;
      }
      // An attempt that failed on this very content was told to its close; it is not made twice.
      const told = draft.failure ?? draft.broken;
      const failure = told ?? await this.#sender.send(inode, signal).then(() => undefined, toFsError);
      if (failure === undefined || ownerless(inode) !== draft || !isUnsent(draft)) continue;
      if (told === undefined) inode.untold = failure;
      await this.#sender.giveUp(inode, draft, failure);
      return;
    }
  }

  /** Pages came when the file was closed by all: no RELEASE will come to send them. */
  async #settleUnheld(inode: Inode): Promise<void> {
    await this.#settle(inode);
    this.#core.table.dropIfUnused(inode);
    tellUntold(inode);
  }

  /** Lets go of what only open handles kept of a file, once there are none. */
  async lastOut(inode: Inode): Promise<void> {
    if (inode.handles > 0 || inode.lent > 0) return;
    if (inode.isOrphan) {
      const { draft, parked } = inode;
      inode.draft = undefined;
      inode.parked = undefined;
      await draft?.discard();
      if (parked !== undefined) {
        await this.#core.provider.removeFile(parked, AbortSignal.timeout(60_000)).catch((thrown: unknown) => {
          this.#core.log.warn({ path: parked.path, err: thrown }, 'a deleted file could not be removed from under its hidden name; a later mount does it');
        });
      }
    }
    this.#core.table.dropIfUnused(inode);
  }

  /**
   * Before the first change of a file: a look whether it still is what the listing told. Who appends asks for
   * the end as it is now, however young the last word on it, and again after all he wrote was sent. ESTALE
   * for a handle that has delivered bytes of another version: its program would mix the two.
   */
  async #prepare(inode: Inode, file: OpenFile | undefined, signal: AbortSignal, appends = false): Promise<void> {
    if (inode.place !== undefined && (inode.draft === undefined || (appends && !inode.draft.dirty))) {
      const before = inode.entry.version;
      await this.#looks.freshen(inode, signal, appends ? 0 : this.#core.settings.attrTtl);
      // Nobody reads through the kernel's pages, which are forgotten: what others made of the file is nothing to stumble over.
      if (appends && inode.entry.version !== before && inode.pages !== 'lost' && !this.#isRead(inode)) inode.pages = undefined;
      // The end of the file as it is now, and as the kernel has it, who appends there.
      inode.appendShift = inode.kernelSize === undefined ? 0 : inode.size - inode.kernelSize;
    }
    if (file !== undefined) mustBeOf(file, inode.draft === undefined ? inode.entry.version : inode.draft.version);
  }

  #isRead(inode: Inode): boolean {
    return [...this.#files.values()].some((file) => file.inode === inode && file.flags.read);
  }

  #writable(): void {
    if (this.#core.settings.readOnly) throw new FsError('EROFS', 'the drive is mounted read-only');
  }

  #get(handle: FileHandle): OpenFile {
    const file = this.#files.get(handle);
    if (file === undefined) throw new FsError('EBADF', `handle ${handle} is not open`);
    return file;
  }
}

/** The draft, if nobody has the file open for writing. Asked anew after each wait. */
function ownerless(inode: Inode): Draft | undefined {
  return inode.writers > 0 ? undefined : inode.draft;
}

/** Nothing is left of it: nobody had it open when it was deleted or replaced. */
function isGone(inode: Inode): boolean {
  return inode.vanished || (inode.isOrphan && inode.parked === undefined && inode.draft === undefined && inode.handles === 0);
}

/** Asked anew after a wait, in which somebody else may have sent it. */
function isUnsent(draft: Draft): boolean {
  return draft.dirty;
}

/** An error of an earlier RELEASE, which no program has heard, is told once. */
function tellUntold(inode: Inode): void {
  const { untold } = inode;
  inode.untold = undefined;
  if (untold !== undefined) throw untold;
}
