/** Files sent in one form, or in blocks, and content replaced in place (NetExplorer's page: upload). */
import { rm } from 'node:fs/promises';
import type { Answer } from '../common/delivery.js';
import { BodyCut } from '../common/broken.js';
import { openBlock, type Block } from './blocks.js';
import { idOf, parseDate, route, type Call, type PlatformRoute } from './call.js';
import { forbidden, json, nothing, plain, Refusal, unusable } from './errors.js';
import { mustBeFree } from './locks.js';
import { nameFor } from './names.js';
import { needRoom } from './quotas.js';
import { receiveBody, receiveForm, type Form } from './receiving.js';
import { folderOf, folderWith, need, versionWith } from './rights.js';
import { shownFile } from './shown.js';
import type { Content, Dates } from './store.js';
import { child, type FileNode, type FolderNode, type Version } from './tree.js';

export const uploadRoutes: readonly PlatformRoute[] = [
  route('upload', 'POST', '/api/file/upload', 'files', upload),
  route('replace', 'PUT', '/api/file/:id/upload', 'files', replace),
];

async function upload(call: Call): Promise<Answer> {
  const { world, exchange } = call;
  const place = world.store.newPlace();
  const leave = new Set<() => void>();
  try {
    const form = await receiveForm(exchange, place, (name, fields) => {
      if (fields.has('chunk')) leave.add(world.uploads.enter(`${fields.get('folderId') ?? ''}/${name}`));
    });
    const { fields, file } = form;
    const folder = targetFolder(call, fields.get('folderId'));
    const name = file?.name ?? fields.get('targetFile') ?? fields.get('name') ?? '';
    const existing = targetFile(call, folder, name);
    const dates = datesOf(call, fields);
    if (fields.has('chunk') || fields.has('report')) return await uploadBlock(call, form, folder, name, dates);
    if (file === undefined) throw unusable('targetFile');
    needRoom(world, call.user, folder, file.content.size);
    return await entered(call, folder, name, existing, file.content, dates);
  } finally {
    for (const one of leave) one();
    await rm(place, { force: true });
  }
}

function targetFolder(call: Call, id: string | undefined): FolderNode {
  if (id === undefined || !/^\d+$/u.test(id)) throw unusable('folderId');
  if (Number(id) === 0) throw forbidden();
  return folderWith(call, Number(id));
}

/** The document that gets a new version; undefined where there is none, and the folder takes a new one. */
function targetFile(call: Call, folder: FolderNode, name: string): FileNode | undefined {
  const existing = child(folder, name);
  if (existing?.kind === 'file') {
    need(call.user, 'write', existing);
    mustBeFree(call, existing);
    return existing;
  }
  need(call.user, 'write', folder);
  // A folder of that name is the one thing in the way.
  nameFor(call, folder, name);
  return undefined;
}

function datesOf({ world }: Call, fields: ReadonlyMap<string, string>): Dates {
  const read = (field: string): number | undefined => {
    const text = fields.get(field);
    if (text === undefined || text === '') return undefined;
    const ms = parseDate(text);
    if (ms === undefined) throw unusable(field);
    return ms;
  };
  const dates = { creation: read('creation'), modification: read('modification') };
  return world.switches.now.datesIgnored ? {} : dates;
}

async function entered(
  call: Call, folder: FolderNode, name: string, existing: FileNode | undefined, content: Content, dates: Dates,
): Promise<Answer> {
  const { world, user, query } = call;
  const { features, createStatus } = world.switches.now;
  const version = existing === undefined
    ? world.store.makeFile(folder, nameFor(call, folder, name), user.id, content, dates)
    : world.store.addVersion(existing, user.id, content, dates, features.versioning);
  return json(Number(createStatus), await shownFile(world, user, version, query.get('full') === '1'));
}

async function uploadBlock(call: Call, { fields, file }: Form, folder: FolderNode, name: string, dates: Dates): Promise<Answer> {
  const { world } = call;
  const { uploads, store } = world;
  const number = (field: string): number => {
    const text = fields.get(field) ?? '';
    if (!/^\d+$/u.test(text)) throw unusable(field);
    return Number(text);
  };
  const block: Block = { key: `${folder.id}/${name}`, chunk: 0, chunks: number('chunks'), chunksSize: 0, fileSize: 0 };
  if (fields.has('report')) return json(200, uploads.missing(block));
  if (file === undefined) throw unusable('targetFile');
  const { content } = file;
  const whole = { ...block, chunk: number('chunk'), chunksSize: number('chunksSize'), fileSize: number('fileSize') };
  const seen = uploads.see({ folder: folder.id, name, chunk: whole.chunk, chunks: whole.chunks, bytes: content.size });
  try {
    needRoom(world, call.user, folder, whole.fileSize);
    const finish = openBlock(uploads, whole, content.size, world.switches.now, () => store.newPlace());
    const outcome = await finish(content.place);
    if (outcome.kind === 'more') return plain(200, 'OK');
    if (outcome.kind === 'missing') return json(200, outcome.missing);
    try {
      // While the block was put in its place, the folder or the document may have gone.
      const { id } = folderWith(call, folder.id);
      return await entered(call, folder, name, targetFile(call, targetFolder(call, String(id)), name), outcome.content, dates);
    } finally {
      uploads.forget(whole.key);
    }
  } catch (error) {
    if (error instanceof Refusal) seen.status = error.status;
    throw error;
  }
}

/** Other bytes under the same id, of whichever version it is. */
async function replace(call: Call): Promise<Answer> {
  const { world, user, exchange } = call;
  const version = versionWith(call, idOf(call));
  const { file } = version;
  if (!world.switches.now.features.edit) throw new Refusal(403, "La modification en place n'est pas activée sur cette plateforme");
  need(user, 'edit', file);
  mustBeFree(call, file);
  const place = world.store.newPlace();
  try {
    const { whole, ...content } = await receiveBody(exchange, place);
    if (!whole && world.switches.now.cutPut === 'old') throw new BodyCut();
    // It may have gone meanwhile.
    const now = versionWith(call, idOf(call));
    needRoom(world, user, folderOf(file), Math.max(0, content.size - now.size));
    world.store.replaceContent(now, content);
    if (!whole) throw new BodyCut();
    return await replaceAnswer(call, now);
  } finally {
    await rm(place, { force: true });
  }
}

async function replaceAnswer({ world, user }: Call, version: Version): Promise<Answer> {
  switch (world.switches.now.putAnswer) {
    case 'file': return json(200, await shownFile(world, user, version));
    case 'OK': return plain(200, 'OK');
    case 'nothing': return nothing();
  }
}
