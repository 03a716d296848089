/**
 * Deletes documents in the platform's own order: the content from the store, then the row. The other way round
 * the content would stay in the store for ever, with nobody to know of it. (Arrhes' page: DELETE)
 */
import { FsError, isErrno } from '../../errors.js';
import { urlOf } from './answered-url.js';
import type { Api } from './api.js';
import { fresh, type Lists } from './lists.js';
import { hasContent, type Row } from './rows.js';
import { settleByLists } from './settling.js';
import type { ObjectStore } from './store.js';

export class Remover {
  constructor(private readonly api: Api, private readonly lists: Lists, private readonly store: ObjectStore) {}

  /** Deletes a document, or an empty folder. `mayHold`: an upload to it was begun, whatever its row says. ENOENT where it is gone. */
  async remove(row: Row, what: string, signal: AbortSignal, mayHold = false): Promise<void> {
    if (row.kind === 'file' && (hasContent(row) || row.storageKey !== undefined || mayHold)) await this.removeContent(row.id, what, signal);
    await this.api.send(
      { method: 'DELETE', route: row.kind === 'file' ? '/files/:id' : '/folders/:id', id: row.id, what, idempotent: false },
      () => undefined,
      async (_why, until) => {
        const tree = await this.lists.tree(fresh, until);
        return tree.node(row.id) === undefined ? { done: undefined } : 'not done';
      }, signal,
    );
    const hadChildren = row.kind === 'file' && [...this.lists.known?.rows() ?? []].some((other) => other.kind === 'file' && other.idFileParent === row.id);
    this.lists.forget(row.id);
    // The platform deletes with a document what was recognized in it.
    if (hadChildren) this.lists.distrust();
  }

  private async removeContent(id: string, what: string, signal: AbortSignal): Promise<void> {
    const progress = this.api.http.retryProgress(signal);
    for (let renewed = false; ;) {
      const url = await this.api.send(
        { method: 'POST', route: '/files/:id/delete-url', id, body: {}, what, idempotent: true },
        (said) => urlOf(said, what), settleByLists(this.lists, id, what), signal,
      ).catch((error: unknown) => {
        // There is none.
        if (isErrno(error, 'ENODATA')) return undefined;
        throw error;
      });
      if (url === undefined) return;
      const outcome = await this.store.remove(url, what, signal);
      if (outcome === 'done') return;
      if ('failure' in outcome) await progress.wait(outcome.failure);
      else if (outcome.final || renewed) throw new FsError('EIO', outcome.refused.message, { cause: outcome.refused });
      else renewed = true;
    }
  }
}
