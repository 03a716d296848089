/** Recognition of text: pages of the organization's stock become a Markdown document beside the image (Arrhes' page: routes). */
import { readFields, type Call, type World } from './call.js';
import { contentArrived, storageKey } from './contents.js';
import { Refusal } from './errors.js';
import { emptyFile } from './files.js';
import { makeObject, type StoredObject } from './objects.js';
import { shownRow, type FileRow } from './rows.js';

export async function recognize(call: Call): Promise<unknown> {
  const { world } = call;
  const { choices, database, store } = world;
  const { id } = await readFields(call, 'idFile');
  const source = database.file(id);
  const object = source.storageKey === null ? undefined : store.objects.get(source.storageKey);
  if (object === undefined) throw new Refusal(400, "Le fichier associé n'existe pas");
  if (!/^(?:image\/|application\/pdf)/u.test(object.type)) throw new Refusal(400, 'Type de fichier non pris en charge');
  const pages = pagesOf(object);
  if (pages > database.ocrPages) throw new Refusal(400, 'Limite de pages OCR atteinte');
  database.ocrPages -= pages;
  const now = choices.clock.now();
  const row = database.putFile({
    ...emptyFile(source.idOrganization, source.idYear, world.user, now),
    idFolder: source.idFolder,
    idFileParent: source.id,
    name: `${source.name.replace(/\.[^.]*$/u, '')}.md`,
  });
  const finish = (): void => {
    // It may have been renamed, or have gone with its parent meanwhile.
    const present = database.files(row.idOrganization).find((one) => one.id === row.id);
    if (present === undefined) return;
    const text = `# ${source.name}\n\nTexte reconnu, ${pages} page${pages > 1 ? 's' : ''}.\n`;
    store.objects.set(storageKey(row), makeObject([Buffer.from(text)], 'text/markdown', choices.clock.now()));
    contentArrived(world, present);
  };
  world.recognitions.set(row.id, { readyAt: now + choices.ocrDelayMs, finish });
  finishRecognitions(world);
  return { file: shownRow(current(world, row), choices) };
}

function current({ database }: World, row: FileRow): FileRow {
  return database.file(row.id);
}

/** Ends the recognitions whose time has come. */
export function finishRecognitions({ recognitions, choices }: World): void {
  for (const [id, { readyAt, finish }] of [...recognitions]) {
    if (readyAt > choices.clock.now()) continue;
    recognitions.delete(id);
    finish();
  }
}

/** An image is one page; a PDF has as many as it names. */
function pagesOf({ type, pieces }: StoredObject): number {
  if (type !== 'application/pdf') return 1;
  return Math.max(1, Buffer.concat(pieces).toString('latin1').match(/\/Type\s*\/Page\b/gu)?.length ?? 0);
}
