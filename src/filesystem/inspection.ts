/**
 * What a person, or Prometheus, may ask of the file system while it runs: which files are open, what the
 * platform does not have yet and how far it has come, how well memory serves. Read when somebody asks.
 */
import type { Metrics } from '../observe/metrics.js';
import type { Core } from './core.js';
import type { Directories } from './directories.js';
import type { NodeId, UnsentFile } from './filesystem.js';
import type { Inode } from './inode.js';
import type { OpenFiles } from './open-files.js';
import type { UploadReport } from './writing/progress.js';
import type { Sender } from './writing/sender.js';

/** A file that somebody has open, or that the platform does not have as it is here. */
export interface FileReport {
  /** Below the mount point. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Handles open on it, and those for writing among them. */
  readonly handles: number;
  readonly writers: number;
  /** `sent`: nothing of it is unsent. `unsent`: written, and due when a program closes it. `sending`: on its way. */
  readonly state: 'sent' | 'unsent' | 'sending';
  /** Of one that is on its way; undefined where the platform copies it by itself. */
  readonly upload: UploadReport | undefined;
}

export interface CacheReport {
  /** Blocks of files in memory. */
  readonly blocks: number;
  /** Bytes: of blocks kept and on their way, and what `--memory` allows. */
  readonly memoryUsed: number;
  readonly memoryBudget: number;
  /** Of the blocks that reads needed: found whole in memory, and waited for. */
  readonly blockHits: number;
  readonly blockMisses: number;
  /** Folders whose listing is in memory, and names in them. */
  readonly listings: number;
  readonly listedNames: number;
  /** Listings that were in memory and young enough, and those that were asked for. */
  readonly listingHits: number;
  readonly listingMisses: number;
  /** Files and folders that the kernel knows. */
  readonly inodes: number;
}

export interface FileSystemReport {
  readonly openFiles: number;
  readonly openFolders: number;
  /** Those that are open or unsent. */
  readonly files: readonly FileReport[];
  /** What this mount could not send. */
  readonly kept: readonly UnsentFile[];
  readonly cache: CacheReport;
}

export class Inspector {
  readonly #core: Core;
  readonly #files: OpenFiles;
  readonly #folders: Directories;
  readonly #sender: Sender;

  constructor(core: Core, files: OpenFiles, folders: Directories, sender: Sender) {
    this.#core = core;
    this.#files = files;
    this.#folders = folders;
    this.#sender = sender;
  }

  report(): FileSystemReport {
    const inodes = [...this.#core.table.all()];
    return {
      openFiles: this.#files.size,
      openFolders: this.#folders.size,
      files: inodes.filter((inode) => inode.kind === 'file' && (inode.handles > 0 || isUnsent(inode))).map((inode) => this.#fileReport(inode)),
      kept: this.#sender.kept,
      cache: this.#cacheReport(),
    };
  }

  /** The path of a node below the mount point, for a person; undefined for one that is not known. */
  pathOf(node: NodeId): string | undefined {
    return this.#core.table.find(node)?.path;
  }

  /** Makes the numbers readable by their names. */
  offer(metrics: Metrics): void {
    const unsent = (state: FileReport['state']) => [...this.#core.table.all()].filter((inode) => isUnsent(inode) && stateOf(inode) === state).length;
    metrics.gauge('amarre_open_files', 'Handles open on files.', () => this.#files.size);
    metrics.gauge('amarre_open_folders', 'Handles open on folders.', () => this.#folders.size);
    metrics.gauge('amarre_unsent_files', 'Files whose last changes the platform does not hold.', () => unsent('unsent'), { state: 'unsent' });
    metrics.gauge('amarre_unsent_files', 'Files whose last changes the platform does not hold.', () => unsent('sending'), { state: 'sending' });
    metrics.gauge('amarre_kept_files', 'Files that this mount could not send, kept on this machine.', () => this.#sender.kept.length);
    metrics.gauge('amarre_inodes', 'Files and folders that the kernel knows.', () => this.#core.table.size);
    metrics.gauge('amarre_cache_memory_bytes', 'Bytes of files in memory, and on their way there.', () => this.#core.store.used);
    metrics.gauge('amarre_cache_memory_budget_bytes', 'What --memory allows.', () => this.#core.store.budget);
    metrics.gauge('amarre_cache_listed_names', 'Names in the listings in memory.', () => this.#core.listings.names);
  }

  #fileReport(inode: Inode): FileReport {
    const { path, size, handles, writers } = inode;
    const state = stateOf(inode);
    return { path, size, handles, writers, state, upload: state === 'sending' ? this.#sender.progressOf(inode) : undefined };
  }

  #cacheReport(): CacheReport {
    const { store, listings, table } = this.#core;
    return {
      blocks: store.count,
      memoryUsed: store.used,
      memoryBudget: store.budget,
      blockHits: store.hits.value,
      blockMisses: store.misses.value,
      listings: listings.count,
      listedNames: listings.names,
      listingHits: listings.hits.value,
      listingMisses: listings.misses.value,
      inodes: table.size,
    };
  }
}

function isUnsent(inode: Inode): boolean {
  return inode.draft?.dirty === true && !inode.isOrphan;
}

function stateOf(inode: Inode): FileReport['state'] {
  if (!isUnsent(inode)) return 'sent';
  return inode.draft?.sealed === undefined ? 'unsent' : 'sending';
}
