import { describe, expect, it } from 'vitest';
import { FsError } from '../../../src/errors.js';
import { RetryProgress } from '../../../src/http/retry.js';
import type { RequestContent } from '../../../src/http/upload-body.js';
import { blockCount, blockOf, blockSize, remedyOf, sendBlocks, type BlockAnswer, type BlockRoute } from '../../../src/providers/netexplorer/blocks.js';
import { never } from '../subject.js';

/** So many bytes, of which each block begins with its number: nothing of that size is held. */
function numbered(size: number): RequestContent {
  return {
    size,
    async *open(start) {
      await Promise.resolve();
      for (let at = start; at < size;) {
        const block = Math.floor(at / blockSize);
        const end = Math.min(size, at + 1_000_003, (block + 1) * blockSize);
        yield Buffer.alloc(end - at, block + 1);
        at = end;
      }
    },
  };
}

const failed = (status: number | undefined): BlockAnswer<string> => ({
  kind: 'failed', status, failure: { error: new FsError('EIO', `failed with ${status ?? 'a break'}`, { retryable: true }), again: 'later' },
});

/** A platform that takes blocks in order, and does at each request what the test says. */
class Platform implements BlockRoute<string> {
  readonly asked: (number | 'report')[] = [];
  readonly held = new Map<number, number>();
  constructor(private readonly trouble: (request: number) => BlockAnswer<string> | undefined = () => undefined) {}

  async send(block: number, count: number, content: RequestContent): Promise<BlockAnswer<string>> {
    this.asked.push(block);
    const trouble = this.trouble(this.asked.length);
    if (trouble !== undefined) return trouble;
    let size = 0;
    for await (const piece of content.open(0)) {
      if (piece.some((byte) => byte !== block + 1)) throw new Error('the bytes of another block');
      size += piece.length;
    }
    this.held.set(block, size);
    return this.held.size === count ? { kind: 'file', file: 'the file' } : { kind: 'taken' };
  }

  report(count: number): Promise<BlockAnswer<string>> {
    this.asked.push('report');
    const trouble = this.trouble(this.asked.length);
    if (trouble !== undefined) return Promise.resolve(trouble);
    return Promise.resolve({ kind: 'missing', blocks: Array.from({ length: count }, (_, block) => block).filter((block) => !this.held.has(block)) });
  }
}

const progress = (): RetryProgress => new RetryProgress({
  limits: { deadline: 500, firstDelay: 1, maxDelay: 2 }, signal: never, closing: never, onRetry: () => undefined,
});

const run = (platform: Platform, size: number, mayGoOn = false, made?: () => boolean): Promise<string> => sendBlocks({
  content: numbered(size), route: platform, mayGoOn, progress: progress(), onTaken: () => undefined, arrived: () => Promise.resolve(made?.() === true ? 'the file' : undefined),
}, never);

describe('blocks', () => {
  const size = 3 * blockSize + 5;

  it.each([[0, 1], [1, 1], [blockSize, 1], [blockSize + 1, 2], [3 * blockSize, 3]])('of %d bytes are %d', (bytes, count) => {
    expect(blockCount(bytes)).toBe(count);
  });

  it('give any stretch of a block again', async () => {
    const block = blockOf(numbered(size), 3);
    expect(block.size).toBe(5);
    const pieces: Uint8Array[] = [];
    for await (const piece of block.open(2)) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(Buffer.alloc(3, 4));
  });

  it('are not begun anew for a refusal of one that cannot be about the name', () => {
    expect(remedyOf(422, true)).toBe('repair');
  });

  it.each([
    [undefined, 'repair'], [400, 'repair'], [408, 'repair'], [409, 'repair'], [500, 'repair'], [501, 'restart'], [502, 'restart'], [503, 'restart'],
    [423, 'wait'], [429, 'wait'], [401, 'give up'], [403, 'give up'], [404, 'give up'], [413, 'give up'], [422, 'give up'], [507, 'give up'],
  ] as const)('after %s: %s', (status, remedy) => {
    expect(remedyOf(status, false)).toBe(remedy);
  });

  it('go out in order, each once', async () => {
    const platform = new Platform();
    await expect(run(platform, size)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 1, 2, 3]);
    expect([...platform.held.values()]).toEqual([blockSize, blockSize, blockSize, 5]);
  });

  it('are gone on with behind a break or a refusal, from where the platform says', async () => {
    for (const status of [undefined, 400, 500]) {
      const platform = new Platform((request) => (request === 3 ? failed(status) : undefined));
      await expect(run(platform, size)).resolves.toBe('the file');
      expect(platform.asked).toEqual([0, 1, 2, 'report', 2, 3]);
    }
  });

  it('begin anew behind an error above 500', async () => {
    const platform = new Platform((request) => (request === 3 ? failed(503) : undefined));
    await expect(run(platform, 2 * blockSize + 1)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('begin anew where the platform does not tell what it misses', async () => {
    const platform = new Platform((request) => (request === 2 || request === 3 ? failed(400) : undefined));
    await expect(run(platform, size)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 1, 'report', 0, 1, 2, 3]);
  });

  it('are asked for again where the question got no answer', async () => {
    const platform = new Platform((request) => (request === 2 || request === 3 || request === 4 ? failed(request === 4 ? 503 : undefined) : undefined));
    await expect(run(platform, size)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 1, 'report', 'report', 'report', 1, 2, 3]);
  });

  it('are not sent again where the platform made the file, and its answer was lost', async () => {
    const platform: Platform = new Platform((request) => (request === 4 ? failed(undefined) : undefined));
    await expect(run(platform, size, false, () => platform.asked.length === 4)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 1, 2, 3]);
  });

  it('that the platform misses in the end are sent again', async () => {
    const platform = new Platform((request) => (request === 2 ? { kind: 'taken' } : request === 4 ? { kind: 'missing', blocks: [1, 3] } : undefined));
    await expect(run(platform, size)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 1, 2, 3, 1, 3]);
  });

  it('all held, and no file: the last one is sent again', async () => {
    const platform = new Platform((request) => (request === 1 ? { kind: 'taken' } : request === 2 ? { kind: 'missing', blocks: [] } : undefined));
    await expect(run(platform, 5)).resolves.toBe('the file');
    expect(platform.asked).toEqual([0, 'report', 0]);
  });

  it('of an earlier process are asked for first', async () => {
    const platform = new Platform();
    for (const block of [0, 1]) platform.held.set(block, blockSize);
    await expect(run(platform, size, true)).resolves.toBe('the file');
    expect(platform.asked).toEqual(['report', 2, 3]);
  });

  it('are given up where the platform refuses the file', async () => {
    const platform = new Platform((request) => (request === 2 ? failed(413) : undefined));
    await expect(run(platform, size)).rejects.toThrow('failed with 413');
    expect(platform.asked).toEqual([0, 1]);
  });

  it('are given up where the same one fails again and again', async () => {
    const platform: Platform = new Platform(() => (platform.asked.at(-1) === 1 ? failed(503) : undefined));
    await expect(run(platform, size)).rejects.toThrow('failed with 503');
    expect(new Set(platform.asked)).toEqual(new Set([0, 1]));
  });

  it('are given up when nothing is gained for long', async () => {
    const platform = new Platform(() => failed(500));
    await expect(run(platform, size)).rejects.toThrow('failed with 500');
    expect(platform.asked.length).toBeGreaterThan(4);
  });
});
