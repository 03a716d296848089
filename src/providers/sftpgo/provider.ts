/**
 * SFTPGo's user API as a provider: the contract's members, each handed to the part that knows how.
 * Paths come from the remote's base and go out from the home's root.
 */
import { FsError, isErrno } from '../../errors.js';
import { HttpClient } from '../../http/client.js';
import { driveRetries } from '../../http/retry.js';
import type { Log } from '../../observe/log.js';
import { isHiddenName } from '../hidden-names.js';
import { joinPath, nameOf, parentOf } from '../paths.js';
import type { Access, Content, CopyOptions, Download, Entry, Location, Provider, Quota, ReadRequest, Traits, WriteOptions } from '../provider.js';
import type { Remote } from '../remote.js';
import type { Credentials, ProviderSettings } from '../settings.js';
import { Api } from './api.js';
import { Connector } from './connecting.js';
import { FileCopier } from './copying.js';
import { refuseName } from './encoding.js';
import { Lister } from './listing.js';
import { Looker, type Sight } from './looking.js';
import { Mover } from './moving.js';
import { Prober } from './probing.js';
import { FileReader } from './reading.js';
import { sightError } from './sight-error.js';
import { SignIn } from './sign-in.js';
import { Pace } from './pace.js';
import { Rights, type Right } from './rights.js';
import { Sights } from './sights.js';
import { Sightings } from './sightings.js';
import { Temporaries } from './temporaries.js';
import { formatVersion, wholeSecond } from './version.js';
import { ZipReader } from './zip-reading.js';
import { FileWriter } from './writing.js';

/** The server closes idle connections after 60 s, without a word: ours are closed before. (SFTPGo's page: statuses) */
const keepAlive = 50_000;
/** Entries in a batch of a listing. */
const batchSize = 1000;
/** How long signing out may take, in milliseconds. */
const signOutPatience = 2_000;

export class SftpgoProvider implements Provider {
  readonly name = 'sftpgo';
  readonly probe: Prober;
  private readonly http: HttpClient;
  private readonly signIn: SignIn;
  private readonly looker: Looker;
  private readonly lister: Lister;
  private readonly reader: FileReader;
  private readonly writer: FileWriter;
  private readonly copier: FileCopier;
  private readonly mover: Mover;
  private readonly temporaries: Temporaries;
  private readonly connector: Connector;
  private readonly sightings = new Sightings();
  private readonly sights: Sights;
  private readonly rights: Rights;
  private readonly base: string;
  private readonly parallelRequests: number;
  private closing: Promise<void> | undefined;

  /** EINVAL where credentials are missing or cannot be sent. */
  constructor(remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log) {
    const { parallelRequests, stallTimeout, serverTimeout, instances, profile, network, elapsed, observer } = settings;
    this.base = remote.base;
    this.parallelRequests = parallelRequests;
    this.http = new HttpClient({
      origin: remote.origin, network, elapsed, parallelRequests, keepAlive, stallTimeout, serverTimeout, userAgent: 'amarre', observer,
      retry: driveRetries(stallTimeout),
    }, log);
    this.signIn = new SignIn(this.http, remote.user, credentials, log);
    const api = new Api(this.http, this.signIn, new Pace());
    this.rights = new Rights(profile);
    this.looker = new Looker(api);
    this.lister = new Lister(api, this.looker, this.rights, log, stallTimeout);
    this.sights = new Sights(this.looker, this.lister, this.rights);
    this.temporaries = new Temporaries(api, instances, log);
    this.reader = new FileReader(api, this.looker, this.sights, this.rights, new ZipReader(api, this.sights, this.rights));
    this.writer = new FileWriter(api, this.looker, this.sights, this.rights, this.temporaries, log);
    this.copier = new FileCopier(api, this.looker, this.sights, this.temporaries, this.writer);
    this.mover = new Mover(api, this.looker, this.lister, this.temporaries, this.sightings, this.sights, this.rights);
    this.connector = new Connector(api, this.looker, this.rights, log);
    this.probe = new Prober({
      api, looker: this.looker, lister: this.lister, temporaries: this.temporaries, base: this.base, locate: (path) => this.locate(path),
      readAnyhow: async (path, end, signal) => {
        const { body } = await this.read({ path: this.locate(path) }, { start: 0, end, version: undefined }, signal);
        const pieces: Uint8Array[] = [];
        for await (const piece of body) pieces.push(piece);
        return Buffer.concat(pieces);
      },
    });
  }

  /** What shows of the server while it is used: an operator may offer only some of its services. */
  get traits(): Traits {
    const offered = (right: Right): boolean => this.rights.missing(right, '/') === undefined;
    return {
      atomicReplace: true,
      serverSideCopy: true,
      settableTimes: this.rights.profile === 'auto' ? 'files and folders' : 'none',
      timeResolution: 1000,
      ranges: offered('ranges'),
      stableIds: false,
      caseSensitive: true,
      maxFileSize: Number.MAX_SAFE_INTEGER,
      parallelRequests: this.parallelRequests,
    };
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.connector.connect(this.base, signal);
  }

  refuseName(name: string): FsError | undefined {
    return refuseName(name);
  }

  learntRefusal(access: Access, location: Location): FsError | undefined {
    const path = this.pathOf(location);
    const above = parentOf(path);
    switch (access) {
      case 'see': return this.rights.missing('list', path);
      case 'read': return this.rights.missing('download', above);
      case 'make': return this.rights.missing('upload', above);
      case 'replace': return this.rights.missing('upload', above) ?? this.rights.missing('replace', above);
      case 'date': return this.rights.missing('set times', above);
    }
  }

  forget(location: Location): void {
    const path = this.pathOf(location);
    const above = parentOf(path);
    const below = path === '/' ? '/' : `${path}/`;
    this.rights.forget((folder) => folder === path || folder === above || folder.startsWith(below));
  }

  async *list(folder: Location, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    const path = this.pathOf(folder);
    const { entries, hidden } = await this.lister.list(path, signal);
    this.temporaries.clean(hidden);
    for (const entry of entries) this.note(joinPath(path, entry.name), entry);
    for (let at = 0; at < entries.length; at += batchSize) yield entries.slice(at, at + batchSize);
  }

  async stat(location: Location, signal: AbortSignal): Promise<Entry> {
    const path = this.pathOf(location);
    if (isHiddenName(nameOf(path)) || this.lister.isSpecial(path)) throw new FsError('ENOENT', `${path} is not shown`);
    const sight = await this.sights.look(path, signal);
    return this.note(path, entryOf(location, sight));
  }

  read(file: Location, request: ReadRequest, signal: AbortSignal): Promise<Download> {
    return this.reader.read(this.openable(file), request, signal);
  }

  async write(target: Location, content: Content, options: WriteOptions, signal: AbortSignal): Promise<Entry> {
    const path = this.newPath(target);
    return this.note(path, await this.writer.write(path, content, options, signal));
  }

  async createFolder(folder: Location, signal: AbortSignal): Promise<Entry> {
    return this.mover.createFolder(this.newPath(folder), signal);
  }

  async removeFile(file: Location, signal: AbortSignal): Promise<void> {
    await this.mover.removeFile(this.pathOf(file), signal);
  }

  async removeFolder(folder: Location, signal: AbortSignal): Promise<void> {
    if (folder.path === '/') throw new FsError('EBUSY', 'the root of the drive is not removed');
    await this.mover.removeFolder(this.pathOf(folder), signal);
  }

  async move(from: Location, to: Location, options: { readonly replace: boolean }, signal: AbortSignal): Promise<Entry | undefined> {
    if (from.path === '/' || to.path === '/') throw new FsError('EBUSY', 'the root of the drive is not moved');
    await this.mover.move(this.pathOf(from), this.newPath(to), options.replace, signal);
    return undefined;
  }

  async setModified(location: Location, current: Entry, modified: number, signal: AbortSignal): Promise<Entry> {
    const observed = await this.writer.setTime(this.openable(location), modified, signal);
    const shown = wholeSecond(modified);
    const version = current.size === undefined ? current.version : formatVersion({ size: current.size, modified: shown });
    return this.note(this.pathOf(location), { ...current, modified: shown, version, observed });
  }

  /** Into the root of the drive where that is allowed: there it does not keep its folder from being removed. */
  async park(file: Location, signal: AbortSignal): Promise<Location> {
    const from = this.pathOf(file);
    const near = parentOf(from);
    for (const folder of new Set([this.base, near])) {
      const to = this.temporaries.pathIn(folder);
      try {
        await this.mover.move(from, to, true, signal);
        return { path: this.locate(to) };
      } catch (error) {
        if (folder === near || !(isErrno(error, 'EACCES') || isErrno(error, 'EPERM') || isErrno(error, 'EXDEV'))) throw error;
      }
    }
    throw new FsError('EIO', `${from} could not be moved away`);
  }

  async copy(from: Location, to: Location, options: CopyOptions, signal: AbortSignal): Promise<Entry> {
    const path = this.newPath(to);
    return this.note(path, await this.copier.copy(this.openable(from), path, options, signal));
  }

  /** SFTPGo does not tell a user his quota. */
  quota(): Promise<Quota | undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await this.temporaries.close();
    await this.signIn.signOut(AbortSignal.timeout(signOutPatience));
    await this.http.close();
  }

  private note(path: string, entry: Entry): Entry {
    this.sightings.note(path, entry.kind === 'file' ? entry.version : undefined);
    return entry;
  }

  /** From the home's root. */
  private pathOf(location: Location): string {
    return joinPath(this.base, location.path);
  }

  /** From the remote's base again. */
  private locate(path: string): string {
    return this.base === '/' ? path : path.slice(this.base.length);
  }

  /** The path of something that is to be opened: a pipe would hang. */
  private openable(location: Location): string {
    const path = this.pathOf(location);
    if (this.lister.isSpecial(path)) throw new FsError('ENOENT', `${path} is a pipe, socket or device`);
    return path;
  }

  /** The path of something that is to be made, or replaced. */
  private newPath(location: Location): string {
    const refused = refuseName(nameOf(location.path));
    if (refused !== undefined) throw refused;
    const path = this.pathOf(location);
    if (this.lister.isSpecial(path)) throw new FsError('EEXIST', `${path} is a pipe, socket or device on the server`);
    return path;
  }
}

function entryOf(location: Location, sight: Sight): Entry {
  const name = nameOf(location.path);
  if (sight.kind === 'file') {
    return { name, kind: 'file', size: sight.size, modified: sight.modified, version: formatVersion(sight), observed: sight.date };
  }
  // A folder's time stands in its parent's listing only.
  if (sight.kind === 'folder') return { name, kind: 'folder', size: undefined, modified: sight.modified, version: '', observed: sight.date };
  throw sightError(location.path, sight);
}
