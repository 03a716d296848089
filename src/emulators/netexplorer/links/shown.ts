/** How links look in an answer: the new form, the older one, and deposit links (NetExplorer's page: share link). */
import type { Call, World } from '../call.js';
import { newSecret } from '../signing-in/connections.js';
import { disguised, ownerName, shownFile, type Shown } from '../shown.js';
import { newest } from '../tree.js';
import { writeLinkDate } from './dates.js';
import { downloadsLeft, hasExpired, isValid, type DepositLink, type Root, type ShareLink } from './links.js';

export async function shownShare(call: Call, link: ShareLink): Promise<Shown> {
  return call.world.choices.links.form === 'new' ? newForm(call, link) : olderForm(call, link);
}

function newForm({ world }: Call, { id, key, owner, createdAt, roots, terms }: ShareLink): Shown {
  return disguised(world, {
    id,
    key,
    roots: roots.map((root) => shownRoot(world, root, id)),
    flags: terms.flags,
    ...expiry(world, terms.expiresAt),
    creation_date: date(world, createdAt),
    name: terms.name,
    owner_id: owner.id,
    access_token: newSecret(),
  });
}

function shownRoot(world: World, root: Root, shareId: number): Shown {
  return disguised(world, {
    ...(root.kind === 'file'
      ? { guid: root.node.guid, id: root.version.id, entity_type: 0, size: newest(root.node).size }
      : { guid: String(root.node.id), id: root.node.id, entity_type: 1 }),
    share_id: shareId,
    name: root.node.name,
    can_download: root.can.download,
    can_preview: root.can.preview,
    can_edit: root.can.edit,
  });
}

async function olderForm({ world, user }: Call, link: ShareLink): Promise<Shown> {
  const { id, key, owner, roots, terms } = link;
  const files: Shown[] = [];
  for (const root of roots) {
    if (root.kind === 'file') files.push(await shownFile(world, user, root.version));
    else files.push(disguised(world, { id: root.node.id, name: root.node.name }));
  }
  const left = downloadsLeft(link);
  return disguised(world, {
    id,
    key,
    files,
    is_valid: isValid(link, world.choices.clock.now()),
    ...expiry(world, terms.expiresAt),
    password_protected: terms.password !== undefined,
    ...(left === undefined ? {} : { remaining_downloads: left, max_downloads: terms.maxDownloads }),
    notify: terms.notify,
    autoupdate: terms.autoupdate,
    only_preview: terms.onlyPreview,
    type: roots.some(({ kind }) => kind === 'folder') ? 1 : 0,
    force_dl: terms.forceDownload,
    owner_id: owner.id,
  });
}

export function shownDeposit({ world }: Call, { id, key, owner, folder, expiresAt }: DepositLink): Shown {
  const isThere = world.store.tree.isPresent(folder);
  return disguised(world, {
    id,
    key,
    folder: folder.name,
    folder_id: isThere ? folder.id : null,
    is_valid: isThere && !hasExpired(expiresAt, world.choices.clock.now()),
    ...expiry(world, expiresAt),
    owner: ownerName(world, owner.id),
    owner_id: owner.id,
  });
}

function expiry(world: World, at: number | undefined): Shown {
  return at === undefined ? {} : { expiration_date: date(world, at) };
}

function date({ choices }: World, ms: number): string {
  return writeLinkDate(ms, choices.links.dates, choices.offsetMinutes);
}
