/**
 * Content replaced in place by somebody else while it is being read: the version keeps its id, so that only its other
 * marks tell (NetExplorer's page: objects).
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Content, Store } from './store.js';
import type { FileNode, Version } from './tree.js';

export class Replacements {
  readonly #store: Store;
  readonly #armed = new Map<FileNode, { left: number; readonly content: string }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** A test's bytes, put beside the tree. */
  contentOf(text: string): Content {
    const place = this.#store.newPlace();
    writeFileSync(place, text);
    return { place, size: Buffer.byteLength(text), md5: createHash('md5').update(text).digest('hex') };
  }

  /** Now. */
  replace(version: Version, content: string): void {
    this.#store.replaceContent(version, this.contentOf(content));
  }

  /** When so many downloads have been asked for, before the next. */
  arm(file: FileNode, content: string, afterReads: number): void {
    this.#armed.set(file, { left: afterReads, content });
  }

  onRead(version: Version): void {
    const armed = this.#armed.get(version.file);
    if (armed === undefined) return;
    if (armed.left > 0) {
      armed.left -= 1;
      return;
    }
    this.#armed.delete(version.file);
    this.replace(version, armed.content);
  }
}
