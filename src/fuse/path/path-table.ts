/**
 * From paths to nodes. libfuse hands paths to its callbacks and keeps the kernel's lookups to itself, while the
 * file system counts lookups to know which nodes are in use: this table looks a path up name by name, holds what
 * an operation needs for as long as it runs, and keeps the nodes of the paths last used, as the kernel's cache of
 * names would. It believes nothing: each path is looked up anew, which the file system answers from memory.
 */
import { FsError } from '../../errors.js';
import { rootNode, type Attributes, type Caller, type EntryReply, type FileSystem, type NegativeReply, type NodeId } from '../../filesystem/filesystem.js';
import { nameMax } from '../protocol/wire.js';

/** What was found under a path. In use, and not forgotten, until `release` is called. */
export interface Held {
  readonly node: NodeId;
  /** As the lookup told them; undefined for the root. */
  readonly attributes: Attributes | undefined;
  release(): void;
  /** Releases all but the node itself, which is in use until the answer is called: its path may change meanwhile. */
  take(): () => void;
}

/** A folder that is held, and a name in it. */
export interface HeldPlace {
  readonly folder: Held;
  /** As it stands on the platform where it exists, else as it shall be made. */
  readonly name: string;
  /** The path, in the spelling that was found. */
  readonly path: string;
}

/** The spellings under which a name is looked for, the first for a new one. */
export type Spellings = (name: string) => readonly string[];

type Counted = readonly [path: string, node: NodeId];

export class PathTable {
  readonly #fs: Pick<FileSystem, 'lookup' | 'forget'>;
  readonly #limit: number;
  readonly #spellings: Spellings;
  /** One lookup count each, the one used longest ago first. */
  readonly #kept = new Map<string, NodeId>();

  /** @param limit paths whose nodes are kept */
  constructor(fs: Pick<FileSystem, 'lookup' | 'forget'>, limit: number, spellings: Spellings) {
    this.#fs = fs;
    this.#limit = limit;
    this.#spellings = spellings;
  }

  /** ENOENT where there is no such path, ENAMETOOLONG where there can be none; else what the file system fails with. */
  async resolve(path: string, caller: Caller): Promise<Held> {
    const { held } = await this.#walk(namesOf(path), caller);
    return held;
  }

  /** The folder of a path's last name, and that name in the spelling that exists. EINVAL for the root, which has none. */
  async resolvePlace(path: string, caller: Caller): Promise<HeldPlace> {
    const names = namesOf(path);
    const last = names.pop();
    if (last === undefined) throw new FsError('EINVAL', 'the root of a drive has no name');
    const { held: folder, path: folderPath } = await this.#walk(names, caller);
    try {
      const spellings = this.#spellings(last);
      let name = spellings[0] ?? last;
      if (spellings.length > 1) {
        const found = await this.#find(folder.node, last, caller);
        if (found.reply.node !== 0) {
          this.#fs.forget(found.reply.node, 1);
          name = found.name;
        }
      }
      return { folder, name, path: `${folderPath}/${name}` };
    } catch (thrown) {
      folder.release();
      throw thrown;
    }
  }

  /** Takes over one count of a node that was just made under a path. */
  keep(path: string, node: NodeId): void {
    this.#giveBack([[path, node]]);
  }

  /** What is known under a path, and below it, is known under another from now on. */
  rename(from: string, to: string): void {
    if (from === to) return;
    this.drop(to);
    for (const [path, node] of [...this.#kept]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#kept.delete(path);
      this.#kept.set(to + path.slice(from.length), node);
    }
  }

  /** Forgets a path and what is below it: it was removed. */
  drop(path: string): void {
    for (const [known, node] of [...this.#kept]) {
      if (known !== path && !known.startsWith(`${path}/`)) continue;
      this.#kept.delete(known);
      this.#fs.forget(node, 1);
    }
  }

  async #walk(names: readonly string[], caller: Caller): Promise<{ held: Held; path: string }> {
    const counted: Counted[] = [];
    let node = rootNode;
    let path = '';
    let attributes: Attributes | undefined;
    try {
      for (const wanted of names) {
        const { reply, name } = await this.#find(node, wanted, caller);
        path += `/${name}`;
        if (!('attributes' in reply)) throw new FsError('ENOENT', `there is no ${path}`);
        counted.push([path, reply.node]);
        ({ node, attributes } = reply);
      }
    } catch (thrown) {
      this.#giveBack(counted);
      throw thrown;
    }
    const release = (): void => this.#giveBack(counted.splice(0));
    const take = (): () => void => {
      const own = counted.pop();
      release();
      return () => {
        if (own !== undefined) this.#fs.forget(own[1], 1);
      };
    };
    return { held: { node, attributes, release, take }, path };
  }

  async #find(folder: NodeId, name: string, caller: Caller): Promise<{ reply: EntryReply | NegativeReply; name: string }> {
    // libfuse lets longer ones through, of which a folder would only say that they are not there.
    if (Buffer.byteLength(name) > nameMax) throw new FsError('ENAMETOOLONG', `a name of more than ${nameMax} bytes`);
    const exact = await this.#fs.lookup(folder, name, caller);
    if (exact.node !== 0) return { reply: exact, name };
    for (const spelling of this.#spellings(name)) {
      if (spelling === name) continue;
      const reply = await this.#fs.lookup(folder, spelling, caller);
      if (reply.node !== 0) return { reply, name: spelling };
    }
    return { reply: exact, name };
  }

  /** Keeps one count of each path and gives the rest back: children before their folders, which stay longer. */
  #giveBack(counted: readonly Counted[]): void {
    for (const [path, node] of counted.toReversed()) {
      const kept = this.#kept.get(path);
      this.#kept.delete(path);
      this.#kept.set(path, node);
      if (kept !== undefined) this.#fs.forget(kept, 1);
    }
    for (const [path, node] of this.#kept) {
      if (this.#kept.size <= this.#limit) return;
      this.#kept.delete(path);
      this.#fs.forget(node, 1);
    }
  }
}

/** `/a/b` as its names; none for the root. */
function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
