/** Links as the platform tells them, in both forms, read once at the border. (NetExplorer's page: share link) */
import { z } from 'zod';
import { readList } from './calls.js';
import { readLinkDate } from './link-dates.js';
import { readCount, readId, type TreeObject } from './objects.js';

/** Something that a link leads to. */
export interface LinkTarget {
  readonly kind: 'file' | 'folder' | undefined;
  readonly id: string | undefined;
  readonly guid: string | undefined;
  readonly name: string | undefined;
}

export interface LinkObject {
  readonly id: string;
  readonly key: string;
  /** The new form has roots, the older one files; undefined: a deposit link, or not said. */
  readonly form: 'new' | 'old' | undefined;
  readonly targets: readonly LinkTarget[];
  readonly expires: number | undefined;
  readonly created: number | undefined;
  readonly ownerId: string | undefined;
  /** Of the older form alone. */
  readonly hasPassword: boolean | undefined;
  readonly downloads: number | undefined;
  readonly maxDownloads: number | undefined;
}

const fields = z.looseObject({
  id: z.unknown(), key: z.string().min(1), roots: z.array(z.unknown()).nullish(), files: z.array(z.unknown()).nullish(),
  password_protected: z.union([z.boolean(), z.number()]).optional().catch(undefined),
});
const target = z.looseObject({});
const text = z.string().min(1).optional().catch(undefined);

/** Undefined where it has no id or no key, by which it could be neither opened nor taken away. */
export function readLink(value: unknown): LinkObject | undefined {
  const parsed = fields.safeParse(value);
  if (!parsed.success) return undefined;
  const { key, roots, files, ...link } = parsed.data;
  const id = readId(link.id);
  if (id === undefined) return undefined;
  const { password_protected: hasPassword } = link;
  return {
    id, key,
    form: Array.isArray(roots) ? 'new' : Array.isArray(files) ? 'old' : undefined,
    targets: roots?.map(readTarget) ?? files?.map(readTarget) ?? [readDepositFolder(link)],
    expires: readLinkDate(link['expiration_date']),
    created: readLinkDate(link['creation_date']),
    ownerId: readId(link['owner_id']),
    hasPassword: hasPassword === undefined ? undefined : Boolean(hasPassword),
    downloads: readCount(link['remaining_downloads']),
    maxDownloads: readCount(link['max_downloads']),
  };
}

/** All links of an answer, and whether there are more that it does not hold. */
export function readLinks(value: unknown): { readonly links: readonly LinkObject[]; readonly complete: boolean } | undefined {
  const list = readList(value);
  if (list === undefined) return undefined;
  const total = z.looseObject({ nb_total_objects: z.unknown() }).safeParse(value);
  const complete = (total.success ? readCount(total.data.nb_total_objects) ?? 0 : 0) <= list.length;
  return { links: list.map(readLink).filter((link) => link !== undefined), complete };
}

/** Whether a target is this very thing: files and folders count their ids apart. What a target does not say decides nothing, but something must. */
export function isTarget(one: LinkTarget, object: TreeObject): boolean {
  if (one.kind !== undefined && one.kind !== object.kind) return false;
  if (object.kind === 'file' && one.guid !== undefined && object.guid !== undefined) return one.guid === object.guid;
  return one.id === object.id;
}

/** An object, or an id alone. */
function readTarget(value: unknown): LinkTarget {
  const parsed = target.safeParse(value);
  if (!parsed.success) return { kind: undefined, id: readId(value), guid: undefined, name: undefined };
  const { id, guid, entity_type: type, name, nom } = parsed.data;
  const ownGuid = readId(guid);
  const kind = readCount(type) === 0 ? 'file' : readCount(type) === 1 ? 'folder' : ownGuid === undefined ? 'folder' : 'file';
  return { kind, id: readId(id), guid: kind === 'file' ? ownGuid : undefined, name: text.parse(name) ?? text.parse(nom) };
}

/** `folder` is its name, or itself. */
function readDepositFolder({ folder, folder_id: id }: Readonly<Record<string, unknown>>): LinkTarget {
  const inside = target.safeParse(folder);
  const known = inside.success ? readTarget(folder) : undefined;
  return { kind: 'folder', id: readId(id) ?? known?.id, guid: undefined, name: known?.name ?? text.parse(folder) };
}
