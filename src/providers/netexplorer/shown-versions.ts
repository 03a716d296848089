/**
 * The drive with `--show-versions`: what NetExplorer keeps of older content stands in the tree, so that `cp` brings a
 * version back and `mv` a deleted thing, without a command to learn. Nothing is asked of the platform for it before
 * somebody enters `.versions` or `.trash`.
 */
import { FsError, isErrno } from '../../errors.js';
import { isHiddenName } from '../hidden-names.js';
import { joinPath, nameOf, parentOf } from '../paths.js';
import type {
  Access, Content, Download, Entry, ListedFolder, Location, ReadRequest, Rights, WriteOptions,
} from '../provider.js';
import type { Trash, TrashedThing } from '../services.js';
import { askVersions } from './calls.js';
import { fileEntry } from './entries.js';
import type { FileObject, Permissions } from './objects.js';
import { NetexplorerProvider } from './provider.js';
import { asVersion } from './reading.js';
import { isTaken, namedTrash, namedVersions, placeOf, trashName, versionsName, type Place } from './shown-places.js';

const looking: Rights = { read: true, write: false, remove: false };
/** Things can be moved out of the trash, which the kernel allows only where the folder can be written to. */
const movingOut: Rights = { read: true, write: true, remove: false };
/** The platform gives nobody the bytes of what lies in the trash. */
const unreadable: Rights = { read: false, write: false, remove: true };

/** A version can be read where the file can, and never be changed. */
function olderRights({ download, ...others }: Permissions): Permissions {
  return { ...others, download, write: false, edit: false, delete: false };
}

export class NetexplorerWithVersions extends NetexplorerProvider {
  private readonly toldOf = new Set<string>();

  override refuseName(name: string): FsError | undefined {
    return name === versionsName ? taken(name) : super.refuseName(name);
  }

  override learntRefusal(access: Access, location: Location): FsError | undefined {
    const { path } = location;
    if (placeOf(path).kind === 'tree') return super.learntRefusal(access, location);
    return access === 'see' || access === 'read' ? undefined : unchangeable(path);
  }

  isUnlisted({ path }: Location): boolean {
    const { kind } = placeOf(path);
    return kind === 'versions' || (kind === 'trash' && this.shownTrash() !== undefined);
  }

  override async *list(location: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const place = placeOf(location.path);
    if (place.kind !== 'tree') {
      yield await this.listPlace(place, location.path, signal);
      return;
    }
    for await (const batch of super.list(location, signal)) yield this.withoutTaken(location.path, batch);
  }

  override async *listTree(location: Location, signal: AbortSignal): AsyncGenerator<ListedFolder> {
    const place = placeOf(location.path);
    if (place.kind !== 'tree') {
      yield { below: '', entries: await this.listPlace(place, location.path, signal) };
      return;
    }
    for await (const { below, entries } of super.listTree(location, signal)) {
      const path = below === '' ? location.path : joinPath(location.path, below);
      if (placeOf(path).kind === 'tree') yield { below, entries: this.withoutTaken(path, entries) };
    }
  }

  override async stat(location: Location, signal: AbortSignal): Promise<Entry> {
    const { path } = location;
    const place = placeOf(path);
    const name = nameOf(path);
    switch (place.kind) {
      case 'tree': return super.stat(location, signal);
      case 'nothing': throw absent(path);
      case 'versions': {
        const folder = await this.tree.looker.folder(place.folder, signal);
        return this.folderOf(name, `versions in ${folder.id}`, folder.object?.modified, looking);
      }
      case 'file': {
        const { object } = await this.tree.looker.file(place.file, signal).catch(noFolder);
        return this.versionsOf(name, object);
      }
      case 'version': {
        const version = (await this.kept(place.file, signal)).get(place.name);
        if (version === undefined) throw absent(path);
        const { object, date } = await this.reader.version(path, version.id, signal);
        return this.version(name, object, date);
      }
      case 'trash':
        this.requireTrash(path);
        return this.folderOf(name, 'trash', undefined, movingOut);
      case 'trashed':
        return this.trashed(name, await this.find(place.name, path, signal));
    }
  }

  override async read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    const place = placeOf(file.path);
    switch (place.kind) {
      case 'tree': return super.read(file, request, signal);
      case 'version': {
        const id = async (): Promise<string> => {
          const version = (await this.kept(place.file, signal)).get(place.name);
          if (version === undefined) throw absent(file.path);
          return version.id;
        };
        return this.reader.readVersion(file, id, request, signal);
      }
      case 'trashed': {
        const { id } = await this.find(place.name, file.path, signal);
        throw new FsError('EACCES', `${file.path}: the platform gives nobody what lies in its trash: move it out, or amarre trash --restore ${id}`);
      }
      case 'nothing': throw absent(file.path);
      default: throw new FsError('EISDIR', `${file.path} is a folder`);
    }
  }

  override write(target: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    return changing(target) ?? super.write(target, content, options, signal);
  }

  override createFolder(folder: Location, signal: AbortSignal): Promise<Entry> {
    return changing(folder) ?? super.createFolder(folder, signal);
  }

  override removeFile(file: Location, signal: AbortSignal): Promise<void> {
    return changing(file) ?? super.removeFile(file, signal);
  }

  override removeFolder(folder: Location, signal: AbortSignal): Promise<void> {
    return changing(folder) ?? super.removeFolder(folder, signal);
  }

  override setModified(location: Location, current: Entry, modified: number, signal: AbortSignal): Promise<Entry> {
    return changing(location) ?? super.setModified(location, current, modified, signal);
  }

  override park(file: Location, signal: AbortSignal): Promise<Location> {
    return changing(file) ?? super.park(file, signal);
  }

  override lock(file: Location, signal: AbortSignal): Promise<void> {
    return changing(file) ?? super.lock(file, signal);
  }

  override unlock(file: Location, signal: AbortSignal): Promise<void> {
    return changing(file) ?? super.unlock(file, signal);
  }

  /** Out of the trash is back into the tree. */
  override async move(from: Location, to: Location, options: { readonly replace: boolean }, signal: AbortSignal): Promise<Entry | undefined> {
    const place = placeOf(from.path);
    const target = placeOf(to.path);
    if (target.kind !== 'tree') throw unchangeable(to.path);
    if (place.kind === 'tree') return super.move(from, to, options, signal);
    if (place.kind !== 'trashed') throw unchangeable(from.path);
    const { id } = await this.find(place.name, from.path, signal);
    const entry = await this.requireTrash(from.path).restore(id, { path: parentOf(to.path) }, signal);
    if (entry.name === nameOf(to.path)) return entry;
    // Where that fails it is in the folder under its old name: nothing is lost, and the person is told.
    return super.move({ path: joinPath(parentOf(to.path), entry.name) }, to, { replace: false }, signal);
  }

  override async attributes(location: Location, current: Entry, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const place = placeOf(location.path);
    switch (place.kind) {
      case 'tree': return super.attributes(location, current, signal);
      case 'version': {
        const version = (await this.kept(place.file, signal)).get(place.name);
        return new Map(Object.entries({ id: version?.id, md5: version?.md5, owner: version?.owner }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
      }
      case 'trashed': {
        const { id, owner } = await this.find(place.name, location.path, signal);
        return new Map([['id', id], ...(owner === undefined ? [] : [['owner', owner] as const])]);
      }
      default: return new Map();
    }
  }

  private async listPlace(place: Place, path: string, signal: AbortSignal): Promise<Entry[]> {
    switch (place.kind) {
      case 'versions': {
        const { looker } = this.tree;
        const { children } = await looker.list(await looker.folder(place.folder, signal), signal);
        return [...children].flatMap(([name, object]) => (object.kind === 'file' && !isHiddenName(name) ? [this.versionsOf(name, object)] : []));
      }
      case 'file':
        return [...await this.kept(place.file, signal)].map(([name, version]) => this.version(name, asVersion(version), this.tree.api.now));
      case 'trash':
        return [...namedTrash(await this.requireTrash(path).list(signal))].map(([name, thing]) => this.trashed(name, thing));
      case 'trashed': {
        const { id } = await this.find(place.name, path, signal);
        throw new FsError('EACCES', `${path}: the platform tells nobody what is in a folder of its trash: move it out, or amarre trash --restore ${id}`);
      }
      case 'version': throw new FsError('ENOTDIR', `${path} is a file`);
      default: throw absent(path);
    }
  }

  /** All versions of a file by their names; of one whose versions the platform does not list, the present one. */
  private async kept(file: string, signal: AbortSignal): Promise<ReadonlyMap<string, FileObject>> {
    const { object } = await this.tree.looker.file(file, signal).catch(noFolder);
    const told = await askVersions(this.tree.api, object.id, file, signal);
    if (told.kind === 'told') return namedVersions(told.value.length === 0 ? [object] : told.value);
    if (told.kind === 'refused' && isErrno(told.error, 'ENOENT')) return namedVersions([object]);
    throw told.error;
  }

  private folderOf(name: string, id: string, modified: number | undefined, rights: Rights): Entry {
    return { name, kind: 'folder', size: undefined, modified, version: '', id, rights, observed: this.tree.api.now };
  }

  /** The folder of a file's versions. */
  private versionsOf(name: string, file: FileObject): Entry {
    return this.folderOf(name, `versions of ${file.guid ?? file.id}`, file.modified, looking);
  }

  /** `version`: with its own time. */
  private version(name: string, version: FileObject, observed: number): Entry {
    return fileEntry({ ...version, permissions: olderRights(version.permissions), lock: undefined, guid: `version ${version.id}` }, { name, observed, self: undefined });
  }

  private trashed(name: string, { id, kind, size, deleted }: TrashedThing): Entry {
    return {
      name, kind, size: kind === 'folder' ? undefined : size ?? 0, modified: deleted, version: kind === 'folder' ? '' : `trash:${id}`, id: `trash ${id}`,
      rights: unreadable, observed: this.tree.api.now,
    };
  }

  private async find(name: string, path: string, signal: AbortSignal): Promise<TrashedThing> {
    const thing = namedTrash(await this.requireTrash(path).list(signal)).get(name);
    if (thing === undefined) throw absent(path);
    return thing;
  }

  private shownTrash(): Trash | undefined {
    return this.services.trash;
  }

  private requireTrash(path: string): Trash {
    const trash = this.shownTrash();
    if (trash === undefined) throw absent(path);
    return trash;
  }

  /** What the platform itself has under one of the names is not to be reached meanwhile; that is said once. */
  private withoutTaken(folder: string, entries: readonly Entry[]): readonly Entry[] {
    const inRoot = folder === '/';
    if (!entries.some(({ name }) => isTaken(name, inRoot))) return entries;
    return entries.filter(({ name }) => {
      if (!isTaken(name, inRoot)) return true;
      const path = joinPath(folder, name);
      if (!this.toldOf.has(path)) this.tree.log.warn({ path }, 'the platform has something of this name itself: it cannot be reached with --show-versions');
      this.toldOf.add(path);
      return false;
    });
  }
}

function absent(path: string): FsError {
  return new FsError('ENOENT', `${path} is not there`);
}

function taken(name: string): FsError {
  return new FsError('EPERM', `--show-versions has taken the name ${name}`);
}

function unchangeable(path: string): FsError {
  return new FsError('EROFS', `${path}: ${versionsName} and ${trashName} are for looking, copying and moving out alone`);
}

/** A refusal for what is not in the platform's own tree. */
function changing({ path }: Location): Promise<never> | undefined {
  return placeOf(path).kind === 'tree' ? undefined : Promise.reject(unchangeable(path));
}

/** Folders have no versions: `.versions` shows files alone. */
function noFolder(error: unknown): never {
  if (isErrno(error, 'EISDIR')) throw new FsError('ENOENT', 'the platform keeps versions of files alone', { cause: error });
  throw error;
}
