/** The routes of folders. Nobody checks that a folder does not hang on itself (Arrhes' page: folders). */
import { inOrder, readFields, touched, type Call } from './call.js';
import { Fields } from './fields.js';
import { makeId, shownRow } from './rows.js';

export async function createFolder({ world, exchange, year }: Call): Promise<unknown> {
  const fields = await Fields.read(exchange.body);
  const row = world.database.putFolder({
    id: makeId(),
    idOrganization: world.choices.idOrganization,
    idYear: year,
    idFolderParent: fields.has('idFolderParent') ? fields.textOrNull('idFolderParent') : null,
    name: fields.name(),
    createdAt: world.choices.clock.now(),
    lastUpdatedAt: null,
    createdBy: world.user,
    lastUpdatedBy: null,
  });
  return shownRow(row, world.choices);
}

/** The whole organization's, whatever year the URL names. */
export function listFolders({ world, exchange }: Call): Promise<unknown> {
  const rows = inOrder(world, world.database.folders(world.choices.idOrganization), exchange.log.id);
  return Promise.resolve(rows.map((row) => shownRow(row, world.choices)));
}

export function readFolder({ world, id }: Call): Promise<unknown> {
  return Promise.resolve(shownRow(world.database.folder(id), world.choices));
}

export async function changeFolder(call: Call): Promise<unknown> {
  const { world } = call;
  const { fields, id } = await readFields(call, 'idFolder');
  const row = world.database.folder(id);
  const changed = world.database.putFolder(touched(world, {
    ...row,
    name: fields.has('name') ? fields.name() : row.name,
    idFolderParent: fields.has('idFolderParent') ? fields.textOrNull('idFolderParent') : row.idFolderParent,
  }));
  return shownRow(changed, world.choices);
}

export function deleteFolder({ world, id }: Call): Promise<unknown> {
  world.database.deleteFolder(id);
  return Promise.resolve({});
}
