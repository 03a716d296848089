/**
 * Files being written, on this machine's disk: programs write here, the platform gets the whole
 * when it is whole. A file that could not be sent stays, with a note beside it that says what it is,
 * so that the next start finds it (promise 4).
 *
 *     <folder>/<instance>/<n>.data   the bytes, sparse
 *     <folder>/<instance>/<n>.json   what they are: written when the file is begun, and again when it is kept
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FsError } from '../errors.js';
import type { Log } from '../observe/log.js';

/** What lies in a staged file, in the words of the note beside it. */
const noteSchema = z.object({
  /** Below the mount point. */
  path: z.string(),
  /** `writing`: a program was at it. `kept`: it was whole and could not be sent. */
  state: z.enum(['writing', 'kept']),
  /** Bytes, when it was kept. */
  size: z.number().int().nonnegative(),
  /** The modification time to send, milliseconds since the epoch. */
  modified: z.number(),
  /** The version on the platform that it was made from; null where there was none. */
  base: z.string().nullable(),
  /** Stretches that were never fetched, and so are not in the data: [start, end). */
  missing: z.array(z.tuple([z.number(), z.number()])),
  reason: z.string(),
});
export type StagingNote = z.infer<typeof noteSchema>;

/** A file left by an earlier mount, or kept by this one. */
export interface KeptFile {
  readonly note: StagingNote;
  readonly data: string;
  /** Lets it go: the platform has it. */
  discard(): Promise<void>;
}

/** Bytes read at once when a staged file goes out. */
const streamPiece = 1024 * 1024;

const full = new Set(['ENOSPC', 'EDQUOT']);

function diskError(thrown: unknown, doing: string): FsError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  if (full.has(code)) return new FsError('ENOSPC', `no room for ${doing}: the disk of the cache folder is full`, { cause: thrown });
  return new FsError('EIO', `${doing} failed on this machine's disk (${code})`, { cause: thrown });
}

/** One file being written. Its owner closes it with `discard` or `keep`. */
export class StagedFile {
  readonly #base: string;
  #handle: Promise<FileHandle> | undefined;
  readonly #note: () => StagingNote;

  constructor(base: string, note: () => StagingNote) {
    this.#base = base;
    this.#note = note;
  }

  get data(): string {
    return `${this.#base}.data`;
  }

  /** Writes all of `data` at `offset`. ENOSPC where this machine's disk is full. */
  async write(offset: number, data: Uint8Array): Promise<void> {
    try {
      const handle = await this.#open();
      for (let done = 0; done < data.length;) {
        const { bytesWritten } = await handle.write(data, done, data.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (thrown) {
      throw diskError(thrown, 'staging a write');
    }
  }

  /** The bytes `[offset, offset + length)`; what was never written reads as zeros. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(length);
    if (this.#handle === undefined) return buffer;
    try {
      const handle = await this.#handle;
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
    } catch (thrown) {
      throw diskError(thrown, 'reading a staged file');
    }
    return buffer;
  }

  /** Sets the length: what is cut off reads as zeros should the file grow again. */
  async truncate(size: number): Promise<void> {
    if (this.#handle === undefined && size === 0) return;
    try {
      await (await this.#open()).truncate(size);
    } catch (thrown) {
      throw diskError(thrown, 'setting the length of a staged file');
    }
  }

  /** The bytes `[start, size)` in order, zeros where the data ends before. */
  async *stream(start: number, size: number): AsyncGenerator<Uint8Array> {
    let at = start;
    if (this.#handle !== undefined && at < size) {
      await this.#handle;
      const stream = createReadStream(this.data, { start, end: size - 1, highWaterMark: streamPiece });
      try {
        for await (const piece of stream) {
          if (!Buffer.isBuffer(piece)) throw new FsError('EIO', 'a staged file gave text for bytes');
          at += piece.length;
          yield piece;
        }
      } finally {
        stream.destroy();
      }
    }
    while (at < size) {
      const length = Math.min(streamPiece, size - at);
      at += length;
      yield Buffer.alloc(length);
    }
  }

  /** Closes the file and leaves it on the disk with its note. */
  async keep(note: StagingNote): Promise<KeptFile> {
    const handle = await this.#open();
    await handle.truncate(note.size);
    await handle.sync();
    await handle.close();
    this.#handle = undefined;
    await writeNote(this.#base, note);
    return keptFile(this.#base, note);
  }

  /** Closes and deletes the file. */
  async discard(): Promise<void> {
    const opened = this.#handle;
    this.#handle = undefined;
    if (opened === undefined) return;
    await opened.then((handle) => handle.close(), () => undefined);
    await removeBoth(this.#base);
  }

  /** Opened at the first byte: a file that stays empty costs no disk. */
  #open(): Promise<FileHandle> {
    this.#handle ??= (async () => {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
      const handle = await open(`${this.#base}.data`, flags, 0o600);
      await writeNote(this.#base, this.#note());
      return handle;
    })();
    return this.#handle;
  }
}

export interface Staging {
  /** A new, empty file. `note` is asked when the first byte comes. */
  create(note: () => StagingNote): StagedFile;
  /** What earlier mounts of this remote left here: instances that are dead. */
  readonly leftovers: readonly KeptFile[];
  /** Removes this instance's folder if nothing was kept in it. */
  close(): Promise<void>;
}

export interface StagingOptions {
  /** The remote's folder for staged files, made if need be, for this user alone. */
  readonly folder: string;
  /** This mount's instance id: a folder name. */
  readonly instance: string;
  /** Whether the mount of that id has ended; a living one's files are its own. */
  readonly isDead: (instance: string) => boolean;
  readonly log: Log;
}

/** Opens the staging area of one mount, and finds what dead ones left. */
export async function openStaging(options: StagingOptions): Promise<Staging> {
  const own = join(options.folder, options.instance);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const leftovers: KeptFile[] = [];
  for (const instance of await readdir(options.folder)) {
    if (instance === options.instance || !options.isDead(instance)) continue;
    leftovers.push(...await leftBy(join(options.folder, instance), options.log));
  }
  let count = 0;
  return {
    leftovers,
    create(note) {
      count += 1;
      return new StagedFile(join(own, String(count)), note);
    },
    async close() {
      const names = await readdir(own).catch(() => []);
      if (names.length === 0) await rm(own, { recursive: true, force: true });
    },
  };
}

/** What one dead mount left; an empty folder of its is removed. */
async function leftBy(folder: string, log: Log): Promise<KeptFile[]> {
  const found: KeptFile[] = [];
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.endsWith('.json')) continue;
    const base = join(folder, name.slice(0, -'.json'.length));
    try {
      const note = noteSchema.parse(JSON.parse(await readFile(`${base}.json`, 'utf8')));
      found.push(keptFile(base, note, folder));
    } catch (thrown) {
      log.warn({ file: `${base}.json`, err: thrown }, 'a note beside a kept file cannot be read; the file stays');
    }
  }
  if (names.length === 0) await rm(folder, { recursive: true, force: true });
  return found;
}

function keptFile(base: string, note: StagingNote, folder?: string): KeptFile {
  return {
    note,
    data: `${base}.data`,
    async discard() {
      await removeBoth(base);
      if (folder !== undefined && (await readdir(folder).catch(() => ['?'])).length === 0) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Written aside and renamed: a note is whole or is not there. */
async function writeNote(base: string, note: StagingNote): Promise<void> {
  await writeFile(`${base}.note`, JSON.stringify(note), { mode: 0o600 });
  await rename(`${base}.note`, `${base}.json`);
}

async function removeBoth(base: string): Promise<void> {
  await rm(`${base}.data`, { force: true });
  await rm(`${base}.json`, { force: true });
}
