/** The emulated NetExplorer: the routes of all its modules, and who may use them. */
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { BodyCut, ConnectionBroken } from '../common/broken.js';
import type { Exchange, Handler, Subject } from '../common/exchange.js';
import { Faults } from '../common/faults.js';
import { makeSampleFiles } from '../common/sample-files.js';
import { startServer, type Route } from '../common/server.js';
import { Traffic } from '../common/traffic.js';
import type { Announcement, RunningEmulator } from '../emulator.js';
import { BlockUploads } from './blocks.js';
import type { Call, OpenCall, PlatformRoute, World } from './call.js';
import { addNetexplorerControl, makeNetexplorerControl, type NetexplorerControl } from './control.js';
import { descriptionRoutes } from './descriptions.js';
import { Refusal } from './errors.js';
import { fileRoutes } from './files.js';
import { folderRoutes } from './folders.js';
import { lockRoutes } from './locks.js';
import { Links } from './links/links.js';
import { publicLinkRoutes } from './links/public.js';
import { linkRoutes } from './links/routes.js';
import { OAuth } from './oauth/oauth.js';
import { oauthRoutes } from './oauth/routes.js';
import { choices, type NetexplorerOptions } from './options.js';
import { pathRoutes } from './paths.js';
import { quotaRoutes } from './quotas.js';
import { Rate } from './rate.js';
import { Replacements } from './replacements.js';
import { Sessions } from './sessions.js';
import { signInRoutes } from './signing-in/routes.js';
import { Store } from './store.js';
import { Switches } from './surprises.js';
import { trashRoutes } from './trash.js';
import { Trash } from './trash-can.js';
import { pathOf } from './tree.js';
import { uploadRoutes } from './uploads.js';
import { Users } from './users.js';

/** A running NetExplorer, with what only it has. */
export interface RunningNetexplorer extends RunningEmulator {
  /** With the folder that holds the platform's tree. */
  readonly announcement: Announcement & { readonly root: string };
  readonly control: NetexplorerControl;
}

/** Each module adds its own. A path with a name stands before one with `:id` in its place by itself. */
const platformRoutes: readonly PlatformRoute[] = [
  ...signInRoutes, ...oauthRoutes, ...folderRoutes, ...fileRoutes, ...uploadRoutes, ...lockRoutes, ...trashRoutes,
  ...quotaRoutes, ...pathRoutes, ...descriptionRoutes, ...linkRoutes,
];

/** Starts a NetExplorer over a folder. Options and their defaults: `options.ts`. */
export async function startNetexplorer(options: NetexplorerOptions): Promise<RunningNetexplorer> {
  if (options.root !== undefined) return startOver(resolve(options.root), options);
  const sample = await mkdtemp(join(tmpdir(), 'amarre-sample-'));
  const remove = (): Promise<void> => rm(sample, { recursive: true, force: true });
  try {
    await mkdir(join(sample, 'Personnel'));
    await makeSampleFiles(join(sample, 'Commun'));
    const running = await startOver(sample, options);
    return { ...running, close: () => running.close().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startOver(root: string, options: NetexplorerOptions): Promise<RunningNetexplorer> {
  const entries = await readdir(root, { withFileTypes: true });
  if (options.rootFolder === undefined && !entries.some((entry) => entry.isDirectory())) await mkdir(join(root, 'Commun'));
  const aside = await makeAside(root);
  const remove = (): Promise<void> => rm(aside, { recursive: true, force: true });
  try {
    const world = makeWorld(root, aside, options);
    const running = await serveWorld(world, root, options);
    return { ...running, close: () => running.close().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A folder on the root's own disk, so that what is moved there needs no copy. */
async function makeAside(root: string): Promise<string> {
  const [own, temporary] = await Promise.all([stat(root), stat(tmpdir())]);
  return mkdtemp(own.dev === temporary.dev ? join(tmpdir(), 'amarre-aside-') : `${root}-aside-`);
}

function makeWorld(root: string, aside: string, options: NetexplorerOptions): World {
  const chosen = choices(options);
  const users = new Users(options.users ?? {});
  const now = (): number => chosen.clock.now();
  const sessions = new Sessions(users, chosen.signIn, now);
  const store = new Store(root, aside, options.rootFolder, now);
  store.adopt(users.known('u').id);
  return {
    choices: chosen,
    users,
    store,
    sessions,
    oauth: new OAuth(chosen.oauth, users, sessions, now),
    links: new Links(),
    descriptions: new Map(),
    switches: new Switches(options.surprises ?? {}),
    trash: new Trash(),
    uploads: new BlockUploads(),
    replacements: new Replacements(store),
    quota: { platform: options.quotaBytes ?? 0 },
  };
}

async function serveWorld(world: World, root: string, options: NetexplorerOptions): Promise<RunningNetexplorer> {
  const faults = new Faults();
  const traffic = new Traffic();
  const control = makeNetexplorerControl(faults, traffic, world);
  const closing = new AbortController();
  const server = await startServer({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    idleTimeoutMs: world.choices.idleTimeoutMs,
    latencyMs: options.latencyMs ?? 0,
    ...makeRoutes(world),
    subject: (url) => subject(world, url),
    faults,
    traffic,
    control,
    addOwnControl: (app) => {
      addNetexplorerControl(app, control);
    },
    closing: closing.signal,
    onMistake: (error) => {
      console.error('The emulator made a mistake:', error);
    },
  });
  return {
    announcement: {
      platform: 'netexplorer',
      url: server.url,
      remote: `netexplorer+http://u@${new URL(server.url).host}/${encodeURIComponent(options.rootFolder ?? '')}`,
      env: { AMARRE_PASSWORD: world.users.known('u').password },
      root,
    },
    control,
    close: async () => {
      closing.abort();
      await server.close();
    },
  };
}

/**
 * What a request is about, for rules and the log: the path in the tree of the folder or document whose id stands in the
 * request's own path, and that path. Never a query, which may hold a token, nor the key of a link, which opens it.
 */
function subject({ store: { tree }, choices: { links } }: World, url: string): Subject {
  const [path = ''] = url.split('?', 1);
  const link = [links.sharePath, links.depositPath].find((prefix) => path.startsWith(prefix));
  if (link !== undefined) return { path: undefined, target: link };
  const [, kind = '', id = ''] = /^\/api\/(folder|file|lock)\/(\d+)/u.exec(path) ?? [];
  const node = kind === 'folder' ? tree.folders.get(Number(id)) : tree.versions.get(Number(id))?.file;
  return { path: node === undefined ? undefined : pathOf(node), target: path };
}

function makeRoutes(world: World): { routes: Route[]; otherwise: Handler } {
  const rate = new Rate(world.switches);
  const handled = (work: (exchange: Exchange) => ReturnType<Handler>): Handler => async (exchange) => {
    try {
      return await work(exchange);
    } catch (error) {
      if (error instanceof Refusal) return error.answer();
      if (error instanceof BodyCut) throw new ConnectionBroken('the body was cut off');
      throw error;
    }
  };
  const handlerOf = (route: PlatformRoute): Handler => handled(async (exchange) => {
    const url = new URL(exchange.request.url ?? '/', 'http://platform');
    const open: OpenCall = { world, exchange, params: paramsOf(route.path, url.pathname), query: url.searchParams };
    if (route.open) return route.work(open);
    const user = world.sessions.check(exchange.request, { area: route.area, writes: route.method !== 'GET' });
    exchange.log.user = user.login;
    rate.take(user.login);
    const call: Call = { ...open, user };
    return route.work(call);
  });
  return {
    routes: [...platformRoutes, ...publicLinkRoutes(world.choices.links)].map((route) => ({ name: route.name, method: route.method, url: route.path, handler: handlerOf(route) })),
    otherwise: handled(() => Promise.reject(new Refusal(404, "Cette route n'existe pas"))),
  };
}

/** What stands in the places of `:name`. */
function paramsOf(pattern: string, path: string): Record<string, string> {
  const parts = path.split('/');
  const found: Record<string, string> = {};
  for (const [index, name] of pattern.split('/').entries()) {
    if (name.startsWith(':')) found[name.slice(1)] = decodeURIComponent(parts[index] ?? '');
  }
  return found;
}
