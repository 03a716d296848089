/** What can be chosen of the emulated Arrhes. Everything has the recorded server's own default, in one place: here. */
import { Clock } from '../common/clock.js';
import { makeId } from './rows.js';

/** A folder that is there at the start. */
export interface FolderSeed {
  readonly name: string;
  /** Default: made up. */
  readonly id?: string | undefined;
  /** May name itself, or one that comes later: folders can hang in a circle. */
  readonly idFolderParent?: string | null | undefined;
  /** Default: the key's own. */
  readonly idOrganization?: string | undefined;
  readonly idYear?: string | undefined;
  /** Milliseconds since the epoch. Default: the start. */
  readonly createdAt?: number | undefined;
}

/** A document that is there at the start. */
export interface FileSeed extends Omit<FolderSeed, 'idFolderParent'> {
  readonly idFolder?: string | null | undefined;
  readonly idFileParent?: string | null | undefined;
  /** Its bytes; left out: it has no content yet. */
  readonly content?: string | Uint8Array | undefined;
  /** The row has a size and a key, but the object is gone from the store. Default false. */
  readonly objectGone?: boolean | undefined;
  readonly type?: string | undefined;
  readonly reference?: string | undefined;
  readonly hash?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly date?: number | undefined;
}

export interface YearSeed {
  /** Default: made up. */
  readonly id?: string | undefined;
  /** The calendar year. */
  readonly label: string;
  readonly isClosed?: boolean | undefined;
}

export interface ArrhesOptions {
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** The object store's. Default 0: one that is free. */
  readonly storePort?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** A wait before each answer, in milliseconds, of the routes and of the store. Default 0. */
  readonly latencyMs?: number | undefined;
  /** After so many milliseconds an idle connection is closed. Default 5000. */
  readonly idleTimeoutMs?: number | undefined;
  /** What stands in front of `/organizations`, such as `/api`. Default: nothing. */
  readonly prefix?: string | undefined;
  /** The API key. Default: made up. */
  readonly key?: string | undefined;
  /** The organization of the key. Default: made up. */
  readonly idOrganization?: string | undefined;
  /** The newest first. Default: 2026 and 2025, both open. */
  readonly years?: readonly YearSeed[] | undefined;
  /** Default, where neither folders nor files are given: a small office's documents. */
  readonly folders?: readonly FolderSeed[] | undefined;
  readonly files?: readonly FileSeed[] | undefined;
  /** Adds doubles, circles, and names that no folder can hold. Default false. */
  readonly awkward?: boolean | undefined;
  /** Lives of pre-signed URLs in seconds. Defaults 60, 3600, 60. */
  readonly uploadUrlLifeS?: number | undefined;
  readonly downloadUrlLifeS?: number | undefined;
  readonly deleteUrlLifeS?: number | undefined;
  /** The largest document, in bytes. Default 50,000,000. */
  readonly maxFileBytes?: number | undefined;
  /** Default 1 GiB. */
  readonly storageLimitBytes?: number | undefined;
  /** What counts as used at the start, beside the documents that are there. Default 0. */
  readonly storageUsedBytes?: number | undefined;
  /** Pages that may still be recognized. Default 100. */
  readonly ocrPages?: number | undefined;
  /** How long a recognition lasts; until then its document has no content. Default 0. */
  readonly ocrDelayMs?: number | undefined;
  /** Rows tell their year, as in older versions. Default false. */
  readonly carriesYear?: boolean | undefined;
  /** Lists come in another order each time, by this seed. Default: as the table has them. */
  readonly shuffle?: number | undefined;
  /** In which offsets times are written, in minutes; several take turns. Default [0]. */
  readonly offsetsMinutes?: readonly number[] | undefined;
  /** DELETE of a document deletes its object, too, as in older versions. Default false. */
  readonly deletesObjects?: boolean | undefined;
  /** Finalize answers `{file}`, as later versions do. Default false. */
  readonly wrapsFinalize?: boolean | undefined;
  /** The body must name the document or folder that the URL names. Default false. */
  readonly wantsIds?: boolean | undefined;
  /** The store refuses requests with `Authorization`, as MinIO does. Default false: the recorded store ignores it. */
  readonly refusesAuthorization?: boolean | undefined;
  /** The store keeps connections open, as S3 does. Default false: the recorded store closes each. */
  readonly storeKeepsAlive?: boolean | undefined;
  /** The server's clock, in milliseconds since the epoch. Default: the machine's. */
  readonly now?: (() => number) | undefined;
}

export type ServerChoices = ReturnType<typeof choices>;

export function choices(options: ArrhesOptions) {
  return {
    host: options.host ?? '127.0.0.1',
    idleTimeoutMs: options.idleTimeoutMs ?? 5000,
    prefix: options.prefix ?? '',
    key: options.key ?? makeId(),
    idOrganization: options.idOrganization ?? makeId(),
    uploadUrlLifeS: options.uploadUrlLifeS ?? 60,
    downloadUrlLifeS: options.downloadUrlLifeS ?? 3600,
    deleteUrlLifeS: options.deleteUrlLifeS ?? 60,
    maxFileBytes: options.maxFileBytes ?? 50_000_000,
    storageLimitBytes: options.storageLimitBytes ?? 2 ** 30,
    storageUsedBytes: options.storageUsedBytes ?? 0,
    ocrPages: options.ocrPages ?? 100,
    ocrDelayMs: options.ocrDelayMs ?? 0,
    carriesYear: options.carriesYear ?? false,
    shuffle: options.shuffle,
    offsetsMinutes: options.offsetsMinutes ?? [0],
    deletesObjects: options.deletesObjects ?? false,
    wrapsFinalize: options.wrapsFinalize ?? false,
    wantsIds: options.wantsIds ?? false,
    refusesAuthorization: options.refusesAuthorization ?? false,
    storeKeepsAlive: options.storeKeepsAlive ?? false,
    clock: new Clock(options.now ?? Date.now),
  } as const;
}
