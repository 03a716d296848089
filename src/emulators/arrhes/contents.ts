/** How a document gets its content, and gives it: pre-signed URLs of the store, and the word that a PUT is over. */
import { readFields, touched, type Call, type World } from './call.js';
import { internal, Refusal } from './errors.js';
import { shownRow, type FileRow } from './rows.js';

export async function uploadUrl(call: Call): Promise<unknown> {
  const { world } = call;
  const { choices, database } = world;
  const { fields, id } = await readFields(call, 'idFile');
  fields.text('type');
  const size = fields.wholeNumber('size');
  if (size > choices.maxFileBytes) throw new Refusal(400, 'Fichier trop volumineux');
  const row = database.file(id);
  // The present size is not taken off.
  if (database.storageUsed + size > database.storageLimit) throw new Refusal(400, 'Limite de stockage atteinte');
  const url = await presigned(world, 'PUT', storageKey(row), choices.uploadUrlLifeS, { 'content-length': String(size) }, {
    'x-amz-checksum-crc32': 'AAAAAA==',
    'x-amz-meta-idfile': row.id,
    'x-amz-meta-idorganization': row.idOrganization,
    'x-amz-meta-iduser': world.user,
    'x-amz-sdk-checksum-algorithm': 'CRC32',
    'x-id': 'PutObject',
  });
  return { file: shownRow(row, choices), url };
}

/** Takes size and type from the object, and counts its bytes once more. */
export async function finalize(call: Call): Promise<unknown> {
  const { world } = call;
  const { id } = await readFields(call, 'idFile');
  const shown = shownRow(contentArrived(world, world.database.file(id)), world.choices);
  return world.choices.wrapsFinalize ? { file: shown } : shown;
}

/** The row of a document whose object stands in the store. */
export function contentArrived(world: World, row: FileRow): FileRow {
  const key = storageKey(row);
  const object = world.store.objects.get(key);
  if (object === undefined) throw internal();
  world.database.storageUsed += object.size;
  return world.database.putFile(touched(world, { ...row, storageKey: key, type: object.type, size: object.size }));
}

export async function downloadUrl(call: Call): Promise<unknown> {
  const { world } = call;
  const key = keyOfContent(world, (await readFields(call, 'idFile')).id);
  return { url: await presigned(world, 'GET', key, world.choices.downloadUrlLifeS, {}, { 'x-amz-checksum-mode': 'ENABLED', 'x-id': 'GetObject' }) };
}

export async function deleteUrl(call: Call): Promise<unknown> {
  const { world } = call;
  const key = keyOfContent(world, (await readFields(call, 'idFile')).id);
  return { url: await presigned(world, 'DELETE', key, world.choices.deleteUrlLifeS, {}, { 'x-id': 'DeleteObject' }) };
}

function keyOfContent(world: World, id: string): string {
  const { storageKey: key } = world.database.file(id);
  if (key === null) throw new Refusal(400, "Le fichier associé n'existe pas");
  return key;
}

export function storageKey({ id, idOrganization }: Pick<FileRow, 'id' | 'idOrganization'>): string {
  return `organizations/${idOrganization}/storage/${id}`;
}

async function presigned(
  { store, storeUrl }: World,
  method: 'PUT' | 'GET' | 'DELETE',
  key: string,
  lifeS: number,
  headers: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>>,
): Promise<string> {
  return storeUrl + (await store.presign({ method, host: new URL(storeUrl).host, key, lifeS, headers, query }));
}
