/**
 * Forgets what is cached below a path, here and in the kernel, so that a change made elsewhere, of rights
 * as well, shows at once and not after a time to live. Never what is unsent; and who reads a file goes on
 * in the version that he began with.
 */
import type { Core } from './core.js';
import type { NodeId } from './filesystem.js';
import type { Inode } from './inode.js';

export interface Refreshed {
  /** Files and folders of which something was forgotten. */
  readonly forgotten: number;
  /** Files below the path that were left as they are, since they have unsent changes. */
  readonly unsent: number;
}

/** What is to be said to the kernel when all is forgotten here. */
interface Words {
  readonly nodes: NodeId[];
  readonly names: { readonly parent: NodeId; readonly name: string }[];
  unsent: number;
}

export class Refresher {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Resolves when the kernel, too, has forgotten what is at and below `path` (below the mount point).
   * It waits for locks that requests under way hold: not to be awaited by anything that a request waits for.
   */
  async refresh(path: string): Promise<Refreshed> {
    const words: Words = { nodes: [], names: [], unsent: 0 };
    const from = normal(path);
    this.#core.listings.forgetBelow(from);
    this.#core.provider.forget?.({ path: from });
    this.#forgetFrom(path.split('/').filter((name) => name !== ''), words);
    // All is forgotten here in one turn: whatever the kernel asks from now on is answered anew.
    for (const node of words.nodes) await this.#core.notices.forgetAttributes(node);
    await Promise.all(words.names.map(({ parent, name }) => this.#core.notices.expireEntry(parent, name)));
    return { forgotten: words.nodes.length, unsent: words.unsent };
  }

  /** Goes down to what the path stands for, as far as it is known, and forgets from there. */
  #forgetFrom(names: readonly string[], words: Words): void {
    let at = this.#core.table.root;
    for (const [index, name] of names.entries()) {
      const child = at.children.get(name);
      if (child === undefined || index === names.length - 1) {
        // What a name stands for, and that there is none, is known by the listing of its folder.
        this.#core.listings.drop(at);
        words.names.push({ parent: at.node, name });
      }
      if (child === undefined) return;
      at = child;
    }
    this.#forget(at, words);
  }

  #forget(top: Inode, words: Words): void {
    // Not by recursion: trees are deeper than stacks.
    const waiting = [top];
    for (let inode = waiting.pop(); inode !== undefined; inode = waiting.pop()) {
      if (inode.draft?.dirty === true) {
        words.unsent += 1;
        continue;
      }
      inode.learnt = -Infinity;
      words.nodes.push(inode.node);
      if (inode.kind === 'file') {
        inode.content = undefined;
        // With nobody reading through them the kernel's pages go at the next open.
        if (inode.pagers === 0) inode.pages = undefined;
        continue;
      }
      this.#core.listings.drop(inode);
      for (const name of [...inode.takeAbsent(), ...inode.children.keys()]) words.names.push({ parent: inode.node, name });
      waiting.push(...inode.children.values());
    }
  }
}

/** `//a/b/` as the tree writes it. */
function normal(path: string): string {
  return `/${path.split('/').filter((name) => name !== '').join('/')}`;
}
