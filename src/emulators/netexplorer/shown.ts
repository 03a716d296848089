/** How folders and documents look in an answer, and how a surprise makes them look (NetExplorer's page: objects). */
import type { World } from './call.js';
import { follow, may, rightsOf, sees } from './rights.js';
import { newest, pathOf, type FileNode, type FolderNode, type Version } from './tree.js';
import type { Right, User } from './users.js';

export type Shown = Record<string, unknown>;

/** What a request asked of folders. */
export interface Asked {
  /** 0 none, 1 children, -1 the whole tree. */
  readonly depth: number;
  readonly full: boolean;
  readonly folders: boolean;
  readonly files: boolean;
}

export function askedOf(query: URLSearchParams): Asked {
  const filter = Number(query.get('filter') ?? '3');
  return {
    depth: Number(query.get('depth') ?? '0'),
    full: query.get('full') === '1',
    folders: (filter & 1) !== 0,
    files: (filter & 2) !== 0,
  };
}

/** `2024-06-28T18:30:00+02:00` */
export function dateText(ms: number, { choices }: World): string {
  return `${local(ms, choices.offsetMinutes)}${offsetText(choices.offsetMinutes, ':')}`;
}

/** The same without the colon: `+0200`. */
export function trashDateText(ms: number, { choices }: World): string {
  return `${local(ms, choices.offsetMinutes)}${offsetText(choices.offsetMinutes, '')}`;
}

function local(ms: number, offsetMinutes: number): string {
  return new Date(ms + offsetMinutes * 60_000).toISOString().slice(0, 19);
}

function offsetText(minutes: number, colon: string): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
}

/** A user's name as an owner. */
export function ownerName({ users }: World, id: number): string {
  return users.byId(id)?.name ?? '';
}

function rightFields(rights: ReadonlySet<Right>, names: readonly Right[]): Shown {
  return Object.fromEntries(names.map((name) => [`can_${name}`, rights.has(name)]));
}

/** A folder, with what is below it as far as was asked. */
export async function shownFolder(world: World, user: User, folder: FolderNode, asked: Asked): Promise<Shown> {
  const { depth } = asked;
  const { now: surprises } = world.switches;
  const shown = folderFields(world, user, folder, asked.full);
  if (depth === 0 || surprises.withoutContent) return shown;
  follow(world, folder);
  const { folders, files } = children(world, user, folder, asked);
  const content = {
    folders: await Promise.all(folders.map((below) => shownFolder(world, user, below, { ...asked, depth: depth < 0 ? depth : depth - 1 }))),
    files: await eachShown(world, user, files, asked.full),
  };
  if (surprises.bareArray === 'no') return { ...shown, content };
  return { ...shown, content: [...content.folders, ...content.files] };
}

/** One after the other: a listing of thousands must not open thousands of files for their MD5 at once. */
async function eachShown(world: World, user: User, files: readonly FileNode[], full: boolean): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const file of files) shown.push(await shownFile(world, user, newest(file), full));
  return shown;
}

/** What a listing of the folder holds: not what is too new, and with a stranger where a surprise wants one. */
function children(world: World, user: User, folder: FolderNode, asked: Asked): { folders: FolderNode[]; files: FileNode[] } {
  const { now: surprises } = world.switches;
  const isListed = (node: FolderNode | FileNode): boolean => sees(user, node) && Date.now() >= node.bornAt + surprises.hiddenMs;
  const folders = asked.folders ? [...folder.folders.values()].filter(isListed) : [];
  const files = asked.files ? [...folder.files.values()].filter(isListed) : [];
  if (!surprises.wrongChildren) return { folders, files };
  const others = [...world.store.tree.folders.values()].filter((other) => other !== folder && sees(user, other) && world.store.tree.isPresent(other));
  const strangeFolder = asked.depth === 1 && asked.folders ? others.find(({ parent }) => parent !== folder) : undefined;
  const strangeFile = asked.files ? others.flatMap((other) => [...other.files.values()])[0] : undefined;
  return {
    folders: strangeFolder === undefined ? folders : [strangeFolder, ...folders],
    files: strangeFile === undefined ? files : [strangeFile, ...files],
  };
}

function folderFields(world: World, user: User, folder: FolderNode, full: boolean): Shown {
  const rights = rightsOf(user, folder);
  return disguised(world, {
    id: folder.id,
    name: folder.name,
    parent_id: folder.parent?.id ?? 0,
    ...rightFields(rights, ['read', 'download', 'write', 'edit', 'delete', 'share']),
    creation: dateText(folder.creation, world),
    modification: dateText(folder.modification, world),
    owner: ownerName(world, folder.owner),
    owner_id: folder.owner,
    ...(full ? {
      ...rightFields(rights, ['dlink', 'ulink']),
      size: sizeOf(folder),
      quota: folder.quota,
      purge_frequency: folder.purgeDays,
      path: pathOf(folder),
      path_name: pathOf(folder),
      nb_files: folder.files.size,
      nb_folders: folder.folders.size,
    } : {}),
  });
}

/** Bytes of the newest versions below a folder. */
function sizeOf(folder: FolderNode): number {
  let bytes = 0;
  for (const file of folder.files.values()) bytes += newest(file).size;
  for (const below of folder.folders.values()) bytes += sizeOf(below);
  return bytes;
}

/** One version as a File. Its `modification` is the newest's, whichever it is. */
export async function shownFile(world: World, user: User, version: Version, full = false): Promise<Shown> {
  const { file } = version;
  const { now: surprises } = world.switches;
  const { hashField } = surprises;
  return disguised(world, {
    id: version.id,
    guid: file.guid,
    name: file.name,
    parent_id: file.parent?.id ?? 0,
    creation: dateText(version.creation, world),
    modification: dateText(newest(file).modification, world),
    ...(surprises.sizeMissing ? {} : { size: version.size }),
    ...(hashField === 'none' ? {} : { [hashField]: version.md5 ?? await world.store.md5(version) }),
    ...rightFields(rightsOf(user, file), ['download', 'write', 'edit', 'delete', 'share']),
    owner: ownerName(world, version.owner),
    owner_id: version.owner,
    lock: file.lock === undefined ? null : shownLock(world, file, file.lock),
    ...(full ? {
      ...(may(user, 'dlink', file) ? { can_dlink: true } : { can_dlink: false }),
      nb_versions: file.versions.length,
      meta: {},
      path: pathOf(file),
    } : {}),
  });
}

export function shownLock(world: World, file: FileNode, lock: NonNullable<FileNode['lock']>): Shown {
  return {
    file: file.guid,
    owner: lock.owner,
    owner_id: asId(world, lock.ownerId),
    locked: true,
    writeable: lock.writeable,
    readable: lock.readable,
    date: dateText(lock.date, world),
  };
}

const optional = ['can_share', 'creation', 'owner', 'owner_id', 'meta', 'path', 'path_name', 'can_dlink', 'can_ulink'];

/** The fields as the switches want them. */
export function disguised(world: World, fields: Shown): Shown {
  const { nameField, idsAsStrings, sparse } = world.switches.now;
  if (nameField === 'name' && !idsAsStrings && !sparse) return fields;
  const shown: Shown = {};
  for (const [name, value] of Object.entries(fields)) {
    if (sparse && (optional.includes(name) || value === null)) continue;
    const isId = name === 'id' || name.endsWith('_id');
    shown[name === 'name' ? nameField : name] = isId && typeof value === 'number' ? asId(world, value) : value;
  }
  return shown;
}

function asId(world: World, id: number): number | string {
  return world.switches.now.idsAsStrings ? String(id) : id;
}

/** A list that may be long: an array, or the pages of long lists with their count, as a surprise wants it. */
export function shownList(world: World, objects: readonly unknown[]): unknown {
  const { longLists, countField } = world.switches.now;
  if (!longLists) return objects;
  return { offset_start: 0, [countField]: objects.length, nb_total_objects: objects.length, objects };
}
