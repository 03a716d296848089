/**
 * What this account was refused, and where. SFTPGo tells nobody his rights, so they are learnt from the
 * first refusal, a folder at a time, since an administrator gives them so; and forgotten after a while,
 * since he changes them. Of an operator who offers some of the services only, the same is learnt once
 * for all folders. (SFTPGo's page: statuses; what GEREDIS documents)
 */
import { LRUCache } from 'lru-cache';
import { FsError } from '../../errors.js';

/** How long a refusal is believed, in milliseconds: rights are changed by people, who then want to go on. */
export const refusalsLast = 5 * 60_000;

/** `look`: HEAD and GET of a file; `ranges`: reading by them; `raw upload`: the body alone, with a time. The others are SFTPGo's rights. */
export type Right =
  | 'list' | 'look' | 'ranges' | 'download' | 'upload' | 'raw upload' | 'replace' | 'delete' | 'rename' | 'make folders' | 'set times';

/** The profile that a person names, or `auto`: what is offered shows. */
export type Profile = 'auto' | 'geredis';

/** What an operator does not offer who has the four documented services only. */
const undocumented: ReadonlySet<Right> = new Set(['look', 'ranges', 'raw upload', 'delete', 'rename', 'make folders', 'set times']);

/** In place of a folder: everywhere. */
const everywhere = '';

/** Folders remembered, over all rights. */
const remembered = 5000;

export class Rights {
  private readonly refusals = new LRUCache<string, { readonly folder: string; readonly error: FsError; readonly until: number }>({ max: remembered });

  constructor(readonly profile: Profile) {}

  /** Why something was refused in that folder lately; undefined where it may go well. A fresh error for each who asks. */
  missing(right: Right, folder: string): FsError | undefined {
    if (this.profile === 'geredis' && undocumented.has(right)) {
      return new FsError('EPERM', `this server does not offer it (--profile geredis): ${right}`);
    }
    const known = this.recall(key(right, everywhere)) ?? this.recall(key(right, folder));
    return known === undefined ? undefined : new FsError(known.errno, `${known.message} (asked less than ${refusalsLast / 60_000} minutes ago)`, { cause: known });
  }

  /** The server has refused it in that folder; `service`: it does not offer it anywhere. */
  learn(right: Right, folder: string, error: FsError, lacks: 'right' | 'service'): void {
    const where = lacks === 'service' ? everywhere : folder;
    this.refusals.set(key(right, where), { folder: where, error, until: performance.now() + refusalsLast });
  }

  /** What was refused in one of these folders may go well now. What the server does not offer at all stays known. */
  forget(isOne: (folder: string) => boolean): void {
    for (const [name, { folder }] of [...this.refusals.entries()]) if (folder !== everywhere && isOne(folder)) this.refusals.delete(name);
  }

  private recall(name: string): FsError | undefined {
    const known = this.refusals.get(name);
    return known !== undefined && performance.now() < known.until ? known.error : undefined;
  }
}

function key(right: Right, folder: string): string {
  return `${right} ${folder}`;
}
