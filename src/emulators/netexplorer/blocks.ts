/**
 * Uploads in blocks. There is no upload id: a folder and a name are all that the platform knows one by, so that a
 * second one under the same name destroys the first (NetExplorer's page: upload).
 */
import { createHash, type Hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Refusal, unusable } from './errors.js';
import { hashOf, type Content } from './store.js';
import type { Surprises } from './surprises.js';

/** Blocks are at most this large. */
const largest = 16 << 20;

export interface Block {
  /** Folder and name. */
  readonly key: string;
  readonly chunk: number;
  readonly chunks: number;
  readonly chunksSize: number;
  readonly fileSize: number;
}

/** A block as a test sees it afterwards. */
export interface SeenBlock {
  /** The folder's id. */
  readonly folder: number;
  readonly name: string;
  readonly chunk: number;
  readonly chunks: number;
  readonly bytes: number;
  /** 200, or what it was refused with. */
  status: number;
}

interface Upload {
  readonly place: string;
  readonly chunks: number;
  readonly chunksSize: number;
  readonly fileSize: number;
  readonly arrived: Set<number>;
  /** The next block that may come for the first time. */
  next: number;
  hash: Hash;
  /** Blocks in the hash: those from 0 on without a gap, as they came. */
  hashed: number;
}

type Outcome =
  | { readonly kind: 'more' }
  | { readonly kind: 'missing'; readonly missing: readonly { readonly missing: number }[] }
  | { readonly kind: 'complete'; readonly content: Content };

export class BlockUploads {
  readonly seen: SeenBlock[] = [];
  readonly #uploads = new Map<string, Upload>();
  readonly #receiving = new Set<string>();

  /** A block begins to come. Throws 423 while another of the same upload does; returns what says that it is over. */
  enter(key: string): () => void {
    if (this.#receiving.has(key)) throw new Refusal(423, 'Ce fichier est en cours de transfert');
    this.#receiving.add(key);
    return () => this.#receiving.delete(key);
  }

  see(block: Omit<SeenBlock, 'status'>): SeenBlock {
    const seen = { ...block, status: 200 };
    this.seen.push(seen);
    return seen;
  }

  get(key: string): Upload | undefined {
    return this.#uploads.get(key);
  }

  begin(key: string, upload: Upload): void {
    this.#uploads.set(key, upload);
  }

  /** Gives up an upload; what had come of it is gone, unless its file was moved away. */
  forget(key: string): void {
    const upload = this.#uploads.get(key);
    if (upload !== undefined) rmSync(upload.place, { force: true });
    this.#uploads.delete(key);
  }

  /** The blocks that have not come: all of an upload that nobody has begun. */
  missing({ key, chunks }: Pick<Block, 'key' | 'chunks'>): { missing: number }[] {
    const arrived = this.#uploads.get(key)?.arrived ?? new Set();
    return Array.from({ length: chunks }, (_, chunk) => chunk).filter((chunk) => !arrived.has(chunk)).map((missing) => ({ missing }));
  }
}

/**
 * Judges a block that has come whole. Throws the refusal; else returns what enters it, from the place where it lies.
 */
export function openBlock(
  uploads: BlockUploads, block: Block, bytes: number, surprises: Surprises, newPlace: () => string,
): (place: string) => Promise<Outcome> {
  const { key, chunk, chunks, chunksSize, fileSize } = block;
  if (chunksSize < 1 || chunksSize > largest) throw unusable('chunksSize');
  if (chunks !== Math.max(1, Math.ceil(fileSize / chunksSize))) throw unusable('chunks');
  if (chunk >= chunks) throw unusable('chunk');
  if (bytes !== (chunk === chunks - 1 ? fileSize - chunk * chunksSize : chunksSize)) throw unusable('targetFile');
  const fault = takeFault(surprises, chunk);
  if (fault?.status !== undefined) {
    if (fault.status > 500) uploads.forget(key);
    throw new Refusal(fault.status, "Une erreur est survenue pendant l'envoi du fichier");
  }
  const known = uploads.get(key);
  const isOther = known !== undefined && (known.chunks !== chunks || known.chunksSize !== chunksSize || known.fileSize !== fileSize);
  if (isOther || (chunk === 0 && known?.arrived.has(0) === true)) uploads.forget(key);
  const upload = uploads.get(key) ?? {
    place: newPlace(), chunks, chunksSize, fileSize, arrived: new Set(), next: 0, hash: createHash('md5'), hashed: 0,
  };
  if (surprises.blocksInOrder && chunk > upload.next) throw new Refusal(422, "Les blocs doivent être envoyés dans l'ordre");
  uploads.begin(key, upload);
  upload.next = Math.max(upload.next, chunk + 1);
  return async (place) => {
    if (fault === undefined) await append(upload, chunk, place);
    return outcome(uploads, block, upload);
  };
}

/** The fault ordered for a block, used up by one. */
function takeFault(surprises: Surprises, chunk: number): { readonly status: number | undefined } | undefined {
  const found = surprises.blockFaults.find((one) => one.chunk === chunk);
  if (found === undefined) return undefined;
  const { times = 1 } = found;
  surprises.blockFaults = surprises.blockFaults.flatMap((one) => (one !== found ? [one] : times > 1 ? [{ ...one, times: times - 1 }] : []));
  return { status: found.status };
}

/** Copies a block to where it belongs in the file. */
async function append(upload: Upload, chunk: number, from: string): Promise<void> {
  // A block that is sent again must not go into the hash twice.
  const inOrder = upload.hashed === chunk;
  const hash = inOrder ? upload.hash.copy() : undefined;
  await copyInto(from, upload.place, chunk * upload.chunksSize, (piece) => hash?.update(piece));
  if (hash !== undefined) {
    upload.hash = hash;
    upload.hashed += 1;
  }
  upload.arrived.add(chunk);
}

async function copyInto(from: string, to: string, position: number, onPiece: (piece: Buffer) => void): Promise<void> {
  const source = await open(from, 'r');
  const target = await open(to, 'a').then(async (made) => {
    await made.close();
    return open(to, 'r+');
  });
  try {
    const piece = Buffer.allocUnsafe(1 << 20);
    for (let at = position; ;) {
      const { bytesRead } = await source.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return;
      const part = piece.subarray(0, bytesRead);
      onPiece(part);
      await target.write(part, 0, bytesRead, at);
      at += bytesRead;
    }
  } finally {
    await source.close();
    await target.close();
  }
}

async function outcome(uploads: BlockUploads, block: Block, upload: Upload): Promise<Outcome> {
  const missing = uploads.missing(block);
  if (missing.length > 0) return block.chunk === block.chunks - 1 ? { kind: 'missing', missing } : { kind: 'more' };
  if (upload.hashed < upload.chunks) {
    upload.hash = await hashOf(upload.place, upload.fileSize);
  }
  const content = { place: upload.place, size: upload.fileSize, md5: upload.hash.digest('hex') };
  return { kind: 'complete', content };
}
