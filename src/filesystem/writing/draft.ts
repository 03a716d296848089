/**
 * The local copy of a file while somebody writes it: what was written lies in a staged file, what
 * was not is read from the version that it was made from, or from the file that it is a copy of. It
 * is sent as a whole, and stays as a cache for its writers once it is sent.
 */
import { FsError } from '../../errors.js';
import type { KeptFile, StagedFile, StagingNote } from '../../storage/staging.js';
import type { Reader, RemoteContent } from '../reading/remote-content.js';
import { addExtent, cutExtents, gapsBelow, noExtents, splitByExtents, type Extents } from '../extents.js';

/** Bytes fetched at once to fill a gap. */
const fillPiece = 4 * 1024 * 1024;

/** The content of another file, which a copy stands for. */
export interface Loan {
  readonly content: RemoteContent;
  /** The copy needs it no more. What comes after the first call does nothing. */
  giveBack(): Promise<void>;
}

interface Base {
  readonly content: RemoteContent;
  readonly limit: number;
  /** It is another file's. */
  readonly loan?: Loan | undefined;
}

export class Draft {
  readonly file: StagedFile;
  /** Bytes. */
  size: number;
  /** The time to give the file: of the last write, or as it was set since. Milliseconds since the epoch. */
  modified: number;
  /** Something in it is not on the platform. */
  dirty = false;
  /**
   * It is due at the next FLUSH: something was written, cut or dated. A file only created or emptied
   * is dirty but not due: `cmd > file` flushes before its first byte.
   */
  due = false;
  /** The platform's version that it was made from, or became; undefined for a file that was never sent. */
  version: string | undefined;
  /** Something was put at what was the end of `version`: in another it would be the wrong place, and what others put there would go. */
  appended = false;
  /** It was cut to nothing since `version`: whatever the platform has is to go. */
  emptied = false;
  /** Sizes and times of the uploads since `version` whose end nobody knows: the platform may hold one of them. */
  readonly tried: { readonly size: number; readonly modified: number }[] = [];
  /** Why the last attempt to send this very state failed. */
  failure: FsError | undefined;
  /** A write was refused for good that would have made it whole: it is never sent as it is. */
  broken: FsError | undefined;
  /** Bytes of it were given to programs: by a read, or by the kernel, which sees every write. */
  shown = false;
  /** It was given up: nobody reads on in what he began to read here. */
  lost = false;
  /** A program was still at it when the mount was taken away: it is never sent as if it were whole. */
  unfinished = false;
  /** While an upload reads it: a change waits for this to resolve, so that no upload is torn. */
  sealed: Promise<void> | undefined;
  /** What lies below `limit` and was not written here is this version's. */
  #base: Base | undefined;
  #present: Extents = noExtents;
  readonly #changes = new Set<Promise<void>>();

  constructor(create: (note: () => StagingNote) => StagedFile, options: {
    readonly path: () => string;
    readonly base: RemoteContent | undefined;
    readonly modified: number;
    readonly version: string | undefined;
  }) {
    this.size = options.base?.size ?? 0;
    this.modified = options.modified;
    this.version = options.version;
    this.#base = options.base === undefined ? undefined : { content: options.base, limit: options.base.size };
    this.file = create(() => this.note(options.path(), 'writing', 'was being written when the mount died'));
  }

  /**
   * Takes the bytes; `now` becomes the file's time, also where another had been set. Dirty from the
   * call on, not from its end: nobody may drop the draft in between.
   */
  write(offset: number, data: Uint8Array, now: number): Promise<void> {
    this.#changed(now);
    this.due = true;
    return this.#change(async () => {
      await this.file.write(offset, data);
      this.#present = addExtent(this.#present, { start: offset, end: offset + data.length });
      this.size = Math.max(this.size, offset + data.length);
    });
  }

  /** Sets the length. What grows is zeros; a remote version cut to nothing is never fetched. */
  truncate(size: number, now: number): Promise<void> {
    this.#changed(now);
    this.broken = undefined;
    if (size === 0 && this.version !== undefined) this.emptied = true;
    return this.#change(async () => {
      await this.file.truncate(size);
      const base = this.#base;
      if (base !== undefined && size < base.limit) {
        this.#base = size === 0 ? undefined : { ...base, limit: size };
        if (size === 0) await base.loan?.giveBack();
      }
      this.#present = cutExtents(this.#present, size);
      this.size = size;
    });
  }

  /**
   * A write to it was refused: it would be larger than the platform takes. What is being put in the place of a whole
   * file, or made, is not sent then: half of it would stand there. What is added to a file that is there is.
   */
  refuseLarger(error: FsError): void {
    if (this.version === undefined || this.emptied) this.broken = error;
  }

  /** What the platform can copy by itself: another file's whole content, in which nothing was changed here. */
  get planned(): RemoteContent | undefined {
    const base = this.#base;
    if (base?.loan === undefined || this.#present.length > 0) return undefined;
    return base.limit === this.size && base.content.size === this.size ? base.content : undefined;
  }

  /** It is a copy of which no byte ever came to this machine: there is nothing to keep. */
  get holdsNothing(): boolean {
    return this.#base?.loan !== undefined && this.#present.length === 0;
  }

  /** Whether bytes of another file can follow here from `offset` on: in an empty draft, or behind those before them. */
  takesCopy(content: RemoteContent, offset: number): boolean {
    if (this.#present.length > 0 || offset !== this.size) return false;
    if (this.#base === undefined) return offset === 0;
    return this.#base.loan !== undefined && this.#base.limit === offset && this.#base.content.version === content.version;
  }

  /** Stands for the first `end` bytes of a file from now on, beginning as `takesCopy` says. `lend` is asked where it does not yet. */
  copy(end: number, now: number, lend: () => Loan): void {
    this.#changed(now);
    this.due = true;
    if (this.#base === undefined) {
      const loan = lend();
      this.#base = { content: loan.content, limit: end, loan };
    } else {
      this.#base = { ...this.#base, limit: end };
    }
    this.size = end;
  }

  /** The platform has copied it: what it stands for is its own file now. */
  async copied(content: RemoteContent): Promise<void> {
    const before = this.#base;
    this.#base = { content, limit: this.size };
    before?.content.cancel(this);
    await before?.loan?.giveBack();
  }

  /** Resolves when every change begun before has ended. */
  async quiet(): Promise<void> {
    while (this.#changes.size > 0) await Promise.allSettled(this.#changes);
  }

  /** A time was set through the file: it goes out with the content. */
  date(modified: number): void {
    this.#changed(modified);
    this.due = true;
  }

  async read(offset: number, length: number, reader: Reader, signal: AbortSignal): Promise<Uint8Array[]> {
    const end = Math.min(offset + length, this.size);
    const pieces: Uint8Array[] = [];
    for (const stretch of this.#stretches(offset, end)) {
      const bytes = stretch.end - stretch.start;
      if (stretch.present || this.#base === undefined) pieces.push(await this.file.read(stretch.start, bytes));
      else pieces.push(...await this.#base.content.read(stretch.start, bytes, reader, signal));
    }
    return pieces;
  }

  /** Fetches what is still missing, so that the staged file is the whole. */
  async complete(signal: AbortSignal): Promise<void> {
    const base = this.#base;
    if (base === undefined) return;
    for (const gap of gapsBelow(this.#present, base.limit)) {
      for (let at = gap.start; at < gap.end; at += fillPiece) {
        const length = Math.min(fillPiece, gap.end - at);
        base.content.prefetch(at + length, Math.min(gap.end, at + 4 * fillPiece), this);
        const pieces = await base.content.read(at, length, this, signal);
        let place = at;
        for (const piece of pieces) {
          await this.file.write(place, piece);
          place += piece.length;
        }
        if (place < at + length) throw new FsError('ESTALE', 'the version that was being changed is shorter than it was');
        this.#present = addExtent(this.#present, { start: at, end: at + length });
      }
    }
    this.#base = undefined;
    await base.loan?.giveBack();
  }

  /** Leaves the bytes on the disk, with a note that says what they are and why they are there. */
  async keep(path: string, reason: string): Promise<KeptFile> {
    await this.quiet();
    const note = this.#lastNote(path, reason);
    this.#base?.content.cancel(this);
    await this.#base?.loan?.giveBack();
    return await this.file.keep(note);
  }

  /** What `keep` would have told, had it come so far. */
  kept(path: string, reason: string): KeptFile {
    return this.file.kept(this.#lastNote(path, reason));
  }

  /** Lets the staged file go. What is on the platform, or was given up, needs it no more. */
  async discard(): Promise<void> {
    const base = this.#base;
    base?.content.cancel(this);
    this.#base = undefined;
    await this.file.discard();
    await base?.loan?.giveBack();
  }

  /** What the note beside the staged file says. */
  note(path: string, state: StagingNote['state'], reason: string): StagingNote {
    const missing = this.#base === undefined ? [] : gapsBelow(this.#present, this.#base.limit);
    return {
      path, state, reason,
      size: this.size,
      modified: this.modified,
      base: this.version ?? null,
      missing: missing.map(({ start, end }): [number, number] => [start, end]),
    };
  }

  #lastNote(path: string, reason: string): StagingNote {
    const whence = this.#base?.loan === undefined ? '' : '; the platform was to copy the rest of it from another file';
    return this.note(path, this.unfinished ? 'writing' : 'kept', `${reason}${whence}`);
  }

  async #change(work: () => Promise<void>): Promise<void> {
    const change = work();
    this.#changes.add(change);
    try {
      await change;
    } finally {
      this.#changes.delete(change);
    }
  }

  #stretches(start: number, end: number): ReturnType<typeof splitByExtents> {
    if (start >= end) return [];
    const limit = this.#base?.limit ?? 0;
    // Beyond the base everything is local: written, or a hole that reads as zeros.
    return splitByExtents(addExtent(this.#present, { start: limit, end: Math.max(limit, this.size) }), start, end);
  }

  #changed(modified: number): void {
    this.modified = modified;
    this.dirty = true;
    this.failure = undefined;
  }
}
