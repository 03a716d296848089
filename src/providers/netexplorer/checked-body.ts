/**
 * The bytes of a part of a file as they arrive, none of them given before it is certain that they are of the
 * version that was asked for: by a look that began after they came, or by the file's own sum. A body that
 * breaks off is gone on with. (NetExplorer's page: objects)
 */
import { createHash, type Hash } from 'node:crypto';
import { FsError, toFsError } from '../../errors.js';
import type { Answer } from '../../http/answer.js';
import type { RetryProgress } from '../../http/retry.js';
import type { CurrentFile } from './current-files.js';
import type { VersionParts } from './entries.js';

/** A version of known length. */
export type Pinned = VersionParts & { readonly size: number };

/** Bytes that are collected before it is asked whether they are of the right version. */
const groupSize = 1024 * 1024;

export interface PartOfFile {
  readonly path: string;
  readonly pinned: Pinned;
  /** First byte, and the byte after the last: of those that are there. */
  readonly start: number;
  readonly end: number;
  /** The bytes from a place to the end. */
  readonly open: (from: number, progress: RetryProgress) => Promise<Answer>;
  /** Throws ESTALE where the file is another by now. */
  readonly check: () => Promise<CurrentFile>;
  readonly progress: RetryProgress;
}

interface Group {
  readonly pieces: Uint8Array[];
  readonly last: boolean;
}

/**
 * The bytes of a part, group by group: while one is checked the next arrives, while one is read the next is
 * checked. Not a generator: `return()` of one that was never started would leave its connection taken.
 */
export class CheckedBody implements AsyncIterableIterator<Uint8Array> {
  private body: Answer['body'] | undefined;
  private position: number;
  private sum: Hash | undefined;
  private digest: string | undefined;
  private collecting: Promise<Group> | undefined;
  private checking: Promise<Uint8Array[]> | undefined;
  private ready: Uint8Array[] = [];
  private over = false;

  constructor(private readonly part: PartOfFile) {
    this.position = part.start;
    this.sum = this.newSum();
  }

  /**
   * Opens, and takes the first group, so that a refusal comes in place of the download. What the look
   * showed; undefined where the file's own sum was enough.
   */
  async begin(): Promise<CurrentFile | undefined> {
    try {
      for (;;) {
        const group = await this.collect();
        if (group.last && this.sumIsRight() === true) {
          this.take(group);
          return undefined;
        }
        const looked = await this.part.check();
        if (!group.last || this.sumIsRight() !== false) {
          this.take(group);
          return looked;
        }
        await this.part.progress.wait({ error: this.damaged(), again: 'later' });
        await this.restart();
      }
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const piece = this.ready.shift();
      if (piece !== undefined) return { done: false, value: piece };
      const { checking } = this;
      if (checking === undefined) {
        this.over = true;
        return { done: true, value: undefined };
      }
      this.checking = undefined;
      try {
        this.ready = await checking;
      } catch (error) {
        await this.return();
        throw error;
      }
      this.checkAhead();
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.over = true;
    this.ready = [];
    this.checking = undefined;
    const { body } = this;
    this.body = undefined;
    await body?.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private take(group: Group): void {
    this.ready = group.pieces;
    if (!group.last) this.collectAhead();
    this.checkAhead();
  }

  private collectAhead(): void {
    this.collecting = this.collect();
    // Who reads on hears of it.
    this.collecting.catch(() => undefined);
  }

  private checkAhead(): void {
    const { collecting } = this;
    if (collecting === undefined) return;
    this.collecting = undefined;
    this.checking = this.check(collecting);
    this.checking.catch(() => undefined);
  }

  private async check(collecting: Promise<Group>): Promise<Uint8Array[]> {
    const group = await collecting;
    if (!group.last) this.collectAhead();
    if (group.last && this.sumIsRight() === true) return group.pieces;
    await this.part.check();
    if (group.last && this.sumIsRight() === false) throw this.damaged();
    return group.pieces;
  }

  /** A sum is taken of a file that is read from its start to its end. */
  private newSum(): Hash | undefined {
    const { pinned, start, end } = this.part;
    return start === 0 && end === pinned.size && pinned.md5 !== undefined ? createHash('md5') : undefined;
  }

  /** Whether the file that came whole has its sum; undefined where that cannot be told. */
  private sumIsRight(): boolean | undefined {
    if (this.sum === undefined) return undefined;
    this.digest ??= this.sum.digest('hex');
    return this.digest === this.part.pinned.md5;
  }

  private damaged(): FsError {
    return new FsError('EIO', `reading ${this.part.path}: the bytes that came have another MD5 than the file`, { retryable: true });
  }

  private async restart(): Promise<void> {
    await this.body?.return();
    this.body = undefined;
    this.position = this.part.start;
    this.digest = undefined;
    this.sum = this.newSum();
  }

  private async collect(): Promise<Group> {
    const { end, progress } = this.part;
    const pieces: Uint8Array[] = [];
    let length = 0;
    while (this.position < end && length < groupSize) {
      if (this.over) throw new FsError('EINTR', 'the read was given up');
      const piece = await this.nextPiece(progress);
      if (piece === undefined || piece.length === 0) continue;
      const wanted = piece.length > end - this.position ? piece.subarray(0, end - this.position) : piece;
      this.position += wanted.length;
      length += wanted.length;
      this.sum?.update(wanted);
      pieces.push(wanted);
    }
    const last = this.position >= end;
    if (last) await this.finish();
    return { pieces, last };
  }

  /** The answer's own end is waited for, so that the connection can be used again. */
  private async finish(): Promise<void> {
    const { body } = this;
    this.body = undefined;
    await body?.next().catch(() => undefined);
    await body?.return();
  }

  /** Undefined where the body broke off and has to be asked for again. */
  private async nextPiece(progress: RetryProgress): Promise<Uint8Array | undefined> {
    if (this.body === undefined) {
      const { body } = await this.part.open(this.position, progress);
      if (this.over) {
        await body.return();
        throw new FsError('EINTR', 'the read was given up');
      }
      this.body = body;
    }
    try {
      const next = await this.body.next();
      if (next.done !== true) {
        if (progress.failures > 0) progress.reset();
        return next.value;
      }
      throw new FsError('EIO', `the body ended at byte ${this.position}, before ${this.part.end}`, { retryable: true });
    } catch (thrown) {
      const error = toFsError(thrown);
      if (error.errno === 'EINTR') throw error;
      this.body = undefined;
      await progress.wait({ error, again: error.retryable ? 'later' : 'never' });
    }
    return undefined;
  }
}
