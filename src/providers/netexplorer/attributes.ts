/** What the platform knows of a thing besides: for `user.amarre.*`. (NetExplorer's page: objects, routes) */
import { z } from 'zod';
import type { Api } from './api.js';
import { segment } from './calls.js';
import type { FolderPlace, Sight } from './looking.js';
import { readCount } from './objects.js';

const text = z.string().min(1).optional().catch(undefined);
const infos = z.looseObject({ author: text, title: text, annotations: z.unknown().optional(), length: z.unknown().optional() });

/** What `sight` tells itself, and of a file what only the platform's infos do. A folder's files may be purged. */
export async function attributesOf(api: Api, sight: Sight, parent: FolderPlace, path: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const { object } = sight;
  const attributes = new Map<string, string>();
  const put = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) attributes.set(name, String(value));
  };
  put('id', object.id);
  put('owner', object.owner);
  if (object.kind === 'folder') {
    put('purge-days', object.purgeDays);
    return attributes;
  }
  put('guid', object.guid);
  put('md5', object.md5);
  put('version', object.versions);
  if (object.lock !== undefined) put('lock', object.lock.owner ?? object.lock.ownerId ?? 'somebody');
  put('purge-days', parent.object?.purgeDays);
  const told = await api.ask({
    operation: 'details', method: 'GET', path: `/file/${segment(object.id)}/infos`, route: '/file/:id/infos', about: path, idempotent: true,
  }, (value) => infos.safeParse(value).data, signal);
  // Not every platform knows them, nor of every file: then there are none.
  if (told.kind !== 'told') return attributes;
  const { author, title, annotations, length } = told.value;
  put('author', author);
  put('title', title);
  put('annotations', Array.isArray(annotations) ? annotations.length : readCount(annotations));
  // Pages, not bytes.
  put('pages', readCount(length));
  return attributes;
}
