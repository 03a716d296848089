/**
 * An upload in blocks: 16 MiB each, strictly one after the other, gone on with where it stopped. The
 * platform has no id for such an upload, only folder and name: so two of one name never run at once, and
 * blocks are gone on with only where a record shows that they are of these very bytes. What it says in
 * between is `OK`, or which blocks it misses; behind the last one it shows the file. (NetExplorer's page: upload)
 */
import type { RequestContent } from '../../http/upload-body.js';
import type { Failure, RetryProgress } from '../../http/retry.js';
import { FsError } from '../../errors.js';

/** Bytes in a block. The platform's own clients send as many. */
export const blockSize = 16 * 1024 * 1024;

/** What the platform said to a block, or to the question which are missing. */
export type BlockAnswer<F> =
  | { readonly kind: 'taken' }
  | { readonly kind: 'missing'; readonly blocks: readonly number[] }
  | { readonly kind: 'file'; readonly file: F }
  /** `status`: undefined where no answer came. */
  | { readonly kind: 'failed'; readonly status: number | undefined; readonly failure: Failure };

export interface BlockRoute<F> {
  /** Sends one block; `count` is of all. */
  send(block: number, count: number, content: RequestContent, signal: AbortSignal): Promise<BlockAnswer<F>>;
  /** Asks which blocks the platform misses. */
  report(count: number, signal: AbortSignal): Promise<BlockAnswer<F>>;
}

/**
 * What a failure at a block means. `repair`: the platform says which blocks it misses. `restart`: what it
 * had is void. `give up`: no repetition helps. `wait`: the same again, later.
 */
export type Remedy = 'repair' | 'restart' | 'give up' | 'wait';

/** Refusals that say something of the file as a whole, and not of a block. */
const final: ReadonlySet<number> = new Set([401, 403, 404, 413, 507]);

/**
 * `begun`: the platform has taken blocks of this file, so that its name is not what is wrong. (NetExplorer's page:
 * upload; which errors can be repaired is inferred)
 */
export function remedyOf(status: number | undefined, begun: boolean): Remedy {
  if (status === undefined || status === 500) return 'repair';
  if (status === 429 || status === 423) return 'wait';
  if (final.has(status) || (status === 422 && !begun)) return 'give up';
  return status > 500 ? 'restart' : 'repair';
}

/** How many blocks a file of that size has. */
export function blockCount(size: number): number {
  return Math.max(1, Math.ceil(size / blockSize));
}

/** A block's bytes. */
export function blockOf(content: RequestContent, block: number): RequestContent {
  const from = block * blockSize;
  const size = Math.min(blockSize, content.size - from);
  return { size, open: (start) => stretch(content, from + start, size - start) };
}

/** The `length` bytes from `start`; the source is closed behind them. */
async function* stretch(content: RequestContent, start: number, length: number): AsyncGenerator<Uint8Array> {
  if (length === 0) return;
  let left = length;
  for await (const piece of content.open(start)) {
    yield piece.subarray(0, left);
    left -= Math.min(left, piece.length);
    if (left === 0) return;
  }
}

export interface BlockUpload<F> {
  readonly content: RequestContent;
  readonly route: BlockRoute<F>;
  /** The platform may hold blocks of these very bytes. */
  readonly mayGoOn: boolean;
  readonly progress: RetryProgress;
  /** Told of each block that the platform has: its bytes, from the start of the file. */
  readonly onTaken: (bytes: number) => void;
  /** The file, if the platform has made it though nobody heard of it: then it knows nothing of its blocks any more. */
  readonly arrived: () => Promise<F | undefined>;
}

/** So often the platform is asked in a row which blocks it misses, before it gets all of them. */
const asks = 3;

/** Sends all blocks that the platform does not have. Resolves to the file as it shows it; throws what repeating does not help. */
export async function sendBlocks<F>({ content, route, mayGoOn, progress, onTaken, arrived }: BlockUpload<F>, signal: AbortSignal): Promise<F> {
  const count = blockCount(content.size);
  const all = Array.from({ length: count }, (_, block) => block);
  let todo: readonly number[] = all;
  let ask = mayGoOn;
  let furthest = -1;
  const onBlock = (block: number): void => {
    onTaken(Math.min(content.size, (block + 1) * blockSize));
    // Only what was never reached before is a gain: an upload that always breaks at the same block ends.
    if (block > furthest) progress.reset();
    furthest = Math.max(furthest, block);
  };
  for (;;) {
    if (ask) {
      const known = await askWhich(route, count, progress, signal);
      ask = false;
      if (known.kind === 'file') return known.file;
      // One who does not tell gets all of them, as one who tells nonsense.
      todo = known.kind === 'missing' ? missingOf(known.blocks, count) : all;
    }
    const { answer, wasLast } = await sendInOrder(todo, count, { content, route, onBlock }, signal);
    if (answer.kind === 'file') return answer.file;
    if (wasLast && mayBeDone(answer)) {
      const file = await arrived();
      if (file !== undefined) return file;
    }
    if (answer.kind === 'missing') {
      await progress.wait({ error: new FsError('EIO', `the platform misses ${answer.blocks.length} of ${count} blocks`, { retryable: true }), again: 'later' });
      todo = missingOf(answer.blocks, count);
      continue;
    }
    if (answer.kind === 'taken') {
      // All are there, and no file: the last one makes it.
      await progress.wait({ error: new FsError('EIO', 'the platform has all blocks of the file, and does not show the file', { retryable: true }), again: 'later' });
      ask = true;
      continue;
    }
    const remedy = remedyOf(answer.status, furthest >= 0);
    if (remedy === 'give up') throw answer.failure.error;
    await progress.wait(answer.failure.again === 'never' ? { ...answer.failure, again: 'later' } : answer.failure);
    todo = all;
    ask = remedy !== 'restart';
  }
}

/** Asks again where the question failed for reasons that pass: else many blocks would be sent for nothing. */
async function askWhich<F>(route: BlockRoute<F>, count: number, progress: RetryProgress, signal: AbortSignal): Promise<BlockAnswer<F>> {
  for (let asked = 1; ; asked += 1) {
    const known = await route.report(count, signal);
    const passes = known.kind === 'failed' && (known.status === undefined || known.status === 429 || known.status === 423 || known.status >= 500);
    if (!passes || asked >= asks) return known;
    await progress.wait({ ...known.failure, again: 'later' });
  }
}

/** Whether the last block may have made the file all the same. */
function mayBeDone<F>(answer: BlockAnswer<F>): boolean {
  if (answer.kind !== 'failed') return true;
  return answer.status === undefined || answer.status === 408 || answer.status >= 500;
}

/** In order, and without those that there are not. Where none is named the last one is sent again: it makes the file. */
function missingOf(blocks: readonly number[], count: number): readonly number[] {
  const known = [...new Set(blocks)].filter((block) => Number.isSafeInteger(block) && block >= 0 && block < count).sort((a, b) => a - b);
  return known.length === 0 ? [count - 1] : known;
}

interface Sending<F> {
  readonly content: RequestContent;
  readonly route: BlockRoute<F>;
  readonly onBlock: (block: number) => void;
}

/** Until one is not simply taken. */
async function sendInOrder<F>(todo: readonly number[], count: number, { content, route, onBlock }: Sending<F>, signal: AbortSignal): Promise<{ readonly answer: BlockAnswer<F>; readonly wasLast: boolean }> {
  for (const block of todo) {
    const answer = await route.send(block, count, blockOf(content, block), signal);
    if (answer.kind !== 'taken') return { answer, wasLast: block === todo.at(-1) };
    onBlock(block);
  }
  return { answer: { kind: 'taken' }, wasLast: true };
}
