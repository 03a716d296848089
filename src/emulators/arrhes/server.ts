/** The emulated Arrhes: its routes behind the key, and the object store beside them. */
import { BodyCut, ConnectionBroken } from '../common/broken.js';
import type { Handler, Subject } from '../common/exchange.js';
import { Faults } from '../common/faults.js';
import { startServer, type Route } from '../common/server.js';
import { Traffic } from '../common/traffic.js';
import type { RunningEmulator } from '../emulator.js';
import type { Work, World } from './call.js';
import { deleteUrl, downloadUrl, finalize, uploadUrl } from './contents.js';
import { addArrhesControl, makeArrhesControl, type ArrhesControl } from './control.js';
import { Database } from './database.js';
import { json, Refusal } from './errors.js';
import { changeFile, createFile, deleteFile, listFiles, readFile } from './files.js';
import { changeFolder, createFolder, deleteFolder, listFolders, readFolder } from './folders.js';
import { finishRecognitions, recognize } from './ocr.js';
import { choices, type ArrhesOptions } from './options.js';
import { listYears, readOrganization } from './organization.js';
import { makeId } from './rows.js';
import { fill, makeYears } from './seeds.js';
import { ObjectStore } from './store.js';

/** A running Arrhes, with what only it has. */
export interface RunningArrhes extends RunningEmulator {
  readonly control: ArrhesControl;
  readonly key: string;
  readonly idOrganization: string;
  /** Who the key speaks for. */
  readonly user: string;
  /** The ids of the years, in the order of the options. */
  readonly years: readonly string[];
  /** The object store's address. */
  readonly storeUrl: string;
}

/** Starts an Arrhes, with its store. Options and their defaults: `options.ts`. */
export async function startArrhes(options: ArrhesOptions): Promise<RunningArrhes> {
  const chosen = choices(options);
  const faults = new Faults();
  const traffic = new Traffic();
  const closing = new AbortController();
  const years = makeYears(options);
  const store = new ObjectStore(chosen);
  const known = chosen.carriesYear ? new Set(years.map(({ id }) => id)) : undefined;
  const database = new Database(known, chosen.storageLimitBytes, chosen.storageUsedBytes, chosen.ocrPages);
  const base = { choices: chosen, database, store, user: makeId(), years, recognitions: new Map() };
  const shared = {
    host: chosen.host,
    idleTimeoutMs: chosen.idleTimeoutMs,
    latencyMs: options.latencyMs ?? 0,
    subject: (url: string) => subject(url, chosen.prefix),
    faults,
    traffic,
    closing: closing.signal,
    onMistake: (error: unknown) => {
      console.error('The emulator made a mistake:', error);
    },
  };
  const control = makeArrhesControl(faults, traffic, { ...base, storeUrl: '' });
  const ownControl = {
    control,
    addOwnControl: (app: Parameters<typeof addArrhesControl>[0]): void => {
      addArrhesControl(app, control);
    },
  };
  const objects = await startServer({ ...shared, ...ownControl, port: options.storePort ?? 0, ...store.routes() });
  const world: World = { ...base, storeUrl: objects.url };
  fill(world, options);
  const server = await startServer({ ...shared, ...ownControl, port: options.port ?? 0, ...makeRoutes(world) }).catch(async (error: unknown) => {
    await objects.close();
    throw error;
  });
  const year = years[0]?.id ?? '';
  return {
    announcement: {
      platform: 'arrhes',
      url: server.url,
      remote: `arrhes+${server.url}${chosen.prefix}/organizations/${chosen.idOrganization}/years/${year}`,
      env: { AMARRE_API_KEY: chosen.key },
    },
    key: chosen.key,
    idOrganization: chosen.idOrganization,
    user: world.user,
    years: years.map(({ id }) => id),
    storeUrl: objects.url,
    control,
    close: async () => {
      closing.abort();
      await Promise.all([server.close(), objects.close()]);
    },
  };
}

/** What a request is about, for rules and the log: its path below the year, or the object's; never a query, which holds a signature. */
function subject(url: string, prefix: string): Subject {
  const [path = ''] = url.split('?', 1);
  const below = path.startsWith(prefix) ? path.slice(prefix.length) : path;
  return { path: below.replace(/^\/organizations\/[^/]+(?:\/years\/[^/]+(?=\/))?/u, ''), target: undefined };
}

function makeRoutes(world: World): { routes: Route[]; otherwise: Handler } {
  const { choices: { prefix, key, idleTimeoutMs } } = world;
  const organization = `${prefix}/organizations/:idOrganization`;
  const year = `${organization}/years/:idYear`;
  const unknown = json(404, { message: 'Endpoint not found' }, idleTimeoutMs);
  const behindKey = (work: Work): Handler => async (exchange) => {
    const { request } = exchange;
    const [path = ''] = (request.url ?? '').slice(prefix.length).split('?', 1);
    // The router takes an empty id for one.
    if (path.endsWith('/')) return unknown;
    try {
      // The key alone says which organization: the one in the path is not looked at.
      if (request.headers.authorization !== `Bearer ${key}`) throw new Refusal(401, 'Internal error', 'No valid authentication method found');
      finishRecognitions(world);
      const [, , , , idYear = '', , id = ''] = path.split('/').map(decodeURIComponent);
      return json(200, await work({ world, exchange, year: idYear, id }), idleTimeoutMs);
    } catch (error) {
      if (error instanceof Refusal) return json(error.status, error.said, idleTimeoutMs);
      if (error instanceof BodyCut) throw new ConnectionBroken('the body was cut off');
      throw error;
    }
  };
  const route = (name: string, method: Route['method'], url: string, work: Work): Route => ({ name, method, url, handler: behindKey(work) });
  const reading = (name: string, url: string, work: Work): Route[] => [route(name, 'GET', url, work), route(name, 'HEAD', url, work)];
  const routes = [
    ...reading('organization', organization, readOrganization),
    ...reading('years', `${organization}/years`, listYears),
    ...reading('list-files', `${year}/files`, listFiles),
    route('create-file', 'POST', `${year}/files`, createFile),
    ...reading('read-file', `${year}/files/:id`, readFile),
    route('change-file', 'PATCH', `${year}/files/:id`, changeFile),
    route('delete-file', 'DELETE', `${year}/files/:id`, deleteFile),
    route('upload-url', 'POST', `${year}/files/:id/upload-url`, uploadUrl),
    route('finalize', 'POST', `${year}/files/:id/finalize`, finalize),
    route('download-url', 'POST', `${year}/files/:id/download-url`, downloadUrl),
    route('delete-url', 'POST', `${year}/files/:id/delete-url`, deleteUrl),
    route('ocr', 'POST', `${year}/files/:id/ocr`, recognize),
    ...reading('list-folders', `${year}/folders`, listFolders),
    route('create-folder', 'POST', `${year}/folders`, createFolder),
    ...reading('read-folder', `${year}/folders/:id`, readFolder),
    route('change-folder', 'PATCH', `${year}/folders/:id`, changeFolder),
    route('delete-folder', 'DELETE', `${year}/folders/:id`, deleteFolder),
  ];
  return { routes, otherwise: () => Promise.resolve(unknown) };
}
