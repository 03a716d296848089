/**
 * Puts files on the platform: as a new version where the account may add one, in place of the present one
 * where it may only change that. What the platform shows afterwards is compared with what was sent, by name,
 * size and MD5; a version that came out wrong is taken away again, so that the one before is the present one.
 * (NetExplorer's page: upload, what surprises)
 */
import { FsError, isErrno } from '../../errors.js';
import type { Try } from '../../http/retry.js';
import type { Log } from '../../observe/log.js';
import { nameOf, parentOf } from '../paths.js';
import type { Content, Entry, WriteOptions } from '../provider.js';
import type { NetexplorerSettings } from '../settings.js';
import { blockSize } from './blocks.js';
import { segment } from './calls.js';
import { md5Of } from './digest.js';
import { lockedBy } from './entries.js';
import { mayBeFull } from './errors.js';
import type { FolderPlace, Sight } from './looking.js';
import { topId } from './memory.js';
import type { FileObject } from './objects.js';
import { OneAtATime } from './one-at-a-time.js';
import { askQuota } from './quotas.js';
import type { Tree } from './tree.js';
import { shownTime, type Upload, type UploadPlace, type Uploader } from './uploading.js';

export type WritingSettings = Pick<NetexplorerSettings, 'overwrite' | 'purgeFolders'>;

/** A file that is to be written, as far as it is known before. */
interface Target {
  readonly parent: FolderPlace;
  readonly name: string;
  readonly place: UploadPlace;
  /** What is there now. */
  readonly before: FileObject | undefined;
}

type Way = 'new version' | 'in place';

/** How long the look may take at what a replacement that broke off has left, in milliseconds. */
const lookBehind = 5_000;

export class FileWriter {
  private readonly turns = new OneAtATime();
  /** Folders whose purging the log has told. */
  private readonly told = new Set<string>();

  constructor(private readonly tree: Tree, private readonly uploader: Uploader, private readonly settings: WritingSettings, private readonly log: Log) {}

  /** The contract's `write`. `sum`: the content's MD5 in hex, where it is known without reading it. */
  async write(path: string, content: Content, options: WriteOptions, signal: AbortSignal, sum?: string): Promise<Entry> {
    const parent = await this.tree.looker.parent(path, signal);
    const name = nameOf(path);
    const place = { folderId: parent.id, name: this.tree.names.encode(name), path };
    // The platform knows an upload in blocks by folder and name alone: two of one name would be mixed.
    return this.turns.run(`${place.folderId}/${place.name}`, signal, async () => {
      const before = await this.before(parent, name, path, signal);
      const way = this.wayOf(path, parent, before);
      await this.heedPurging(path, parent, signal);
      const upload = { content, md5: sum ?? await md5Of(content, signal), options };
      const file = await this.send({ parent, name, place, before }, way, upload, signal);
      this.tree.looker.made(parent.id, name, file.object);
      return this.tree.entry({ object: file.object, name, date: file.date });
    });
  }

  /** What is there: EISDIR for a folder. */
  private async before(parent: FolderPlace, name: string, path: string, signal: AbortSignal): Promise<FileObject | undefined> {
    // Over what somebody has put there in the last moment it becomes a new version: nothing is lost.
    const sight = await this.tree.looker.child(parent, name, signal, 'act');
    if (sight?.object.kind === 'folder') throw new FsError('EISDIR', `${path} is a folder`);
    return sight?.object;
  }

  /** How it is written. EACCES, EBUSY before anything is sent. */
  private wayOf(path: string, parent: FolderPlace, before: FileObject | undefined): Way {
    if (parent.id === topId) throw new FsError('EACCES', `${path}: the platform keeps no files in its top folder`);
    if (before === undefined) {
      if (parent.object?.permissions.write === false) throw new FsError('EACCES', `${path}: this account may not make files in ${parent.path}`);
      return 'new version';
    }
    const owner = lockedBy(before.lock, this.tree.account.id);
    if (owner !== undefined) throw new FsError('EBUSY', `${path} is locked by ${owner}`);
    const { write, edit } = before.permissions;
    if (write === false && edit === false) throw new FsError('EACCES', `${path}: this account may neither change it nor add a version`);
    const mayReplace = edit !== false && this.tree.account.features.edit !== false;
    if (write === false && !mayReplace) throw new FsError('EACCES', `${path}: this account may add no version, and the platform does not let one be changed`);
    if (this.settings.overwrite === 'replace') return mayReplace ? 'in place' : 'new version';
    return write === false ? 'in place' : 'new version';
  }

  /** Files that melt away are said before the first one goes there, or not written at all. */
  async heedPurging(path: string, parent: FolderPlace, signal: AbortSignal): Promise<void> {
    for (let folder = parent; folder.object !== undefined; folder = await this.tree.looker.parent(folder.path, signal)) {
      const { purgeDays, id } = folder.object;
      if (purgeDays !== undefined && purgeDays > 0) {
        if (this.settings.purgeFolders === 'refuse') {
          throw new FsError('EPERM', `${path}: the platform deletes files of ${folder.path} after ${purgeDays} days (--no-purge-folders)`);
        }
        if (!this.told.has(id)) this.log.warn({ folder: folder.path, days: purgeDays }, 'the platform deletes files of this folder after so many days: no place for a backup');
        this.told.add(id);
      }
      if (folder.path === '/') return;
    }
  }

  /** Sends until the platform shows what was sent, as the file's newest version. */
  private async send(target: Target, way: Way, upload: Upload, signal: AbortSignal): Promise<Sight<FileObject>> {
    const progress = this.tree.api.http.retryProgress(signal);
    const { before } = target;
    const replaces = way === 'in place' && before !== undefined;
    try {
      for (;;) {
        const outcome = replaces ? await this.inPlace(target, before, upload, signal) : await this.newVersion(target, upload, signal);
        if ('done' in outcome) return outcome.done;
        await progress.wait(outcome.failure);
      }
    } catch (error) {
      if (replaces) await this.tellHalf(target, before, upload);
      throw error;
    }
  }

  /** What a replacement that broke off leaves is not documented: neither the one content nor the other is said, loudly. */
  private async tellHalf({ place: { path } }: Target, before: FileObject, { content, md5 }: Upload): Promise<void> {
    const now = await this.tree.files.version(before.id, path, AbortSignal.timeout(lookBehind)).catch(() => undefined);
    if (now === undefined) return;
    const { size, md5: sum } = now.object;
    const is = (one: { readonly size: number | undefined; readonly md5: string | undefined }): boolean => size === one.size && (sum === undefined || one.md5 === undefined || sum === one.md5);
    if (is(before) || is({ size: content.size, md5 })) return;
    this.log.error({ path, size, sent: content.size }, 'a replacement in place broke off: the file on the platform is neither the old one nor the new one until it is written again');
  }

  private async inPlace(target: Target, before: FileObject, upload: Upload, signal: AbortSignal): Promise<Try<Sight<FileObject>>> {
    const answer = await this.uploader.inPlace(before, target.place.path, upload, signal);
    if (answer.kind === 'refused') throw await this.explain(target, upload, answer.error, answer.status, signal);
    if (answer.kind === 'lost') return { failure: { error: answer.error, again: 'later', retryAfter: answer.retryAfter } };
    return this.check(target, answer.value === 'no file' ? before : answer.value, upload, answer.date, signal);
  }

  private async newVersion(target: Target, upload: Upload, signal: AbortSignal): Promise<Try<Sight<FileObject>>> {
    if (upload.content.size > blockSize) {
      const arrived = async (): Promise<FileObject | undefined> => (await this.arrived(target, upload, signal))?.object;
      const file = await this.uploader.blocks(target.place, upload, arrived, signal).catch(async (error: unknown) => {
        throw error instanceof FsError ? await this.explain(target, upload, error, undefined, signal) : error;
      });
      return this.check(target, file, upload, this.tree.api.now, signal);
    }
    const answer = await this.uploader.whole(target.place, upload, signal);
    if (answer.kind === 'refused' && answer.status === 423 && await this.isBeingTransferred(target, signal)) return { failure: { error: answer.error, again: 'later' } };
    if (answer.kind === 'refused') throw await this.explain(target, upload, answer.error, answer.status, signal);
    if (answer.kind === 'told' && answer.value !== 'no file') return this.check(target, answer.value, upload, answer.date, signal);
    const found = await this.arrived(target, upload, signal);
    if (found !== undefined) return { done: found };
    const error = answer.kind === 'lost' ? answer.error : new FsError('EIO', `upload: ${target.place.path}: the platform's answer shows no file`, { retryable: true });
    return { failure: { error, again: 'later', retryAfter: answer.kind === 'lost' ? answer.retryAfter : undefined } };
  }

  /** Busy with the version before, and nobody else has locked it. */
  private async isBeingTransferred({ parent, name }: Target, signal: AbortSignal): Promise<boolean> {
    const sight = await this.tree.looker.child(parent, name, signal);
    return sight?.object.kind === 'file' && lockedBy(sight.object.lock, this.tree.account.id) === undefined;
  }

  /** After a lost answer: the new version, if it is there. */
  private async arrived({ parent, name, before, place }: Target, { content, md5, options }: Upload, signal: AbortSignal): Promise<Sight<FileObject> | undefined> {
    const sight = await this.tree.looker.child(parent, name, signal);
    if (sight === undefined || sight.object.kind === 'folder') return undefined;
    const sized = await this.tree.looker.sized(sight, place.path, signal);
    const { object } = sized;
    if (object.kind === 'folder' || object.id === before?.id || object.size !== content.size) return undefined;
    // Where the platform tells no sums, the size alone would take another's file for this one.
    const isOurs = object.md5 === undefined ? object.modified === shownTime(options.modified) : object.md5 === md5;
    return isOurs ? { ...sized, object } : undefined;
  }

  /** Whether the platform holds under this name what was sent. What it has instead does not stay. */
  private async check(target: Target, told: FileObject, upload: Upload, date: number, signal: AbortSignal): Promise<Try<Sight<FileObject>>> {
    const { parent, name, place, before } = target;
    const { content, md5 } = upload;
    if (this.tree.names.decode(told.name) !== name) return this.takeStrayAway(target, told, signal);
    // Read back where the answer left something out, and where it cannot be of these bytes yet. By its own number: others may have written since.
    const complete = told.size === content.size && told.md5 === md5 && told.modified !== undefined;
    const now = complete ? { object: told, date } : await this.tree.files.version(told.id, place.path, signal);
    if (now === undefined) {
      return { failure: { error: new FsError('EIO', `upload: ${place.path}: the file is not there any more`, { retryable: true }), again: 'later' } };
    }
    const { object } = now;
    // A sum that the platform never tells proves nothing either way.
    if (object.size === content.size && (object.md5 === undefined || object.md5 === md5)) {
      return { done: { object: { ...object, parentId: object.parentId ?? parent.id }, name, parentId: parent.id, date: now.date } };
    }
    const shown = object.size === content.size ? 'other bytes' : `${object.size ?? 'an unknown number of'} bytes of ${content.size}`;
    const error = new FsError('EIO', `upload: ${place.path}: the platform said that it holds the file, but shows ${shown}`, { retryable: true });
    await this.uploader.forget(place);
    if (object.id !== before?.id) await this.takeVersionAway(object, place, signal);
    return { failure: { error, again: 'later' } };
  }

  /** A platform that keeps one name for one thing gives the second another: it is taken away, and the name counts as taken. */
  private async takeStrayAway({ place, before }: Target, stray: FileObject, signal: AbortSignal): Promise<never> {
    await this.remove(stray.id, place.path, signal);
    const what = before === undefined ? 'the name is taken' : 'the platform makes no new version of it';
    throw new FsError('EEXIST', `${place.path}: ${what}: it named the upload ${stray.name}`);
  }

  /** The version that came out wrong: the one before it is the present one again. */
  private async takeVersionAway(object: FileObject, place: UploadPlace, signal: AbortSignal): Promise<void> {
    if (await this.remove(object.id, place.path, signal)) this.log.warn({ path: place.path }, 'an upload came out wrong and was taken away again');
  }

  /** This version and no other: one that stands beside it is another person's, or what was there before. */
  private async remove(id: string, path: string, signal: AbortSignal): Promise<boolean> {
    const reply = await this.tree.api.call({
      operation: 'delete', method: 'DELETE', path: `/file/${segment(id)}?trash=0&versions=none`, route: '/file/:id', about: path, idempotent: true,
    }, signal);
    if (reply.kind === 'answer') await reply.answer.discard();
    else if (!isErrno(reply.error, 'ENOENT')) {
      this.log.error({ path, err: reply.error }, 'an upload that came out wrong could not be taken away');
      return false;
    }
    return true;
  }

  /** Why an upload was refused: a full quota answers in several ways, a missing folder as a missing right. */
  private async explain({ parent, name, place }: Target, { content: { size } }: Upload, error: FsError, status: number | undefined, signal: AbortSignal): Promise<FsError> {
    if (isErrno(error, 'EINTR') || isErrno(error, 'EDQUOT')) return error;
    if (status === undefined ? isErrno(error, 'EACCES') || isErrno(error, 'EINVAL') : mayBeFull('upload', status)) {
      const quota = await askQuota(this.tree.api, parent.id, signal).catch(() => undefined);
      if (quota !== undefined && quota.total - quota.used < Math.max(1, size)) return new FsError('EDQUOT', `${error.message} (the quota is used up)`, { cause: error });
    }
    if (status === undefined || [403, 409, 422].includes(status)) {
      // A folder made there meanwhile is answered as a missing right is.
      const there = await this.tree.looker.child(parent, name, signal).catch(() => undefined);
      if (there?.object.kind === 'folder') return new FsError('EISDIR', `${place.path} is a folder`, { cause: error });
    }
    if (isErrno(error, 'ENOENT')) return new FsError('ENOENT', `the folder ${parentOf(place.path)} is not there any more`, { cause: error });
    return error;
  }
}
