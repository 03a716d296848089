/**
 * NetExplorer's API as a provider: the contract's members, each handed to the part that knows how. Paths
 * count from the remote's folder.
 */
import { FsError } from '../../errors.js';
import { HttpClient } from '../../http/client.js';
import { driveRetries } from '../../http/retry.js';
import type { Log } from '../../observe/log.js';
import { isHiddenName } from '../hidden-names.js';
import { nameOf } from '../paths.js';
import type {
  Access, Content, Download, Entry, ListedFolder, Location, Provider, Quota, ReadRequest, Rights, Traits, WriteOptions,
} from '../provider.js';
import type { Remote } from '../remote.js';
import type { Credentials, ProviderSettings } from '../settings.js';
import type { Services } from '../services.js';
import { attributesOf } from './attributes.js';
import { Changer, type ChangingParts } from './changing.js';
import { Timelines } from './history.js';
import { folderRights } from './entries.js';
import { Leftovers } from './leftovers.js';
import type { Listing } from './listing.js';
import { Locks } from './locking.js';
import { topId } from './memory.js';
import { askQuota } from './quotas.js';
import { FileReader } from './reading.js';
import { DepositLinks, ShareLinks } from './links.js';
import { Session } from './session.js';
import { TrashService } from './trash.js';
import { Tree } from './tree.js';
import { Uploader } from './uploading.js';
import { FileVersions } from './versions.js';
import { FileWriter } from './writing.js';

/** Milliseconds after which an idle connection is closed: before proxies do, who mostly wait a minute. */
const keepAlive = 50_000;
/** Entries in a batch of a listing. */
const batchSize = 1000;
/** How long signing out may take, in milliseconds. */
const signOutPatience = 2_000;

export class NetexplorerProvider implements Provider {
  readonly name = 'netexplorer';
  readonly traits: Traits;
  private readonly http: HttpClient;
  private readonly session: Session;
  protected readonly tree: Tree;
  protected readonly reader: FileReader;
  private readonly writer: FileWriter;
  private readonly changer: Changer;
  private readonly leftovers: Leftovers;
  private readonly locks: Locks;
  private readonly versions: FileVersions;
  private readonly trash: TrashService;
  private readonly others: Services;
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
      changesInPlace: true,
      stableIds: true,
      caseSensitive: true,
      maxFileSize: Number.MAX_SAFE_INTEGER,
      parallelRequests,
    };
    this.http = new HttpClient({
      origin: remote.origin, network, elapsed, parallelRequests, keepAlive, stallTimeout, serverTimeout, userAgent: 'amarre', observer,
      retry: driveRetries(stallTimeout),
    }, log);
    this.session = new Session(this.http, remote.user, credentials, netexplorer, log);
    this.tree = new Tree(this.http, this.session, settings, log);
    const { tree } = this;
    const reader = new FileReader(tree.api, tree.looker, tree.files, () => tree.account.id);
    this.reader = reader;
    const writer = new FileWriter(tree, new Uploader(tree.api, settings.uploads), netexplorer, log);
    this.writer = writer;
    const write: ChangingParts['write'] = (path, content, { modified, md5 }, signal) => writer.write(path, content, { modified }, signal, md5);
    this.leftovers = new Leftovers(tree, settings.instances, netexplorer.trash, log);
    this.changer = new Changer({ tree, instances: settings.instances, trash: netexplorer.trash, leftovers: this.leftovers, log, write, bytesOf,
      heedPurging: (path, folder, signal) => writer.heedPurging(path, folder, signal) });
    this.locks = new Locks(tree);
    this.versions = new FileVersions({ tree, write, bytesOfVersion: (version, path, start, signal) => reader.bytesOfVersion(version, path, start, signal) });
    this.trash = new TrashService(tree);
    this.others = {
      shareLinks: new ShareLinks(tree, netexplorer.links, remote.origin),
      depositLinks: new DepositLinks(tree, netexplorer.links, remote.origin),
      history: new Timelines(tree),
    };

    async function* bytesOf(path: string, { size, version }: Entry, start: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
      if (size === undefined || start >= size) return;
      const { body } = await reader.read({ path }, { start, end: size, version }, signal);
      yield* body;
    }
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

  /** At the platform's top only trying tells who may make a folder. */
  baseRights(): Rights | undefined {
    const { object } = this.tree.looker.base;
    return object === undefined ? undefined : folderRights(object.permissions);
  }

  async *list(location: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const folder = await this.tree.looker.folder(location.path, signal);
    const listing = await this.tree.looker.list(folder, signal);
    this.leftovers.clean(folder, listing.children);
    const entries = this.entriesOf(listing);
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
    const sight = path === '/' ? await this.tree.looker.lookAtBase(signal) : await this.tree.looker.find(path, signal, 'look');
    if (sight === undefined) throw new FsError('ENOENT', `${path} is not there`);
    return this.tree.entry(await this.tree.looker.sized(sight, path, signal));
  }

  read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    return this.reader.read(file, request, signal);
  }

  async write({ path }: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    this.mustBeName(path);
    return this.writer.write(path, content, options, signal);
  }

  async createFolder({ path }: Location, signal: AbortSignal): Promise<Entry> {
    this.mustBeName(path);
    return this.changer.createFolder(path, signal);
  }

  removeFile({ path }: Location, signal: AbortSignal): Promise<void> {
    return this.changer.removeFile(path, signal);
  }

  removeFolder({ path }: Location, signal: AbortSignal): Promise<void> {
    return this.changer.removeFolder(path, signal);
  }

  async move(from: Location, to: Location, { replace }: { readonly replace: boolean }, signal: AbortSignal): Promise<Entry | undefined> {
    this.mustBeName(to.path);
    return this.changer.move(from.path, to.path, replace, signal);
  }

  async setModified(location: Location, _current: Entry, _modified: number, signal: AbortSignal): Promise<Entry> {
    await this.stat(location, signal);
    throw new FsError('EPERM', `${location.path}: the platform takes the time of a file with its content alone`);
  }

  async park({ path }: Location, signal: AbortSignal): Promise<Location> {
    return { path: await this.changer.park(path, signal) };
  }

  lock({ path }: Location, signal: AbortSignal): Promise<void> {
    return this.locks.lock(path, signal);
  }

  unlock({ path }: Location, signal: AbortSignal): Promise<void> {
    return this.locks.unlock(path, signal);
  }

  /** As far as the platform said that it has them. */
  get services(): Services {
    const { trash, versioning } = this.tree.account.features;
    return { ...this.others, ...(versioning !== false && { versions: this.versions }), ...(trash !== false && { trash: this.trash }) };
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

  private mustBeName(path: string): void {
    const refused = path === '/' ? undefined : this.refuseName(nameOf(path));
    if (refused !== undefined) throw refused;
  }

  private async end(): Promise<void> {
    await this.leftovers.close();
    this.tree.close();
    await this.session.signOut(AbortSignal.timeout(signOutPatience));
    await this.http.close();
  }

  private entriesOf({ children, date }: Listing): Entry[] {
    return [...children].filter(([name]) => !isHiddenName(name)).map(([name, object]) => this.tree.entry({ object, name, date }));
  }
}
