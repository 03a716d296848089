/**
 * Sends what was written: one upload a file at a time, the whole file or nothing. What cannot be
 * sent stays on this machine's disk and is named (promises 1, 2 and 4).
 */
import { FsError, toFsError } from '../../errors.js';
import type { Content, Entry } from '../../providers/provider.js';
import { sameBytes, type Stretch } from '../../storage/same-bytes.js';
import type { KeptFile } from '../../storage/staging.js';
import type { Core } from '../core.js';
import type { UnsentFile } from '../filesystem.js';
import { unsentVersion, type Inode } from '../inode.js';
import type { Knowledge } from '../knowledge.js';
import { mustBeAllowed } from '../rights.js';
import { SharedTask, untilAborted } from '../shared-task.js';
import { mustBeUnchanged } from './answers-lost.js';
import { Copies } from './copies.js';
import { Draft } from './draft.js';
import { holdsKept } from './kept-bytes.js';
import { Progress, type UploadReport } from './progress.js';

/** An upload under way, which outlives its draft where that was given up meanwhile. */
interface Upload {
  readonly draft: Draft;
  readonly task: SharedTask<void>;
  readonly progress: Progress;
}

export class Sender {
  /** What the platform is to copy. */
  readonly copies: Copies;
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #sending = new Map<Inode, Upload>();
  /** Renames and removals under way: uploads at or below wait for them. */
  readonly #gates = new Map<Inode, Promise<void>>();
  /** Whose upload waits at a gate. */
  readonly #waiting = new Set<Inode>();
  readonly #kept = new Map<KeptFile, UnsentFile>();

  constructor(core: Core, knowledge: Knowledge) {
    this.#core = core;
    this.#knowledge = knowledge;
    this.copies = new Copies(core);
  }

  /** What could not be sent since this mount began. */
  get kept(): readonly UnsentFile[] {
    return [...this.#kept.values()];
  }

  /** How far the upload of a file has come; undefined where none is under way, or the platform copies it by itself. */
  progressOf(inode: Inode): UploadReport | undefined {
    if (inode.draft?.planned !== undefined) return undefined;
    return this.#sending.get(inode)?.progress.report();
  }

  /**
   * Changes a file's local copy, made for that from the first `keeps` bytes of the present version.
   * Waits while an upload reads it. `change` begins in the same turn as the check. ENOSPC where this
   * machine's disk could not hold what is kept: a close would be too late to find that out.
   */
  async change(inode: Inode, signal: AbortSignal, change: (draft: Draft) => Promise<void>, keeps = Infinity): Promise<void> {
    if (inode.vanished) throw new FsError('ESTALE', `${inode.path} was deleted or replaced on the platform while it was open`);
    if (inode.draft === undefined) this.mayChange(inode);
    const needed = Math.min(keeps, inode.entry.size ?? 0);
    if (inode.draft === undefined && needed > 0) await this.#core.staging.ensureRoom(needed);
    for (;;) {
      const draft = inode.draft ?? this.#newDraft(inode, keeps);
      if (draft.sealed === undefined) {
        await change(draft);
        this.#knowledge.markChanged(inode);
        return;
      }
      await untilAborted(draft.sealed, signal);
    }
  }

  /** Throws what the platform would refuse a new content with, where that is known: better now than when the data has moved. */
  mayChange(inode: Inode): void {
    if (inode.entry.version === unsentVersion || inode.isDetached) return;
    mustBeAllowed(this.#core.provider, inode, 'write');
    const refused = this.#core.provider.learntRefusal?.('replace', this.#core.table.locate(inode));
    if (refused !== undefined) throw refused;
  }

  /**
   * Sends what is unsent of a file. Resolves when the platform holds all that was written before the
   * call. While an upload runs changes wait: one that is joined takes every change there was.
   */
  async send(inode: Inode, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { draft } = inode;
      if (draft === undefined || !draft.dirty || inode.isOrphan) return;
      if (draft.broken !== undefined) throw draft.broken;
      const running = this.#sending.get(inode);
      if (running !== undefined && (running.task.abandoned || running.draft !== draft)) {
        await untilAborted(running.task.settled(), signal);
        continue;
      }
      if (running === undefined && inode.lent > 0) {
        await this.copies.secure(inode, signal);
        // Asked anew: somebody may have sent it meanwhile.
        if (this.#sending.has(inode) || inode.draft !== draft) continue;
      }
      const progress = new Progress();
      const task = running?.task ?? new SharedTask((own) => this.#upload(inode, draft, progress, own));
      if (running === undefined) this.#sending.set(inode, { draft, task, progress });
      await task.join(signal);
      return;
    }
  }

  /** Resolves when no upload of this file runs. */
  async quiet(inode: Inode, signal: AbortSignal): Promise<void> {
    for (let running = this.#sending.get(inode); running !== undefined; running = this.#sending.get(inode)) {
      await untilAborted(running.task.settled(), signal);
    }
  }

  /**
   * Runs a rename or removal while nothing at or below these inodes is being sent; what is due
   * meanwhile waits for its end, and goes to the name that the file has then.
   */
  async whileQuiet<T>(tops: readonly Inode[], signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    // All gates are taken in the turn in which none is in the way: two renames never wait for each other.
    for (let gates = this.#gatesAbove(tops); gates.length > 0; gates = this.#gatesAbove(tops)) {
      await untilAborted(Promise.all(gates), signal);
    }
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => { open = resolve; });
    for (const top of tops) this.#gates.set(top, opened);
    try {
      for (const [inode, running] of [...this.#sending]) {
        if (!this.#waiting.has(inode) && tops.some((top) => this.#touches(inode, running.draft, top))) await untilAborted(running.task.settled(), signal);
      }
      return await work();
    } finally {
      for (const top of tops) this.#gates.delete(top);
      open();
    }
  }

  /** Before what the platform was to copy is changed here: ENOSPC where this machine could not hold its first `keeps` bytes. */
  async roomForCopy(inode: Inode, keeps: number): Promise<void> {
    const planned = inode.draft?.planned;
    if (planned !== undefined) await this.#core.staging.ensureRoom(Math.min(keeps, planned.size));
  }

  /** Keeps what could not be sent; a copy of which nothing came to this machine is only given up: its source is where it was. */
  async giveUp(inode: Inode, draft: Draft, error: FsError): Promise<void> {
    if (!draft.holdsNothing) {
      await this.keep(inode, draft, error);
      return;
    }
    await this.#drop(inode, draft, error, 'a file could not be copied on the platform');
  }

  async #drop(inode: Inode, draft: Draft, error: FsError, words: string): Promise<void> {
    inode.draft = undefined;
    this.#core.log.error({ path: inode.path, errno: error.errno, reason: error.message }, words);
    this.showPlatform(inode, draft);
    await draft.discard();
  }

  /**
   * Gives a draft up that could not be sent: its bytes stay on the disk, and the file shows what the
   * platform has. A file that the platform never had is gone from the tree. An order is not kept: who gave it may give it again.
   * Nor is what is too large for the platform: its program was told in the middle of writing it.
   */
  async keep(inode: Inode, draft: Draft, error: FsError): Promise<void> {
    const { path } = inode;
    if (this.#core.provider.isOrder?.({ path, id: inode.entry.id }) === true) {
      await this.#drop(inode, draft, error, 'what was written was not taken by the platform');
      return;
    }
    if (draft.broken !== undefined) {
      await this.#drop(inode, draft, draft.broken, 'a file was not sent: what a program had written of it is not the whole');
      return;
    }
    inode.draft = undefined;
    // In the same turn: who opens it from now on opens what the platform has, or looks for the name anew.
    this.showPlatform(inode, draft);
    this.#core.log.error({ path, kept: draft.file.data, errno: error.errno, reason: error.message }, 'a file could not be sent; its content is kept on this machine');
    const kept = await draft.keep(path, error.message).catch((thrown: unknown) => {
      this.#core.log.error({ path, kept: draft.file.data, err: thrown }, 'the note beside a kept file could not be written');
      return draft.kept(path, error.message);
    });
    await this.#letGoOf(path, draft.size, kept.data, kept.note.missing);
    this.#kept.set(kept, { path, size: draft.size, kept: kept.data, reason: error.message });
  }

  /**
   * The mount ends: sends what is unsent of a file, or keeps it. With `cutOff` a file that a program
   * still had open for writing is kept: half of a copy must not take the place of the whole.
   */
  async finish(inode: Inode, cutOff: boolean, signal: AbortSignal): Promise<void> {
    const { draft } = inode;
    if (draft === undefined) return;
    if (cutOff && inode.writers > 0 && draft.dirty && draft.sealed === undefined && !inode.isOrphan) {
      draft.unfinished = true;
      await this.keep(inode, draft, new FsError('EIO', 'a program still had it open when the mount was taken away'));
      return;
    }
    // A program that waits in close() for the upload does not keep it alive against whoever ends the mount.
    const tooLate = new FsError('EIO', 'the mount ended before the upload did');
    const giveUp = (): void => this.#sending.get(inode)?.task.giveUp(tooLate);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await this.#finish(inode, signal, tooLate);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async #finish(inode: Inode, signal: AbortSignal, tooLate: FsError): Promise<void> {
    for (let { draft } = inode; draft !== undefined; draft = inode.draft) {
      const failure = await this.send(inode, signal).then(() => undefined, toFsError);
      // An upload that was given up may have come through all the same.
      await this.quiet(inode, new AbortController().signal);
      if (inode.draft !== draft || (failure === undefined && draft.dirty && !inode.isOrphan)) continue;
      if (failure !== undefined && draft.dirty) {
        await this.keep(inode, draft, signal.aborted ? tooLate : failure);
        return;
      }
      inode.draft = undefined;
      await draft.discard();
    }
  }

  /**
   * Lets go of what was kept under a path, where the same bytes are on the platform now or kept anew. What was
   * never fetched of an older version is no loss: all that the program wrote is there.
   */
  async #letGoOf(path: string, size: number, data: string, missing: readonly Stretch[]): Promise<void> {
    for (const [kept, unsent] of this.#kept) {
      if (unsent.path !== path || unsent.size !== size) continue;
      if (!missing.every((gap) => kept.note.missing.some((other) => other[0] <= gap[0] && gap[1] <= other[1]))) continue;
      try {
        if (!await sameBytes(kept.data, data, size, kept.note.missing)) continue;
        this.#kept.delete(kept);
        await kept.discard();
      } catch (thrown) {
        this.#core.log.warn({ path, kept: kept.data, err: thrown }, 'a kept file could not be compared');
      }
    }
  }

  /** The same where the platform copied it by itself: no byte is here to compare with, so it is read. */
  async #letGoOfCopied(path: string, entry: Entry, signal: AbortSignal): Promise<void> {
    for (const [kept, unsent] of this.#kept) {
      if (unsent.path !== path) continue;
      try {
        if (!await holdsKept(this.#core.provider, entry, kept, signal)) continue;
        this.#kept.delete(kept);
        await kept.discard();
      } catch (thrown) {
        this.#core.log.warn({ path, kept: kept.data, err: thrown }, 'a kept file could not be compared');
      }
    }
  }

  /** After a draft went unsent: the truth is the platform's. */
  showPlatform(inode: Inode, draft: Draft): void {
    inode.changed = undefined;
    draft.lost = true;
    if (draft.shown && (inode.pages === undefined || inode.pages === 'lost' || inode.pages.version === draft.version)) inode.pages = 'lost';
    const { place } = inode;
    if (place === undefined) return;
    this.#core.listings.drop(place.parent);
    if (inode.entry.version === unsentVersion) {
      this.#core.table.vanish(inode);
      this.#core.notices.invalidateEntry(place.parent.node, place.name);
      return;
    }
    inode.learnt = -Infinity;
    this.#core.notices.invalidateNode(inode.node);
  }

  async #upload(inode: Inode, draft: Draft, progress: Progress, signal: AbortSignal): Promise<void> {
    let unseal: () => void = () => undefined;
    const before = draft.sealed;
    draft.sealed = new Promise((resolve) => { unseal = resolve; });
    try {
      // First the gate, in the same turn: a rename either waits for this upload or is waited for.
      await this.#gate(inode, draft, signal);
      // A copy that is getting its bytes has it sealed already.
      await before;
      if (inode.isOrphan) return;
      await draft.quiet();
      const started = performance.now();
      const copied = await this.#copy(inode, draft, signal);
      if (!copied) await this.#put(inode, draft, progress, signal);
      this.#core.log.debug({ path: inode.path, bytes: draft.size, copied, ms: Math.round(performance.now() - started) }, 'sent');
    } catch (thrown) {
      const error = toFsError(thrown);
      draft.failure = error;
      if (inode.place !== undefined) this.#core.listings.drop(inode.place.parent);
      throw error;
    } finally {
      // One turn later at least: the caller enters the task after this function's first part ran.
      await Promise.resolve();
      this.#sending.delete(inode);
      draft.sealed = undefined;
      unseal();
    }
  }

  /** True where the platform has copied it by itself. */
  async #copy(inode: Inode, draft: Draft, signal: AbortSignal): Promise<boolean> {
    if (draft.planned === undefined) return false;
    inode.uncertain = true;
    const entry = await this.copies.make(inode, draft, signal);
    inode.uncertain = false;
    if (entry === undefined) {
      await this.#core.staging.ensureRoom(draft.size);
      return false;
    }
    this.#sent(inode, draft, entry);
    await draft.copied(this.#knowledge.contentOf(inode));
    await this.#letGoOfCopied(inode.path, entry, signal);
    return true;
  }

  async #put(inode: Inode, draft: Draft, progress: Progress, signal: AbortSignal): Promise<void> {
    await draft.complete(signal);
    if (draft.appended && !draft.emptied) await mustBeUnchanged(this.#core, inode, draft, signal);
    const content: Content = { size: draft.size, open: (start) => draft.file.stream(start, draft.size) };
    inode.uncertain = true;
    draft.tried.push({ size: draft.size, modified: draft.modified });
    const entry = await this.#core.provider.write(this.#core.table.locate(inode), content, { modified: draft.modified, onProgress: (sent) => progress.note(sent) }, signal);
    inode.uncertain = false;
    this.#sent(inode, draft, entry);
    await this.#letGoOf(inode.path, draft.size, draft.file.data, []);
  }

  #newDraft(inode: Inode, keeps: number): Draft {
    const base = keeps === 0 || (inode.entry.size ?? 0) === 0 ? undefined : this.#knowledge.contentOf(inode);
    inode.draft = new Draft((note) => this.#core.staging.create(note), {
      path: () => inode.path,
      base,
      modified: this.#core.clock.now(),
      version: inode.entry.version === unsentVersion ? undefined : inode.entry.version,
    });
    return inode.draft;
  }

  #sent(inode: Inode, draft: Draft, entry: Entry): void {
    const before = draft.version;
    draft.dirty = false;
    draft.due = false;
    draft.appended = false;
    draft.emptied = false;
    draft.tried.length = 0;
    draft.failure = undefined;
    draft.version = entry.version;
    if (inode.place !== undefined && inode.entry.version === unsentVersion) this.#knowledge.touchFolder(inode.place.parent);
    this.#knowledge.enter(inode, entry);
    this.#knowledge.times.compareModified(inode, draft.modified);
    this.#knowledge.markChanged(inode);
    inode.succeed(before);
    inode.content = undefined;
    // The kernel's pages hold what was written, which is what was sent; unless they are of a version older than that.
    const ours = inode.pages === undefined || (inode.pages !== 'lost' && inode.pages.version === before);
    if (ours) inode.pages = inode.pagers > 0 ? this.#knowledge.contentOf(inode) : undefined;
  }

  /** A copy is of its source, too: neither is moved while it is made. */
  #touches(inode: Inode, draft: Draft, top: Inode): boolean {
    return inode.isBelow(top) || this.copies.sourceOf(draft)?.isBelow(top) === true;
  }

  #gatesAbove(inodes: readonly Inode[]): Promise<void>[] {
    return [...this.#gates].filter(([top]) => inodes.some((inode) => inode.isBelow(top))).map(([, opened]) => opened);
  }

  /** Waits for the renames and removals under way at or above an inode. */
  async #gate(inode: Inode, draft: Draft, signal: AbortSignal): Promise<void> {
    const ways = (): Promise<void>[] => {
      const source = this.copies.sourceOf(draft);
      return this.#gatesAbove(source === undefined ? [inode] : [inode, source]);
    };
    for (let gates = ways(); gates.length > 0; gates = ways()) {
      this.#waiting.add(inode);
      try {
        await untilAborted(Promise.all(gates), signal);
      } finally {
        this.#waiting.delete(inode);
      }
    }
  }
}
