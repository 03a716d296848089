/** Share links and deposit links as their makers see them: made, listed, changed, removed (NetExplorer's page: share link). */
import { z } from 'zod';
import type { Answer } from '../../common/delivery.js';
import { idField, idOf, readBody, route, type Call, type PlatformRoute } from '../call.js';
import { json, notFound, unusable } from '../errors.js';
import { documentWith, folderWith, need, versionWith } from '../rights.js';
import { shownList } from '../shown.js';
import { deletionAnswer } from '../trash.js';
import { readLinkDate } from './dates.js';
import type { DepositLink, LinkTerms, Root, ShareLink } from './links.js';
import { shownDeposit, shownShare } from './shown.js';

export const linkRoutes: readonly PlatformRoute[] = [
  route('share-links', 'GET', '/api/sharelinks', 'sharelinks', listShares),
  route('share-link', 'GET', '/api/sharelink/:id', 'sharelinks', async (call) => json(200, await shownShare(call, shareOf(call)))),
  route('create-share-link', 'POST', '/api/sharelink', 'sharelinks', createShare),
  route('change-share-link', 'PUT', '/api/sharelink/:id', 'sharelinks', changeShare),
  route('remove-share-link', 'DELETE', '/api/sharelink/:id', 'sharelinks', removeShare),
  route('deposit-links', 'GET', '/api/ulinks', 'sharelinks', listDeposits),
  route('deposit-link', 'GET', '/api/ulink/:id', 'sharelinks', (call) => json(200, shownDeposit(call, depositOf(call)))),
  route('create-deposit-link', 'POST', '/api/ulink', 'sharelinks', createDeposit),
  route('change-deposit-link', 'PUT', '/api/ulink/:id', 'sharelinks', changeDeposit),
  route('remove-deposit-link', 'DELETE', '/api/ulink/:id', 'sharelinks', removeDeposit),
];

async function listShares(call: Call): Promise<Answer> {
  const links = own(call, call.world.links.shares);
  return json(200, shownList(call.world, await Promise.all(links.map((link) => shownShare(call, link)))));
}

function listDeposits(call: Call): Answer {
  return json(200, shownList(call.world, own(call, call.world.links.deposits).map((link) => shownDeposit(call, link))));
}

function removeShare(call: Call): Answer {
  call.world.links.shares.delete(shareOf(call).id);
  return deletionAnswer(call.world);
}

function removeDeposit(call: Call): Answer {
  call.world.links.deposits.delete(depositOf(call).id);
  return deletionAnswer(call.world);
}

/** A link is its maker's; an administrator sees all. */
function own<T extends { readonly owner: { readonly id: number } }>({ user }: Call, links: ReadonlyMap<number, T>): T[] {
  return [...links.values()].filter(({ owner }) => owner.id === user.id || user.administrator);
}

function shareOf(call: Call): ShareLink {
  return linkOf(call, call.world.links.shares);
}

function depositOf(call: Call): DepositLink {
  return linkOf(call, call.world.links.deposits);
}

function linkOf<T extends { readonly id: number; readonly owner: { readonly id: number } }>(call: Call, links: ReadonlyMap<number, T>): T {
  const link = own(call, links).find(({ id }) => id === idOf(call));
  if (link === undefined) throw notFound();
  return link;
}

const right = z.boolean().optional();

/** What a link opens: an id alone, or with what may be done with it. */
const entry = z.union([
  idField.transform((id) => ({ id: String(id) })),
  z.object({
    id: idField.transform(String).optional(),
    guid: z.string().optional(),
    entity_type: z.union([z.literal(0), z.literal(1)]).optional(),
    can_download: right,
    can_preview: right,
    can_edit: right,
  }),
]).transform((said): Entry => said);

interface Entry {
  readonly id?: string | undefined;
  readonly guid?: string | undefined;
  readonly entity_type?: 0 | 1 | undefined;
  readonly can_download?: boolean | undefined;
  readonly can_preview?: boolean | undefined;
  readonly can_edit?: boolean | undefined;
}

const terms = z.object({
  name: z.string().optional(),
  flags: z.number().int().min(0).optional(),
  expiration_date: z.string().nullish(),
  password: z.string().nullish(),
  max_downloads: z.number().int().min(1).nullish(),
  notify: z.boolean().optional(),
  autoupdate: z.boolean().optional(),
  only_preview: z.boolean().optional(),
  force_dl: z.boolean().optional(),
});

/** The new form names its roots, the older one its files; each is taken for what it says. */
const creation = terms.extend({ roots: z.array(entry).optional(), files: z.array(entry).optional(), folders: z.array(entry).optional() });

async function createShare(call: Call): Promise<Answer> {
  const { world, user } = call;
  const body = await readBody(call, creation);
  const roots = [
    ...(body.roots ?? []).map((one) => rootOf(call, one, one.entity_type === 1)),
    ...(body.files ?? []).map((one) => rootOf(call, one, false)),
    ...(body.folders ?? []).map((one) => rootOf(call, one, true)),
  ];
  const [first] = roots;
  if (first === undefined) throw unusable('roots');
  const link = world.links.share(user, roots, termsAfter(call, body, {
    name: first.node.name,
    flags: 0,
    expiresAt: undefined,
    password: undefined,
    maxDownloads: undefined,
    notify: false,
    autoupdate: false,
    onlyPreview: false,
    forceDownload: false,
  }), world.choices.clock.now());
  return json(Number(world.switches.now.createStatus), await shownShare(call, link));
}

/** Throws 404 for what is not there, 403 where he may make no link to it. */
function rootOf(call: Call, asked: Entry, isFolder: boolean): Root {
  const can = { download: asked.can_download ?? true, preview: asked.can_preview ?? true, edit: asked.can_edit ?? false };
  if (isFolder) {
    const folder = folderWith(call, Number(asked.id ?? asked.guid));
    need(call.user, 'dlink', folder);
    return { kind: 'folder', node: folder, can };
  }
  const version = asked.id === undefined ? documentWith(call, asked.guid) : versionWith(call, Number(asked.id));
  need(call.user, 'dlink', version.file);
  return { kind: 'file', node: version.file, version, can };
}

async function changeShare(call: Call): Promise<Answer> {
  const link = shareOf(call);
  link.terms = termsAfter(call, await readBody(call, terms), link.terms);
  return json(200, await shownShare(call, link));
}

/** What the body does not say stays; null takes it away. The new form passes over what only the older one has. */
function termsAfter(call: Call, body: z.infer<typeof terms>, before: LinkTerms): LinkTerms {
  const after = {
    ...before,
    name: body.name ?? before.name,
    flags: body.flags ?? before.flags,
    expiresAt: expiryAfter(call, body.expiration_date, before.expiresAt),
  };
  if (call.world.choices.links.form === 'new') return after;
  return {
    ...after,
    password: body.password === undefined ? before.password : (body.password ?? undefined),
    maxDownloads: body.max_downloads === undefined ? before.maxDownloads : (body.max_downloads ?? undefined),
    notify: body.notify ?? before.notify,
    autoupdate: body.autoupdate ?? before.autoupdate,
    onlyPreview: body.only_preview ?? before.onlyPreview,
    forceDownload: body.force_dl ?? before.forceDownload,
  };
}

function expiryAfter({ world }: Call, said: string | null | undefined, before: number | undefined): number | undefined {
  if (said === undefined) return before;
  if (said === null || said === '') return undefined;
  const at = readLinkDate(said, world.choices.offsetMinutes);
  if (at === undefined) throw unusable('expiration_date');
  return at;
}

const deposit = z.object({ folder_id: idField, expiration_date: z.string().nullish() });

async function createDeposit(call: Call): Promise<Answer> {
  const { world, user } = call;
  const body = await readBody(call, deposit);
  const folder = folderWith(call, body.folder_id);
  need(user, 'ulink', folder);
  const link = world.links.deposit(user, folder, expiryAfter(call, body.expiration_date, undefined));
  return json(Number(world.switches.now.createStatus), shownDeposit(call, link));
}

async function changeDeposit(call: Call): Promise<Answer> {
  const link = depositOf(call);
  const { expiration_date: said } = await readBody(call, deposit.pick({ expiration_date: true }));
  link.expiresAt = expiryAfter(call, said, link.expiresAt);
  return json(200, shownDeposit(call, link));
}
