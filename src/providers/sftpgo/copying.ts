/**
 * Files that the server copies by itself. Its copy has no condition, takes the time of the moment, makes
 * folders that are missing, and is not one step; so it goes under a hidden name, is looked at together
 * with what it was made from, and takes its place by a move, as an upload does. (SFTPGo's page: files)
 */
import { LRUCache } from 'lru-cache';
import { FsError, isErrno } from '../../errors.js';
import type { Try } from '../../http/retry.js';
import { delay } from '../../http/waiting.js';
import { parentOf } from '../paths.js';
import type { CopyOptions, Entry } from '../provider.js';
import type { Api, Refusal } from './api.js';
import type { Looker, Sight } from './looking.js';
import { refusalsLast } from './rights.js';
import { sightError } from './sight-error.js';
import type { Sights } from './sights.js';
import type { Temporaries } from './temporaries.js';
import { formatVersion } from './version.js';
import { entryOf, type FileSight, type FileWriter } from './writing.js';

/** A copy whose answer was lost is being made as long as it grows within so many milliseconds. */
const growth = 2_000;

export class FileCopier {
  /** From which folder to which the server does not copy for this user. */
  private readonly refused = new LRUCache<string, true>({ max: 1000, ttl: refusalsLast });

  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly sights: Sights, private readonly temporaries: Temporaries, private readonly writer: FileWriter,
  ) {}

  /** The contract's `copy`, at paths from the home's root. */
  async copy(from: string, to: string, options: CopyOptions, signal: AbortSignal): Promise<Entry> {
    if (this.refused.has(way(from, to)) || !this.writer.maySwap(to)) throw new FsError('EOPNOTSUPP', `${from} is not copied by the server for this user`);
    const [source] = await Promise.all([this.lookAtSource(from, options.version, signal), this.requireFolder(from, parentOf(to), signal)]);
    const staged = await this.stage(from, to, source.size, options, signal);
    if (!await this.writer.putInPlace(staged, to, signal)) throw new FsError('EOPNOTSUPP', `copying to ${to}: the user may not rename there`);
    return entryOf(to, staged.sight);
  }

  /** Has it copied under a hidden name until the server shows the whole there, made of the right version. */
  private async stage(from: string, to: string, size: number, options: CopyOptions, signal: AbortSignal): Promise<{ readonly path: string; readonly sight: FileSight }> {
    const progress = this.api.http.retryProgress(signal);
    for (;;) {
      // A new name for each try: the server may still be writing to the old one.
      const path = this.temporaries.pathIn(parentOf(to));
      const outcome = await this.attempt(from, path, to, size, options, signal).catch((error: unknown) => {
        this.temporaries.discard(path, { mayCome: true });
        throw error;
      });
      if ('done' in outcome) return { path, sight: outcome.done };
      this.temporaries.discard(path, { mayCome: true });
      await progress.wait(outcome.failure);
    }
  }

  private async attempt(from: string, temporary: string, to: string, size: number, options: CopyOptions, signal: AbortSignal): Promise<Try<FileSight>> {
    const outcome = await this.api.attempt({
      operation: 'copy', method: 'POST', route: '/user/file-actions/copy', path: from, target: temporary, answerWithin: 'server',
      accept: [200], idempotent: false,
    }, signal);
    if ('failure' in outcome) return outcome;
    const reply = outcome.done;
    if (reply.kind === 'refused') throw await this.explain(from, to, reply, signal);
    if (reply.kind === 'answer') await reply.answer.discard();
    else if (!await this.arrives(temporary, size, signal)) return { failure: { error: reply.error, again: 'later' } };
    await this.writer.setTime(temporary, options.modified, signal).catch((error: unknown) => {
      // As with an upload: without that right the copy keeps the time of its making.
      if (!isErrno(error, 'EPERM')) throw error;
    });
    const [sight] = await Promise.all([this.sights.look(temporary, signal), this.lookAtSource(from, options.version, signal)]);
    if (sight.kind === 'refused') throw sight.error;
    if (sight.kind !== 'file' || sight.size !== size) {
      const shown = sight.kind === 'file' ? `${sight.size} bytes of ${size}` : sight.kind;
      return { failure: { error: new FsError('EIO', `the server said that it has copied ${from}, but shows ${shown}`, { retryable: true }), again: 'later' } };
    }
    this.writer.checkTime(to, sight, options.modified);
    return { done: sight };
  }

  /** After a lost answer: whether the copy is there, or comes to be. Proxies end requests that the server goes on with. */
  private async arrives(path: string, size: number, signal: AbortSignal): Promise<boolean> {
    for (let before = -1; ;) {
      const sight = await this.sights.look(path, signal);
      if (sight.kind !== 'file') return false;
      if (sight.size === size) return true;
      if (sight.size <= before) return false;
      before = sight.size;
      await delay(growth, signal);
    }
  }

  /** ESTALE unless the version that is to be copied stands there. */
  private async lookAtSource(path: string, version: string, signal: AbortSignal): Promise<FileSight> {
    const sight = await this.sights.look(path, signal);
    if (sight.kind === 'refused') throw sight.error;
    if (sight.kind !== 'file' || formatVersion(sight) !== version) throw new FsError('ESTALE', `${path}, which was to be copied, is another file now, or gone`);
    return sight;
  }

  /** The server would make the folder. Beside the source it is there. */
  private async requireFolder(from: string, folder: string, signal: AbortSignal): Promise<void> {
    if (parentOf(from) === folder) return;
    const sight: Sight = await this.sights.look(folder, signal);
    if (sight.kind === 'nothing' || sight.kind === 'through a file' || sight.kind === 'file') throw sightError(folder, sight);
  }

  private async explain(from: string, to: string, refusal: Refusal, signal: AbortSignal): Promise<FsError> {
    const { error } = refusal;
    const forbidden = isErrno(error, 'EPERM') || isErrno(error, 'EACCES');
    if (forbidden) this.refused.set(way(from, to), true);
    // A link is refused with 400: its content can still be copied by reading and writing.
    if (forbidden || refusal.status === 400) return new FsError('EOPNOTSUPP', `the server does not copy ${from}`, { cause: error });
    if (isErrno(error, 'ENOENT')) return new FsError('ESTALE', `${from}, which was to be copied, is gone`, { cause: error });
    return this.looker.explain(to, refusal, signal);
  }
}

function way(from: string, to: string): string {
  return `${parentOf(from)}\0${parentOf(to)}`;
}
