/** The mount's one budget of memory for file content: finished blocks, and bytes on their way. */
import { LRUCache } from 'lru-cache';
import type { Counter, Metrics } from '../../observe/metrics.js';
import type { Block } from './block.js';

export class BlockStore {
  /** Bytes, for blocks kept and blocks on their way together. */
  readonly budget: number;
  /** Blocks that a read found whole, and blocks that it waited for. */
  readonly hits: Counter;
  readonly misses: Counter;
  readonly #blocks: LRUCache<string, Block>;
  #contents = 0;
  #onTheWay = 0;

  constructor(budget: number, metrics: Metrics) {
    this.budget = budget;
    const reads = (result: string) => metrics.counter('amarre_cache_block_reads_total', 'Blocks that reads needed.', { result });
    this.hits = reads('hit');
    this.misses = reads('miss');
    this.#blocks = new LRUCache<string, Block>({
      maxSize: Math.max(1, Math.floor(budget / 2)),
      sizeCalculation: (block) => Math.max(1, block.length),
    });
  }

  /** A key space for one version of one file. */
  newContent(): number {
    this.#contents += 1;
    return this.#contents;
  }

  get(content: number, index: number): Block | undefined {
    return this.#blocks.get(`${content}:${index}`);
  }

  keep(content: number, index: number, block: Block): void {
    this.#blocks.set(`${content}:${index}`, block);
  }

  drop(content: number, index: number): void {
    this.#blocks.delete(`${content}:${index}`);
  }

  /** Blocks kept. */
  get count(): number {
    return this.#blocks.size;
  }

  /** Bytes of blocks kept and on their way. */
  get used(): number {
    return this.#blocks.calculatedSize + this.#onTheWay;
  }

  /** How many bytes may still be asked for ahead of need: half of the budget is theirs. */
  get roomAhead(): number {
    return Math.max(0, Math.floor(this.budget / 2) - this.#onTheWay);
  }

  started(bytes: number): void {
    this.#onTheWay += bytes;
  }

  ended(bytes: number): void {
    this.#onTheWay -= bytes;
  }
}
