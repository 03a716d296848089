/** What is where: by the picture of the lists, by a row of its own, and always by the server before anything is said to be missing. */
import { FsError } from '../../errors.js';
import { throwIfAborted } from '../../http/waiting.js';
import { isHiddenName } from '../hidden-names.js';
import { nameOf } from '../paths.js';
import type { Entry, Location } from '../provider.js';
import type { Api } from './api.js';
import { entryOf } from './entries.js';
import { fresh, type Lists } from './lists.js';
import type { FileRow } from './rows.js';
import type { Found, Node } from './tree.js';
import type { Versions } from './versions.js';

export class Looker {
  constructor(private readonly api: Api, private readonly lists: Lists, private readonly versions: Versions) {}

  /** The contract's `stat`: a look at the thing's own row, where its id is known, and it is still where it was. */
  async look({ path, id }: Location, signal: AbortSignal): Promise<Entry> {
    throwIfAborted(signal);
    if (path === '/') return this.root();
    if (isHiddenName(nameOf(path))) throw new FsError('ENOENT', `${path} is not shown`);
    const before = this.lists.known?.find(path);
    if (before?.kind === 'node' && (id === undefined || before.node.row.id === id)) {
      const { row } = before.node;
      const told = await this.api.row(row.kind, row.id, `look: ${path}`, signal);
      const node = told === undefined ? undefined : this.lists.note(told.row);
      const after = this.lists.known?.find(path);
      if (told !== undefined && node !== undefined && after?.kind === 'node' && after.node.row.id === row.id) return entryOf(node, this.versions, told.date);
      // It is gone, or elsewhere: what is there now the lists must tell.
      this.lists.distrust();
    }
    const found = await this.lists.find(path, (one) => one.kind === 'node', signal);
    return entryOf(nodeFound(path, found), this.versions, this.lists.date);
  }

  root(): Entry {
    return { name: '/', kind: 'folder', size: undefined, modified: undefined, version: '', observed: this.lists.date };
  }

  /** The row of a document by the last picture, however old: whoever goes on finds out. ENOENT, EISDIR, ENOTDIR. */
  async known({ path, id }: Location, signal: AbortSignal): Promise<FileRow> {
    throwIfAborted(signal);
    const row = id === undefined ? undefined : this.lists.known?.file(id);
    if (row !== undefined) return row;
    const found = await this.lists.find(path, (one) => one.kind === 'node' && one.node.row.kind === 'file', signal);
    if (found.kind === 'root') throw new FsError('EISDIR', '/ is a folder');
    const node = nodeFound(path, found);
    if (node.row.kind === 'folder') throw new FsError('EISDIR', `${path} is a folder`);
    return node.row;
  }

  /** A document's row as it is now. ENOENT where it is gone. */
  async freshFile(id: string, what: string, signal: AbortSignal): Promise<FileRow> {
    const told = await this.api.row('file', id, what, signal);
    if (told?.row.kind === 'file') {
      this.lists.note(told.row);
      return told.row;
    }
    const row = (await this.lists.tree(fresh, signal)).file(id);
    if (row === undefined) throw new FsError('ENOENT', `${what}: it is not there any more`);
    return row;
  }

  /** Where a row stands in the tree; by itself where it is in none. */
  nodeOf(row: FileRow): Node {
    const node = this.lists.known?.node(row.id);
    return node === undefined ? { row, name: row.name, folder: row.idFolder } : { ...node, row };
  }

  /**
   * What is to be changed: of the usual age, asked anew before it is said to be missing or another. ESTALE where
   * the path has come to lead to another than was meant: to delete that would be to delete something unseen.
   */
  async existing({ path, id }: Location, signal: AbortSignal): Promise<Node> {
    const meant = (found: Found): boolean => found.kind === 'node' && (id === undefined || found.node.row.id === id);
    const node = nodeFound(path, await this.lists.find(path, meant, signal));
    if (id !== undefined && node.row.id !== id) throw new FsError('ESTALE', `${path} is another one now`);
    return node;
  }
}

/** The node of a path, or the error of whoever needs one. */
export function nodeFound(path: string, found: Found): Node {
  switch (found.kind) {
    case 'node': return found.node;
    case 'root': throw new FsError('EBUSY', 'the root of the drive is not changed');
    case 'nothing': case 'no way': throw new FsError('ENOENT', `${path} is not there`);
    case 'through a file': throw new FsError('ENOTDIR', `${path} goes through a file`);
  }
}
