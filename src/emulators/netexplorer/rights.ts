/** What a user may do with a folder or a document, in the vendor's meaning of each right (NetExplorer's page: objects). */
import type { Call, World } from './call.js';
import { forbidden, notFound } from './errors.js';
import { isWithin, pathOf, type FileNode, type FolderNode, type Node, type Version } from './tree.js';
import type { Right, User } from './users.js';

/** The folders that a user's tree begins with. */
export function rootsOf(world: World, user: User): FolderNode[] {
  const { tree } = world.store;
  follow(world, tree.top);
  if (user.roots === undefined) return [...tree.top.folders.values()].filter((folder) => sees(user, folder));
  return user.roots.filter(({ type }) => type !== 'shared').flatMap(({ path }) => folderAt(tree.at(path)));
}

function folderAt(node: Node | undefined): FolderNode[] {
  return node?.kind === 'folder' ? [node] : [];
}

export function rightsOf(user: User, node: Node): ReadonlySet<Right> {
  return user.rightsAt(user.isLimited ? pathOf(node) : '/');
}

export function may(user: User, right: Right, node: Node): boolean {
  return rightsOf(user, node).has(right);
}

/** Throws 403 where he lacks a right. */
export function need(user: User, right: Right, node: Node): void {
  if (!may(user, right, node)) throw forbidden();
}

/** Whether he is shown that it is there: where he has one right at least. */
export function sees(user: User, node: Node): boolean {
  return rightsOf(user, node).size > 0;
}

/** Whether it hangs below one of his roots. */
function reaches({ store }: World, user: User, node: Node): boolean {
  if (!store.tree.isPresent(node)) return false;
  return user.roots === undefined || user.roots.some(({ path }) => {
    const root = store.tree.at(path);
    return root !== undefined && isWithin(node, root);
  });
}

/** Compares what lies in a folder with the disk, where the options want that. */
export function follow({ choices, store, users }: World, folder: FolderNode | undefined): void {
  if (choices.followsDisk && folder !== undefined && store.tree.isPresent(folder)) store.adoptContent(users.known('marie').id, folder);
}

/** The folder with this id, as far as he may know of it. Throws 404. */
export function folderWith({ world, user }: Call, id: number | undefined): FolderNode {
  const folder = id === undefined ? undefined : world.store.tree.folders.get(id);
  follow(world, folder?.parent);
  follow(world, folder);
  if (folder === undefined || !reaches(world, user, folder) || !sees(user, folder)) throw notFound();
  return folder;
}

/** The version with this id, as far as he may know of it. Throws 404. */
export function versionWith(call: Call, id: number | undefined): Version {
  const { versions } = call.world.store.tree;
  const find = (): Version | undefined => (id === undefined ? undefined : versions.get(id));
  follow(call.world, find()?.file.parent);
  return visible(call, find());
}

/** The newest version of the document with this guid, likewise. */
export function documentWith(call: Call, guid: string | undefined): Version {
  const { files } = call.world.store.tree;
  const find = (): Version | undefined => files.get(guid ?? '')?.versions[0];
  follow(call.world, find()?.file.parent);
  return visible(call, find());
}

function visible({ world, user }: Call, version: Version | undefined): Version {
  if (version === undefined || !reaches(world, user, version.file) || !sees(user, version.file)) throw notFound();
  return version;
}

/** The folder that a document lies in. */
export function folderOf(file: FileNode): FolderNode {
  if (file.parent === undefined) throw notFound();
  return file.parent;
}
