/** What a test may do to a running NetExplorer beyond what every emulator offers: its tree behind its users' backs. */
import { posix } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { commonControl, ordered } from '../common/control.js';
import type { Faults } from '../common/faults.js';
import type { Traffic } from '../common/traffic.js';
import type { EmulatorControl } from '../emulator.js';
import type { SeenBlock } from './blocks.js';
import type { World } from './call.js';
import { addSignInControl, makeSignInControl, type SignInControl } from './signing-in/control.js';
import { surpriseChange, type SurpriseChange } from './surprises.js';
import { toTrash } from './trash.js';
import type { Emptying } from './trash-can.js';
import { filesBelow, newest, pathOf, type FileNode, type FolderNode, type Node } from './tree.js';
import type { User } from './users.js';

/** A version as a test sees it. Times in milliseconds since the epoch. */
export interface SeenVersion {
  readonly id: number;
  readonly size: number;
  readonly md5: string;
  readonly creation: number;
  readonly modification: number;
  /** A login. */
  readonly owner: string;
}

/** What is at a path. */
export interface SeenObject {
  readonly kind: 'folder' | 'file';
  readonly id: number;
  /** Of files. */
  readonly guid?: string | undefined;
  readonly md5?: string | undefined;
  readonly size?: number | undefined;
  readonly versions?: number | undefined;
  /** Who has locked it. */
  readonly lock?: string | undefined;
}

export interface SeenTrash {
  readonly id: number;
  readonly path: string;
  /** A login. */
  readonly owner: string;
}

export interface LockSettings {
  /** Default true. */
  readonly readable?: boolean | undefined;
  /** Default false. */
  readonly writeable?: boolean | undefined;
}

export interface QuotaChange {
  /** Bytes; 0 is none. */
  readonly platform?: number | undefined;
  /** By login. */
  readonly users?: Readonly<Record<string, number>> | undefined;
  /** By path; 0 none, -1 inherited. */
  readonly folders?: Readonly<Record<string, number>> | undefined;
}

export interface NetexplorerControl extends EmulatorControl, SignInControl {
  /** Turns switches; those left out stay. */
  surprise(change: SurpriseChange): Promise<void>;
  /**
   * Reads the disk below the root again: what differs from the tree was done by another user, `marie`. What was written
   * over has a new version; the bytes of the one that it was are gone, and with them its id.
   */
  adopt(): Promise<void>;
  /**
   * A new version of a file, or a new file, by another user: `marie` if left out. Unlike one made on the disk and adopted,
   * it leaves the older version readable under its own id, as the platform does.
   */
  writeAs(path: string, content: string, login?: string): Promise<void>;
  /** Other bytes under the same id: now, or before the download that follows so many. */
  replaceInPlace(path: string, content: string, afterReads?: number): Promise<void>;
  /** Locks a file as this user, whatever locks were on it. */
  lockBy(path: string, login: string, settings?: LockSettings): Promise<void>;
  unlock(path: string): Promise<void>;
  setQuota(change: QuotaChange): Promise<void>;
  /** The rights of a user, `u` if left out, at a path and below it, all of them: `read`, `download`, … */
  setRights(path: string, rights: readonly string[], login?: string): Promise<void>;
  /** How many days a folder keeps its files; 0: for ever. */
  setPurge(path: string, days: number): Promise<void>;
  /** Deletes what folders that purge have kept for longer than they should. */
  purge(): Promise<void>;
  /** Newest first. */
  versionsOf(path: string): Promise<SeenVersion[]>;
  /** Everything in the tree, by path. */
  objects(): Promise<Readonly<Record<string, SeenObject>>>;
  /** Everybody's. */
  trash(): Promise<SeenTrash[]>;
  /** Who emptied the trash. No client should ever have sent `all`. */
  emptyings(): Promise<Emptying[]>;
  /** Every block that came whole, oldest first. */
  blocks(): Promise<SeenBlock[]>;
  /** Moves the platform's clock ahead; milliseconds. */
  advance(ms: number): Promise<void>;
}

export function makeNetexplorerControl(faults: Faults, traffic: Traffic, world: World): NetexplorerControl {
  const { choices, users, store, switches, trash, uploads, replacements, quota } = world;
  const login = (id: number): string => users.byId(id)?.login ?? '';
  return {
    ...commonControl(faults, traffic),
    ...makeSignInControl(world),
    surprise: (change) => ordered(() => switches.turn(change)),
    adopt: () => ordered(() => store.adopt(users.known('marie').id)),
    writeAs: (path, content, name = 'marie') => ordered(() => {
      const owner = users.known(name).id;
      const node = store.tree.at(path);
      const written = replacements.contentOf(content);
      if (node?.kind === 'file') store.addVersion(node, owner, written, {}, true);
      else store.makeFile(folderAt(world, posix.dirname(path)), posix.basename(path), owner, written, {});
    }),
    replaceInPlace: (path, content, afterReads) => ordered(() => {
      const file = fileAt(world, path);
      if (afterReads === undefined) replacements.replace(newest(file), content);
      else replacements.arm(file, content, afterReads);
    }),
    lockBy: (path, owner, { readable = true, writeable = false } = {}) => ordered(() => {
      const { id, name } = users.known(owner);
      fileAt(world, path).lock = { ownerId: id, owner: name, date: store.now(), readable, writeable };
    }),
    unlock: (path) => ordered(() => {
      fileAt(world, path).lock = undefined;
    }),
    setQuota: ({ platform, users: ofUsers = {}, folders = {} }) => ordered(() => {
      quota.platform = platform ?? quota.platform;
      for (const [name, bytes] of Object.entries(ofUsers)) users.known(name).quotaBytes = bytes;
      for (const [path, bytes] of Object.entries(folders)) folderAt(world, path).quota = bytes;
    }),
    setRights: (path, rights, name = 'u') => ordered(() => users.known(name).setRights(path, rights)),
    setPurge: (path, days) => ordered(() => {
      folderAt(world, path).purgeDays = days;
    }),
    purge: () => ordered(() => {
      for (const file of [...filesBelow(store.tree.top)]) purgeFile(world, file, users.known('admin'));
    }),
    versionsOf: async (path) => Promise.all(fileAt(world, path).versions.map(async (version) => {
      const { id, size, creation, modification, owner } = version;
      return { id, size, md5: await store.md5(version), creation, modification, owner: login(owner) };
    })),
    objects: async () => {
      const found: Record<string, SeenObject> = {};
      for (const node of everything(store.tree.top)) found[pathOf(node)] = await seenObject(world, node);
      return found;
    },
    trash: () => ordered(() => [...trash.entries.values()].map(({ id, from, owner }) => ({ id, path: from, owner: login(owner) }))),
    emptyings: () => ordered(() => [...trash.emptyings]),
    blocks: () => ordered(() => uploads.seen.map((block) => ({ ...block }))),
    advance: (ms) => ordered(() => choices.clock.advance(ms)),
  };
}

function* everything(folder: FolderNode): Generator<Node> {
  yield* folder.files.values();
  for (const below of folder.folders.values()) {
    yield below;
    yield* everything(below);
  }
}

async function seenObject({ store, users }: World, node: Node): Promise<SeenObject> {
  if (node.kind === 'folder') return { kind: 'folder', id: node.id };
  const version = newest(node);
  const { guid, lock, versions } = node;
  return {
    kind: 'file', id: version.id, guid, md5: await store.md5(version), size: version.size, versions: versions.length,
    lock: lock === undefined ? undefined : users.byId(lock.ownerId)?.login,
  };
}

function purgeFile(world: World, file: FileNode, by: User): void {
  const days = file.parent?.purgeDays ?? 0;
  const age = world.store.now() - newest(file).modification;
  if (days > 0 && age > days * 86_400_000) toTrash(world, by, file, false);
}

function fileAt({ store }: World, path: string): FileNode {
  const node = store.tree.at(path);
  if (node?.kind !== 'file') throw new Error(`no such file: ${path}`);
  return node;
}

function folderAt({ store }: World, path: string): FolderNode {
  const node = store.tree.at(path);
  if (node?.kind !== 'folder') throw new Error(`no such folder: ${path}`);
  return node;
}

const quotaChange = z.strictObject({
  platform: z.number().optional(),
  users: z.record(z.string(), z.number()).optional(),
  folders: z.record(z.string(), z.number()).optional(),
});
const writing = z.strictObject({ path: z.string(), content: z.string(), login: z.string().optional() });
const replacement = z.strictObject({ path: z.string(), content: z.string(), afterReads: z.number().int().min(0).optional() });
const locking = z.strictObject({ path: z.string(), login: z.string(), readable: z.boolean().optional(), writeable: z.boolean().optional() });
const rightsChange = z.strictObject({ path: z.string(), rights: z.array(z.string()), login: z.string().optional() });
const purging = z.strictObject({ path: z.string(), days: z.number().int().min(0) });
const atPath = z.strictObject({ path: z.string() });
const advance = z.strictObject({ ms: z.number().min(0) });

/** The same over HTTP. */
export function addNetexplorerControl(app: FastifyInstance, control: NetexplorerControl): void {
  const order = <T>(name: string, schema: z.ZodType<T>, work: (order: T) => Promise<unknown>): void => {
    app.post(`/_control/${name}`, async (request) => (await work(schema.parse(request.body))) ?? {});
  };
  order('surprise', surpriseChange, (change) => control.surprise(change));
  order('adopt', z.unknown(), () => control.adopt());
  order('write-as', writing, ({ path, content, login }) => control.writeAs(path, content, login));
  order('replace-in-place', replacement, ({ path, content, afterReads }) => control.replaceInPlace(path, content, afterReads));
  order('lock', locking, ({ path, login, ...settings }) => control.lockBy(path, login, settings));
  order('unlock', atPath, ({ path }) => control.unlock(path));
  order('quota', quotaChange, (change) => control.setQuota(change));
  order('rights', rightsChange, ({ path, rights, login }) => control.setRights(path, rights, login));
  order('set-purge', purging, ({ path, days }) => control.setPurge(path, days));
  order('purge', z.unknown(), () => control.purge());
  order('versions-of', atPath, ({ path }) => control.versionsOf(path));
  order('advance', advance, ({ ms }) => control.advance(ms));
  app.get('/_control/objects', () => control.objects());
  app.get('/_control/trash', () => control.trash());
  app.get('/_control/emptyings', () => control.emptyings());
  app.get('/_control/blocks', () => control.blocks());
  addSignInControl(app, control);
}
