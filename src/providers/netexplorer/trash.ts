/**
 * The platform's trash as a service. Emptying destroys what this account has put there, one thing at a time:
 * the platform's own "empty" can take what every user has there. (NetExplorer's page: routes, objects)
 */
import { z } from 'zod';
import { FsError, isErrno } from '../../errors.js';
import type { Entry, Location } from '../provider.js';
import type { Trash, TrashedThing } from '../services.js';
import { readList, segment } from './calls.js';
import { readCount, readFile, readFolder, readId, readTime, type TreeObject } from './objects.js';
import type { Tree } from './tree.js';

const answer = z.looseObject({ folders: z.unknown(), files: z.unknown() });
const thing = z.looseObject({ id: z.unknown(), name: z.string(), deletion: z.unknown(), owner: z.unknown(), owner_id: z.unknown(), size: z.unknown() });

interface Trashed {
  readonly shown: TrashedThing;
  readonly ownerId: string | undefined;
}

export class TrashService implements Trash {
  constructor(private readonly tree: Tree) {}

  async list(signal: AbortSignal): Promise<readonly TrashedThing[]> {
    return (await this.things(signal)).map(({ shown }) => shown);
  }

  async restore(id: string, { path }: Location, signal: AbortSignal): Promise<Entry> {
    const { looker, names, api } = this.tree;
    const folder = await looker.folder(path, signal);
    const wanted = (await this.things(signal)).find(({ shown }) => shown.id === id)?.shown;
    if (wanted === undefined) throw new FsError('ENOENT', `the trash has nothing of the id ${id}`);
    const name = names.decode(wanted.name);
    if (await looker.child(folder, name, signal) !== undefined) throw new FsError('EEXIST', `${path} has a ${name} already: move it away, or name another folder`);
    const told = await api.ask({
      operation: 'restore', method: 'PUT', path: `/trash/${segment(id)}`, route: '/trash/:id', about: wanted.name, json: { folder_id: Number(folder.id) }, idempotent: false,
    }, (value) => this.restored(value, wanted.kind) ?? 'nothing', signal);
    if (told.kind !== 'told') throw told.error;
    // What it is like there is the platform's to say: its answer was seen to be careless.
    const sight = await looker.child(folder, told.value === 'nothing' ? name : names.decode(told.value.name), signal);
    if (sight === undefined) throw new FsError('EIO', `${name} was taken out of the trash, and ${path} does not show it`);
    looker.made(folder.id, sight.name, sight.object);
    return this.tree.entry(sight);
  }

  async empty(signal: AbortSignal): Promise<number> {
    const self = this.tree.account.id;
    if (self === undefined) throw new FsError('EACCES', 'the platform does not say whose account this is: nobody could tell what in the trash is yours');
    let count = 0;
    for (const { shown: { id, name }, ownerId } of await this.things(signal)) {
      if (ownerId !== self) continue;
      const reply = await this.tree.api.call({ operation: 'trash', method: 'DELETE', path: `/trash/${segment(id)}`, route: '/trash/:id', about: name, idempotent: true }, signal);
      if (reply.kind === 'answer') await reply.answer.discard();
      else if (!isErrno(reply.error, 'ENOENT')) throw reply.error;
      count += 1;
    }
    return count;
  }

  private restored(value: unknown, kind: 'file' | 'folder'): TreeObject | undefined {
    return kind === 'file' ? readFile(value) : readFolder(value);
  }

  private async things(signal: AbortSignal): Promise<readonly Trashed[]> {
    const { value } = await this.tree.api.get({ operation: 'trash', method: 'GET', path: '/trashes', route: '/trashes', about: 'the trash', idempotent: true }, (told) => {
      const parsed = answer.safeParse(told);
      if (!parsed.success) return undefined;
      const read = (list: unknown, kind: 'file' | 'folder') => (readList(list) ?? []).map((item) => readThing(item, kind)).filter((one) => one !== undefined);
      return [...read(parsed.data.folders, 'folder'), ...read(parsed.data.files, 'file')];
    }, signal);
    return value;
  }
}

function readThing(value: unknown, kind: 'file' | 'folder'): Trashed | undefined {
  const parsed = thing.safeParse(value);
  const id = parsed.success ? readId(parsed.data.id) : undefined;
  if (!parsed.success || id === undefined) return undefined;
  const { name, deletion, owner, owner_id: ownerId, size } = parsed.data;
  const shown = { id, name, kind, deleted: readTime(deletion) ?? 0, size: readCount(size), owner: typeof owner === 'string' ? owner : undefined };
  return { shown, ownerId: readId(ownerId) };
}
