/**
 * The platform's trash as a service. Emptying destroys what this account has put there, one thing at a time:
 * the platform's own "empty" can take what every user has there. (NetExplorer's page: routes, objects)
 */
import { z } from 'zod';
import { FsError, isErrno } from '../../errors.js';
import type { Entry, Location } from '../provider.js';
import type { Trash, TrashedThing } from '../services.js';
import { readList, segment } from './calls.js';
import { readCount, readFile, readFolder, readId, readName, readPerson, readTime, type TreeObject } from './objects.js';
import type { Tree } from './tree.js';

const answer = z.looseObject({ folders: z.unknown(), files: z.unknown() }).partial();
/** The platform leaves out what it does not know. */
const thing = z.looseObject({});

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
    const things = await this.things(signal);
    const own = things.filter(({ ownerId }) => ownerId === self);
    if (own.length === 0 && things.some(({ ownerId }) => ownerId === undefined)) throw new FsError('EACCES', 'the platform does not say who has put the things into the trash: none is destroyed');
    let count = 0;
    for (const { shown: { id, name } } of own) {
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
  if (!parsed.success) return undefined;
  const { deletion, owner, owner_id: ownerId, size } = parsed.data;
  const id = readId(parsed.data['id']);
  const name = readName(parsed.data);
  if (id === undefined || name === undefined) return undefined;
  const shown = { id, name, kind, deleted: readTime(deletion) ?? 0, size: readCount(size), owner: readPerson(owner) };
  return { shown, ownerId: readId(ownerId) };
}
