/**
 * Puts files on the server without ever harming the one that is there. SFTPGo cuts the old file to
 * nothing when an upload's head arrives, so an upload goes under a hidden name in the same folder, is
 * looked at (201 is no proof), and takes the target's place by a move, which is one step. (SFTPGo's
 * page: replacing a file safely)
 */
import { LRUCache } from 'lru-cache';
import { FsError, isErrno } from '../../errors.js';
import type { Try } from '../../http/retry.js';
import { delay } from '../../http/waiting.js';
import type { Log } from '../../observe/log.js';
import { nameOf, parentOf } from '../paths.js';
import type { Content, Entry, WriteOptions } from '../provider.js';
import type { Api, Refusal, Settlement } from './api.js';
import { patientAfterAbort } from './commit.js';
import type { Looker, Sight } from './looking.js';
import { sightError } from './sight-error.js';
import type { Temporaries } from './temporaries.js';
import { formatVersion, wholeSecond } from './version.js';

export type FileSight = Extract<Sight, { kind: 'file' }>;

/** A folder where nothing may be renamed is believed to stay so for this long, in milliseconds: rights are changed by people. */
export const rightsLast = 10 * 60_000;

export class FileWriter {
  /** Folders where the user may not rename: files there are made directly. */
  private readonly direct = new LRUCache<string, true>({ max: 1000, ttl: rightsLast });
  private toldOfTimes = false;

  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly temporaries: Temporaries, private readonly log: Log,
  ) {}

  /** The contract's `write`, at a path from the home's root. */
  async write(path: string, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    if (this.direct.has(parentOf(path))) return this.writeDirectly(path, content, options, signal);
    const staged = await this.stage(parentOf(path), content, options, signal);
    const placed = await this.putInPlace(staged, path, signal);
    return placed ? entryOf(path, staged.sight) : this.writeDirectly(path, content, options, signal);
  }

  /** False where files in the folder of a path are made directly, since nothing may be renamed there. */
  maySwap(path: string): boolean {
    return !this.direct.has(parentOf(path));
  }

  /** Sets a time; the milliseconds must be whole. */
  async setTime(path: string, modified: number, signal: AbortSignal): Promise<number> {
    const reply = await this.api.call({
      operation: 'set time', method: 'PATCH', route: '/user/files/metadata', path, headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ modification_time: Math.floor(modified) })), accept: [200], idempotent: true,
    }, signal);
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused') {
      const error = await this.looker.explain(path, reply, signal);
      throw isErrno(error, 'EACCES') ? new FsError('EPERM', error.message, { cause: error }) : error;
    }
    await reply.answer.discard();
    return reply.answer.date;
  }

  /** Uploads under a hidden name until the server shows the whole file there. What fails leaves nothing behind. */
  private async stage(
    folder: string, content: Content, options: WriteOptions, signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly sight: FileSight }> {
    const progress = this.api.http.retryProgress(signal);
    for (;;) {
      // A new name for each try: the server may still be writing to the old one.
      const temporary = this.temporaries.pathIn(folder);
      const outcome = await this.upload(temporary, content, options, signal).catch((error: unknown) => {
        this.temporaries.discard(temporary, { mayCome: true });
        throw error;
      });
      if ('done' in outcome) return { path: temporary, sight: outcome.done };
      if ('refused' in outcome) {
        this.temporaries.discard(temporary, { mayCome: false });
        throw outcome.refused;
      }
      this.temporaries.discard(temporary, { mayCome: true });
      await progress.wait(outcome.failure);
    }
  }

  /** One upload, looked at. `refused`: the server took nothing of it. */
  private async upload(
    path: string, content: Content, options: WriteOptions, signal: AbortSignal,
  ): Promise<Try<FileSight> | { readonly refused: FsError }> {
    const outcome = await this.api.attempt({
      operation: 'upload', method: 'POST', route: '/user/files/upload', path, body: content, onSent: options.onProgress,
      headers: { 'content-type': 'application/octet-stream', 'x-sftpgo-mtime': String(Math.floor(options.modified)) },
      lane: 'transfer', answerWithin: 'server', accept: [201], idempotent: true,
    }, signal);
    if ('failure' in outcome) return outcome;
    const reply = outcome.done;
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused') return { refused: await this.looker.explain(path, reply, signal) };
    await reply.answer.discard();
    const sight = await this.looker.look(path, signal);
    if (sight.kind === 'refused') throw sight.error;
    if (sight.kind !== 'file' || sight.size !== content.size) {
      const shown = sight.kind === 'file' ? `${sight.size} bytes of ${content.size}` : sight.kind;
      return { failure: { error: new FsError('EIO', `the server said that it holds the upload, but shows ${shown}`, { retryable: true }), again: 'later' } };
    }
    this.checkTime(path, sight, options.modified);
    return { done: sight };
  }

  /** The header is ignored silently where the right to set times is missing. */
  checkTime(path: string, sight: FileSight, modified: number): void {
    if (sight.modified === wholeSecond(Math.floor(modified)) || this.toldOfTimes) return;
    this.toldOfTimes = true;
    this.log.warn({ folder: parentOf(path) }, 'the server does not take modification times from this user: files get the time of their upload');
  }

  /**
   * Moves the checked temporary over its target. False where the user may not rename and there is no
   * target yet. From the moment that the move is sent an interrupt only shortens the wait: nobody
   * could tell what it left behind.
   */
  async putInPlace(
    staged: { readonly path: string; readonly sight: FileSight }, target: string, signal: AbortSignal,
  ): Promise<boolean> {
    const commit = patientAfterAbort(signal);
    try {
      const reply = await this.api.change({
        operation: 'move', method: 'POST', route: '/user/file-actions/move', path: staged.path, target, answerWithin: 'server',
        accept: [200], idempotent: false,
      }, () => this.settleMove(staged, target, commit.signal), commit.signal);
      if (reply.kind === 'settled') return true;
      if (reply.kind === 'answer') {
        await reply.answer.discard();
        return true;
      }
      const error = await this.explainPlacing(staged.path, target, reply, commit.signal);
      this.temporaries.discard(staged.path, { mayCome: false });
      if (error === undefined) {
        this.direct.set(parentOf(target), true);
        this.log.warn({ folder: parentOf(target) }, 'this user may not rename here: new files are made directly, and existing ones cannot be replaced');
        return false;
      }
      throw error;
    } catch (error) {
      // Harmless where it has become the target all the same: the hidden name is gone then.
      this.temporaries.discard(staged.path, { mayCome: false });
      throw error;
    } finally {
      commit.end();
    }
  }

  /** Looks whether a move was done whose answer was lost. */
  private async settleMove(staged: { readonly path: string; readonly sight: FileSight }, target: string, signal: AbortSignal): Promise<Settlement> {
    const source = await this.looker.look(staged.path, signal);
    if (source.kind === 'file') return 'not done';
    if (source.kind !== 'nothing') return 'unknown';
    const there = await this.looker.look(target, signal);
    return there.kind === 'file' && formatVersion(there) === formatVersion(staged.sight) ? 'done' : 'unknown';
  }

  /** Why a checked file may not take its place; undefined where only the right to rename is missing for a new one. */
  private async explainPlacing(temporary: string, target: string, refusal: Refusal, signal: AbortSignal): Promise<FsError | undefined> {
    const there = await this.looker.look(target, signal);
    if (there.kind === 'folder') return new FsError('EISDIR', `${target} is a folder`);
    if (there.kind === 'through a file') return new FsError('ENOTDIR', `${target} goes through a file`);
    if (isErrno(refusal.error, 'EACCES') || isErrno(refusal.error, 'EPERM')) {
      if (there.kind === 'nothing') return undefined;
      return new FsError('EACCES', `${target}: this user may not replace files there, and an upload over the old one could destroy it`, { cause: refusal.error });
    }
    if (isErrno(refusal.error, 'ENOENT')) {
      const source = await this.looker.look(temporary, signal);
      if (source.kind === 'nothing') return new FsError('EIO', `${target}: somebody deleted the upload before it could take its place`);
    }
    return this.looker.explain(target, refusal, signal);
  }

  /**
   * Where nothing may be renamed: an upload under the file's own name, for a new file only. If it
   * fails, the half file is deleted, and said where even that is refused.
   */
  private async writeDirectly(path: string, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    const there = await this.looker.look(path, signal);
    if (there.kind === 'file') {
      throw new FsError('EACCES', `${path}: this user may not rename there, and an upload over the old file could destroy it`);
    }
    if (there.kind !== 'nothing') throw sightError(path, there);
    const progress = this.api.http.retryProgress(signal);
    for (;;) {
      const outcome = await this.upload(path, content, options, signal).catch(async (error: unknown) => {
        await this.removeHalf(path);
        throw error;
      });
      // Nothing of ours is there: what stands under the name now would be somebody else's.
      if ('refused' in outcome) throw outcome.refused;
      if ('done' in outcome) return entryOf(path, outcome.done);
      await this.removeHalf(path);
      await progress.wait(outcome.failure);
    }
  }

  /** Deletes what a failed direct upload left. The one place where half a file could stand under its own name. */
  private async removeHalf(path: string): Promise<void> {
    const signal = AbortSignal.timeout(halfFilePatience);
    try {
      // Where nothing is there the request that was cut off may still be on its way through the server.
      for (const last of [false, true]) {
        const reply = await this.api.call({
          operation: 'delete file', method: 'DELETE', route: '/user/files', path, accept: [200], idempotent: true,
        }, signal);
        if (reply.kind === 'answer') {
          await reply.answer.discard();
          return;
        }
        if (!isErrno(reply.error, 'ENOENT')) throw reply.error;
        if (!last) await delay(lateComer, signal);
      }
    } catch (error) {
      this.log.error({ path, err: error }, 'a part of a file that could not be sent may stand under its name: it could not be deleted');
    }
  }
}

/** How long the deletion of half a file may take, in milliseconds. */
const halfFilePatience = 10_000;
/** How long after a request was cut off its file may still appear, in milliseconds, as far as anybody waits for it. */
const lateComer = 250;

/** What stands there, as the contract has it. */
export function entryOf(path: string, sight: FileSight): Entry {
  return { name: nameOf(path), kind: 'file', size: sight.size, modified: sight.modified, version: formatVersion(sight), observed: sight.date };
}
