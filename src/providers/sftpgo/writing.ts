/**
 * Puts files on the server without ever harming the one that is there. SFTPGo cuts the old file to
 * nothing when an upload's head arrives, so an upload goes under a hidden name in the same folder, is
 * looked at (201 is no proof), and takes the target's place by a move, which is one step. (SFTPGo's
 * page: replacing a file safely)
 */
import { FsError, isErrno } from '../../errors.js';
import { multipartForm } from '../../http/multipart.js';
import type { Try } from '../../http/retry.js';
import { delay } from '../../http/waiting.js';
import type { Log } from '../../observe/log.js';
import { nameOf, parentOf } from '../paths.js';
import type { Content, Entry, WriteOptions } from '../provider.js';
import type { Lack } from './answers.js';
import type { Api, Call, Refusal, Settlement } from './api.js';
import { patientAfterAbort } from '../commit.js';
import type { Looker, Sight } from './looking.js';
import type { Rights } from './rights.js';
import type { Sights } from './sights.js';
import { sightError } from './sight-error.js';
import type { Temporaries } from './temporaries.js';
import { formatVersion, wholeSecond } from './version.js';

export type FileSight = Extract<Sight, { kind: 'file' }>;

type Uploaded = Try<FileSight> | { readonly refused: FsError; readonly lacks: Lack | undefined };

export class FileWriter {
  private toldOfTimes = false;

  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly sights: Sights, private readonly rights: Rights,
    private readonly temporaries: Temporaries, private readonly log: Log,
  ) {}

  /** The contract's `write`, at a path from the home's root. */
  async write(path: string, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    const folder = parentOf(path);
    if (this.makesDirectly(folder)) return this.writeDirectly(path, content, options, signal);
    const staged = await this.stage(folder, content, options, signal);
    if (staged === 'refused') return this.writeDirectly(path, content, options, signal);
    const placed = await this.putInPlace(staged, path, signal);
    return placed ? entryOf(path, staged.sight) : this.writeDirectly(path, content, options, signal);
  }

  /** False where files in the folder of a path are made directly, since nothing may be renamed there. */
  maySwap(path: string): boolean {
    return !this.makesDirectly(parentOf(path));
  }

  /**
   * Files in this folder go up under their own name: nothing may be renamed there; or the server takes
   * forms alone; or nobody may look into it, so that a hidden file which could not be moved or deleted
   * would stay in somebody's letter box.
   */
  private makesDirectly(folder: string): boolean {
    return (['rename', 'raw upload', 'list'] as const).some((right) => this.rights.missing(right, folder) !== undefined);
  }

  /** Sets a time; the milliseconds must be whole. */
  async setTime(path: string, modified: number, signal: AbortSignal): Promise<number> {
    const known = this.rights.missing('set times', parentOf(path));
    if (known !== undefined) throw new FsError('EPERM', known.message, { cause: known });
    const reply = await this.api.call({
      operation: 'set time', method: 'PATCH', route: '/user/files/metadata', path, headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ modification_time: Math.floor(modified) })), accept: [200], idempotent: true,
    }, signal);
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused') {
      if (reply.lacks !== undefined) this.rights.learn('set times', parentOf(path), reply.error, reply.lacks);
      const error = await this.looker.explain(path, reply, signal);
      throw isErrno(error, 'EACCES') ? new FsError('EPERM', error.message, { cause: error }) : error;
    }
    await reply.answer.discard();
    return reply.answer.date;
  }

  /**
   * Uploads under a hidden name until the server shows the whole file there. What fails leaves nothing
   * behind. `refused`: the server takes no such upload, and may take a form.
   */
  private async stage(
    folder: string, content: Content, options: WriteOptions, signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly sight: FileSight } | 'refused'> {
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
        if (await this.mayTakeForms(temporary, outcome.lacks, signal)) return 'refused';
        if (outcome.lacks !== undefined) this.rights.learn('upload', folder, outcome.refused, outcome.lacks);
        if (!isErrno(outcome.refused, 'ENOENT')) throw outcome.refused;
        throw new FsError('ENOENT', `the folder ${folder} is not on the server any more`, { cause: outcome.refused });
      }
      this.temporaries.discard(temporary, { mayCome: true });
      await progress.wait(outcome.failure);
    }
  }

  /** One upload, looked at. `refused`: the server took nothing of it, for want of what it `lacks`. */
  private async upload(
    path: string, content: Content, options: WriteOptions, signal: AbortSignal,
  ): Promise<Uploaded> {
    return this.sendAndLook({
      operation: 'upload', method: 'POST', route: '/user/files/upload', path, body: content, onSent: options.onProgress,
      headers: { 'content-type': 'application/octet-stream', 'x-sftpgo-mtime': String(Math.floor(options.modified)) },
      lane: 'transfer', answerWithin: 'server', accept: [201], idempotent: true,
    }, path, content.size, options.modified, signal);
  }

  /** The same through the form, which takes no time. */
  private async uploadForm(path: string, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Uploaded> {
    const { headers, body } = multipartForm({}, { field: 'filenames', name: nameOf(path), content }, 'encoded');
    return this.sendAndLook({
      operation: 'upload', method: 'POST', route: '/user/files', path: parentOf(path), headers, body,
      onSent: (sent) => options.onProgress?.(Math.min(sent, content.size)), lane: 'transfer', answerWithin: 'server', accept: [201, 200], idempotent: true,
    }, path, content.size, undefined, signal);
  }

  private async sendAndLook(call: Call, path: string, size: number, modified: number | undefined, signal: AbortSignal): Promise<Uploaded> {
    const outcome = await this.api.attempt(call, signal);
    if ('failure' in outcome) return outcome;
    const reply = outcome.done;
    if (reply.kind === 'lost') throw reply.error;
    if (reply.kind === 'refused') return { refused: await this.looker.explain(path, reply, signal), lacks: reply.lacks };
    const { date } = reply.answer;
    await reply.answer.discard();
    const sight = await this.sights.look(path, signal);
    // Where nobody may look, the server's word is all there is.
    if (sight.kind === 'refused' && sight.lacks !== undefined) return { done: { kind: 'file', size, modified: wholeSecond(Math.floor(modified ?? date)), date } };
    if (sight.kind === 'refused') throw sight.error;
    if (sight.kind !== 'file' || sight.size !== size) {
      const shown = sight.kind === 'file' ? `${sight.size} bytes of ${size}` : sight.kind;
      return { failure: { error: new FsError('EIO', `the server said that it holds the upload, but shows ${shown}`, { retryable: true }), again: 'later' } };
    }
    if (modified !== undefined) this.checkTime(path, sight, modified);
    return { done: sight };
  }

  /** Whether an upload that was refused may be taken as a form: from an operator who offers no look at files either. */
  private async mayTakeForms(path: string, lacks: Lack | undefined, signal: AbortSignal): Promise<boolean> {
    const folder = parentOf(path);
    if (lacks === undefined || this.rights.missing('upload', folder) !== undefined) return false;
    if (lacks === 'service') return true;
    await this.sights.look(path, signal);
    return this.rights.missing('look', folder) !== undefined;
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
        this.rights.learn('rename', parentOf(target), reply.error, reply.lacks ?? 'right');
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
    const source = await this.sights.look(staged.path, signal);
    if (source.kind === 'file') return 'not done';
    if (source.kind !== 'nothing') return 'unknown';
    const there = await this.sights.look(target, signal);
    return there.kind === 'file' && formatVersion(there) === formatVersion(staged.sight) ? 'done' : 'unknown';
  }

  /** Why a checked file may not take its place; undefined where only the right to rename is missing for a new one. */
  private async explainPlacing(temporary: string, target: string, refusal: Refusal, signal: AbortSignal): Promise<FsError | undefined> {
    const there = await this.sights.look(target, signal);
    if (there.kind === 'folder') return new FsError('EISDIR', `${target} is a folder`);
    if (there.kind === 'through a file') return new FsError('ENOTDIR', `${target} goes through a file`);
    if (isErrno(refusal.error, 'EACCES') || isErrno(refusal.error, 'EPERM')) {
      if (there.kind === 'nothing' || there.kind === 'refused') return undefined;
      const error = new FsError('EACCES', `${target}: this user may not replace files there, and an upload over the old one could destroy it`, { cause: refusal.error });
      if (refusal.lacks !== undefined) this.rights.learn('replace', parentOf(target), error, 'right');
      return error;
    }
    if (isErrno(refusal.error, 'ENOENT')) {
      const source = await this.sights.look(temporary, signal);
      if (source.kind === 'nothing') return new FsError('EIO', `${target}: somebody deleted the upload before it could take its place`);
    }
    return this.looker.explain(target, refusal, signal);
  }

  /**
   * An upload under the file's own name, for a new file only; if it fails, the half file is deleted, and
   * said where even that is refused. A form may replace a file, too: the server has all of it before it
   * touches the old one. Where nobody may look, the server's right to overwrite decides.
   */
  private async writeDirectly(path: string, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    const folder = parentOf(path);
    const known = this.rights.missing('upload', folder);
    if (known !== undefined) throw known;
    let asForm = this.rights.missing('raw upload', folder) !== undefined;
    const there = await this.sights.look(path, signal);
    if (there.kind === 'file' && !asForm) {
      const error = new FsError('EACCES', `${path}: this user may not rename there, and an upload over the old file could destroy it`);
      this.rights.learn('replace', folder, error, 'right');
      throw error;
    }
    const unseen = there.kind === 'refused' && there.lacks !== undefined;
    if (there.kind !== 'nothing' && there.kind !== 'file' && !unseen) throw sightError(path, there);
    const progress = this.api.http.retryProgress(signal);
    const mayLeaveHalf = there.kind === 'nothing' || unseen;
    for (;;) {
      const outcome = await (asForm ? this.uploadForm(path, content, options, signal) : this.upload(path, content, options, signal)).catch(async (error: unknown) => {
        if (mayLeaveHalf) await this.removeHalf(path);
        throw error;
      });
      if ('refused' in outcome) {
        if (!asForm && await this.mayTakeForms(path, outcome.lacks, signal)) {
          asForm = true;
          continue;
        }
        // Where nobody may look it may be an older file that is in the way, and not the right to upload.
        if (outcome.lacks !== undefined && !unseen && there.kind === 'nothing') this.rights.learn('upload', folder, outcome.refused, outcome.lacks);
        // Nothing of ours is there: what stands under the name now would be somebody else's.
        throw outcome.refused;
      }
      if ('done' in outcome) {
        if (asForm) this.rights.learn('raw upload', folder, new FsError('EPERM', 'the server takes files as forms alone'), 'service');
        return entryOf(path, outcome.done);
      }
      if (mayLeaveHalf) await this.removeHalf(path);
      await progress.wait(outcome.failure);
    }
  }

  /** Deletes what a failed direct upload left. The one place where half a file could stand under its own name. */
  private async removeHalf(path: string): Promise<void> {
    const signal = AbortSignal.timeout(halfFilePatience);
    if (this.rights.missing('delete', parentOf(path)) !== undefined) {
      await this.tellHalf(path, signal);
      return;
    }
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

  /** Where nothing may be deleted: says so if something stands there, or nobody can tell. */
  private async tellHalf(path: string, signal: AbortSignal): Promise<void> {
    const there = await this.sights.look(path, signal).catch(() => undefined);
    if (there?.kind === 'nothing') return;
    this.log.error({ path }, 'a part of a file that could not be sent may stand under its name: this user may not delete it');
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
