/** The versions of a file as a service: which there are, and one of them made the present one again. (NetExplorer's page: routes) */
import { FsError } from '../../errors.js';
import type { Content, Entry, Location } from '../provider.js';
import type { FileVersion, Versions } from '../services.js';
import { askVersions } from './calls.js';
import type { FileObject } from './objects.js';
import type { Tree } from './tree.js';

export interface VersionParts {
  readonly tree: Tree;
  /** Puts content at a path, as the contract's `write`. */
  readonly write: (path: string, content: Content, known: { readonly modified: number; readonly md5: string | undefined }, signal: AbortSignal) => Promise<Entry>;
  /** The bytes of one version by its own number, from `start`. */
  readonly bytesOfVersion: (version: FileObject & { readonly size: number }, path: string, start: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

export class FileVersions implements Versions {
  constructor(private readonly parts: VersionParts) {}

  async list({ path }: Location, signal: AbortSignal): Promise<readonly FileVersion[]> {
    const versions = await this.versionsOf(path, signal);
    return versions.map((version, index) => ({
      number: versions.length - index,
      created: version.created ?? version.modified ?? 0,
      size: version.size,
      author: version.owner,
      current: index === 0,
    }));
  }

  /** The older content becomes a new version: the platform has no other way, and nothing is taken away by it. */
  async restore({ path }: Location, number: number, signal: AbortSignal): Promise<Entry> {
    const { tree, write, bytesOfVersion } = this.parts;
    const versions = await this.versionsOf(path, signal);
    const wanted = versions[versions.length - number];
    if (wanted === undefined) throw new FsError('ENOENT', `${path} has ${versions.length === 1 ? '1 version' : `${versions.length} versions`}: there is no version ${number}`);
    if (wanted === versions[0]) {
      const sight = await tree.looker.file(path, signal);
      return tree.entry(await tree.looker.sized(sight, path, signal));
    }
    const { size } = wanted;
    if (size === undefined) throw new FsError('EIO', `${path}: the platform does not say how long version ${number} is`);
    const content: Content = { size, open: (start) => bytesOfVersion({ ...wanted, size }, path, start, signal) };
    return write(path, content, { modified: tree.api.now, md5: wanted.md5 }, signal);
  }

  /** Newest first, as the platform lists them. */
  private async versionsOf(path: string, signal: AbortSignal): Promise<readonly FileObject[]> {
    const { tree } = this.parts;
    const { object } = await tree.looker.file(path, signal);
    const told = await askVersions(tree.api, object.id, path, signal);
    if (told.kind !== 'told') throw told.error;
    return told.value;
  }
}
