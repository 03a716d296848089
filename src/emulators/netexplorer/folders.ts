/** The routes of folders (NetExplorer's page: routes). */
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import { dateField, idField, idOf, readBody, route, type Call, type PlatformRoute } from './call.js';
import { forbidden, json, nothing, notFound, unusable } from './errors.js';
import { mustBeFree } from './locks.js';
import { nameFor } from './names.js';
import { folderWith, need, rootsOf } from './rights.js';
import { askedOf, shownFolder, type Shown } from './shown.js';
import { isMounted } from './store.js';
import { filesBelow, isWithin, type FolderNode } from './tree.js';
import { deletion } from './trash.js';

export const folderRoutes: readonly PlatformRoute[] = [
  route('root-folders', 'GET', '/api/folders', 'folders', rootFolders),
  route('roots', 'GET', '/api/roots', 'folders', roots),
  route('folder', 'GET', '/api/folder/:id', 'folders', readFolder),
  route('create-folder', 'POST', '/api/folder', 'folders', createFolder),
  route('change-folder', 'PUT', '/api/folder/:id', 'folders', changeFolder),
  route('delete-folder', 'DELETE', '/api/folder/:id', 'folders', deleteFolder),
];

async function rootFolders({ world, user, query }: Call): Promise<Answer> {
  const asked = askedOf(query);
  const shown = rootsOf(world, user).map((folder) => shownFolder(world, user, folder, asked));
  return json(200, await Promise.all(shown));
}

/** Newer platforms: the same, and what others share. */
async function roots({ world, user }: Call): Promise<Answer> {
  if (!world.choices.hasRoots) throw notFound();
  const { tree } = world.store;
  const settings = user.roots ?? rootsOf(world, user).map(({ name }) => ({ path: `/${name}`, type: undefined, withoutId: undefined }));
  const shown: Shown[] = [];
  for (const { path, type = 'common', withoutId = false } of settings) {
    const folder = tree.at(path);
    if (folder?.kind !== 'folder') continue;
    const { id, name, nom, content } = await shownFolder(world, user, folder, { depth: 1, full: false, folders: true, files: true });
    shown.push({ ...(withoutId ? {} : { id }), ...(nom === undefined ? { name } : { nom }), type, content });
  }
  return json(200, shown);
}

async function readFolder(call: Call): Promise<Answer> {
  const { world, user, query } = call;
  const asked = askedOf(query);
  const folder = folderWith(call, idOf(call));
  const shown = await shownFolder(world, user, folder, asked);
  const isBare = world.switches.now.bareArray === 'answer' && shown['content'] !== undefined;
  return json(200, isBare ? shown['content'] : shown);
}

const changes = {
  quota: z.number().int().min(-1).optional(),
  purge_frequency: z.number().int().min(0).optional(),
  modification: dateField.optional(),
  creation: dateField.optional(),
};
const newFolder = z.object({ name: z.string(), parent_id: idField, ...changes });
const folderChange = newFolder.partial();

async function createFolder(call: Call): Promise<Answer> {
  const { world, user } = call;
  const asked = await readBody(call, newFolder);
  const parent = parentFor(call, asked.parent_id);
  const name = nameFor(call, parent, asked.name);
  const folder = world.store.makeFolder(parent, name, user.id, asked);
  setOwn(folder, asked);
  return json(Number(world.switches.now.createStatus), await shownFolder(world, user, folder, askedOf(call.query)));
}

/** The folder that something is to be made in or moved to; the top is the administrators'. */
export function parentFor(call: Call, id: number): FolderNode {
  if (id === 0) {
    if (!call.user.administrator) throw forbidden();
    return call.world.store.tree.top;
  }
  const parent = folderWith(call, id);
  need(call.user, 'write', parent);
  return parent;
}

function setOwn(folder: FolderNode, asked: z.infer<typeof folderChange>): void {
  folder.quota = asked.quota ?? folder.quota;
  folder.purgeDays = asked.purge_frequency ?? folder.purgeDays;
}

async function changeFolder(call: Call): Promise<Answer> {
  const { world, user } = call;
  const asked = await readBody(call, folderChange);
  const folder = folderWith(call, idOf(call));
  const { parent } = folder;
  if (parent === undefined) throw notFound();
  if (asked.name !== undefined || asked.parent_id !== undefined) {
    if ((parent === world.store.tree.top && !user.administrator) || isMounted(folder)) throw forbidden();
    need(user, 'edit', parent);
    const target = asked.parent_id === undefined || asked.parent_id === parent.id ? parent : parentFor(call, asked.parent_id);
    if (isWithin(target, folder)) throw unusable('parent_id');
    for (const file of filesBelow(folder)) mustBeFree(call, file);
    const name = nameFor(call, target, asked.name ?? folder.name, folder);
    if (target !== parent || name !== folder.name) world.store.move(folder, target, name);
  } else {
    need(user, 'edit', folder);
  }
  setOwn(folder, asked);
  world.store.setFolderDates(folder, asked);
  const status = Number(world.switches.now.folderChange);
  return status === 204 ? nothing() : json(status, await shownFolder(world, user, folder, askedOf(call.query)));
}

function deleteFolder(call: Call): Answer {
  const { world, user } = call;
  const folder = folderWith(call, idOf(call));
  if ((folder.parent === world.store.tree.top && !user.administrator) || isMounted(folder)) throw forbidden();
  need(user, 'delete', folder);
  for (const file of filesBelow(folder)) mustBeFree(call, file);
  return deletion(call, folder);
}
