/**
 * The emulated database: the rows of documents and folders, what PostgreSQL's constraints make of a change, and the
 * counter of bytes used. Whatever it refuses is an `Internal error` to the client (Arrhes' page: routes).
 */
import { internal } from './errors.js';
import { storedText } from './fields.js';
import type { FileRow, FolderRow } from './rows.js';

export class Database {
  readonly #files = new Map<string, FileRow>();
  readonly #folders = new Map<string, FolderRow>();
  /** The years that a row may name; undefined where rows name none. */
  readonly #years: ReadonlySet<string> | undefined;
  /** Bytes. */
  storageLimit: number;
  /** Every finalize adds to it, a DELETE gives back the last size only. */
  storageUsed: number;
  ocrPages: number;

  constructor(years: ReadonlySet<string> | undefined, storageLimit: number, storageUsed: number, ocrPages: number) {
    this.#years = years;
    this.storageLimit = storageLimit;
    this.storageUsed = storageUsed;
    this.ocrPages = ocrPages;
  }

  /** In the order of the table: a row that was changed stands last. */
  files(organization: string): FileRow[] {
    return [...this.#files.values()].filter(({ idOrganization }) => idOrganization === organization);
  }

  folders(organization: string): FolderRow[] {
    return [...this.#folders.values()].filter(({ idOrganization }) => idOrganization === organization);
  }

  file(id: string): FileRow {
    return found(this.#files, id);
  }

  folder(id: string): FolderRow {
    return found(this.#folders, id);
  }

  /** Puts a row there that nobody checks: what a server has gathered over years. */
  seedFile(row: FileRow): void {
    this.#files.set(row.id, row);
  }

  seedFolder(row: FolderRow): void {
    this.#folders.set(row.id, row);
  }

  /** Puts a document there, new or changed. */
  putFile(row: FileRow): FileRow {
    this.#mustBe(this.#folders, row.idFolder);
    this.#mustBe(this.#files, row.idFileParent);
    this.#mustBeYear(row.idYear);
    if (row.hash !== null && this.#hasTwin(row)) throw internal();
    const { reference } = row;
    return this.#put(this.#files, { ...row, name: storedText(row.name), reference: reference === null ? null : storedText(reference) });
  }

  /** Puts a folder there; that it does not hang on itself nobody checks. */
  putFolder(row: FolderRow): FolderRow {
    this.#mustBe(this.#folders, row.idFolderParent);
    this.#mustBeYear(row.idYear);
    return this.#put(this.#folders, { ...row, name: storedText(row.name) });
  }

  /** Takes the document's children with it; returns what went. */
  deleteFile(id: string): FileRow[] {
    const gone = [this.file(id)];
    this.#files.delete(id);
    for (const { id: child, idFileParent } of [...this.#files.values()]) {
      if (idFileParent === id && this.#files.has(child)) gone.push(...this.deleteFile(child));
    }
    return gone;
  }

  /** Sub-folders go, too; the documents of all of them reappear at the root, as if never touched. */
  deleteFolder(id: string): void {
    this.folder(id);
    this.#folders.delete(id);
    for (const file of this.#files.values()) {
      if (file.idFolder === id) this.#files.set(file.id, { ...file, idFolder: null });
    }
    for (const { id: below, idFolderParent } of [...this.#folders.values()]) {
      if (idFolderParent === id && this.#folders.has(below)) this.deleteFolder(below);
    }
  }

  /** A hash may stand once in an organization. */
  #hasTwin(row: FileRow): boolean {
    return this.files(row.idOrganization).some(({ id, hash }) => id !== row.id && hash === row.hash);
  }

  #put<T extends { readonly id: string }>(table: Map<string, T>, row: T): T {
    table.delete(row.id);
    table.set(row.id, row);
    return row;
  }

  #mustBe(table: ReadonlyMap<string, unknown>, id: string | null): void {
    if (id !== null && !table.has(id)) throw internal();
  }

  #mustBeYear(id: string): void {
    if (this.#years?.has(id) === false) throw internal();
  }
}

function found<T>(table: ReadonlyMap<string, T>, id: string): T {
  const row = table.get(id);
  if (row === undefined) throw internal();
  return row;
}
