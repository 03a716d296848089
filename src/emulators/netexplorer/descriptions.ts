/**
 * What the platform knows of a document besides its bytes: annotations, pages, author, title, and what happened to it.
 * A test tells it; the versions add their own making (NetExplorer's page: routes, timeline and infos).
 */
import { z } from 'zod';
import { idOf, route, type Call, type PlatformRoute, type World } from './call.js';
import { json } from './errors.js';
import { versionWith } from './rights.js';
import { dateText, disguised, ownerName, shownList, type Shown } from './shown.js';
import type { FileNode } from './tree.js';

/** Something that happened to a document. */
const event = z.strictObject({
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** `download`, `comment`, … */
  action: z.string(),
  /** A user's login. */
  login: z.string(),
});

/** What a test tells of a document; what is left out the platform does not know. */
export const description = z.strictObject({
  /** How many there are. */
  annotations: z.number().int().optional(),
  pages: z.number().int().optional(),
  author: z.string().optional(),
  title: z.string().optional(),
  events: z.array(event).optional(),
});

export type Description = z.infer<typeof description>;

/** By the document's guid. */
export type Descriptions = Map<string, Description>;

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
