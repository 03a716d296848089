/**
 * Sends what was written: one upload a file at a time, the whole file or nothing. What cannot be
 * sent stays on this machine's disk and is named (promises 1, 2 and 4).
 */
import { toFsError, type FsError } from '../../errors.js';
import type { Content } from '../../providers/provider.js';
import type { KeptFile } from '../../storage/staging.js';
import type { Core } from '../core.js';
import type { UnsentFile } from '../filesystem.js';
import type { Inode } from '../inode.js';
import type { Knowledge } from '../knowledge.js';
import { SharedTask, untilAborted } from '../shared-task.js';
import { Draft } from './draft.js';

export class Sender {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #sending = new Map<Draft, SharedTask<void>>();
  /** Renames and removals under way: uploads at or below wait for them. */
  readonly #gates = new Map<Inode, Promise<void>>();
  /** Whose upload waits at a gate. */
  readonly #waiting = new Set<Inode>();
  readonly #kept = new Map<KeptFile, UnsentFile>();

  constructor(core: Core, knowledge: Knowledge) {
    this.#core = core;
    this.#knowledge = knowledge;
  }

  /** What could not be sent since this mount began. */
  get kept(): readonly UnsentFile[] {
    return [...this.#kept.values()];
  }

  /**
   * Changes a file's local copy, made for that from the present version, or empty with `emptied`.
   * Waits while an upload reads it. `change` begins in the same turn as the check.
   */
  async change(inode: Inode, signal: AbortSignal, change: (draft: Draft) => Promise<void>, emptied = false): Promise<void> {
    for (;;) {
      const draft = inode.draft ?? this.#newDraft(inode, emptied);
      if (draft.sealed === undefined) {
        await change(draft);
        this.#knowledge.markChanged(inode);
        return;
      }
      await untilAborted(draft.sealed, signal);
    }
  }

  /**
   * Sends what is unsent of a file. Resolves when the platform holds all that was written before the
   * call; a call while an upload runs waits for it, and sends again only if there are newer writes.
   */
  async send(inode: Inode, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { draft } = inode;
      if (draft === undefined || !draft.dirty || inode.isOrphan) return;
      const running = this.#sending.get(draft);
      if (running?.abandoned === true) {
        await untilAborted(running.settled(), signal);
        continue;
      }
      if (running !== undefined) {
        // The running upload takes every write there is: newer ones wait for its end.
        await running.join(signal);
        continue;
      }
      const task = new SharedTask((own) => this.#upload(inode, draft, own));
      this.#sending.set(draft, task);
      await task.join(signal);
    }
  }

  /** Resolves when no upload of this file runs. */
  async quiet(inode: Inode, signal: AbortSignal): Promise<void> {
    for (;;) {
      const running = inode.draft === undefined ? undefined : this.#sending.get(inode.draft);
      if (running === undefined) return;
      await untilAborted(running.settled(), signal);
    }
  }

  /**
   * Runs a rename or removal while nothing at or below the inode is being sent; what is due meanwhile
   * waits for its end, and goes to the name that the file has then.
   */
  async whileQuiet<T>(top: Inode, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#gate(top, signal);
    let open: () => void = () => undefined;
    this.#gates.set(top, new Promise((resolve) => { open = resolve; }));
    try {
      for (const inode of [...this.#core.table.all()]) {
        const running = inode.draft === undefined ? undefined : this.#sending.get(inode.draft);
        if (running !== undefined && !this.#waiting.has(inode) && inode.isBelow(top)) await untilAborted(running.settled(), signal);
      }
      return await work();
    } finally {
      this.#gates.delete(top);
      open();
    }
  }

  /**
   * Gives a draft up that could not be sent: its bytes stay on the disk, and the file shows what the
   * platform has. A file that the platform never had is gone from the tree.
   */
  async keep(inode: Inode, draft: Draft, error: FsError): Promise<void> {
    const { path } = inode;
    inode.draft = undefined;
    this.#core.log.error({ path, kept: draft.file.data, errno: error.errno, reason: error.message }, 'a file could not be sent; its content is kept on this machine');
    const kept = await draft.file.keep(draft.note(path, 'kept', error.message));
    this.#kept.set(kept, { path, size: draft.size, kept: kept.data, reason: error.message });
    this.showPlatform(inode);
  }

  /** The mount ends: sends what is unsent of a file, or keeps it. */
  async finish(inode: Inode, signal: AbortSignal): Promise<void> {
    const { draft } = inode;
    if (draft === undefined) return;
    const failure = await this.send(inode, signal).then(() => undefined, toFsError);
    if (failure !== undefined && draft.dirty && inode.draft === draft) {
      await this.keep(inode, draft, failure);
      return;
    }
    if (inode.draft === draft) inode.draft = undefined;
    await draft.discard();
  }

  /** Lets go of what was kept under a path, once the platform has those very bytes. */
  async superseded(path: string, size: number, same: (kept: string) => Promise<boolean>): Promise<void> {
    for (const [kept, unsent] of this.#kept) {
      if (unsent.path !== path || unsent.size !== size || !await same(kept.data)) continue;
      this.#kept.delete(kept);
      await kept.discard();
    }
  }

  /** After a draft went unsent: the truth is the platform's. */
  showPlatform(inode: Inode): void {
    inode.changed = undefined;
    inode.pages = undefined;
    const { place } = inode;
    if (place === undefined) return;
    this.#core.listings.drop(place.parent);
    if (inode.entry.version === unsentVersion) {
      this.#core.table.orphan(inode);
      this.#core.notices.invalidateEntry(place.parent.node, place.name);
      return;
    }
    inode.learnt = -Infinity;
    this.#core.notices.invalidateNode(inode.node);
  }

  async #upload(inode: Inode, draft: Draft, signal: AbortSignal): Promise<void> {
    let unseal: () => void = () => undefined;
    draft.sealed = new Promise((resolve) => { unseal = resolve; });
    try {
      // First the gate, in the same turn: a rename either waits for this upload or is waited for.
      await this.#gate(inode, signal);
      if (inode.isOrphan) return;
      await draft.quiet();
      await draft.complete(signal);
      const started = performance.now();
      const content: Content = { size: draft.size, open: (start) => draft.file.stream(start, draft.size) };
      const entry = await this.#core.provider.write(this.#core.table.locate(inode), content, { modified: draft.modified }, signal);
      this.#core.log.debug({ path: inode.path, bytes: draft.size, ms: Math.round(performance.now() - started) }, 'sent');
      draft.dirty = false;
      draft.due = false;
      draft.failure = undefined;
      draft.version = entry.version;
      this.#sent(inode, entry);
    } catch (thrown) {
      const error = toFsError(thrown);
      draft.failure = error;
      if (inode.place !== undefined) this.#core.listings.drop(inode.place.parent);
      throw error;
    } finally {
      // One turn later at least: the caller enters the task after this function's first part ran.
      await Promise.resolve();
      this.#sending.delete(draft);
      draft.sealed = undefined;
      unseal();
    }
  }

  #newDraft(inode: Inode, emptied: boolean): Draft {
    const base = emptied || (inode.entry.size ?? 0) === 0 ? undefined : this.#knowledge.contentOf(inode);
    inode.draft = new Draft((note) => this.#core.staging.create(note), {
      path: () => inode.path,
      base,
      modified: this.#core.clock.now(),
      version: inode.entry.version === unsentVersion ? undefined : inode.entry.version,
    });
    return inode.draft;
  }

  #sent(inode: Inode, entry: Parameters<Knowledge['enter']>[1]): void {
    if (inode.place !== undefined && inode.entry.version === unsentVersion) this.#knowledge.touchFolder(inode.place.parent);
    this.#knowledge.enter(inode, entry);
    this.#knowledge.markChanged(inode);
    // The kernel's pages hold what was written, which is what was sent.
    inode.content = undefined;
    inode.pages = inode.pagers > 0 ? this.#knowledge.contentOf(inode) : undefined;
  }

  /** Waits for the renames and removals under way at or above an inode. */
  async #gate(inode: Inode, signal: AbortSignal): Promise<void> {
    for (;;) {
      const gates = [...this.#gates].filter(([top]) => inode.isBelow(top));
      if (gates.length === 0) return;
      this.#waiting.add(inode);
      try {
        await untilAborted(Promise.all(gates.map(([, opened]) => opened)), signal);
      } finally {
        this.#waiting.delete(inode);
      }
    }
  }
}

/** The version of a file that was made here and that the platform has not seen. */
export const unsentVersion = 'unsent';
