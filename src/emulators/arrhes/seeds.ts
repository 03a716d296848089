/** What lies on the server at the start: what a test gave, or a small office's documents, and whatever is awkward. */
import { extname, posix } from 'node:path';
import { sampleFiles } from '../common/sample-files.js';
import type { World } from './call.js';
import { storageKey } from './contents.js';
import { emptyFile } from './files.js';
import { makeObject } from './objects.js';
import type { ArrhesOptions, FileSeed, FolderSeed } from './options.js';
import { makeId, type YearRow } from './rows.js';

/** The years that were asked for, each with the one before it. */
export function makeYears({ years = [{ label: '2026' }, { label: '2025' }] }: ArrhesOptions): YearRow[] {
  const rows = years.map(({ id = makeId(), label, isClosed = false }) => ({ id, label, isClosed }));
  // As recorded: the second year names the first, whichever came before in time.
  return rows.map((row, index) => ({ ...row, idYearPrevious: rows[index - 1]?.id ?? null }));
}

/** Fills an empty world. */
export function fill(world: World, options: ArrhesOptions): void {
  const samples = options.folders === undefined && options.files === undefined ? sampleSeeds() : undefined;
  const awkward = options.awkward === true ? awkwardSeeds() : undefined;
  const folders = [...(options.folders ?? samples?.folders ?? []), ...(awkward?.folders ?? [])];
  const files = [...(options.files ?? samples?.files ?? []), ...(awkward?.files ?? [])];
  for (const seed of folders) plantFolder(world, seed);
  for (const seed of files) plantFile(world, seed);
}

function plantFolder({ database, choices, user, years }: World, seed: FolderSeed): void {
  database.seedFolder({
    id: seed.id ?? makeId(),
    idOrganization: seed.idOrganization ?? choices.idOrganization,
    idYear: seed.idYear ?? years[0]?.id ?? '',
    idFolderParent: seed.idFolderParent ?? null,
    name: seed.name,
    createdAt: seed.createdAt ?? choices.clock.now(),
    lastUpdatedAt: null,
    createdBy: user,
    lastUpdatedBy: null,
  });
}

function plantFile({ database, store, choices, user, years }: World, seed: FileSeed): void {
  const createdAt = seed.createdAt ?? choices.clock.now();
  const row = {
    ...emptyFile(seed.idOrganization ?? choices.idOrganization, seed.idYear ?? years[0]?.id ?? '', user, createdAt),
    ...(seed.id === undefined ? {} : { id: seed.id }),
    idFolder: seed.idFolder ?? null,
    idFileParent: seed.idFileParent ?? null,
    reference: seed.reference ?? null,
    name: seed.name,
    hash: seed.hash ?? null,
    date: seed.date ?? null,
  };
  if (seed.content === undefined) {
    database.seedFile(row);
    return;
  }
  const object = makeObject([Buffer.from(seed.content)], seed.type ?? typeOf(seed.name), createdAt);
  const key = storageKey(row);
  if (seed.objectGone !== true) store.objects.set(key, object);
  database.storageUsed += object.size;
  database.seedFile({ ...row, storageKey: key, type: object.type, size: object.size, lastUpdatedAt: createdAt, lastUpdatedBy: user });
}

const types: Readonly<Record<string, string>> = {
  '.txt': 'text/plain', '.md': 'text/markdown', '.csv': 'text/csv', '.html': 'text/html', '.svg': 'image/svg+xml',
  '.pdf': 'application/pdf', '.png': 'image/png', '.jpg': 'image/jpeg',
};

function typeOf(name: string): string {
  return types[extname(name).toLowerCase()] ?? 'application/octet-stream';
}

interface Seeds {
  readonly folders: FolderSeed[];
  readonly files: FileSeed[];
}

function sampleSeeds(): Seeds {
  const folders = new Map<string, FolderSeed & { readonly id: string }>();
  const folder = (path: string): string | null => {
    if (path === '.') return null;
    const known = folders.get(path);
    if (known !== undefined) return known.id;
    const made = { id: makeId(), name: posix.basename(path), idFolderParent: folder(posix.dirname(path)) };
    folders.set(path, made);
    return made.id;
  };
  const files = [...sampleFiles()].map(([path, content]) => ({ name: posix.basename(path), idFolder: folder(posix.dirname(path)), content }));
  return { folders: [...folders.values()], files };
}

/** Doubles, circles, strangers' folders, and names that no folder can hold. */
function awkwardSeeds(): Seeds {
  const [twin, other, selfish, first, second, foreign] = Array.from({ length: 6 }, makeId);
  return {
    folders: [
      { id: twin, name: 'Doublon' },
      { id: other, name: 'Doublon' },
      { id: selfish, name: 'En soi-même', idFolderParent: selfish },
      { id: first, name: 'Cercle A', idFolderParent: second },
      { id: second, name: 'Cercle B', idFolderParent: first },
      { id: foreign, name: 'Ailleurs', idOrganization: makeId() },
      { name: '..' },
      { name: '' },
    ],
    files: [
      { name: 'facture.pdf', idFolder: twin, content: '%PDF-1.4 une' },
      { name: 'facture.pdf', idFolder: twin, content: '%PDF-1.4 deux' },
      { name: 'facture.pdf', idFolder: other, content: '%PDF-1.4 trois' },
      { name: 'Doublon', content: 'un document nommé comme un dossier' },
      { name: 'perdu.txt', idFolder: selfish, content: 'dans un dossier qui pend à lui-même' },
      { name: 'en rond.txt', idFolder: second, content: 'dans un cercle' },
      { name: 'ailleurs.txt', idFolder: foreign, content: "dans un dossier d'une autre organisation" },
      ...['', '.', '..', 'a/b', '/', 'deux\nlignes', ' espaces ', '\u{1F4C4}'.repeat(128), 'é'.repeat(256), 'e\u0301.txt', 'é.txt'].map((name) => ({ name, content: `le nom est ${JSON.stringify(name)}` })),
      { name: 'sans contenu.pdf' },
      { name: 'objet disparu.pdf', content: '%PDF-1.4', objectGone: true },
    ],
  };
}
