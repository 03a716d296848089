/**
 * Files that programs copied within the drive, and that the platform has not copied yet: whose content
 * each stands for until then, what a file must wait for before its content changes, and the copying.
 */
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { Entry } from '../../providers/provider.js';
import type { Core } from '../core.js';
import type { Inode } from '../inode.js';
import type { RemoteContent } from '../reading/remote-content.js';
import { untilAborted } from '../shared-task.js';
import type { Draft, Loan } from './draft.js';

export class Copies {
  readonly #core: Core;
  /** Drafts that stand for another file's content, and the file. */
  readonly #sources = new Map<Draft, { readonly source: Inode; readonly content: RemoteContent }>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** The file that a draft is a copy of, as long as it needs it. */
  sourceOf(draft: Draft): Inode | undefined {
    return this.#sources.get(draft)?.source;
  }

  /**
   * A change of ours has given a version another name (setting a time does, on some platforms), and its bytes
   * are what they were: blocks, pages, drafts and copies of it stay good.
   */
  sameBytes(inode: Inode, before: string, version: string): void {
    if (version === before) return;
    const lent = [...this.#sources.values()].filter(({ source }) => source === inode).map(({ content }) => content);
    for (const content of new Set([inode.content, inode.pages, ...lent])) {
      if (content !== undefined && content !== 'lost' && content.version === before) content.version = version;
    }
    if (inode.draft?.version === before) inode.draft.version = version;
    inode.succeed(before);
  }

  /** A file's content for a draft, until it is given back; `returned` runs then. */
  lend(source: Inode, content: RemoteContent, draft: Draft, returned: () => Promise<void>): Loan {
    const loan = { source, content };
    this.#sources.set(draft, loan);
    source.lent += 1;
    let out = true;
    return {
      content,
      giveBack: async () => {
        if (!out) return;
        out = false;
        source.lent -= 1;
        if (this.#sources.get(draft) === loan) this.#sources.delete(draft);
        await returned();
      },
    };
  }

  /**
   * Before a file gets another content: what is to be a copy of the present one gets its bytes now. One
   * that cannot get them fails at its own close, for the platform has another version by then.
   */
  async secure(source: Inode, signal: AbortSignal): Promise<void> {
    const drafts = [...this.#sources].filter(([, each]) => each.source === source).map(([draft]) => draft);
    for (const draft of drafts) {
      if (draft.sealed !== undefined) await untilAborted(draft.sealed, signal);
      try {
        if (this.sourceOf(draft) === source) await this.#fetch(draft, signal);
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        this.#core.log.warn({ path: source.path, err: thrown }, 'a file is about to change that is being copied, and the copy could not get its bytes before');
      }
    }
  }

  async #fetch(draft: Draft, signal: AbortSignal): Promise<void> {
    let unseal: () => void = () => undefined;
    const sealed = new Promise<void>((resolve) => { unseal = resolve; });
    draft.sealed = sealed;
    try {
      await draft.quiet();
      await this.#core.staging.ensureRoom(draft.size);
      await draft.complete(signal);
    } finally {
      if (draft.sealed === sealed) draft.sealed = undefined;
      unseal();
    }
  }

  /**
   * Has the platform copy what a draft is a whole copy of. Undefined where it is none, and where the
   * platform does not copy it: its bytes must be sent then. ESTALE where the source is another version now.
   */
  async make(inode: Inode, draft: Draft, signal: AbortSignal): Promise<Entry | undefined> {
    const { provider, table, log } = this.#core;
    const content = draft.planned;
    if (content === undefined || provider.copy === undefined) return undefined;
    for (;;) {
      const from = content.location();
      const { version } = content;
      try {
        return await provider.copy(from, table.locate(inode), { modified: draft.modified, version }, signal);
      } catch (thrown) {
        if (isErrno(thrown, 'EOPNOTSUPP')) {
          log.debug({ path: inode.path, from: from.path, reason: toFsError(thrown).message }, 'the platform does not copy it: its bytes are sent');
          return undefined;
        }
        // Our own rename, or setting of a time, overtook the request: the source has another name now.
        const overtaken = content.version !== version || content.location().path !== from.path;
        if (isErrno(thrown, 'ESTALE') && overtaken) continue;
        throw thrown;
      }
    }
  }
}

/** What makes the kernel read and write by itself. */
export function notCopied(inode: Inode, why: string): FsError {
  return new FsError('EOPNOTSUPP', `${inode.path} is not copied by the platform: ${why}`);
}
