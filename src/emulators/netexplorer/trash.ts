/**
 * The trash: what was deleted, under ids of its own, by the user who deleted it. `DELETE /trashes` with `all` empties
 * everybody's, which no client should ever send: it is remembered (NetExplorer's page: routes).
 */
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import { idField, readBody, route, type Call, type PlatformRoute, type World, idOf } from './call.js';
import { json, nothing, notFound, plain, unusable } from './errors.js';
import { nameFor } from './names.js';
import { folderWith, need } from './rights.js';
import { disguised, ownerName, shownFile, shownFolder, trashDateText, type Shown } from './shown.js';
import { filesBelow, newest, pathOf, type FolderNode, type Node } from './tree.js';
import type { TrashEntry } from './trash-can.js';
import type { User } from './users.js';

export const trashRoutes: readonly PlatformRoute[] = [
  route('trashes', 'GET', '/api/trashes', 'trashes', listTrash),
  route('empty-trash', 'DELETE', '/api/trashes', 'trashes', emptyTrash),
  route('trash', 'GET', '/api/trash/:id', 'trashes', readEntry),
  route('restore', 'PUT', '/api/trash/:id', 'trashes', restore),
  route('destroy', 'DELETE', '/api/trash/:id', 'trashes', destroy),
];

/** Takes a folder or document away, to the trash or for good, and answers as a deletion is answered. */
export function deletion({ world, user, query }: Call, node: Node): Answer {
  toTrash(world, user, node, query.get('trash') !== '0');
  return deletionAnswer(world);
}

/** To the trash, where the platform has one and it is wanted; else for good. */
export function toTrash(world: World, user: User, node: Node, wanted: boolean): void {
  const from = pathOf(node);
  world.store.takeOut(node);
  if (wanted && world.switches.now.features.trash) world.trash.add(node, user.id, from, world.store.now());
  else world.store.destroy(node);
}

export function deletionAnswer({ switches }: World): Answer {
  switch (switches.now.deleteAnswer) {
    case '204': return nothing();
    case 'OK': return plain(200, 'OK');
    case 'json': return json(200, { success: true });
  }
}

function listTrash({ world, user }: Call): Answer {
  const own = [...world.trash.entries.values()].filter(({ owner }) => owner === user.id);
  return json(200, {
    folders: own.filter(({ node }) => node.kind === 'folder').map((entry) => shownEntry(world, entry)),
    files: own.filter(({ node }) => node.kind === 'file').map((entry) => shownEntry(world, entry)),
  });
}

function shownEntry(world: World, { id, node, owner, deletion: deletedAt }: TrashEntry): Shown {
  const files = [...filesBelow(node)];
  return disguised(world, {
    id,
    name: node.name,
    is_file: node.kind === 'file',
    deletion: trashDateText(deletedAt, world),
    modification: trashDateText(node.kind === 'file' ? newest(node).modification : node.modification, world),
    owner: ownerName(world, owner),
    owner_id: owner,
    size: files.reduce((sum, file) => sum + newest(file).size, 0),
    nb_folders: node.kind === 'file' ? 0 : foldersBelow(node),
    nb_files: node.kind === 'file' ? 1 : files.length,
  });
}

function foldersBelow(folder: FolderNode): number {
  let count = folder.folders.size;
  for (const below of folder.folders.values()) count += foldersBelow(below);
  return count;
}

/** The entry of the route, which must be the user's own. */
function entryOf(call: Call): TrashEntry {
  const entry = call.world.trash.entries.get(idOf(call) ?? -1);
  if (entry?.owner !== call.user.id) throw notFound();
  return entry;
}

function readEntry(call: Call): Answer {
  return json(200, shownEntry(call.world, entryOf(call)));
}

const restoring = z.object({ folder_id: idField });

async function restore(call: Call): Promise<Answer> {
  const { world, user } = call;
  const { folder_id } = await readBody(call, restoring);
  const entry = entryOf(call);
  if (folder_id === 0) throw unusable('folder_id');
  const folder = folderWith(call, folder_id);
  need(user, 'write', folder);
  const { node } = entry;
  const name = nameFor(call, folder, node.name);
  world.trash.entries.delete(entry.id);
  world.store.move(node, folder, name);
  const shown = node.kind === 'file'
    ? await shownFile(world, user, newest(node))
    : await shownFolder(world, user, node, { depth: 0, full: false, folders: true, files: true });
  return json(200, world.switches.now.commaParent ? { ...shown, parent_id: `${folder.id},` } : shown);
}

function destroy(call: Call): Answer {
  const { world } = call;
  const entry = entryOf(call);
  world.trash.entries.delete(entry.id);
  world.store.destroy(entry.node);
  return deletionAnswer(world);
}

async function emptyTrash(call: Call): Promise<Answer> {
  const { world, user, query } = call;
  const body = await readBody(call, z.object({ all: z.unknown().optional() }));
  const all = query.has('all') || body.all !== undefined;
  world.trash.emptyings.push({ login: user.login, all });
  for (const entry of [...world.trash.entries.values()]) {
    if (!all && entry.owner !== user.id) continue;
    world.trash.entries.delete(entry.id);
    world.store.destroy(entry.node);
  }
  return deletionAnswer(world);
}
