/**
 * Quotas of the platform, of a user and of folders. Older versions and the trash count for the platform and the user
 * who wrote them; for a folder its documents with all their versions do.
 */
import type { Answer } from '../common/delivery.js';
import { route, type Call, type PlatformRoute, type World } from './call.js';
import { json, Refusal } from './errors.js';
import { folderWith } from './rights.js';
import { filesBelow, type FolderNode, type Version } from './tree.js';
import type { User } from './users.js';

export const quotaRoutes: readonly PlatformRoute[] = [
  // Who draws a tree asks for files and folders only, and has to tell what room there is.
  route('quotas', 'GET', '/api/quotas', 'folders', readQuotas),
];

/** A quota with what is used of it, in bytes; 0 is none. */
interface Quota {
  readonly quota: number;
  readonly used: number;
}

function platformQuota({ store, quota }: World): Quota {
  return { quota: quota.platform, used: bytesOf(store.tree.versions.values()) };
}

function userQuota({ store }: World, user: User): Quota {
  return { quota: user.quotaBytes, used: bytesOf([...store.tree.versions.values()].filter(({ owner }) => owner === user.id)) };
}

/** The nearest folder, itself or above, that has a quota of its own. */
function folderQuota(folder: FolderNode): Quota & { readonly folder: FolderNode } | undefined {
  for (let at: FolderNode | undefined = folder; at !== undefined; at = at.parent) {
    if (at.quota === 0) return undefined;
    if (at.quota > 0) return { quota: at.quota, used: bytesOf([...filesBelow(at)].flatMap(({ versions }) => versions)), folder: at };
  }
  return undefined;
}

function bytesOf(versions: Iterable<Version>): number {
  let bytes = 0;
  for (const { size } of versions) bytes += size;
  return bytes;
}

/** Throws the refusal of a full quota where there is no room for so many bytes more. */
export function needRoom(world: World, user: User, folder: FolderNode, bytes: number): void {
  const { maxFileBytes } = world.choices;
  if (maxFileBytes > 0 && bytes > maxFileBytes) throw new Refusal(413, 'Le fichier est trop volumineux');
  const quotas = [
    ...(world.quota.platform > 0 ? [platformQuota(world)] : []),
    ...(user.quotaBytes > 0 ? [userQuota(world, user)] : []),
    folderQuota(folder),
  ];
  for (const one of quotas) {
    if (one !== undefined && one.used + bytes > one.quota) throw new Refusal(Number(world.switches.now.fullQuota), "L'espace de stockage est insuffisant");
  }
}

function readQuotas(call: Call): Answer {
  const { world, user, query } = call;
  const asked = query.get('folder');
  const folder = asked === null ? undefined : folderQuota(folderWith(call, Number(asked)));
  const none = world.switches.now.noQuota === 'entry';
  const shown = ({ quota, used }: Quota) => (quota > 0 ? { quota, used } : none ? null : { quota: null, used });
  return json(200, {
    platform: shown(platformQuota(world)),
    user: shown(userQuota(world, user)),
    folder: folder === undefined ? null : { ...shown(folder), folder: folder.folder.id },
  });
}
