/**
 * What a READ is answered: the bytes as they are in this moment, from the draft or from the platform,
 * all of one version for whoever has seen a byte of it (promise 3); and what is fetched ahead for those
 * who read in order, who share the memory for that.
 */
import { FsError, isErrno } from '../../errors.js';
import type { Core } from '../core.js';
import type { Inode } from '../inode.js';
import type { Knowledge } from '../knowledge.js';
import { deliver, lost, mustBeOf, pinOf, type OpenFile } from '../open-file.js';
import { untilAborted } from '../shared-task.js';
import type { Draft } from '../writing/draft.js';
import { blockSize } from './block.js';
import { nextWindow, windowLimits } from './prefetch-window.js';

/** How often a read starts again because the platform had a newer version than the listing told. */
const corrections = 3;

export class Reads {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  /** Handles that read in order, and share the memory for reading ahead. */
  readonly #inOrder = new Set<OpenFile>();

  constructor(core: Core, knowledge: Knowledge) {
    this.#core = core;
    this.#knowledge = knowledge;
  }

  /** The bytes as they are in this moment, in the draft or on the platform. */
  async read(file: OpenFile, offset: number, length: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    for (;;) {
      const { draft } = file.inode;
      if (draft === undefined) return await this.#remote(file, offset, length, signal);
      try {
        return await this.#draft(file, draft, offset, length, signal);
      } catch (thrown) {
        // Sent and let go in the middle of the read: the platform has it now.
        if (file.inode.draft === draft || signal.aborted) throw thrown;
      }
    }
  }

  async #draft(file: OpenFile, draft: Draft, offset: number, length: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    mustBeOf(file, draft.version);
    draft.shown = true;
    if (file.direct) file.draft = draft;
    return await draft.read(offset, length, file, signal);
  }

  async #remote(file: OpenFile, offset: number, length: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const { inode } = file;
    for (let attempt = 1; ; attempt += 1) {
      if (file.draft !== undefined) mustBeOf(file, inode.entry.version);
      if (file.content !== undefined && inode.isOurs(file.content.version)) file.content = undefined;
      const pinned = pinOf(file);
      if (pinned === 'lost') throw lost(inode);
      const content = pinned ?? this.#knowledge.contentOf(inode);
      try {
        content.askedFor(offset, length);
        const limits = windowLimits(this.#core.store.budget, this.#inOrder.size, blockSize);
        const step = nextWindow(file.window, offset, length, content.size, limits);
        file.window = step.state;
        if (step.state.window > 0) this.#inOrder.add(file);
        else this.#inOrder.delete(file);
        const { start, end } = step.ahead;
        if (end > start) {
          // The read itself and what follows it go out as one request where they touch.
          const from = start <= offset + length ? Math.min(offset, start) : start;
          file.window = { ...step.state, asked: Math.max(content.prefetch(from, end, file), Math.min(offset + length, content.size)) };
        }
        const pieces = await content.read(offset, length, file, signal);
        if (inode.telling !== undefined) await untilAborted(inode.telling, signal);
        if (!deliver(file, content)) throw new FsError('ESTALE', `${inode.path} changed while it was read`);
        if (!file.direct && file.window.window > 0) content.delivered(offset, length);
        return pieces;
      } catch (thrown) {
        if (!isErrno(thrown, 'ESTALE')) throw thrown;
        if (pinOf(file) !== undefined || attempt > corrections) {
          // Bytes of the older version were given: the next open gets the newer one.
          inode.learnt = -Infinity;
          if (inode.place !== undefined) this.#core.listings.drop(inode.place.parent);
          throw thrown;
        }
        await this.#correct(inode, signal);
      }
    }
  }

  /** The listing was older than the platform: looks at the file. */
  async #correct(inode: Inode, signal: AbortSignal): Promise<void> {
    if (inode.place === undefined) throw new FsError('ESTALE', `${inode.entry.name} was deleted or replaced`);
    const { parent, name } = inode.place;
    const before = inode.entry.version;
    const found = await this.#knowledge.look(parent, name, signal);
    if (found !== inode) throw new FsError('ESTALE', `${inode.entry.name} was deleted or replaced`);
    if (inode.entry.version === before) inode.content = undefined;
  }

  /** The handle is closed: what it still asks for ends, and its share of the memory is the others'. */
  forget(file: OpenFile): void {
    const { inode } = file;
    this.#inOrder.delete(file);
    for (const read of file.reads.keys()) read.abort();
    inode.content?.cancel(file);
    if (inode.pages !== 'lost') inode.pages?.cancel(file);
    file.content?.cancel(file);
  }
}
