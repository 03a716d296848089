/**
 * From a path to its folder or document, and back. The names of the parameters are not known: whatever holds a path, or
 * a number, is taken for what it is (NetExplorer's page: routes).
 */
import type { Answer } from '../common/delivery.js';
import { route, type Call, type PlatformRoute } from './call.js';
import { json, notFound, unusable } from './errors.js';
import { folderWith, versionWith } from './rights.js';
import { askedOf, shownFile, shownFolder } from './shown.js';
import { newest, pathOf } from './tree.js';

export const pathRoutes: readonly PlatformRoute[] = [
  route('path', 'GET', '/api/path', 'folders', lookUp),
  route('object-path', 'GET', '/api/objectpath', 'folders', lookUp),
];

async function lookUp(call: Call): Promise<Answer> {
  const { world, user, query } = call;
  const values = [...query.values()];
  const path = values.find((value) => value.startsWith('/'));
  if (path === undefined) return json(200, { path: pathWithId(call, values.find((value) => /^\d+$/u.test(value))) });
  const node = world.store.tree.at(path);
  if (node?.kind === 'file') return json(200, await shownFile(world, user, versionWith(call, newest(node).id)));
  return json(200, await shownFolder(world, user, folderWith(call, node?.id), askedOf(query)));
}

function pathWithId(call: Call, id: string | undefined): string {
  if (id === undefined) throw unusable('path');
  const { folders, versions } = call.world.store.tree;
  if (folders.has(Number(id))) return pathOf(folderWith(call, Number(id)));
  if (versions.has(Number(id))) return pathOf(versionWith(call, Number(id)).file);
  throw notFound();
}
