/**
 * Looks at files that a listing is not believed for: before the first change, before somebody appends, where only
 * reading tells the size, and where memory may hold bytes that are not the platform's any more.
 */
import { FsError } from '../errors.js';
import type { Core } from './core.js';
import type { Inode } from './inode.js';
import type { Knowledge } from './knowledge.js';

export class FreshLooks {
  readonly #core: Core;
  readonly #knowledge: Knowledge;

  constructor(core: Core, knowledge: Knowledge) {
    this.#core = core;
    this.#knowledge = knowledge;
  }

  /** A look at a file of which nothing is unsent, unless the last word on it is younger than this: milliseconds. ESTALE where it is another. */
  async freshen(inode: Inode, signal: AbortSignal, age: number): Promise<void> {
    if (inode.place === undefined || performance.now() - inode.learnt <= age) return;
    const found = await this.#knowledge.look(inode.place.parent, inode.place.name, signal);
    if (found !== inode) throw new FsError('ESTALE', `${inode.entry.name} was deleted or replaced on the platform`);
  }

  /** Whether what memory and the kernel hold of a file may not be the platform's any more, though its version has not changed. */
  mayBeOutdated({ draft, content, pages }: Inode): boolean {
    return this.#core.provider.traits.changesInPlace === true && draft === undefined && (content !== undefined || pages !== undefined);
  }

  /** Has the file looked at, and the kernel forget what it believes of it where that is not so: the program may ask for the size before it reads. */
  async lookAnew(inode: Inode, signal: AbortSignal, looked: () => void = () => undefined): Promise<void> {
    const before = inode.entry.version;
    await this.freshen(inode, signal, -Infinity);
    looked();
    const told = inode.entry.version === before && inode.kernelSize === inode.size;
    if (!told) await (inode.telling ?? this.#core.notices.forgetAttributes(inode.node));
  }

  /** The same for a file whose size only reading tells: when its content was first seen is its time. */
  async makeSure(inode: Inode, signal: AbortSignal): Promise<void> {
    await this.lookAnew(inode, signal, () => this.#knowledge.times.noteRead(inode));
  }
}
