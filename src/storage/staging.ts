/**
 * Files being written, on this machine's disk: programs write here, the platform gets the whole
 * when it is whole. A file that could not be sent stays, with a note beside it that says what it is,
 * so that the next start finds it (promise 4).
 *
 *     <folder>/<instance>/<n>.data   the bytes, sparse
 *     <folder>/<instance>/<n>.json   what they are: written when the file is begun, and again when it is kept
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, statfs, writeFile, type FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FsError } from '../errors.js';
import type { Log } from '../observe/log.js';

/** What lies in a staged file, in the words of the note beside it. */
const noteSchema = z.object({
  /** Below the mount point. */
  path: z.string(),
  /** `writing`: a program was at it. `kept`: it was whole and could not be sent. `sent`: the platform has all of it. */
  state: z.enum(['writing', 'kept', 'sent']),
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
  if (thrown instanceof FsError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  if (full.has(code)) return new FsError('ENOSPC', `no room for ${doing}: the disk of the cache folder is full`, { cause: thrown });
  return new FsError('EIO', `${doing} failed on this machine's disk (${code})`, { cause: thrown });
}

/** One file being written. Its owner closes it with `discard` or `keep`. */
export class StagedFile {
  readonly #base: string;
  #handle: Promise<FileHandle> | undefined;
  /** Discarded or kept: nobody reads or writes it any more. */
  #ended = false;
  readonly #note: () => StagingNote;
  /** The note says, or will say, that the platform has all of it. */
  #sent = false;
  /** Notes are written one after the other. */
  #notes: Promise<void> = Promise.resolve();

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
      await this.#begunAnew();
      for (let done = 0; done < data.length;) {
        const { bytesWritten } = await handle.write(data, done, data.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (thrown) {
      throw diskError(thrown, 'staging a write');
    }
  }

  /** The bytes `[offset, offset + length)`; what was never written reads as zeros. ESTALE once the file has ended. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#mustLive();
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
    this.#mustLive();
    if (this.#handle === undefined && size === 0) return;
    try {
      const handle = await this.#open();
      await this.#begunAnew();
      await handle.truncate(size);
    } catch (thrown) {
      throw diskError(thrown, 'setting the length of a staged file');
    }
  }

  /** The bytes `[start, size)` in order, zeros where the data ends before. */
  async *stream(start: number, size: number): AsyncGenerator<Uint8Array> {
    this.#mustLive();
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

  /**
   * The platform has all that was written before the call: should the mount die now, nobody is told of a
   * file that was being written. Where that cannot be noted he is, and nothing is lost.
   */
  async noteSent(): Promise<void> {
    if (this.#sent || this.#ended || this.#handle === undefined) return;
    this.#sent = true;
    const note: StagingNote = { ...this.#note(), state: 'sent' };
    this.#notes = this.#notes.then(() => writeNote(this.#base, note)).catch(() => undefined);
    await this.#notes;
  }

  /** Before a change: the note must not say that the platform has it. */
  async #begunAnew(): Promise<void> {
    if (this.#sent) {
      this.#sent = false;
      const noted = this.#notes.then(() => writeNote(this.#base, this.#note()));
      // Whoever waits for it fails; the next change tries it anew.
      noted.catch(() => {
        this.#sent = true;
        this.#notes = Promise.resolve();
      });
      this.#notes = noted;
    }
    await this.#notes;
  }

  /** Closes the file and leaves it on the disk with its note. */
  async keep(note: StagingNote): Promise<KeptFile> {
    try {
      const handle = await this.#open();
      await this.#notes.catch(() => undefined);
      this.#ended = true;
      try {
        await handle.truncate(note.size);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await writeNote(this.#base, note);
      return this.kept(note);
    } catch (thrown) {
      throw diskError(thrown, 'keeping a file that could not be sent');
    }
  }

  /** What lies on the disk, whatever could be noted of it. */
  kept(note: StagingNote): KeptFile {
    return keptFile(this.#base, note);
  }

  /** Closes and deletes the file. */
  async discard(): Promise<void> {
    const opened = this.#handle;
    this.#ended = true;
    this.#handle = undefined;
    if (opened === undefined) return;
    await opened.then((handle) => handle.close(), () => undefined);
    await this.#notes.catch(() => undefined);
    await removeBoth(this.#base);
  }

  /** Opened at the first byte: a file that stays empty costs no disk. */
  #open(): Promise<FileHandle> {
    this.#mustLive();
    this.#handle ??= this.#create();
    return this.#handle;
  }

  async #create(): Promise<FileHandle> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(`${this.#base}.data`, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
      await writeNote(this.#base, this.#note());
      return handle;
    } catch (thrown) {
      // As if it had never been begun: the next write may find room again.
      this.#handle = undefined;
      await handle?.close();
      if (handle !== undefined) await removeBoth(this.#base);
      throw thrown;
    }
  }

  #mustLive(): void {
    if (this.#ended) throw new FsError('ESTALE', 'a staged file was used after its end');
  }
}

export interface Staging {
  /** A new, empty file. `note` is asked when the first byte comes. */
  create(note: () => StagingNote): StagedFile;
  /** An empty file that has no name: it goes when it is closed, or with the process. The caller closes it. */
  scratch(): Promise<FileHandle>;
  /** ENOSPC unless so many bytes are free on the disk now. */
  ensureRoom(bytes: number): Promise<void>;
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
    async scratch() {
      count += 1;
      const path = join(own, `${count}.scratch`);
      const file = await open(path, 'wx+', 0o600).catch((thrown: unknown) => { throw diskError(thrown, 'fetching a file'); });
      await rm(path);
      return file;
    },
    async ensureRoom(bytes) {
      const { bavail, bsize } = await statfs(own).catch((thrown: unknown) => { throw diskError(thrown, 'looking for room'); });
      if (bavail * bsize < bytes) throw new FsError('ENOSPC', `no room for a file of ${bytes} bytes: the disk of the cache folder is full`);
    },
    async close() {
      await removeIfEmpty(own);
    },
  };
}

/** What one dead mount left, told and nothing else: no file is touched. */
export async function readLeftovers(folder: string, log: Log): Promise<readonly KeptFile[]> {
  return (await numbered(folder, log)).flatMap(({ kept }) => kept ?? []);
}

/** What one dead mount left; what is left of files that were let go goes, and an empty folder of its. */
async function leftBy(folder: string, log: Log): Promise<KeptFile[]> {
  const found: KeptFile[] = [];
  for (const { base, kept } of await numbered(folder, log)) {
    // A note that was not finished says nothing that the one before it does not.
    await rm(`${base}.note`, { force: true });
    if (kept === undefined) await removeBoth(base);
    else found.push(kept);
  }
  await removeIfEmpty(folder);
  return found;
}

/** Each number in a folder, and the file that it stands for; undefined where that was let go, or never got a byte. */
async function numbered(folder: string, log: Log): Promise<readonly { readonly base: string; readonly kept: KeptFile | undefined }[]> {
  const names = new Set(await readdir(folder).catch(() => []));
  const numbers = new Set([...names].map((name) => /^(\d+)\.(?:data|json|note)$/.exec(name)?.[1]).filter((number) => number !== undefined));
  return Promise.all([...numbers].map(async (number) => {
    const base = join(folder, number);
    // Data goes first when a file is let go.
    if (!names.has(`${number}.data`)) return { base, kept: undefined };
    const note = names.has(`${number}.json`) ? await readNote(base, log) : undefined;
    const { size, mtimeMs } = await stat(`${base}.data`);
    // The first byte is written after the note.
    if ((note === undefined && size === 0) || note?.state === 'sent') return { base, kept: undefined };
    return { base, kept: keptFile(base, note ?? unreadable(size, mtimeMs), folder) };
  }));
}

async function readNote(base: string, log: Log): Promise<StagingNote | undefined> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(`${base}.json`, 'utf8')));
  } catch (thrown) {
    log.warn({ file: `${base}.json`, err: thrown }, 'a note beside a kept file cannot be read; the file stays');
    return undefined;
  }
}

/** What can be said of data whose note is lost: it is never sent, and told. */
function unreadable(size: number, modified: number): StagingNote {
  return { path: '(name not known)', state: 'writing', size, modified, base: null, missing: [], reason: 'the note beside it cannot be read' };
}

function keptFile(base: string, note: StagingNote, folder?: string): KeptFile {
  return {
    note,
    data: `${base}.data`,
    async discard() {
      await removeBoth(base);
      if (folder !== undefined) await removeIfEmpty(folder);
    },
  };
}

/** Never more than an empty folder: what lies in it may be all that there is of a file. */
async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
}

/** Written aside and renamed: a note is whole or is not there. */
async function writeNote(base: string, note: StagingNote): Promise<void> {
  await writeFile(`${base}.note`, JSON.stringify(note), { mode: 0o600 });
  await rename(`${base}.note`, `${base}.json`);
}

async function removeBoth(base: string): Promise<void> {
  await rm(`${base}.data`, { force: true });
  await rm(`${base}.note`, { force: true });
  await rm(`${base}.json`, { force: true });
}
