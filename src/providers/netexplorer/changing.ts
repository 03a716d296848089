/**
 * Makes, removes and moves. The platform answers a name that is taken with a refusal that also means "you may
 * not", or makes the thing under another name: so what is there is looked at, before and after. A rename over
 * a file is no call of its own: the content becomes a new version of the target, and only when that is there
 * and checked does the source go. (NetExplorer's page: routes, what surprises)
 */
import { FsError, isErrno } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { hiddenNameSource, isHiddenName, type Instances } from '../hidden-names.js';
import { isBelow, joinPath, nameOf } from '../paths.js';
import type { Content, Entry } from '../provider.js';
import type { Call, Told } from './api.js';
import { askFile, askFolder, segment } from './calls.js';
import { lockedBy } from './entries.js';
import type { Leftovers } from './leftovers.js';
import type { FolderPlace, Sight } from './looking.js';
import { topId } from './memory.js';
import { readFile, readFolder, type FileObject, type FolderObject, type TreeObject } from './objects.js';
import type { Tree } from './tree.js';

export interface ChangingParts {
  readonly tree: Tree;
  readonly instances: Instances;
  /** What is deleted goes to the trash, where the platform has one. */
  readonly trash: boolean;
  readonly leftovers: Leftovers;
  readonly log: Log;
  /** Puts content at a path, as the contract's `write`. */
  readonly write: (path: string, content: Content, known: { readonly modified: number; readonly md5: string | undefined }, signal: AbortSignal) => Promise<Entry>;
  /** The bytes of one version of a file, from `start`. */
  readonly bytesOf: (path: string, entry: Entry, start: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Says, or refuses, that what is put at a path of a folder melts away there. */
  readonly heedPurging: (path: string, folder: FolderPlace, signal: AbortSignal) => Promise<void>;
}

export class Changer {
  private readonly hiddenName: () => string;

  constructor(private readonly parts: ChangingParts) {
    this.hiddenName = hiddenNameSource(parts.instances.own, () => parts.tree.api.now);
  }

  async createFolder(path: string, signal: AbortSignal): Promise<Entry> {
    const { looker, names } = this.parts.tree;
    const parent = await looker.parent(path, signal);
    const name = nameOf(path);
    if (await looker.child(parent, name, signal, 'act') !== undefined) throw exists(path);
    if (parent.object?.permissions.write === false) throw new FsError('EACCES', `${path}: this account may not make anything in ${parent.path}`);
    const encoded = names.encode(name);
    const progress = this.parts.tree.api.http.retryProgress(signal);
    for (let lost = false; ; lost = true) {
      const told = await this.parts.tree.api.ask({
        operation: 'make folder', method: 'POST', path: '/folder', route: '/folder', about: path, json: { name: encoded, parent_id: numberOf(parent.id) }, idempotent: false,
      }, readFolder, signal);
      if (told.kind === 'refused' && (!lost || !told.look)) throw await this.explainNaming(parent, path, told, signal);
      if (told.kind === 'told') return this.madeFolder(parent, name, path, told, signal);
      const sight = await this.childNow(parent, name, signal);
      // Before the request there was nothing of that name: whoever made it, there is such a folder now.
      if (sight?.object.kind === 'folder') return this.entered(parent, name, sight.object, sight.date);
      if (sight !== undefined) throw exists(path);
      // Its own name may be in its way, which no listing shows yet: a moment later one may.
      const error = told.kind === 'lost' ? told.error : new FsError('EIO', `${path}: an answer was lost, and the name may be taken by the folder that it was about`, { cause: told.error, retryable: true });
      await progress.wait({ error, again: 'later', retryAfter: told.kind === 'lost' ? told.retryAfter : undefined });
    }
  }

  /** Where the platform gave it another name the one that was asked for is taken: it goes again. */
  private async madeFolder(parent: FolderPlace, name: string, path: string, told: { readonly value: FolderObject; readonly date: number }, signal: AbortSignal): Promise<Entry> {
    if (this.parts.tree.names.decode(told.value.name) === name) return this.entered(parent, name, told.value, told.date);
    await this.removeFolderObject(told.value, path, false, signal);
    throw exists(path);
  }

  async removeFile(path: string, signal: AbortSignal): Promise<void> {
    const sight = await this.parts.tree.looker.file(path, signal);
    mustBeRemovable(path, sight.object);
    await this.removeFileObject(sight.object, path, this.parts.trash, signal);
    this.parts.tree.looker.gone(sight.parentId, sight.name);
  }

  async removeFolder(path: string, signal: AbortSignal): Promise<void> {
    const { looker } = this.parts.tree;
    if (path === '/') throw new FsError('EBUSY', 'the root of the drive cannot be removed');
    const sight = await looker.find(path, signal);
    if (sight === undefined) throw new FsError('ENOENT', `${path} is not there`);
    if (sight.object.kind === 'file') throw new FsError('ENOTDIR', `${path} is a file`);
    mustBeRemovable(path, sight.object);
    await this.mustBeEmpty(path, sight.object, sight.parentId, signal);
    await this.removeFolderObject(sight.object, path, this.parts.trash, signal);
    looker.gone(sight.parentId, sight.name);
  }

  async move(from: string, to: string, replace: boolean, signal: AbortSignal): Promise<Entry | undefined> {
    const { looker } = this.parts.tree;
    if (from === '/' || to === '/') throw new FsError('EBUSY', 'the root of the drive cannot be moved');
    if (isBelow(to, from)) throw new FsError('EINVAL', `${to} lies in ${from}`);
    const source = await looker.find(from, signal);
    if (source === undefined) throw new FsError('ENOENT', `${from} is not there`);
    const parent = await looker.parent(to, signal);
    const target = await looker.child(parent, nameOf(to), signal, 'act');
    try {
      return await this.moveOnto(from, to, source, parent, target, replace, signal);
    } catch (error) {
      if (target !== undefined || !isErrno(error, 'EEXIST')) throw error;
      // It was put there in the last moment.
      const there = await this.childNow(parent, nameOf(to), signal);
      if (there === undefined) throw error;
      return this.moveOnto(from, to, source, parent, there, replace, signal);
    }
  }

  private async moveOnto(
    from: string, to: string, source: Sight, parent: FolderPlace, target: Sight | undefined, replace: boolean, signal: AbortSignal,
  ): Promise<Entry | undefined> {
    const { looker } = this.parts.tree;
    if (target !== undefined && !replace) throw exists(to);
    if (target !== undefined && isSame(source, target)) return this.parts.tree.entry(source);
    if (source.object.kind === 'file') return this.moveFile(from, to, source, source.object, parent, target, signal);
    if (target === undefined) return this.rename(from, to, source, parent, signal);
    if (target.object.kind === 'file') throw new FsError('ENOTDIR', `${to} is a file`);
    await this.mustBeEmpty(to, target.object, parent.id, signal);
    mustBeRemovable(to, target.object);
    await this.removeFolderObject(target.object, to, this.parts.trash, signal);
    looker.gone(parent.id, nameOf(to));
    return this.rename(from, to, source, parent, signal).catch(async (error: unknown) => {
      await this.createFolder(to, signal).catch((second: unknown) => {
        this.parts.log.warn({ path: to, err: second }, 'the empty folder that was to be replaced is gone, though the rename failed');
      });
      throw error;
    });
  }

  /**
   * Under a hidden name in the drive's first folder that can hold files, so that its own can be removed; in its
   * own where nothing may be put there. Its number, by which it is read, stays.
   */
  async park(path: string, signal: AbortSignal): Promise<string> {
    const { looker } = this.parts.tree;
    const sight = await looker.file(path, signal);
    mustBeRemovable(path, sight.object);
    const own = await looker.parent(path, signal);
    const first = looker.base.id === topId ? await looker.folder(`/${path.split('/')[1] ?? ''}`, signal) : looker.base;
    const name = this.hiddenName();
    const into = async (folder: FolderPlace): Promise<string> => {
      const hidden = joinPath(folder.path, name);
      await this.rename(path, hidden, sight, folder, signal);
      return hidden;
    };
    if (first.id === own.id) return into(own);
    return into(first).catch((error: unknown) => {
      if (!isErrno(error, 'EACCES')) throw error;
      return into(own);
    });
  }

  private async moveFile(
    from: string, to: string, source: Sight, file: FileObject, parent: FolderPlace, target: Sight | undefined, signal: AbortSignal,
  ): Promise<Entry | undefined> {
    if (parent.id === topId) throw new FsError('EACCES', `${to}: the platform keeps no files in its top folder`);
    if (target === undefined) return this.rename(from, to, source, parent, signal);
    if (target.object.kind === 'folder') throw new FsError('EISDIR', `${to} is a folder`);
    return this.replace(from, to, source, file, signal);
  }

  /** The content becomes the target's newest version; then the source goes. Cut off in between, both are there, and whole. */
  private async replace(from: string, to: string, source: Sight, file: FileObject, signal: AbortSignal): Promise<Entry> {
    const { tree, log } = this.parts;
    mustBeRemovable(from, file);
    const owner = lockedBy(file.lock, tree.account.id);
    if (owner !== undefined) throw new FsError('EBUSY', `${from} is locked by ${owner}`);
    const sized = await tree.looker.sized(source, from, signal);
    const entry = tree.entry(sized);
    const size = entry.size ?? 0;
    const content: Content = { size, open: (start) => this.parts.bytesOf(from, entry, start, signal) };
    const written = await this.parts.write(to, content, { modified: entry.modified ?? tree.api.now, md5: file.md5 }, signal);
    // What was written over it meanwhile is not ours to take away.
    const now = await tree.files.now(file, from, signal);
    if (now !== undefined && (now.object.id !== file.id || (now.object.md5 !== undefined && file.md5 !== undefined && now.object.md5 !== file.md5))) {
      throw new FsError('EBUSY', `${from} was changed on the platform while it was moved: it is there still, and ${to} has what it was before`);
    }
    // Nothing is lost with a source of one version, whose bytes the target has now: the trash is for what nobody has elsewhere.
    const onlyCopy = (now?.object.versions ?? file.versions) === 1;
    if (now !== undefined) {
      await this.removeFileObject(now.object, from, this.parts.trash && !onlyCopy, signal).catch((error: unknown) => {
        log.warn({ from, to, err: error }, 'the target of a rename has the content; the file that it came from could not be taken away');
        throw error;
      });
    }
    tree.looker.gone(source.parentId, source.name);
    return written;
  }

  /** Another name or place for the same thing, where nothing stands. */
  private async rename(from: string, to: string, source: Sight, parent: FolderPlace, signal: AbortSignal): Promise<Entry> {
    const { tree } = this.parts;
    const name = nameOf(to);
    if (parent.id !== source.parentId && !isHiddenName(name)) await this.parts.heedPurging(to, parent, signal);
    const moved = await this.give(source, { name: tree.names.encode(name), parent_id: numberOf(parent.id) }, to, signal);
    if (moved.kind === 'refused') {
      // Sent again after a lost answer it may be in its own way.
      const there = moved.look ? await this.childNow(parent, name, signal) : undefined;
      if (there === undefined || !isSame(source, there)) throw await this.explainNaming(parent, to, moved, signal);
    }
    const object = moved.kind === 'told' && moved.value !== 'nothing' ? moved.value : await this.seen(source, from, signal);
    if (tree.names.decode(object.name) !== name) {
      if (moved.kind === 'lost' && object.name === source.object.name) throw moved.error;
      // The platform gave it another name than it was asked for: the old one again, and the name counts as taken.
      const back = await this.give(source, { name: source.object.name, parent_id: numberOf(source.parentId) }, from, signal);
      if (back.kind === 'refused') throw new FsError('EIO', `${from}: the platform named it ${object.name}, and refuses to give it its name again`, { cause: back.error });
      throw exists(to);
    }
    tree.looker.gone(source.parentId, source.name);
    return this.entered(parent, name, { ...complete(object, source.object), parentId: parent.id }, moved.kind === 'told' ? moved.date : tree.api.now);
  }

  private give({ object }: Sight, json: { readonly name: string; readonly parent_id: number | string }, about: string, signal: AbortSignal): Promise<Told<TreeObject | 'nothing'>> {
    const kind = object.kind;
    const call: Call = { operation: 'move', method: 'PUT', path: `/${kind}/${segment(object.id)}`, route: `/${kind}/:id`, about, json, idempotent: true };
    return this.parts.tree.api.ask(call, (value) => (kind === 'file' ? readFile(value) : readFolder(value)) ?? 'nothing', signal);
  }

  /** What a thing is like now, by its number. */
  private async seen({ object }: Sight, path: string, signal: AbortSignal): Promise<TreeObject> {
    const { api } = this.parts.tree;
    const told = object.kind === 'file' ? await askFile(api, object.id, path, signal) : await askFolder(api, object.id, path, signal);
    if (told.kind !== 'told') throw told.error;
    return told.value;
  }

  private async removeFileObject({ id }: FileObject, path: string, trash: boolean, signal: AbortSignal): Promise<void> {
    await this.remove(`/file/${segment(id)}?trash=${trash ? 1 : 0}&versions=all`, '/file/:id', path, signal);
  }

  private async removeFolderObject({ id }: FolderObject, path: string, trash: boolean, signal: AbortSignal): Promise<void> {
    await this.remove(`/folder/${segment(id)}?trash=${trash ? 1 : 0}`, '/folder/:id', path, signal);
  }

  /** Any 2xx is a yes. That it is not there is as good, where it was a moment ago. */
  private async remove(path: string, route: string, about: string, signal: AbortSignal): Promise<void> {
    const reply = await this.parts.tree.api.call({ operation: 'delete', method: 'DELETE', path, route, about, idempotent: true }, signal);
    if (reply.kind === 'answer') await reply.answer.discard();
    else if (!isErrno(reply.error, 'ENOENT')) throw reply.error;
  }

  private async mustBeEmpty(path: string, folder: FolderObject, parentId: string, signal: AbortSignal): Promise<void> {
    const place = { id: folder.id, path, parentId, object: folder };
    const { children } = await this.parts.tree.looker.list(place, signal);
    const left = await this.parts.leftovers.clear(place, children, signal);
    const [first] = left;
    if (first !== undefined) throw new FsError('ENOTEMPTY', `${path} is not empty: ${first} is in it`);
  }

  /** What has a name in a folder, by the folder's listing and not by what is remembered. */
  private childNow(parent: FolderPlace, name: string, signal: AbortSignal): Promise<Sight | undefined> {
    return this.parts.tree.looker.child(parent, name, signal);
  }

  /** A refusal that may mean that the name is taken: what is there tells. */
  private async explainNaming(parent: FolderPlace, path: string, refusal: { readonly error: FsError; readonly look: boolean }, signal: AbortSignal): Promise<FsError> {
    if (!refusal.look) return refusal.error;
    const there = await this.childNow(parent, nameOf(path), signal).catch(() => undefined);
    if (there !== undefined) return new FsError('EEXIST', `${path} exists`, { cause: refusal.error });
    // A name that the platform refuses though nothing has it.
    return isErrno(refusal.error, 'EEXIST') ? new FsError('EACCES', refusal.error.message, { cause: refusal.error }) : refusal.error;
  }

  private entered(parent: FolderPlace, name: string, object: TreeObject, date: number): Entry {
    this.parts.tree.looker.made(parent.id, name, object);
    return this.parts.tree.entry({ object, name, date });
  }
}

function exists(path: string): FsError {
  return new FsError('EEXIST', `${path} exists`);
}

function mustBeRemovable(path: string, { permissions }: TreeObject): void {
  if (permissions.delete === false) throw new FsError('EACCES', `${path}: this account may not delete it`);
}

function isSame(one: Sight, other: Sight): boolean {
  return one.object.kind === other.object.kind && one.object.id === other.object.id;
}

/** What an answer to a rename left out is as it was. */
function complete(told: TreeObject, before: TreeObject): TreeObject {
  const known = Object.fromEntries(Object.entries(told).filter(([key, value]) => value !== undefined && key !== 'permissions'));
  const said = Object.values(told.permissions).some((flag) => flag !== undefined);
  return { ...before, ...known, permissions: said ? told.permissions : before.permissions };
}

/** Ids are sent as numbers, as the platform's clients do, where they are numbers. */
function numberOf(id: string): number | string {
  return /^\d{1,15}$/.test(id) ? Number(id) : id;
}

