/** Locks: a file that is written here is kept from others meanwhile, and who has one already is named. (NetExplorer's page: routes, objects) */
import { FsError, isErrno } from '../../errors.js';
import type { Call } from './api.js';
import { segment } from './calls.js';
import { lockedBy } from './entries.js';
import { readLock, type FileObject } from './objects.js';
import type { Tree } from './tree.js';

export class Locks {
  constructor(private readonly tree: Tree) {}

  /** Locks the file at a path for this account. EBUSY names who has it; EOPNOTSUPP where the platform locks nothing. */
  async lock(path: string, signal: AbortSignal): Promise<void> {
    this.mustLock();
    const { object } = await this.tree.looker.file(path, signal);
    const owner = lockedBy(object.lock, this.tree.account.id);
    if (owner !== undefined) throw new FsError('EBUSY', `${path} is locked by ${owner}`);
    // Locked by this account already: an earlier mount, or the same person elsewhere.
    if (object.lock !== undefined) return;
    const reply = await this.tree.api.call(call('PUT', object, path), signal);
    if (reply.kind === 'answer') {
      await reply.answer.discard();
      return;
    }
    if (reply.kind === 'refused' && [403, 405, 423].includes(reply.status)) {
      const who = await this.ownerOf(object, path, signal);
      if (who !== undefined) throw new FsError('EBUSY', `${path} is locked by ${who}`, { cause: reply.error });
    }
    throw reply.error;
  }

  async unlock(path: string, signal: AbortSignal): Promise<void> {
    this.mustLock();
    const { object } = await this.tree.looker.file(path, signal);
    const reply = await this.tree.api.call(call('DELETE', object, path), signal);
    if (reply.kind === 'answer') await reply.answer.discard();
    else if (!isErrno(reply.error, 'ENOENT')) throw reply.error;
  }

  private mustLock(): void {
    if (this.tree.account.features.lock === false) throw new FsError('EOPNOTSUPP', 'this platform locks nothing');
  }

  private async ownerOf(object: FileObject, path: string, signal: AbortSignal): Promise<string | undefined> {
    const told = await this.tree.api.ask(call('GET', object, path), (value) => ({ value }), signal);
    if (told.kind !== 'told') return undefined;
    return lockedBy(readLock(told.value.value), this.tree.account.id);
  }
}

function call(method: 'GET' | 'PUT' | 'DELETE', { id }: FileObject, about: string): Call {
  return { operation: 'lock', method, path: `/lock/${segment(id)}`, route: '/lock/:fileId', about, idempotent: true };
}
