/**
 * Makes, removes and renames. SFTPGo's own rules are not POSIX's (its DELETE of a folder takes all
 * that is in it, a move never replaces a folder), and none of these calls may be sent twice: where an
 * answer is lost, what is there decides. (SFTPGo's page: directories, files)
 */
import { FsError, isErrno } from '../../errors.js';
import { isHiddenName } from '../hidden-names.js';
import { isBelow, nameOf, parentOf } from '../paths.js';
import type { Entry } from '../provider.js';
import type { Api, Call, Refusal, Settlement } from './api.js';
import type { Lister } from './listing.js';
import type { Looker, Sight } from './looking.js';
import type { Right, Rights } from './rights.js';
import { sightError } from './sight-error.js';
import type { Sights } from './sights.js';
import type { Sightings } from './sightings.js';
import type { Temporaries } from './temporaries.js';
import { formatVersion } from './version.js';

/** A folder that was made by a request whose answer was lost shows a time no older than this before it, in milliseconds. */
const clockSlack = 2_000;

export class Mover {
  constructor(
    private readonly api: Api, private readonly looker: Looker, private readonly lister: Lister, private readonly temporaries: Temporaries,
    private readonly sightings: Sightings, private readonly sights: Sights, private readonly rights: Rights,
  ) {}

  /** The contract's `createFolder`, at a path from the home's root. */
  async createFolder(path: string, signal: AbortSignal): Promise<Entry> {
    this.refuse('make folders', parentOf(path));
    const begun = this.api.http.clock.now();
    const call: Call = { operation: 'make folder', method: 'POST', route: '/user/dirs', path, accept: [201, 200], idempotent: false };
    const reply = await this.api.change(call, (until) => this.settleFolder(path, begun, until), signal);
    if (reply.kind === 'refused') {
      this.learn('make folders', parentOf(path), reply);
      throw await this.explainFolder(path, reply, signal);
    }
    this.sightings.note(path, undefined);
    const observed = reply.kind === 'answer' ? reply.answer.date : this.api.http.clock.now();
    if (reply.kind === 'answer') await reply.answer.discard();
    return { name: nameOf(path), kind: 'folder', size: undefined, modified: undefined, version: '', observed };
  }

  async removeFile(path: string, signal: AbortSignal): Promise<void> {
    this.refuse('delete', parentOf(path));
    await this.delete({ operation: 'delete file', method: 'DELETE', route: '/user/files', path, accept: [200], idempotent: false }, signal);
  }

  /**
   * Removes an empty folder. Looks into it first, because the server would delete all that is in it;
   * what others put there between the look and the deletion is lost with it: the server has no
   * condition to prevent that.
   */
  async removeFolder(path: string, signal: AbortSignal): Promise<void> {
    this.refuse('delete', parentOf(path));
    const listing = await this.lister.list(path, signal);
    // What is left out of listings is there all the same, and would be deleted.
    if (!listing.empty && !(listing.onlyHidden && await this.temporaries.clear(listing.hidden, signal))) {
      throw new FsError('ENOTEMPTY', `${path} is not empty`);
    }
    await this.delete({ operation: 'delete folder', method: 'DELETE', route: '/user/dirs', path, accept: [200], idempotent: false }, signal);
  }

  /** The contract's `move`, at paths from the home's root. */
  async move(from: string, to: string, replace: boolean, signal: AbortSignal): Promise<void> {
    if (isBelow(to, from)) throw new FsError('EINVAL', `${from} cannot be moved into itself`);
    // A refusal does not tell which of the two folders it is for: only that of a server without the service is remembered.
    this.refuse('rename', parentOf(to));
    if (!replace) await this.refuseExisting(to, signal);
    if (from === to) {
      await this.mustExist(from, signal);
      return;
    }
    const refusal = await this.send(from, to, signal);
    if (refusal === undefined) return;
    if (refusal.lacks === 'service') this.learn('rename', parentOf(to), refusal);
    const sights = { source: await this.sights.look(from, signal), target: await this.sights.look(to, signal) };
    const { source, target } = sights;
    if (replace && refusal.status === 400 && source.kind === 'folder' && target.kind === 'folder') {
      await this.replaceFolder(from, to, signal);
      return;
    }
    throw await this.explainMove(from, to, refusal, sights, signal);
  }

  /** A folder over an empty folder, which the server refuses: the empty one is deleted first, and made again if the move fails. */
  private async replaceFolder(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.removeFolder(to, signal);
    const again = await this.send(from, to, signal).catch(async (error: unknown) => {
      await this.createFolder(to, signal).catch(() => undefined);
      throw error;
    });
    if (again === undefined) return;
    await this.createFolder(to, signal).catch(() => undefined);
    throw again.error;
  }

  /** Throws what was refused in that folder a little while ago. */
  private refuse(right: Right, folder: string): void {
    const known = this.rights.missing(right, folder);
    if (known !== undefined) throw known;
  }

  private learn(right: Right, folder: string, refusal: Refusal): void {
    if (refusal.lacks !== undefined) this.rights.learn(right, folder, refusal.error, refusal.lacks);
  }

  /** Sends a move. Resolves to the refusal, or to nothing where it was done. */
  private async send(from: string, to: string, signal: AbortSignal): Promise<Refusal | undefined> {
    const reply = await this.api.change({
      operation: 'move', method: 'POST', route: '/user/file-actions/move', path: from, target: to, answerWithin: 'server', accept: [200], idempotent: false,
    }, (until) => this.settleMove(from, to, until), signal);
    if (reply.kind === 'refused') return reply;
    if (reply.kind === 'answer') await reply.answer.discard();
    this.sightings.moved(from, to);
    return undefined;
  }

  private async delete(call: Call, signal: AbortSignal): Promise<void> {
    const reply = await this.api.change(call, async (until): Promise<Settlement> => {
      const sight = await this.sights.look(call.path, until);
      return sight.kind === 'nothing' ? 'done' : sight.kind === 'refused' ? 'unknown' : 'not done';
    }, signal);
    if (reply.kind === 'refused') {
      this.learn('delete', parentOf(call.path), reply);
      throw await this.looker.explain(call.path, reply, signal);
    }
    if (reply.kind === 'answer') await reply.answer.discard();
    this.sightings.forget(call.path);
  }

  private async refuseExisting(path: string, signal: AbortSignal): Promise<void> {
    const sight = await this.sights.look(path, signal);
    if (sight.kind === 'file' || sight.kind === 'folder') throw new FsError('EEXIST', `${path} exists`);
    // As from a file system that does not know RENAME_NOREPLACE: mv then renames without it.
    if (sight.kind === 'refused' && sight.lacks !== undefined) throw new FsError('EINVAL', `nobody can tell whether ${path} exists`, { cause: sight.error });
    if (sight.kind !== 'nothing') throw sightError(path, sight);
  }

  private async mustExist(path: string, signal: AbortSignal): Promise<void> {
    const sight = await this.sights.look(path, signal);
    if (sight.kind !== 'file' && sight.kind !== 'folder') throw sightError(path, sight);
  }

  private async settleMove(from: string, to: string, signal: AbortSignal): Promise<Settlement> {
    const source = await this.sights.look(from, signal);
    if (source.kind === 'file' || source.kind === 'folder') return 'not done';
    if (source.kind !== 'nothing') return 'unknown';
    const target = await this.sights.look(to, signal);
    if (target.kind !== 'file' && target.kind !== 'folder') return 'unknown';
    // Nobody but us puts anything under a fresh hidden name.
    if (isHiddenName(nameOf(to))) return 'done';
    return this.sightings.looksLike(from, target.kind === 'file' ? formatVersion(target) : undefined) ? 'done' : 'unknown';
  }

  /** A folder stands there: was it our request that made it, or was it there before? Its time tells, in its parent's listing. */
  private async settleFolder(path: string, begun: number, signal: AbortSignal): Promise<Settlement> {
    const sight = await this.sights.look(path, signal);
    if (sight.kind === 'nothing') return 'not done';
    if (sight.kind === 'file') throw new FsError('EEXIST', `${path} exists`);
    if (sight.kind !== 'folder') return 'unknown';
    const { entries } = await this.lister.list(parentOf(path), signal);
    const made = entries.find((entry) => entry.name === nameOf(path));
    if (made?.modified === undefined) return 'unknown';
    if (made.modified >= begun - clockSlack) return 'done';
    throw new FsError('EEXIST', `${path} exists`);
  }

  private async explainFolder(path: string, refusal: Refusal, signal: AbortSignal): Promise<FsError> {
    if (!refusal.look) return refusal.error;
    const sight = await this.sights.look(path, signal);
    if (sight.kind === 'file' || sight.kind === 'folder') return new FsError('EEXIST', `${path} exists`, { cause: refusal.error });
    if (sight.kind === 'through a file') return sightError(path, sight);
    return this.looker.explain(path, refusal, signal);
  }

  private async explainMove(
    from: string, to: string, refusal: Refusal, { source, target }: { source: Sight; target: Sight }, signal: AbortSignal,
  ): Promise<FsError> {
    if (source.kind === 'nothing' || source.kind === 'through a file') return sightError(from, source);
    if (target.kind === 'through a file') return sightError(to, target);
    if (isErrno(refusal.error, 'ENOENT')) return new FsError('ENOENT', `the folder of ${to} is not there`, { cause: refusal.error });
    if (!refusal.look) return refusal.error;
    if (source.kind === 'file' && target.kind === 'folder') return new FsError('EISDIR', `${to} is a folder`);
    if (source.kind === 'folder' && target.kind === 'file') return new FsError('ENOTDIR', `${to} is a file`);
    // Without a clear look at both nothing is known of why: a program told EXDEV would begin to copy.
    for (const sight of [source, target]) if (sight.kind === 'refused' && !isErrno(sight.error, 'EACCES')) return sight.error;
    // Nothing that is there forbids it: the two lie on storages between which the server does not move. mv then copies.
    if (refusal.status === 400) return new FsError('EXDEV', refusal.error.message, { cause: refusal.error });
    return this.looker.explain(to, refusal, signal);
  }
}
