/**
 * Links for people who have no account: share links to a file or folder, deposit links into a folder. What the
 * platform was asked to make is compared with what it made: the new form of share links passes over a password
 * in silence, and a link that is open to more than was meant is taken away again. (NetExplorer's page: share link)
 */
import { FsError, isErrno } from '../../errors.js';
import { nameOf, parentOf } from '../paths.js';
import type { Location } from '../provider.js';
import type { Link, LinkOptions, Links } from '../services.js';
import type { LinkSettings } from '../settings.js';
import type { Call } from './api.js';
import { segment } from './calls.js';
import { linkAddress, linkBody, linkPatterns, type LinkPattern } from './link-bodies.js';
import { isAbout } from './link-dates.js';
import { isTarget, readLink, readLinks, type LinkObject } from './link-objects.js';
import { topId } from './memory.js';
import { readId, type FolderObject, type TreeObject } from './objects.js';
import type { Tree } from './tree.js';

/** How long taking a link away again may take, in milliseconds. */
const takingBack = 10_000;

/** What tells the two kinds of links apart. */
interface Kind {
  /** Of one, and of all. */
  readonly route: string;
  readonly routeOfAll: string;
  readonly address: string;
  readonly right: 'dlink' | 'ulink';
  /** What the platform does not let this account do. */
  readonly deed: string;
}

abstract class NetexplorerLinks implements Links {
  constructor(protected readonly tree: Tree, private readonly kind: Kind, private readonly origin: string) {}

  async make(location: Location, options: LinkOptions, signal: AbortSignal): Promise<Link> {
    const { path } = location;
    const { object, folder } = await this.lookAt(path, signal);
    this.mustSuit(object, path);
    if (folder.permissions[this.kind.right] === false || object.permissions[this.kind.right] === false) {
      throw new FsError('EACCES', `${path}: the platform does not let this account ${this.kind.deed}`);
    }
    return this.shown(await this.makeOf(object, location, options, signal));
  }

  async list(location: Location | undefined, signal: AbortSignal): Promise<readonly Link[]> {
    const own = await this.own(signal);
    if (location === undefined) return own.links.map((link) => this.shown(link));
    const { object } = await this.lookAt(location.path, signal);
    return own.links.filter(({ targets }) => targets.some((target) => isTarget(target, object))).map((link) => this.shown(link));
  }

  /** Of somebody else's link, or another kind's, an administrator would take away more than he sees listed. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const { links, complete } = await this.own(signal);
    const missing = new FsError('ENOENT', `no link of yours has the id ${id}: --list shows them`);
    if (readId(id) !== id || (complete && !links.some((link) => link.id === id))) throw missing;
    const reply = await this.tree.api.call(this.removal(id), signal);
    if (reply.kind === 'answer') return reply.answer.body.return().then(() => undefined);
    throw isErrno(reply.error, 'ENOENT') ? missing : reply.error;
  }

  protected abstract mustSuit(object: TreeObject, path: string): void;
  protected abstract makeOf(object: TreeObject, location: Location, options: LinkOptions, signal: AbortSignal): Promise<LinkObject>;

  /** Makes a link and looks whether it is what was asked for; takes it away again where it is not: EOPNOTSUPP. */
  protected async makeBy(
    pattern: LinkPattern, object: TreeObject, { path }: Location, options: LinkOptions, signal: AbortSignal,
  ): Promise<LinkObject> {
    const json = linkBody(pattern, object, path === '/' ? object.name : nameOf(path), options);
    const call: Call = { operation: 'link', method: 'POST', path: this.kind.route, route: this.kind.route, about: path, json, idempotent: false };
    const told = await this.tree.api.ask(call, readLink, signal);
    if (told.kind === 'lost') throw new FsError('EIO', `${told.error.message} (a link may have been made: --list tells)`, { cause: told.error });
    if (told.kind === 'refused') throw told.error;
    const made = told.value;
    this.seen(made);
    try {
      // An answer may say less of a link than the list does.
      const wanting = options.expires !== undefined && made.expires === undefined;
      const link = wanting ? (await this.own(signal)).links.find(({ id }) => id === made.id) ?? made : made;
      const wrong = wrongWith(link, object, options);
      if (wrong !== undefined) throw new FsError('EOPNOTSUPP', `${path}: ${wrong}: it was taken away again`);
      return link;
    } catch (error) {
      await this.takeBack(made.id);
      throw error;
    }
  }

  /** The account's own links, as far as the platform says whose they are. */
  protected async own(signal: AbortSignal): Promise<{ readonly links: readonly LinkObject[]; readonly complete: boolean }> {
    const { routeOfAll: route } = this.kind;
    const call: Call = { operation: 'link', method: 'GET', path: route, route, about: 'the links', idempotent: true };
    const { value: { links, complete } } = await this.tree.api.get(call, readLinks, signal);
    // The names that ask for the rest are not documented.
    if (!complete) this.tree.log.warn({ route }, 'the platform lists a part of the links only');
    for (const link of links) this.seen(link);
    const { id: self } = this.tree.account;
    return { links: links.filter(({ ownerId }) => self === undefined || ownerId === undefined || ownerId === self), complete };
  }

  /** What a link of the platform's looks like. */
  protected abstract seen(link: LinkObject): void;

  private async takeBack(id: string): Promise<void> {
    try {
      const reply = await this.tree.api.call(this.removal(id), AbortSignal.timeout(takingBack));
      if (reply.kind === 'answer') await reply.answer.body.return();
      else throw reply.error;
    } catch (error) {
      this.tree.log.error({ id, err: error }, 'a link that is not what was asked for could not be taken away again: amarre link --remove');
    }
  }

  private removal(id: string): Call {
    const { route } = this.kind;
    return { operation: 'link', method: 'DELETE', path: `${route}/${segment(id)}`, route: `${route}/:id`, about: `the link ${id}`, idempotent: true };
  }

  /** The thing and the folder whose rights say what may be done with it, by fresh looks. */
  private async lookAt(path: string, signal: AbortSignal): Promise<{ readonly object: TreeObject; readonly folder: FolderObject }> {
    const { looker } = this.tree;
    if (path === '/') {
      if (looker.base.id === topId) throw new FsError('EINVAL', 'the platform has no links to its top: name a folder or file');
      const { object } = await looker.lookAtBase(signal);
      return { object, folder: object };
    }
    const sight = await looker.find(path, signal);
    if (sight === undefined) throw new FsError('ENOENT', `${path} is not there`);
    const { object } = sight;
    if (object.kind === 'folder') return { object, folder: object };
    const above = parentOf(path);
    const folder = above === '/' ? await looker.lookAtBase(signal) : await looker.find(above, signal);
    if (folder?.object.kind !== 'folder') throw new FsError('ENOENT', `${path} is not there`);
    return { object, folder: folder.object };
  }

  private shown({ id, key, targets, created, expires, downloads }: LinkObject): Link {
    const leadsTo = targets.map(({ name, kind }) => (name === undefined ? '(without a name)' : `${this.tree.names.decode(name)}${kind === 'folder' ? '/' : ''}`)).join(', ');
    return { id, address: linkAddress(this.kind.address, this.origin, key), leadsTo, created, expires, downloads };
  }
}

export class ShareLinks extends NetexplorerLinks {
  private form: 'new' | 'old' | undefined;

  constructor(tree: Tree, private readonly settings: LinkSettings, origin: string) {
    super(tree, { route: '/sharelink', routeOfAll: '/sharelinks', address: settings.shareAddress, right: 'dlink', deed: 'make links to it' }, origin);
    this.form = settings.form === 'auto' ? undefined : settings.form;
  }

  protected override mustSuit(): void {
    // Files and folders alike.
  }

  protected override seen({ form }: LinkObject): void {
    this.form ??= form;
  }

  /** Which form a platform has its links show; where there are none yet, what it makes of the one. */
  protected override async makeOf(object: TreeObject, location: Location, options: LinkOptions, signal: AbortSignal): Promise<LinkObject> {
    const { shareBody } = this.settings;
    if (shareBody !== undefined) return this.makeBy(shareBody, object, location, options, signal);
    if (this.form === undefined) await this.own(signal);
    const guarded = options.password !== undefined || options.downloads !== undefined;
    if (this.form === 'new' && guarded) {
      throw new FsError('EOPNOTSUPP', `${location.path}: this platform's links have no password and no number of downloads`);
    }
    const first = this.form ?? (guarded ? 'old' : 'new');
    try {
      return await this.makeBy(linkPatterns[first], object, location, options, signal);
    } catch (error) {
      const other = this.form ?? 'old';
      if (other === first || !(isErrno(error, 'EINVAL') || isErrno(error, 'EOPNOTSUPP'))) throw error;
      return this.makeBy(linkPatterns[other], object, location, options, signal);
    }
  }
}

export class DepositLinks extends NetexplorerLinks {
  constructor(tree: Tree, private readonly settings: LinkSettings, origin: string) {
    super(tree, { route: '/ulink', routeOfAll: '/ulinks', address: settings.depositAddress, right: 'ulink', deed: 'make deposit links into it' }, origin);
  }

  protected override mustSuit(object: TreeObject, path: string): void {
    if (object.kind !== 'folder') throw new FsError('ENOTDIR', `${path} is a file: what others deposit goes into a folder`);
  }

  protected override seen(): void {
    // They have one form.
  }

  protected override makeOf(object: TreeObject, location: Location, options: LinkOptions, signal: AbortSignal): Promise<LinkObject> {
    return this.makeBy(this.settings.depositBody ?? linkPatterns.deposit, object, location, options, signal);
  }
}

/** How a link differs from what was asked for, or undefined. */
function wrongWith({ targets, expires, hasPassword, maxDownloads }: LinkObject, object: TreeObject, asked: LinkOptions): string | undefined {
  if (!targets.every((target) => isTarget(target, object)) || targets.length === 0) return 'the platform made a link to something else (see --link-body)';
  if (asked.expires !== undefined && !isAbout(asked.expires, expires)) return 'the platform made a link that does not expire then';
  if (asked.password !== undefined && hasPassword !== true) return 'the platform made a link without a password';
  if (asked.downloads !== undefined && maxDownloads !== asked.downloads) return 'the platform made a link without that number of downloads';
  return undefined;
}
