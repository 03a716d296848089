/**
 * The parts by which every member of the provider finds and shows things, put together once: what reads and
 * what writes share one memory of the tree.
 */
import type { HttpClient } from '../../http/client.js';
import type { Log } from '../../observe/log.js';
import type { Entry } from '../provider.js';
import type { ProviderSettings } from '../settings.js';
import { Account } from './account.js';
import { Api, type SignedIn } from './api.js';
import { CurrentFiles } from './current-files.js';
import { fileEntry, folderEntry } from './entries.js';
import { Lister } from './listing.js';
import { Looker, type Sight } from './looking.js';
import { Memory } from './memory.js';
import { encodedNames, plainNames, type Names } from './names.js';
import { OwnChanges } from './own-changes.js';
import { RecentListings } from './recent-listings.js';
import { Roots } from './roots.js';

export class Tree {
  readonly api: Api;
  readonly names: Names;
  readonly account: Account;
  readonly files: CurrentFiles;
  readonly lister: Lister;
  readonly looker: Looker;

  constructor(http: HttpClient, session: SignedIn, { netexplorer, elapsed }: ProviderSettings, readonly log: Log) {
    this.api = new Api(http, session, () => this.account.id);
    this.names = netexplorer.names === 'encode' ? encodedNames : plainNames;
    this.account = new Account(this.api, netexplorer.actAs, log);
    const memory = new Memory(elapsed);
    const own = new OwnChanges(elapsed);
    this.files = new CurrentFiles(this.api, memory);
    this.lister = new Lister(this.api, new Roots(this.api, log), memory, own, this.names, log);
    this.looker = new Looker(this.api, this.lister, this.files, memory, own, new RecentListings(elapsed), this.names, elapsed);
  }

  /** The contract's entry of what was seen. */
  entry({ object, name, date }: Pick<Sight, 'object' | 'name' | 'date'>): Entry {
    const showing = { name, observed: date, self: this.account.id };
    return object.kind === 'file' ? fileEntry(object, showing) : folderEntry(object, showing);
  }

  close(): void {
    this.files.close();
  }
}
