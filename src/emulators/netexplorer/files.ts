/** The routes of documents and their versions, but for the bytes that come in (NetExplorer's page: routes). */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import { filePieces } from '../common/file-pieces.js';
import { rangeOf } from '../common/ranges.js';
import { idField, idOf, openRoute, readBody, route, type Call, type OpenCall, type PlatformRoute, type World } from './call.js';
import { forbidden, json, notFound, unusable } from './errors.js';
import { mustBeFree, mustBeReadable } from './locks.js';
import { nameFor } from './names.js';
import { needRoom } from './quotas.js';
import { folderOf, folderWith, need, versionWith } from './rights.js';
import { shownFile } from './shown.js';
import { deletion, deletionAnswer } from './trash.js';
import type { FolderNode, Version } from './tree.js';

export const fileRoutes: readonly PlatformRoute[] = [
  route('file', 'GET', '/api/file/:id', 'files', readFile),
  route('download', 'GET', '/api/file/:id/download', 'files', downloadFile),
  route('versions', 'GET', '/api/file/:id/versions', 'files', listVersions),
  route('create-file', 'POST', '/api/file', 'files', createFile),
  route('change-file', 'PUT', '/api/file/:id', 'files', changeFile),
  route('delete-file', 'DELETE', '/api/file/:id', 'files', deleteFile),
  route('download-token', 'POST', '/api/token/file/:id/:type', 'files', makeTicket),
  openRoute('download-by-token', 'GET', '/api/file/download', downloadByTicket),
];

async function readFile(call: Call): Promise<Answer> {
  return json(200, await shownFile(call.world, call.user, versionWith(call, idOf(call)), isFull(call)));
}

function isFull({ query }: OpenCall): boolean {
  return query.get('full') === '1';
}

async function listVersions(call: Call): Promise<Answer> {
  const { file } = versionWith(call, idOf(call));
  return json(200, await Promise.all(file.versions.map((version) => shownFile(call.world, call.user, version, isFull(call)))));
}

const place = z.object({ name: z.string(), parent_id: idField });

/** The folder that a document is to come to; never the top. */
function folderFor(call: Call, id: number): FolderNode {
  if (id === 0) throw forbidden();
  const folder = folderWith(call, id);
  need(call.user, 'write', folder);
  return folder;
}

async function createFile(call: Call): Promise<Answer> {
  const { world, user } = call;
  const asked = await readBody(call, place);
  const folder = folderFor(call, asked.parent_id);
  const name = nameFor(call, folder, asked.name);
  needRoom(world, user, folder, 0);
  const content = { place: world.store.newPlace(), size: 0, md5: 'd41d8cd98f00b204e9800998ecf8427e' };
  writeFileSync(content.place, '');
  const version = world.store.makeFile(folder, name, user.id, content, {});
  return json(Number(world.switches.now.createStatus), await shownFile(world, user, version, isFull(call)));
}

/** A rename or a move; never over what is there. */
async function changeFile(call: Call): Promise<Answer> {
  const { world, user } = call;
  const asked = await readBody(call, place.partial());
  const version = versionWith(call, idOf(call));
  const { file } = version;
  const folder = folderOf(file);
  need(user, 'edit', folder);
  mustBeFree(call, file);
  const target = asked.parent_id === undefined || asked.parent_id === folder.id ? folder : folderFor(call, asked.parent_id);
  const name = nameFor(call, target, asked.name ?? file.name, file);
  if (target !== folder || name !== file.name) world.store.move(file, target, name);
  return json(200, await shownFile(world, user, version, isFull(call)));
}

/** The document, or only some of its versions. */
function deleteFile(call: Call): Answer {
  const { world, user, query } = call;
  const version = versionWith(call, idOf(call));
  const { file } = version;
  need(user, 'delete', file);
  mustBeFree(call, file);
  const gone = versionsToDelete(query.get('versions') ?? 'all', version);
  if (gone.length === file.versions.length) return deletion(call, file);
  world.store.removeVersions(file, gone);
  return deletionAnswer(world);
}

function versionsToDelete(which: string, version: Version): readonly Version[] {
  const { versions } = version.file;
  switch (which) {
    case 'all': return versions;
    case 'none': return [version];
    case 'previous': return versions.slice(versions.indexOf(version));
    default: throw unusable('versions');
  }
}

function downloadFile(call: Call): Promise<Answer> {
  return download(call, versionWith(call, idOf(call)));
}

async function download(call: Call, version: Version): Promise<Answer> {
  need(call.user, 'download', version.file);
  mustBeReadable(call, version.file);
  call.world.replacements.onRead(version);
  // A test may have taken it off the disk.
  const file = await open(call.world.store.placeOfVersion(version), 'r').catch(() => Promise.reject(notFound()));
  try {
    const { size } = await file.stat();
    const range = rangeOf(call.exchange.request.headers.range, size);
    if (range.kind === 'outside') {
      await file.close();
      return { status: 416, headers: { 'Content-Range': `bytes */${size}` } };
    }
    const { start, end } = range.kind === 'part' ? range : { start: 0, end: size };
    return {
      status: range.kind === 'part' ? 206 : 200,
      headers: {
        'Content-Type': 'application/octet-stream',
        'Content-Disposition': disposition(version.file.name),
        'Accept-Ranges': 'bytes',
        ...(range.kind === 'part' ? { 'Content-Range': `bytes ${start}-${end - 1}/${size}` } : {}),
      },
      length: end - start,
      body: filePieces(file, start, end - start),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function disposition(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|"/gu, '_');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name)}`;
}

/** Tokens good for one file's download, whoever comes with them. */
const tickets = new WeakMap<World, Map<string, { readonly call: Call; readonly version: number }>>();

function makeTicket(call: Call): Answer {
  const { world, params } = call;
  if (!['preview', 'edit', 'download'].includes(params['type'] ?? '')) throw notFound();
  const version = versionWith(call, idOf(call));
  need(call.user, 'download', version.file);
  const token = randomBytes(16).toString('hex');
  const known = tickets.get(world) ?? new Map<string, { call: Call; version: number }>();
  tickets.set(world, known.set(token, { call, version: version.id }));
  return json(200, { token });
}

/** The parameter's name is not certain: whichever holds a token will do. */
async function downloadByTicket({ world, exchange, query }: OpenCall): Promise<Answer> {
  const known = tickets.get(world);
  const ticket = [...query.values()].map((value) => known?.get(value)).find((found) => found !== undefined);
  if (ticket === undefined) throw notFound();
  const call = { ...ticket.call, exchange };
  return download(call, versionWith(call, ticket.version));
}
