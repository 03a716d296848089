/**
 * From paths to NetExplorer's objects. What is remembered says where to ask; the answer says whether it is
 * still so: a folder on the way is believed for a few seconds, what is asked for itself is always looked at.
 * Names are found in listings, since the platform's lookups by path are not documented. (NetExplorer's page:
 * routes)
 */
import { FsError, isErrno } from '../../errors.js';
import { nameOf, parentOf } from '../paths.js';
import type { Api } from './api.js';
import { askFolder } from './calls.js';
import type { CurrentFiles } from './current-files.js';
import type { Lister, Listing } from './listing.js';
import { isFile, isFolder, topId, type Known, type Memory } from './memory.js';
import type { Names } from './names.js';
import type { FileObject, FolderObject, TreeObject } from './objects.js';
import type { OwnChanges } from './own-changes.js';
import type { Purpose, RecentListings } from './recent-listings.js';

/** For so long, in milliseconds, a folder on the way is believed to be where it was seen. */
const trust = 10_000;

/** A folder by its number; the drive's own has no name and may be the platform's top. */
export interface FolderPlace {
  readonly id: string;
  readonly path: string;
  /** The folder in which it is shown. */
  readonly parentId: string;
  /** As last seen; undefined for the platform's top. */
  readonly object: FolderObject | undefined;
}

/** Folders there are made by administrators alone, who find out by trying; nothing takes it away. */
const topFolder: FolderObject = {
  kind: 'folder', id: topId, name: '/', parentId: undefined, modified: undefined, created: undefined, owner: undefined, ownerId: undefined,
  permissions: { read: true, download: true, write: true, edit: undefined, delete: false, share: undefined, dlink: undefined, ulink: undefined },
  purgeDays: undefined, things: undefined, quota: undefined,
};

/** What is at a place, and when it was so: milliseconds since the epoch by the platform's clock. */
export interface Sight<T extends TreeObject = TreeObject> {
  readonly object: T;
  readonly name: string;
  readonly parentId: string;
  readonly date: number;
}

export class Looker {
  private root: FolderPlace = { id: topId, path: '/', parentId: topId, object: undefined };

  constructor(
    private readonly api: Api, private readonly lister: Lister, private readonly files: CurrentFiles, private readonly memory: Memory,
    private readonly own: OwnChanges, private readonly recent: RecentListings, private readonly names: Names, private readonly elapsed: () => number,
  ) {}

  /** The drive's own folder. */
  get base(): FolderPlace {
    return this.root;
  }

  /** From the platform's top to the drive's folder, by the platform's names; paths count from there afterwards. ENOENT, ENOTDIR. */
  async enter(base: string, signal: AbortSignal): Promise<void> {
    this.root = { id: topId, path: '/', parentId: topId, object: undefined };
    if (base === '/') {
      await this.lister.list(topId, '/', signal);
      return;
    }
    const shown = base.split('/').map((name) => this.names.decode(name)).join('/');
    const folder = await this.folder(shown, signal);
    this.root = { ...folder, path: '/' };
  }

  /** The folder at a path: ENOENT where there is nothing, ENOTDIR where it, or something above it, is a file. */
  async folder(path: string, signal: AbortSignal): Promise<FolderPlace> {
    if (path === '/') return this.root;
    const parent = await this.folder(parentOf(path), signal);
    const name = nameOf(path);
    const known = this.memory.get(parent.id, name);
    const object = known !== undefined && this.elapsed() - known.seen < trust ? known.object : (await this.child(parent, name, signal))?.object;
    if (object === undefined) throw new FsError('ENOENT', `there is no folder ${path}`);
    if (object.kind === 'file') throw new FsError('ENOTDIR', `${path} is a file`);
    return { id: object.id, path, parentId: parent.id, object };
  }

  /** The folder that holds a path. */
  parent(path: string, signal: AbortSignal): Promise<FolderPlace> {
    return this.folder(parentOf(path), signal);
  }

  /**
   * What has a name in a folder, by a fresh look; undefined for nothing. Whose purpose bears it says so: that a
   * name is free may then be a moment old.
   */
  async child(parent: FolderPlace, name: string, signal: AbortSignal, purpose: Purpose = 'certain'): Promise<Sight | undefined> {
    const path = parent.path === '/' ? `/${name}` : `${parent.path}/${name}`;
    const known = this.memory.get(parent.id, name);
    if (known !== undefined) {
      const sight = await this.again(known, path, signal);
      if (sight !== undefined) return sight;
      this.memory.forget(parent.id, name);
    } else if (this.recent.isFree(parent.id, name, purpose)) {
      return undefined;
    }
    const { children, date } = await this.list(parent, signal);
    const object = children.get(name);
    return object === undefined ? undefined : { object, name, parentId: parent.id, date };
  }

  /** What is at a path, by a fresh look; undefined for nothing there. ENOENT and ENOTDIR are of what is above it. */
  async find(path: string, signal: AbortSignal, purpose: Purpose = 'certain'): Promise<Sight | undefined> {
    return this.child(await this.parent(path, signal), nameOf(path), signal, purpose);
  }

  /** The drive's own folder, by a fresh look. The platform's top has neither a time nor a number. */
  async lookAtBase(signal: AbortSignal): Promise<Sight<FolderObject>> {
    const { object, id } = this.root;
    if (object === undefined) return { object: topFolder, name: '/', parentId: topId, date: (await this.lister.list(topId, '/', signal)).date };
    const told = await askFolder(this.api, id, 'the drive\'s folder', signal);
    if (told.kind !== 'told') throw told.error;
    return { object: told.value, name: '/', parentId: topId, date: told.date };
  }

  /** The same with the file's size, where the answer left it out. */
  async sized(sight: Sight, path: string, signal: AbortSignal): Promise<Sight> {
    const { object } = sight;
    if (object.kind === 'folder' || object.size !== undefined) return sight;
    const now = await this.files.now(object, path, signal);
    if (now === undefined) throw new FsError('ENOENT', `${path} is not there`);
    return { ...sight, object: now.object, date: now.date };
  }

  /** The file at a path, by a fresh look: ENOENT, ENOTDIR, EISDIR. */
  async file(path: string, signal: AbortSignal): Promise<Sight<FileObject>> {
    if (path === '/') throw new FsError('EISDIR', 'this is the drive\'s folder');
    const sight = await this.find(path, signal);
    if (sight === undefined) throw new FsError('ENOENT', `${path} is not there`);
    const { object } = sight;
    if (object.kind !== 'file') throw new FsError('EISDIR', `${path} is a folder`);
    return { ...sight, object };
  }

  /** What is in a folder. One that was deleted or moved away, and made again by the same name, is found anew. */
  async list(folder: FolderPlace, signal: AbortSignal): Promise<Listing> {
    try {
      return await this.listAt(folder, signal);
    } catch (error) {
      return this.listAt(await this.afterMiss(folder, error, signal), signal);
    }
  }

  /** ENOENT, too, where the folder of that number is somewhere else by now. */
  private async listAt(place: FolderPlace, signal: AbortSignal): Promise<Listing> {
    const asked = this.recent.now;
    const listing = await this.lister.list(place.id, place.path, signal);
    this.recent.listed(place.id, asked, listing.children.keys());
    const { folder } = listing;
    // The drive's own folder is held by its number; what others share stands at the top, in a folder of theirs.
    if (folder === undefined || place.path === '/' || place.parentId === topId) return listing;
    const name = nameOf(place.path);
    if (!this.isAt(folder, name, place.parentId)) throw new FsError('ENOENT', `${place.path} was moved away`);
    this.memory.note(place.parentId, name, folder);
    return listing;
  }

  /** Where the folder is now that a request by its number was answered "not found". Throws `error` for everything else. */
  async afterMiss(folder: FolderPlace, error: unknown, signal: AbortSignal): Promise<FolderPlace> {
    if (!isErrno(error, 'ENOENT') || folder.path === '/' || folder.object === undefined) throw error;
    const parent = await this.parent(folder.path, signal);
    this.memory.forget(parent.id, nameOf(folder.path));
    const again = await this.folder(folder.path, signal);
    if (again.id === folder.id) throw error;
    return again;
  }

  /** What a path was seen to be, however long ago, as far as it is remembered: without a request. */
  known(path: string): FileObject | undefined {
    const parent = this.rememberedFolder(parentOf(path));
    const known = parent === undefined || path === '/' ? undefined : this.memory.get(parent, nameOf(path));
    return known?.object.kind === 'file' ? known.object : undefined;
  }

  /** This mount made something, or gave it another content: the answer is trusted, however listings lag behind. */
  made(parentId: string, name: string, object: TreeObject): void {
    this.memory.note(parentId, name, object);
    this.own.made(parentId, name, object);
    this.recent.taken(parentId, name);
  }

  /** This mount took it away from there. */
  gone(parentId: string, name: string): void {
    this.memory.forget(parentId, name);
    this.own.settled(parentId, name);
  }

  private rememberedFolder(path: string): string | undefined {
    if (path === '/') return this.root.id;
    const parent = this.rememberedFolder(parentOf(path));
    const known = parent === undefined ? undefined : this.memory.get(parent, nameOf(path));
    return known?.object.kind === 'folder' ? known.object.id : undefined;
  }

  /** A known thing, if it is still there. */
  private async again(known: Known, path: string, signal: AbortSignal): Promise<Sight | undefined> {
    const { name, parentId } = known;
    if (isFile(known)) {
      const found = await this.files.now(known.object, path, signal);
      if (found === undefined || !this.isAt(found.object, name, parentId)) return undefined;
      return { object: this.memory.note(parentId, name, found.object).object, name, parentId, date: found.date };
    }
    if (!isFolder(known)) return undefined;
    const told = await askFolder(this.api, known.object.id, path, signal);
    if (told.kind === 'told') {
      const { value, date } = told;
      // What others share stands at the top under a name of its own, in a folder of theirs.
      const there = parentId === topId ? value.name === known.object.name || value.parentId !== topId : this.isAt(value, name, parentId);
      return there ? { object: this.memory.note(parentId, name, { ...value, name: known.object.name }).object, name, parentId, date } : undefined;
    }
    if (told.kind === 'refused' && isErrno(told.error, 'ENOENT')) return undefined;
    throw told.error;
  }

  private isAt(object: TreeObject, name: string, parentId: string): boolean {
    return this.names.decode(object.name) === name && (object.parentId === undefined || object.parentId === parentId);
  }
}
