/** Addresses under which documents can be fetched: one for all readers of a document, as long as it lives. */
import { LRUCache } from 'lru-cache';
import { orAborted } from '../../http/waiting.js';
import type { Api } from './api.js';
import { urlOf } from './answered-url.js';
import type { Lists } from './lists.js';
import { settleByLists } from './settling.js';
import type { SignedUrl } from './store.js';

/** Documents whose address is kept. */
const kept = 2_000;
/** How long one counts that does not say how long it lives, in milliseconds. */
const unknownLife = 60_000;
/** An address is renewed so long before its end, in milliseconds, or when a tenth of its life is left. */
const margin = 30_000;

interface Given {
  readonly url: SignedUrl;
  /** By the client's clock of elapsed time. */
  readonly until: number;
}

export class DownloadUrls {
  private readonly given = new LRUCache<string, Given>({ max: kept });
  private readonly asking = new Map<string, Promise<SignedUrl>>();
  private readonly lifetime = new AbortController();

  constructor(private readonly api: Api, private readonly lists: Lists) {}

  /** An address that lives. ENOENT where the document is gone, ENODATA where it has no content. */
  of(id: string, what: string, signal: AbortSignal): Promise<SignedUrl> {
    const known = this.given.get(id);
    if (known !== undefined && this.api.http.elapsed() < known.until) return orAborted(Promise.resolve(known.url), signal);
    let asking = this.asking.get(id);
    if (asking === undefined) {
      asking = this.ask(id, what).finally(() => this.asking.delete(id));
      this.asking.set(id, asking);
    }
    return orAborted(asking, signal);
  }

  /** The store refused this one: whoever comes next gets another. */
  drop(id: string, url: SignedUrl): void {
    if (this.given.get(id)?.url === url) this.given.delete(id);
  }

  close(): void {
    this.lifetime.abort();
    this.given.clear();
  }

  private async ask(id: string, what: string): Promise<SignedUrl> {
    const asked = this.api.http.elapsed();
    const url = await this.api.send(
      { method: 'POST', route: '/files/:id/download-url', id, body: {}, what, idempotent: true },
      (said) => urlOf(said, what), settleByLists(this.lists, id, what), this.lifetime.signal,
    );
    const life = url.life ?? unknownLife;
    this.given.set(id, { url, until: asked + life - Math.min(margin, life / 10) });
    return url;
  }
}
