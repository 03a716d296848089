/**
 * What the kernel puts between programs and the file system: pages, shared by all who have a file open
 * and do not bypass them. Kept or dropped at OPEN as the reply says, dropped at a notice some time
 * later, and at any other time, for memory is short.
 */
import type { OpenedFile, Mount } from '../filesystem/harness.js';
import type { NodeId } from '../../src/filesystem/filesystem.js';

/** Bytes in a simulated page: large, so that a test has few. */
export const pageSize = 64 * 1024;

export class KernelPages {
  readonly #mount: Mount;
  readonly #pages = new Map<NodeId, Map<number, Buffer>>();
  #heard = 0;

  constructor(mount: Mount) {
    this.#mount = mount;
  }

  /** After OPEN. */
  opened(file: OpenedFile): void {
    if (!file.keepCache) this.#pages.delete(file.node);
  }

  /** A program's read. */
  async read(file: OpenedFile, offset: number, length: number): Promise<Buffer> {
    if (file.directIo) return await this.#mount.read(file, offset, length);
    const pieces: Buffer[] = [];
    for (let index = Math.floor(offset / pageSize); index * pageSize < offset + length; index += 1) {
      const page = await this.#page(file, index);
      pieces.push(page.subarray(Math.max(0, offset - index * pageSize), offset + length - index * pageSize));
      if (page.length < pageSize) break;
    }
    return Buffer.concat(pieces);
  }

  /** Memory is short. */
  dropOne(choose: (limit: number) => number): void {
    const nodes = [...this.#pages.values()];
    const pages = nodes[choose(Math.max(1, nodes.length))];
    const indices = [...(pages?.keys() ?? [])];
    const index = indices[choose(Math.max(1, indices.length))];
    if (index !== undefined) pages?.delete(index);
  }

  /** The notices that came since the last time arrive. */
  hearNotices(): void {
    for (const notice of this.#mount.notices.slice(this.#heard)) {
      const [kind, node] = notice.split(' ');
      if (kind === 'node') this.#pages.delete(Number(node));
    }
    this.#heard = this.#mount.notices.length;
  }

  async #page(file: OpenedFile, index: number): Promise<Buffer> {
    const pages = this.#pages.get(file.node) ?? new Map<number, Buffer>();
    this.#pages.set(file.node, pages);
    const known = pages.get(index);
    if (known !== undefined) return known;
    const page = await this.#mount.read(file, index * pageSize, pageSize);
    // Dropped while it was on its way, it is this reader's alone.
    if (this.#pages.get(file.node) === pages) pages.set(index, page);
    return page;
  }
}
