/**
 * An Arrhes year's documents as a provider: the contract's members, each handed to the part that knows how.
 * All parts work from one picture of the lists, and send bytes to the object store alone.
 */
import { FsError } from '../../errors.js';
import { HttpClient, type HttpSettings } from '../../http/client.js';
import { driveRetries } from '../../http/retry.js';
import { throwIfAborted } from '../../http/waiting.js';
import type { Log } from '../../observe/log.js';
import { isHiddenName } from '../hidden-names.js';
import { nameOf, refuseAnywhere } from '../paths.js';
import type { Content, Download, Entry, ListedFolder, Location, Provider, Quota, ReadRequest, Traits, WriteOptions } from '../provider.js';
import { isLoopback, type Remote } from '../remote.js';
import type { Services } from '../services.js';
import type { Credentials, ProviderSettings } from '../settings.js';
import { Api } from './api.js';
import { Connector } from './connecting.js';
import { DocumentAttributes } from './document-attributes.js';
import { DownloadUrls } from './download-urls.js';
import { entryOf } from './entries.js';
import { Lists } from './lists.js';
import { Looker } from './looking.js';
import { Mover } from './moving.js';
import { DocumentReader } from './reading.js';
import { Recognizer } from './recognizing.js';
import { parsePlace } from './remote-place.js';
import { Remover } from './removing.js';
import { ObjectStore } from './store.js';
import { Temporaries } from './temporaries.js';
import type { Found } from './tree.js';
import { largestDocument, Uploader } from './uploading.js';
import { Versions } from './versions.js';
import { DocumentWriter } from './writing.js';

/** The server closes idle connections after 5 s: ours are closed before. (Arrhes' page: errors) */
const keepAlive = 4_000;
/** Entries in a batch of a listing. */
const batchSize = 1000;

export class ArrhesProvider implements Provider {
  readonly name = 'arrhes';
  readonly services: Services;
  readonly traits: Traits;
  private readonly http: HttpClient;
  private readonly api: Api;
  private readonly lists: Lists;
  private readonly store: ObjectStore;
  private readonly versions = new Versions();
  private readonly looker: Looker;
  private readonly urls: DownloadUrls;
  private readonly reader: DocumentReader;
  private readonly writer: DocumentWriter;
  private readonly mover: Mover;
  private readonly temporaries: Temporaries;
  private readonly documentAttributes: DocumentAttributes;
  private readonly connector: Connector;
  private closed = false;
  private closing: Promise<void> | undefined;

  /** EINVAL where the key is missing or cannot be sent, or the remote names no year. */
  constructor(remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log) {
    const { parallelRequests, stallTimeout, serverTimeout, instances, network, elapsed, observer, insecureHttp, listTtl } = settings;
    const place = parsePlace(remote.base);
    const common: Omit<HttpSettings, 'origin'> = {
      network, elapsed, parallelRequests, keepAlive, stallTimeout, serverTimeout, userAgent: 'amarre', observer,
      retry: driveRetries(stallTimeout),
    };
    this.http = new HttpClient({ ...common, origin: remote.origin }, log);
    // This machine's certificate is for the platform alone.
    this.store = new ObjectStore((origin) => {
      refuseOpenStore(remote, origin, insecureHttp);
      return new HttpClient({ ...common, network: { ...network, clientCertificate: undefined }, origin }, log);
    });
    this.api = new Api(this.http, place, keyOf(credentials));
    this.lists = new Lists(this.api, { organization: place.organization, year: place.year, ttl: listTtl });
    this.looker = new Looker(this.api, this.lists, this.versions);
    this.urls = new DownloadUrls(this.api, this.lists);
    this.reader = new DocumentReader(this.http, this.looker, this.urls, this.store, this.versions);
    const remover = new Remover(this.api, this.lists, this.store);
    this.temporaries = new Temporaries(this.api, remover, instances, log);
    const uploader = new Uploader(this.api, this.lists, this.store, this.versions);
    this.writer = new DocumentWriter(this.api, this.lists, uploader, this.temporaries, this.versions);
    this.mover = new Mover(this.lists, this.looker, this.reader, this.urls, uploader, this.writer, remover, this.temporaries, this.versions);
    this.documentAttributes = new DocumentAttributes(this.lists, this.looker, this.writer, this.versions);
    this.connector = new Connector(this.api, this.lists, place, log);
    this.lists.onPicture = (tree) => {
      if (this.lists.withoutYear) this.connector.tellWhole();
      if (!this.closed) this.temporaries.clean(tree);
    };
    this.services = { recognition: new Recognizer(this.api, this.lists, this.looker, () => this.mayChange()) };
    this.traits = {
      // Between the content's arrival and the source's end both names show it.
      atomicReplace: false,
      serverSideCopy: false,
      settableTimes: 'none',
      timeResolution: 1000,
      ranges: true,
      stableIds: true,
      caseSensitive: true,
      maxFileSize: largestDocument,
      parallelRequests,
    };
  }

  /** True once `connect` has found the year closed: nothing can be changed. */
  get readOnly(): boolean {
    return this.closed;
  }

  async connect(signal: AbortSignal): Promise<void> {
    ({ closed: this.closed } = await this.connector.connect(signal));
  }

  refuseName(name: string): FsError | undefined {
    return refuseAnywhere(name);
  }

  async *list(folder: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const isFolder = (found: Found): boolean => found.kind === 'root' || (found.kind === 'node' && found.node.row.kind === 'folder');
    const entries = this.entriesIn(folderId(folder.path, await this.lists.find(folder.path, isFolder, signal)));
    for (let at = 0; at < entries.length; at += batchSize) yield entries.slice(at, at + batchSize);
  }

  /** The lists tell of all folders at once. */
  async *listTree(folder: Location, signal: AbortSignal): AsyncGenerator<ListedFolder> {
    const isFolder = (found: Found): boolean => found.kind === 'root' || (found.kind === 'node' && found.node.row.kind === 'folder');
    const found = await this.lists.find(folder.path, isFolder, signal);
    const waiting: { readonly below: string; readonly id: string | undefined }[] = [{ below: '', id: folderId(folder.path, found) }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { below, id } = next;
      throwIfAborted(signal);
      const entries = this.entriesIn(id);
      yield { below, entries };
      for (const entry of entries) if (entry.kind === 'folder') waiting.push({ below: below === '' ? entry.name : `${below}/${entry.name}`, id: entry.id });
    }
  }

  stat(location: Location, signal: AbortSignal): Promise<Entry> {
    return this.looker.look(location, signal);
  }

  read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    return this.reader.read(file, request, signal);
  }

  async write(target: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    this.mayMake(target);
    return this.writer.write(target, content, options, signal);
  }

  async createFolder(folder: Location, signal: AbortSignal): Promise<Entry> {
    this.mayMake(folder);
    return this.mover.createFolder(folder, signal);
  }

  async removeFile(file: Location, signal: AbortSignal): Promise<void> {
    this.mayChange();
    await this.mover.removeFile(file, signal);
  }

  async removeFolder(folder: Location, signal: AbortSignal): Promise<void> {
    this.mayChange();
    await this.mover.removeFolder(folder, signal);
  }

  async move(from: Location, to: Location, options: { readonly replace: boolean }, signal: AbortSignal): Promise<Entry> {
    this.mayMake(to);
    return this.mover.move(from, to, options.replace, signal);
  }

  /** No time of a document can be set: `date` is its day. */
  async setModified(location: Location, _current: Entry, _modified: number, signal: AbortSignal): Promise<Entry> {
    await this.looker.look(location, signal);
    throw new FsError('EPERM', `set time: ${location.path}: Arrhes sets the time of the last change itself`);
  }

  async park(file: Location, signal: AbortSignal): Promise<Location> {
    this.mayChange();
    return this.mover.park(file, signal);
  }

  attributes(location: Location, current: Entry, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    return this.documentAttributes.read(location, current, signal);
  }

  async setAttribute(location: Location, _current: Entry, name: string, value: string | undefined, signal: AbortSignal): Promise<Entry> {
    this.mayChange();
    return this.documentAttributes.set(location, name, value, signal);
  }

  quota(signal: AbortSignal): Promise<Quota | undefined> {
    return this.api.storage(signal);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await this.temporaries.close();
    this.lists.close();
    this.urls.close();
    await this.store.close();
    await this.http.close();
  }

  private entriesIn(folder: string | undefined): Entry[] {
    const children = this.lists.known?.children(folder)?.values() ?? [];
    return [...children].filter(({ name }) => !isHiddenName(name)).map((node) => entryOf(node, this.versions, this.lists.date));
  }

  private mayMake({ path }: Location): void {
    const refused = path === '/' ? undefined : refuseAnywhere(nameOf(path));
    if (refused !== undefined) throw refused;
    this.mayChange();
  }

  private mayChange(): void {
    if (this.closed) throw new FsError('EROFS', 'the year is closed');
  }
}

/** The folder that a path leads to; undefined: the root. */
function folderId(path: string, found: Found): string | undefined {
  if (found.kind === 'root') return undefined;
  if (found.kind === 'through a file' || (found.kind === 'node' && found.node.row.kind === 'file')) throw new FsError('ENOTDIR', `${path} is no folder`);
  if (found.kind === 'node') return found.node.row.id;
  throw new FsError('ENOENT', `${path} is not there`);
}

function keyOf({ apiKey, password }: Credentials): string {
  const key = apiKey ?? password;
  if (key === undefined) throw new FsError('EINVAL', 'no API key was given: AMARRE_API_KEY, --api-key-file or --password-file');
  if (!/^[\x21-\x7e]+$/.test(key)) throw new FsError('EINVAL', 'the API key has characters that no key has');
  return key;
}

/** Documents do not go over plain http to another machine because the platform says so: EIO. */
function refuseOpenStore(remote: Remote, origin: string, insecureHttp: boolean): void {
  const { protocol, hostname } = new URL(origin);
  if (protocol === 'https:' || isLoopback(hostname) || insecureHttp) return;
  throw new FsError('EIO', `the platform ${remote.host} keeps its documents at ${origin}, where plain http would show them to everybody on the way: --insecure-http`);
}
