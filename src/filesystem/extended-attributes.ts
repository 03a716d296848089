/**
 * Extended attributes: what the platform knows of a thing besides size and time, as `user.amarre.NAME`.
 * None is listed, as on other file systems whose attributes are made up: what copies trees (`cp -a`,
 * `rsync -X`, `tar --xattrs`) asks for the list of each file, would carry ours along, and takes away
 * from its target what the source does not have. `user.amarre.all` tells them all at once.
 */
import { FsError } from '../errors.js';
import type { Core } from './core.js';
import type { Caller, NodeId } from './filesystem.js';
import { unsentVersion, type Inode } from './inode.js';
import type { Knowledge } from './knowledge.js';
import { mustBeAllowed } from './rights.js';
import { SharedTask } from './shared-task.js';
import type { Sender } from './writing/sender.js';

const prefix = 'user.amarre.';

/** All of them, a line each: `name=value`. */
const all = 'all';

/** Of so many files the last answer is remembered: one getxattr(2) asks twice, for the length and for the value. */
const remembered = 100;

interface Answer {
  /** When it was asked for: `performance.now()`. */
  readonly learnt: number;
  readonly version: string;
  readonly task: SharedTask<ReadonlyMap<string, string>>;
}

export class ExtendedAttributes {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #sender: Sender;
  /** The one asked for longest ago first. */
  readonly #answers = new Map<NodeId, Answer>();

  constructor(core: Core, knowledge: Knowledge, sender: Sender) {
    this.#core = core;
    this.#knowledge = knowledge;
    this.#sender = sender;
  }

  /** The value of an attribute. ENODATA for one that is not there, EOPNOTSUPP for a name that is not ours. */
  async get(node: NodeId, fullName: string, caller: Caller): Promise<Uint8Array> {
    if (!fullName.startsWith(prefix)) throw new FsError('EOPNOTSUPP', `no attribute ${fullName}`);
    const inode = this.#core.table.get(node);
    const name = fullName.slice(prefix.length);
    const values = new Map([...this.#own(inode), ...await this.#platforms(inode, caller.signal)]);
    const value = name === all ? [...values].sort().map(([each, text]) => `${each}=${text}\n`).join('') : values.get(name);
    if (value === undefined) throw new FsError('ENODATA', `no attribute ${fullName}`);
    return Buffer.from(value);
  }

  /** Another value, or none (undefined). The file may have unsent changes: the platform's last version gets it. */
  async set(node: NodeId, fullName: string, value: Uint8Array | undefined, caller: Caller): Promise<void> {
    const { provider, table, settings } = this.#core;
    if (!fullName.startsWith(prefix) || provider.setAttribute === undefined) throw new FsError('EOPNOTSUPP', `the platform keeps no attribute ${fullName}`);
    if (settings.readOnly) throw new FsError('EROFS', 'the drive is mounted read-only');
    const inode = table.get(node);
    const name = fullName.slice(prefix.length);
    const text = value === undefined ? undefined : textOf(fullName, value);
    if (name === all || (this.#own(inode).has(name) && name !== 'id')) throw new FsError('EPERM', `${fullName} can only be read`);
    mustBeAllowed(provider, inode, 'write');
    await this.#sender.quiet(inode, caller.signal);
    if (inode.entry.version === unsentVersion) throw new FsError('EBUSY', `${inode.path} is not on the platform yet: close it first`);
    const change = async (): Promise<void> => {
      const before = inode.entry.version;
      const entry = await provider.setAttribute?.(table.locate(inode), inode.entry, name, text, caller.signal);
      if (entry === undefined) return;
      this.#sender.copies.sameBytes(inode, before, entry.version);
      this.#knowledge.enterSame(inode, entry);
      this.#knowledge.markChanged(inode);
    };
    try {
      await (inode.kind === 'file' ? this.#sender.whileQuiet([inode], caller.signal, change) : change());
    } finally {
      this.#answers.delete(node);
    }
  }

  /** What is known of every file without asking. */
  #own(inode: Inode): Map<string, string> {
    const { entry } = inode;
    return new Map([
      ['id', entry.id ?? this.#core.table.locate(inode).path],
      ['provider', this.#core.provider.name],
      ['version', entry.version],
      ...(entry.lockedBy === undefined ? [] : [['lock', entry.lockedBy] as const]),
    ]);
  }

  /** The platform's, asked for once for all who ask within `--attr-ttl`. Of a file that it does not have yet there are none. */
  async #platforms(inode: Inode, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { provider, table, settings } = this.#core;
    const { entry, node } = inode;
    if (provider.attributes === undefined || entry.version === unsentVersion) return new Map();
    const now = performance.now();
    let answer = this.#answers.get(node);
    if (answer === undefined || answer.task.abandoned || answer.version !== entry.version || now - answer.learnt > settings.attrTtl) {
      const location = table.locate(inode);
      const task = new SharedTask(async (own) => await provider.attributes?.(location, entry, own) ?? new Map<string, string>());
      answer = { learnt: now, version: entry.version, task };
      this.#remember(node, answer);
    }
    try {
      return await answer.task.join(signal);
    } catch (thrown) {
      if (this.#answers.get(node) === answer) this.#answers.delete(node);
      throw thrown;
    }
  }

  #remember(node: NodeId, answer: Answer): void {
    this.#answers.delete(node);
    this.#answers.set(node, answer);
    if (this.#answers.size <= remembered) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      return;
    }
  }
}

function textOf(name: string, value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch (thrown) {
    throw new FsError('EINVAL', `the value for ${name} is not UTF-8`, { cause: thrown });
  }
}
