/** The routes of documents' rows; their content is in `contents.ts`. */
import { inOrder, readFields, touched, type Call } from './call.js';
import { complaint, internal } from './errors.js';
import { Fields } from './fields.js';
import { makeId, shownRow, type FileRow } from './rows.js';
import { parseTime } from './times.js';

export async function createFile({ world, exchange, year }: Call): Promise<unknown> {
  const fields = await Fields.read(exchange.body);
  const reference = fields.textOrNull('reference');
  const name = fields.name();
  const hash = fields.textOrNull('hash');
  const row = world.database.putFile({
    ...emptyFile(world.choices.idOrganization, year, world.user, world.choices.clock.now()),
    idFolder: fields.has('idFolder') ? fields.textOrNull('idFolder') : null,
    reference,
    name,
    hash,
  });
  return shownRow(row, world.choices);
}

/** A row of a document that has nothing yet, not even a name. */
export function emptyFile(idOrganization: string, idYear: string, user: string, now: number): FileRow {
  return {
    id: makeId(),
    idOrganization,
    idYear,
    idFolder: null,
    idFileParent: null,
    reference: null,
    name: '',
    storageKey: null,
    type: null,
    size: null,
    createdAt: now,
    lastUpdatedAt: null,
    hash: null,
    date: null,
    createdBy: user,
    lastUpdatedBy: null,
  };
}

/** The whole organization's, whatever year the URL names. */
export function listFiles({ world, exchange }: Call): Promise<unknown> {
  const rows = inOrder(world, world.database.files(world.choices.idOrganization), exchange.log.id);
  return Promise.resolve(rows.map((row) => shownRow(row, world.choices)));
}

export function readFile({ world, id }: Call): Promise<unknown> {
  return Promise.resolve(shownRow(world.database.file(id), world.choices));
}

/** Changes what the body names and leaves the rest; the time of change moves always. */
export async function changeFile(call: Call): Promise<unknown> {
  const { world } = call;
  const { fields, id } = await readFields(call, 'idFile');
  const name = fields.has('name') ? fields.name() : undefined;
  const reference = fields.has('reference') ? fields.textOrNull('reference') : undefined;
  const idFolder = fields.has('idFolder') ? fields.textOrNull('idFolder') : undefined;
  const date = fields.has('date') ? dayOf(fields.textOrNull('date'), world.choices.offsetsMinutes) : undefined;
  const row = world.database.file(id);
  const changed = world.database.putFile(touched(world, {
    ...row,
    name: name ?? row.name,
    reference: reference === undefined ? row.reference : reference,
    idFolder: idFolder === undefined ? row.idFolder : idFolder,
    date: date === undefined ? row.date : date,
  }));
  return shownRow(changed, world.choices);
}

function dayOf(text: string | null, offsets: readonly number[]): number | null {
  if (text === null) return null;
  const ms = parseTime(text, offsets);
  if (ms === undefined) throw internal();
  return ms;
}

/** The row goes, and its children's; the objects stay in the store, unless the version deletes them, too. */
export async function deleteFile({ world, exchange, id: named }: Call): Promise<unknown> {
  const { database, store, choices } = world;
  const fields = choices.wantsIds ? await Fields.read(exchange.body) : undefined;
  if (fields?.has('idFile') === false) throw complaint('idFile', 'Invalid key: Expected "idFile" but received undefined');
  const [file, ...children] = database.deleteFile(named);
  database.storageUsed -= file?.size ?? 0;
  if (!choices.deletesObjects) return {};
  for (const row of [file, ...children]) if (row?.storageKey !== undefined && row.storageKey !== null) store.objects.delete(row.storageKey);
  return {};
}
