/**
 * What the platform knows of a document besides its bytes: annotations, pages, author, title, and what happened to it.
 * A test tells it; the versions add their own making (NetExplorer's page: routes, timeline and infos).
 */
import { idOf, route, type Call, type PlatformRoute, type World } from './call.js';
import { json } from './errors.js';
import { versionWith } from './rights.js';
import { dateText, disguised, ownerName, shownList, type Shown } from './shown.js';
import type { FileNode } from './tree.js';

export const descriptionRoutes: readonly PlatformRoute[] = [
  route('infos', 'GET', '/api/file/:id/infos', 'files', (call) => json(200, infos(call.world, fileOf(call)))),
  route('timeline', 'GET', '/api/file/:id/timeline', 'files', (call) => json(200, shownList(call.world, timeline(call.world, fileOf(call))))),
];

function fileOf(call: Call): FileNode {
  return versionWith(call, idOf(call)).file;
}

/** `length` is the number of pages. */
function infos({ descriptions }: World, { guid }: FileNode): Shown {
  const { annotations, pages: length, author, title } = descriptions.get(guid) ?? {};
  return Object.fromEntries(Object.entries({ annotations, length, author, title }).filter(([, value]) => value !== undefined));
}

/** Newest first. */
function timeline(world: World, file: FileNode): Shown[] {
  const { users, descriptions } = world;
  const told = (descriptions.get(file.guid)?.events ?? []).map(({ at, action, login }) => ({ at, action, owner: users.known(login).id, id: undefined }));
  const made = file.versions.map(({ id, creation, owner }, index) => (
    { at: creation, action: index === file.versions.length - 1 ? 'create' : 'version', owner, id }
  ));
  return [...made, ...told].sort((a, b) => b.at - a.at).map(({ at, action, owner, id }) => disguised(world, {
    date: dateText(at, world),
    action,
    owner: ownerName(world, owner),
    owner_id: owner,
    ...(id === undefined ? {} : { file_id: id }),
  }));
}
