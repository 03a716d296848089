/**
 * NetExplorer's API as a provider: the contract's members, each handed to the part that knows how. Paths
 * count from the remote's folder.
 */
import { FsError } from '../../errors.js';
import { HttpClient } from '../../http/client.js';
import type { Log } from '../../observe/log.js';
import { isHiddenName } from '../hidden-names.js';
import { nameOf } from '../paths.js';
import type {
  Access, Download, Entry, ListedFolder, Location, Provider, Quota, ReadRequest, Traits,
} from '../provider.js';
import type { Remote } from '../remote.js';
import type { Services } from '../services.js';
import type { Credentials, ProviderSettings } from '../settings.js';
import { attributesOf } from './attributes.js';
import { Timelines } from './history.js';
import type { Listing } from './listing.js';
import { topId } from './memory.js';
import { askQuota } from './quotas.js';
import { FileReader } from './reading.js';
import { DepositLinks, ShareLinks } from './links.js';
import { Session } from './session.js';
import { Tree } from './tree.js';

/** Milliseconds after which an idle connection is closed: before proxies do, who mostly wait a minute. */
const keepAlive = 50_000;
/** Entries in a batch of a listing. */
const batchSize = 1000;
/** How long signing out may take, in milliseconds. */
const signOutPatience = 2_000;

export class NetexplorerProvider implements Provider {
  readonly name = 'netexplorer';
  readonly traits: Traits;
  readonly services: Services;
  private readonly http: HttpClient;
  private readonly session: Session;
  private readonly tree: Tree;
  private readonly reader: FileReader;
  private readonly base: string;
  private closing: Promise<void> | undefined;

  /** EINVAL where credentials are missing or cannot be sent. */
  constructor(remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log) {
    const { parallelRequests, stallTimeout, serverTimeout, network, elapsed, observer, netexplorer } = settings;
    this.base = remote.base;
    this.traits = {
      atomicReplace: true,
      serverSideCopy: false,
      settableTimes: 'none',
      timeResolution: 1000,
      ranges: true,
      stableIds: true,
      caseSensitive: true,
      maxFileSize: Number.MAX_SAFE_INTEGER,
      parallelRequests,
    };
    this.http = new HttpClient({
      origin: remote.origin, network, elapsed, parallelRequests, keepAlive, stallTimeout, serverTimeout, userAgent: 'amarre', observer,
      // Long enough to live through a platform's restart, short enough that nobody takes the drive for hung.
      retry: { deadline: 2 * stallTimeout, firstDelay: 250, maxDelay: 5_000 },
    }, log);
    this.session = new Session(this.http, remote.user, credentials, netexplorer, log);
    this.tree = new Tree(this.http, this.session, settings, log);
    this.services = {
      shareLinks: new ShareLinks(this.tree, netexplorer.links, remote.origin),
      depositLinks: new DepositLinks(this.tree, netexplorer.links, remote.origin),
      history: new Timelines(this.tree),
    };
    this.reader = new FileReader(this.tree.api, this.tree.looker, this.tree.files, () => this.tree.account.id);
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.tree.looker.enter(this.base, signal);
    await this.tree.account.learn(signal);
  }

  refuseName(name: string): FsError | undefined {
    return this.tree.names.refuse(name);
  }

  /** At the platform's top there are folders alone. */
  learntRefusal(access: Access, { path }: Location): FsError | undefined {
    const atTop = this.tree.looker.base.id === topId && path.lastIndexOf('/') === 0 && path !== '/';
    return access === 'make' && atTop ? new FsError('EACCES', `${path}: the platform keeps no files in its top folder`) : undefined;
  }

  async *list(location: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const folder = await this.tree.looker.folder(location.path, signal);
    const entries = this.entriesOf(await this.tree.looker.list(folder, signal));
    for (let at = 0; at < entries.length; at += batchSize) yield entries.slice(at, at + batchSize);
  }

  async *listTree(location: Location, signal: AbortSignal): AsyncGenerator<ListedFolder> {
    const folder = await this.tree.looker.folder(location.path, signal);
    for await (const branch of this.tree.lister.tree(folder.id, folder.path, signal)) {
      yield { below: branch.below, entries: this.entriesOf(branch) };
    }
  }

  async stat({ path }: Location, signal: AbortSignal): Promise<Entry> {
    if (isHiddenName(nameOf(path))) throw new FsError('ENOENT', `${path} is not shown`);
    const sight = path === '/' ? await this.tree.looker.lookAtBase(signal) : await this.tree.looker.find(path, signal);
    if (sight === undefined) throw new FsError('ENOENT', `${path} is not there`);
    return this.tree.entry(await this.tree.looker.sized(sight, path, signal));
  }

  read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    return this.reader.read(file, request, signal);
  }

  write(): Promise<Entry> {
    return Promise.reject(notYet());
  }

  createFolder(): Promise<Entry> {
    return Promise.reject(notYet());
  }

  removeFile(): Promise<void> {
    return Promise.reject(notYet());
  }

  removeFolder(): Promise<void> {
    return Promise.reject(notYet());
  }

  move(): Promise<Entry | undefined> {
    return Promise.reject(notYet());
  }

  setModified(): Promise<Entry> {
    return Promise.reject(notYet());
  }

  park(): Promise<Location> {
    return Promise.reject(notYet());
  }

  async attributes({ path }: Location, _current: Entry, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { looker, api } = this.tree;
    if (path === '/') {
      const sight = await looker.lookAtBase(signal);
      return looker.base.id === topId ? new Map() : attributesOf(api, sight, looker.base, path, signal);
    }
    const sight = await looker.find(path, signal);
    if (sight === undefined) throw new FsError('ENOENT', `${path} is not there`);
    return attributesOf(api, sight, await looker.parent(path, signal), path, signal);
  }

  quota(signal: AbortSignal): Promise<Quota | undefined> {
    return askQuota(this.tree.api, this.tree.looker.base.id, signal);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.tree.close();
    await this.session.signOut(AbortSignal.timeout(signOutPatience));
    await this.http.close();
  }

  private entriesOf({ children, date }: Listing): Entry[] {
    return [...children].filter(([name]) => !isHiddenName(name)).map(([name, object]) => this.tree.entry({ object, name, date }));
  }
}

function notYet(): FsError {
  return new FsError('EROFS', 'nothing can be changed on this platform yet');
}
