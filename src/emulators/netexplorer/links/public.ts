/**
 * The public addresses of links, which ask for no session: a file comes at once, of folders the files are told, each
 * with its own address below. A password is asked for as by any web server (inferred: the platform has a page for it).
 */
import { open } from 'node:fs/promises';
import type { Answer } from '../../common/delivery.js';
import { filePieces } from '../../common/file-pieces.js';
import { openRoute, type OpenCall, type PlatformRoute, type World } from '../call.js';
import { json, notFound, Refusal } from '../errors.js';
import { filesBelow, newest, pathOf, type FileNode, type Version } from '../tree.js';
import type { LinkChoices } from './options.js';
import { downloadsLeft, hasExpired, withKey, type Root, type ShareLink } from './links.js';

export function publicLinkRoutes({ sharePath, depositPath }: LinkChoices): PlatformRoute[] {
  return [
    openRoute('public-share', 'GET', `${sharePath}:key`, openShare),
    openRoute('public-share-file', 'GET', `${sharePath}:key/:guid`, openShare),
    openRoute('public-deposit', 'GET', `${depositPath}:key`, openDeposit),
  ];
}

/** A file that a link opens. */
interface Opened {
  readonly file: FileNode;
  readonly version: Version;
  /** As it is told to visitors: below what was shared. */
  readonly path: string;
  readonly canDownload: boolean;
}

async function openShare({ world, exchange, params }: OpenCall): Promise<Answer> {
  const link = withKey(world.links.shares, params['key'] ?? '');
  if (link === undefined) throw notFound();
  if (hasExpired(link.terms.expiresAt, world.choices.clock.now())) throw new Refusal(410, 'Ce lien a expiré');
  if (link.terms.password !== undefined && passwordOf(exchange.request.headers.authorization) !== link.terms.password) {
    throw new Refusal(401, 'Ce lien est protégé par un mot de passe', { 'WWW-Authenticate': 'Basic realm="NetExplorer"' });
  }
  const files = opened(world, link);
  const { guid } = params;
  const [only] = files;
  if (guid === undefined && (only === undefined || files.length > 1 || link.roots.some(({ kind }) => kind === 'folder'))) {
    return json(200, files.map(({ file, path, version }) => ({ guid: file.guid, path, size: version.size })));
  }
  const asked = guid === undefined ? only : files.find(({ file }) => file.guid === guid);
  if (asked === undefined) throw notFound();
  return download(world, link, asked);
}

/** What is in the trash by now is not opened. */
function opened(world: World, { roots, terms: { autoupdate, onlyPreview } }: ShareLink): Opened[] {
  return roots.filter(({ node }) => world.store.tree.isPresent(node)).flatMap((root) => (
    [...filesBelow(root.node)].map((file) => ({
      file,
      version: versionOf(root, file, autoupdate),
      path: `${root.node.name}${pathOf(file).slice(pathOf(root.node).length)}`,
      canDownload: root.can.download && !onlyPreview,
    }))
  ));
}

/** A file's link in the older form stays with its version unless it follows; a version that is gone is followed. */
function versionOf(root: Root, file: FileNode, follows: boolean): Version {
  return root.kind === 'file' && !follows && file.versions.includes(root.version) ? root.version : newest(file);
}

async function download({ store }: World, link: ShareLink, { file, version, canDownload }: Opened): Promise<Answer> {
  if (!canDownload) throw new Refusal(403, 'Ce lien ne permet pas le téléchargement');
  if (downloadsLeft(link) === 0) throw new Refusal(410, 'Le nombre maximal de téléchargements est atteint');
  link.downloads += 1;
  const { size } = version;
  const handle = await open(store.placeOfVersion(version));
  return {
    status: 200,
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}` },
    body: filePieces(handle, 0, size),
    length: size,
  };
}

function openDeposit({ world, params }: OpenCall): Answer {
  const link = withKey(world.links.deposits, params['key'] ?? '');
  if (link === undefined || !world.store.tree.isPresent(link.folder)) throw notFound();
  if (hasExpired(link.expiresAt, world.choices.clock.now())) throw new Refusal(410, 'Ce lien a expiré');
  return json(200, { folder: link.folder.name });
}

/** The password alone counts: a link has no users. */
function passwordOf(authorization: string | undefined): string | undefined {
  const encoded = /^Basic (.+)$/iu.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}
