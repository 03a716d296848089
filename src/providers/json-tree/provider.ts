/**
 * An API that answers in JSON as a drive: a tree of documents that a table of routes describes, read-only but for the
 * files that take an order. Knows of no platform; a platform is a table.
 */
import { FsError } from '../../errors.js';
import { HttpClient } from '../../http/client.js';
import { driveRetries } from '../../http/retry.js';
import type { Log } from '../../observe/log.js';
import { nameOf, refuseAnywhere } from '../paths.js';
import type { Access, Content, Download, Entry, Location, Provider, Quota, ReadRequest, Traits, WriteOptions } from '../provider.js';
import type { Remote } from '../remote.js';
import type { Credentials, ProviderSettings } from '../settings.js';
import { JsonApi, type Request } from './api.js';
import { Documents, type JsonDocument } from './documents.js';
import { Rows } from './rows.js';
import { refuseState, Switches } from './switches.js';
import { isSwitch, type DocumentRoute, type RouteTable } from './table.js';
import { Tree, type TreeFile, type TreeNode } from './tree.js';

/** Idle connections are closed after this, in milliseconds: shorter than servers as a rule allow. */
const keepAlive = 50_000;
/** Bytes in a piece of a download, and entries in a batch of a listing. */
const pieceSize = 128 * 1024;
const batchSize = 1000;

/** The version of a document that this mount has not read. */
const unread = 'unread';

export class JsonTreeProvider implements Provider {
  readonly traits: Traits;
  private readonly http: HttpClient;
  private readonly api: JsonApi;
  private readonly documents: Documents;
  private readonly switches: Switches;
  private readonly tree: Tree;

  /** EINVAL where what signs in is missing or cannot be sent. */
  constructor(
    readonly name: string, private readonly table: RouteTable,
    remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log,
  ) {
    const { parallelRequests, stallTimeout, serverTimeout, network, elapsed, observer, documents } = settings;
    this.http = new HttpClient({
      origin: remote.origin, network, elapsed, parallelRequests, keepAlive, stallTimeout, serverTimeout, userAgent: 'amarre', observer,
      retry: driveRetries(stallTimeout),
    }, log);
    const prefix = remote.base === '/' ? '' : remote.base.split('/').map(encodeURIComponent).join('/');
    this.api = new JsonApi(this.http, prefix, { ...signInOf(name, remote, credentials), keyParameter: table.keyParameter }, documents.memory);
    this.documents = new Documents(this.api, { ...documents, elapsed });
    this.switches = new Switches(this.api, this.documents);
    this.tree = new Tree(table, new Rows(this.documents, log), () => this.api.now());
    this.traits = {
      atomicReplace: true,
      serverSideCopy: false,
      settableTimes: 'none',
      timeResolution: 1,
      ranges: true,
      stableIds: false,
      caseSensitive: true,
      maxFileSize: Number.MAX_SAFE_INTEGER,
      parallelRequests,
    };
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.documents.get({ template: this.table.first }, signal);
  }

  refuseName(name: string): FsError | undefined {
    return refuseAnywhere(name);
  }

  learntRefusal(access: Access, { path }: Location): FsError | undefined {
    if (access === 'see' || access === 'read') return undefined;
    return this.takesOrders(path) && access !== 'make' ? undefined : readOnly(path);
  }

  refuseBytes(target: Location, offset: number, data: Uint8Array): FsError | undefined {
    return this.takesOrders(target.path) ? refuseState(target.path, offset, data) : readOnly(target.path);
  }

  isOrder(location: Location): boolean {
    return this.takesOrders(location.path);
  }

  isUnlisted(location: Location): boolean {
    return this.tree.isUnlisted(location.path);
  }

  forget(): void {
    this.documents.forget();
  }

  async *list(folder: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const children = await this.tree.children(folder.path, signal);
    const observed = this.api.now();
    const entries = children.map(({ name, node }) => this.listed(name, node, observed));
    for (let at = 0; at < entries.length; at += batchSize) yield entries.slice(at, at + batchSize);
  }

  async stat({ path }: Location, signal: AbortSignal): Promise<Entry> {
    const node = await this.tree.find(path, signal);
    if (node.kind === 'folder') return folderEntry(nameOf(path), this.api.now());
    const { file } = node;
    const { route, value } = file;
    return isSwitch(route) ? this.switchEntry(file, await this.switches.state(route, value, signal)) : this.documentEntry(file, await this.fetched(file, route, signal));
  }

  async read({ path }: Location, { start, end, version }: ReadRequest, signal: AbortSignal): Promise<Download> {
    if (!(start >= 0 && start < end)) throw new FsError('EINVAL', `a read from ${start} to ${end}`);
    const node = await this.tree.find(path, signal);
    if (node.kind === 'folder') throw new FsError('EISDIR', `${path} is a folder`);
    const { file } = node;
    const { entry, bytes } = await this.content(file, version, signal);
    if (version !== undefined && entry.version !== version) throw new FsError('ESTALE', `${path} is of another version now`);
    return { entry, body: piecesOf(bytes, start, end) };
  }

  async write(target: Location, content: Content, _options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    const route = this.tree.routeOf(target.path);
    if (route === undefined || !isSwitch(route)) throw readOnly(target.path);
    const node = await this.tree.find(target.path, signal);
    if (node.kind === 'folder') throw new FsError('EISDIR', `${target.path} is a folder`);
    return this.switchEntry(node.file, await this.switches.write(route, node.file.value, content, signal));
  }

  createFolder({ path }: Location): Promise<Entry> {
    return Promise.reject(readOnly(path));
  }

  removeFile({ path }: Location): Promise<void> {
    return Promise.reject(readOnly(path));
  }

  removeFolder({ path }: Location): Promise<void> {
    return Promise.reject(readOnly(path));
  }

  move({ path }: Location): Promise<Entry | undefined> {
    return Promise.reject(readOnly(path));
  }

  setModified({ path }: Location): Promise<Entry> {
    return Promise.reject(this.takesOrders(path) ? new FsError('EPERM', `the platform keeps no time of ${path}`) : readOnly(path));
  }

  park({ path }: Location): Promise<Location> {
    return Promise.reject(readOnly(path));
  }

  quota(): Promise<Quota | undefined> {
    return Promise.resolve(undefined);
  }

  async close(): Promise<void> {
    this.documents.close();
    await this.http.close();
  }

  /** True for a switch; all else is not changed by anybody. */
  private takesOrders(path: string): boolean {
    const route = this.tree.routeOf(path);
    return route !== undefined && isSwitch(route);
  }

  /** A listing asks for no document. */
  private listed(name: string, node: TreeNode, observed: number): Entry {
    if (node.kind === 'folder') return folderEntry(name, observed);
    const { file } = node;
    const { route, value } = file;
    if (isSwitch(route) && route.shown === undefined) return this.switchEntry(file, this.switches.last(route, value));
    return { name, kind: 'file', size: undefined, modified: undefined, version: unread, unsure: true, observed };
  }

  /** The document as it is to be shown to who opens it now. */
  private fetched(file: TreeFile, route: DocumentRoute, signal: AbortSignal): Promise<JsonDocument> {
    const request = requestOf(file, route);
    return route.live === true ? this.documents.ask(request, signal) : this.documents.get(request, signal);
  }

  private async content(file: TreeFile, version: string | undefined, signal: AbortSignal): Promise<{ entry: Download['entry']; bytes: Buffer }> {
    const { route, value } = file;
    if (isSwitch(route)) {
      const last = this.switches.last(route, value);
      const bytes = version === versionOf(last) ? last : await this.switches.state(route, value, signal);
      return { entry: this.switchEntry(file, bytes), bytes };
    }
    const kept = version === undefined ? undefined : this.documents.kept(requestOf(file, route), version);
    const document = kept ?? await this.fetched(file, route, signal);
    return { entry: this.documentEntry(file, document), bytes: document.bytes };
  }

  private documentEntry({ name }: TreeFile, { bytes, version }: JsonDocument): Download['entry'] {
    return { name, kind: 'file', size: bytes.length, modified: undefined, version, observed: this.api.now() };
  }

  private switchEntry({ name }: TreeFile, bytes: Buffer): Download['entry'] {
    return { name, kind: 'file', size: bytes.length, modified: undefined, version: versionOf(bytes), observed: this.api.now() };
  }
}

/** EROFS: this is not among what takes something. */
function readOnly(path: string): FsError {
  return new FsError('EROFS', `${path} can be read only: the platform takes nothing there`);
}

function folderEntry(name: string, observed: number): Entry {
  return { name, kind: 'folder', size: undefined, modified: undefined, version: '', observed };
}

function requestOf({ value }: TreeFile, { get }: DocumentRoute | { readonly get: string }): Request {
  return { template: get, value };
}

/** Of what a switch holds: the bytes themselves. */
function versionOf(bytes: Buffer): string {
  return `state-${bytes.toString('hex')}`;
}

/** Not the memory that the document lies in: whoever keeps a piece would keep all of it. */
async function* piecesOf(bytes: Buffer, start: number, end: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = Math.min(start, bytes.length); at < Math.min(end, bytes.length); at += pieceSize) {
    yield Uint8Array.from(bytes.subarray(at, Math.min(at + pieceSize, end)));
  }
}

function signInOf(platform: string, { user }: Remote, { password, apiKey }: Credentials): { user: string; password: string; key: string } {
  if (user === undefined) throw new FsError('EINVAL', 'the remote names no user');
  if (apiKey === undefined) throw new FsError('EINVAL', `${platform} wants a key besides the password: AMARRE_API_KEY, --api-key-file or --api-key-command`);
  if (password === undefined) throw new FsError('EINVAL', `${platform} wants a password besides the key: AMARRE_PASSWORD, --password-file or --password-command`);
  if (/\p{Cc}/u.test(`${apiKey}${password}`)) throw new FsError('EINVAL', 'key and password have no control characters');
  return { user, password, key: apiKey };
}
