/** SETATTR: lengths, times, and what is made of modes and owners that no platform here keeps. */
import { FsError, isErrno } from '../errors.js';
import { rounded, type Core } from './core.js';
import type { AttributeChanges, AttributesReply, Caller, FileHandle, NodeId, TimeChange } from './filesystem.js';
import type { Inode } from './inode.js';
import type { Knowledge } from './knowledge.js';
import { canSetTime } from './own-times.js';
import type { OpenFiles } from './open-files.js';
import { mustBeAllowed } from './rights.js';
import type { Sender } from './writing/sender.js';

export class AttributeSetter {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #files: OpenFiles;
  readonly #sender: Sender;

  constructor(core: Core, knowledge: Knowledge, files: OpenFiles, sender: Sender) {
    this.#core = core;
    this.#knowledge = knowledge;
    this.#files = files;
    this.#sender = sender;
  }

  async set(node: NodeId, changes: AttributeChanges, handle: FileHandle | undefined, caller: Caller): Promise<AttributesReply> {
    const inode = this.#core.table.get(node);
    if (this.#core.settings.readOnly) throw new FsError('EROFS', 'the drive is mounted read-only');
    this.#permissions(inode, changes);
    if (changes.size !== undefined) await this.#resize(inode, changes.size, handle, caller.signal);
    if (changes.mtime !== undefined) await this.#date(inode, changes.mtime, caller.signal);
    if (changes.atime !== undefined) {
      inode.atime = this.#time(changes.atime);
      this.#knowledge.markChanged(inode);
    }
    return this.#knowledge.attributesReply(inode);
  }

  /** `refuse` lets pass what changes nothing: tools set the mode that is there already. */
  #permissions(inode: Inode, { mode, uid, gid }: AttributeChanges): void {
    if (this.#core.settings.permissions === 'ignore') return;
    const shown = this.#knowledge.attributes(inode);
    const same = (mode === undefined || (mode & 0o7777) === shown.mode) && (uid === undefined || uid === shown.uid) && (gid === undefined || gid === shown.gid);
    if (!same) throw new FsError('EPERM', `modes and owners cannot be changed (${inode.path}); --permissions ignore passes over it`);
  }

  /** By path and with nobody writing there is no close: it is sent before the answer. */
  async #resize(inode: Inode, size: number, handle: FileHandle | undefined, signal: AbortSignal): Promise<void> {
    if (inode.kind === 'folder') throw new FsError('EISDIR', `${inode.path} is a folder`);
    await this.#files.truncateOpen(inode, size, signal);
    if (handle !== undefined || inode.writers > 0) return;
    try {
      await this.#sender.send(inode, signal);
    } finally {
      const { draft } = inode;
      if (inode.writers === 0 && draft !== undefined) {
        if (draft.dirty) this.#sender.showPlatform(inode, draft);
        inode.draft = undefined;
        await draft.discard();
        this.#core.table.dropIfUnused(inode);
      }
    }
  }

  /** The time of unsent content goes out with it; else the platform is told now. */
  async #date(inode: Inode, change: TimeChange, signal: AbortSignal): Promise<void> {
    const time = this.#time(change);
    if (inode.isOrphan) return;
    await this.#sender.quiet(inode, signal);
    if (inode.draft?.dirty === true) {
      await this.#sender.change(inode, signal, (draft) => { draft.date(time); return Promise.resolve(); });
      return;
    }
    mustBeAllowed(this.#core.provider, inode, 'write');
    if (inode.isRoot) {
      inode.entry = { ...inode.entry, modified: rounded(this.#core, time) };
      return;
    }
    const date = async (): Promise<void> => {
      await this.#tell(inode, time, signal);
      this.#knowledge.markChanged(inode);
    };
    // An upload of the file itself would set its own time; what lies in a folder has no part in the folder's.
    await (inode.kind === 'file' ? this.#sender.whileQuiet([inode], signal, date) : date());
  }

  /** Sets the time on the platform; where it takes none, the time is kept beside the cache (promise 8). */
  async #tell(inode: Inode, time: number, signal: AbortSignal): Promise<void> {
    const { provider, table } = this.#core;
    const location = table.locate(inode);
    const { times } = this.#knowledge;
    const refused = provider.learntRefusal?.('date', location);
    if (refused?.errno === 'EROFS') throw refused;
    if (!canSetTime(provider.traits, inode.kind) || refused !== undefined) {
      times.keepModified(inode, time);
      return;
    }
    try {
      const before = inode.entry.version;
      const entry = await provider.setModified(location, inode.entry, time, signal);
      this.#sender.copies.sameBytes(inode, before, entry.version);
      this.#knowledge.enter(inode, entry);
      times.forgetModified(inode);
    } catch (thrown) {
      if (!isErrno(thrown, 'EPERM')) throw thrown;
      times.keepModified(inode, time);
    }
  }

  #time(change: TimeChange): number {
    return change === 'now' ? this.#core.clock.now() : change;
  }
}
