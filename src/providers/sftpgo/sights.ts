/**
 * What is at a path, by whatever way the server allows: HEAD; and where that is refused, since it wants
 * the right to download, or is not offered, the folder's listing. Where both are refused, nobody can tell.
 */
import { FsError, isErrno } from '../../errors.js';
import { nameOf, parentOf } from '../paths.js';
import type { Listing, Lister } from './listing.js';
import type { Looker, Sight } from './looking.js';
import type { Rights } from './rights.js';
import { parseVersion } from './version.js';

export class Sights {
  constructor(private readonly looker: Looker, private readonly lister: Lister, private readonly rights: Rights) {}

  /** What is at a path (from the home's root), hidden files too. Throws EINTR, and EIO where no clear answer came. */
  async look(path: string, signal: AbortSignal): Promise<Sight> {
    const folder = parentOf(path);
    const known = this.rights.missing('look', folder);
    if (known !== undefined) return this.lookByListing(path, { kind: 'refused', error: known, lacks: 'right' }, signal);
    const sight = await this.looker.look(path, signal);
    if (sight.kind !== 'refused' || sight.lacks === undefined) return sight;
    const seen = await this.lookByListing(path, sight, signal);
    this.rights.learn('look', folder, sight.error, sight.lacks);
    return seen;
  }

  private async lookByListing(path: string, refused: Extract<Sight, { kind: 'refused' }>, signal: AbortSignal): Promise<Sight> {
    let listing: Listing;
    try {
      listing = await this.lister.list(parentOf(path), signal);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return { kind: 'nothing', date: this.lister.now };
      if (isErrno(error, 'ENOTDIR')) return { kind: 'through a file' };
      if (isErrno(error, 'EACCES')) return { ...refused, error: new FsError('EACCES', refused.error.message, { cause: refused.error }) };
      throw error;
    }
    const { date } = listing;
    if (path === '/') return { kind: 'folder', date };
    const entry = listing.entries.find(({ name }) => name === nameOf(path));
    if (entry?.kind === 'folder') return { kind: 'folder', date, modified: entry.modified };
    const parts = entry === undefined ? listing.hidden.find((one) => one.path === path) : parseVersion(entry.version);
    if (parts !== undefined) return { kind: 'file', size: parts.size, modified: parts.modified, date };
    // Something that is not shown stands there, a link for one: nothing may be written over it unseen.
    if (listing.leftOut.has(nameOf(path))) return { kind: 'refused', error: new FsError('EACCES', `${path} is something that cannot be looked at`), lacks: undefined };
    return { kind: 'nothing', date };
  }
}
