/** The emulated SFTPGo: its routes, and who may use them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commonControl, ordered } from '../common/control.js';
import type { Answer } from '../common/delivery.js';
import type { Exchange, Handler, Subject } from '../common/exchange.js';
import { Faults } from '../common/faults.js';
import { makeSampleFiles } from '../common/sample-files.js';
import { startServer, type Route } from '../common/server.js';
import { Traffic } from '../common/traffic.js';
import type { Announcement, RunningEmulator } from '../emulator.js';
import { addSftpgoControl, type SftpgoControl } from './control.js';
import { makeFolder, removeFolder } from './directories.js';
import { download } from './download.js';
import { done, Refusal } from './errors.js';
import { copy, deleteFile, move, setMetadata } from './file-actions.js';
import { uploadForm } from './form.js';
import { cleanPath } from './home.js';
import { Limits } from './limits.js';
import { list } from './listing.js';
import { choices, type RefuseOthers, type ServerChoices, type SftpgoOptions } from './options.js';
import { parseQuery } from './query.js';
import type { SessionHandler } from './session.js';
import { newCode, signIn, signInAdministrator } from './sign-in.js';
import { streamZip } from './streamzip.js';
import { Tokens } from './tokens.js';
import { upload } from './uploads.js';
import { makeUsers, type User } from './users.js';

const base = '/api/v2';

/** A running SFTPGo, with what only it has. */
export interface RunningSftpgo extends RunningEmulator {
  /** With the folder that is served. */
  readonly announcement: Announcement & { readonly root: string };
  readonly control: SftpgoControl;
  /** API keys: one made for `u`, and one of no user, to which `.<user>` is appended. */
  readonly apiKeys: { readonly u: string; readonly anyUser: string };
}

/** Starts an SFTPGo over a folder. Options and their defaults: `options.ts`. */
export async function startSftpgo(options: SftpgoOptions): Promise<RunningSftpgo> {
  if (options.root !== undefined) return startOver(resolve(options.root), options);
  const sample = await mkdtemp(join(tmpdir(), 'amarre-sample-'));
  const remove = (): Promise<void> => rm(sample, { recursive: true, force: true });
  try {
    await makeSampleFiles(sample);
    const running = await startOver(sample, options);
    return { ...running, close: () => running.close().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startOver(root: string, options: SftpgoOptions): Promise<RunningSftpgo> {
  const chosen = choices(options);
  const own = { quotaBytes: options.quotaBytes, maxSessions: options.maxSessions, ...options.users?.['u'] };
  const users = makeUsers(root, { ...options.users, u: own });
  const tokens = new Tokens(chosen, users);
  const apiKeys = { u: tokens.issueKey('u'), anyUser: tokens.issueKey(undefined) };
  const faults = new Faults();
  const traffic = new Traffic();
  const services = new Services(options.refuseOthers);
  const control = makeControl(faults, traffic, users, tokens, services);
  const closing = new AbortController();
  const server = await startServer({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    idleTimeoutMs: chosen.idleTimeoutMs,
    latencyMs: options.latencyMs ?? 0,
    ...makeRoutes(new Api(chosen, users, tokens), services),
    subject,
    faults,
    traffic,
    control,
    addOwnControl: (app) => {
      addSftpgoControl(app, control);
    },
    closing: closing.signal,
    onMistake: (error) => {
      console.error('The emulator made a mistake:', error);
    },
  });
  return {
    announcement: {
      platform: 'sftpgo',
      url: server.url,
      remote: `sftpgo+http://u@${new URL(server.url).host}/`,
      env: { AMARRE_PASSWORD: users.get('u')?.password ?? '' },
      root,
    },
    apiKeys,
    control,
    close: async () => {
      closing.abort();
      await server.close();
    },
  };
}

/** What a request is about, for rules and the log: its parameters as they came. */
function subject(url: string): Subject {
  const query = parseQuery(url);
  return { path: query.get('path'), target: query.get('target') };
}

/** The checks that stand before every route, in SFTPGo's order. */
class Api {
  readonly users: ReadonlyMap<string, User>;
  readonly tokens: Tokens;
  readonly limits: Limits;
  readonly #choices: ServerChoices;

  constructor(choices: ServerChoices, users: ReadonlyMap<string, User>, tokens: Tokens) {
    this.#choices = choices;
    this.users = users;
    this.tokens = tokens;
    this.limits = new Limits(choices);
  }

  /** A handler behind the limits of the client's address; refusals become answers. */
  open(work: (exchange: Exchange, address: string) => Promise<Answer>): Handler {
    return async (exchange) => {
      const address = exchange.request.socket.remoteAddress ?? '';
      try {
        this.limits.enter(address);
        exchange.onLeave(() => {
          this.limits.leave(address);
        });
        return await work(exchange, address);
      } catch (error) {
        if (error instanceof Refusal) return error.answer();
        throw error;
      }
    };
  }

  /** A handler for a user with a token or a key. */
  session(work: SessionHandler): Handler {
    return this.open(async (exchange, address) => {
      const user = this.#authenticate(exchange, address);
      if (user.mustChangePassword) {
        throw new Refusal(403, '', 'Password change required. Please set a new password to continue to use your account');
      }
      if (user.maxSessions > 0 && user.sessions >= user.maxSessions) {
        throw new Refusal(429, 'Unable to add connection', `too many open sessions: ${user.sessions}/${user.maxSessions}`);
      }
      user.sessions += 1;
      exchange.onLeave(() => {
        user.sessions -= 1;
      });
      const query = parseQuery(exchange.request.url ?? '');
      return work({ user, exchange, query, choices: this.#choices, path: cleanPath(query.get('path') ?? '') });
    });
  }

  logout(): Handler {
    return this.open((exchange, address) => {
      this.#authenticate(exchange, address);
      this.tokens.logout(exchange.request.headers.authorization);
      return Promise.resolve(done(200, 'Your token has been invalidated'));
    });
  }

  #authenticate(exchange: Exchange, address: string): User {
    const key = exchange.request.headers['x-sftpgo-api-key'];
    const user = typeof key === 'string' ? this.tokens.byKey(key) : this.tokens.byToken(exchange.request.headers.authorization, address);
    exchange.log.user = user.name;
    return user;
  }
}

/** Which services answer: those that GEREDIS documents always, the others unless a status refuses them. */
class Services {
  refusal: RefuseOthers | undefined;

  constructor(refusal: RefuseOthers | undefined) {
    this.refusal = refusal;
  }

  set(status: number | undefined): void {
    const known = ([403, 404, 405, undefined] as const).find((one) => one === status);
    if (known !== status) throw new Error(`others are refused with 403, 404 or 405, not ${status ?? ''}`);
    this.refusal = known;
  }

  /** A route of the others. */
  guard(handler: Handler): Handler {
    return async (exchange) => {
      switch (this.refusal) {
        case undefined: return handler(exchange);
        case 403: return new Refusal(403, 'Unable to do that', 'permission denied').answer();
        case 404: return { status: 404, headers: { 'Content-Type': 'text/html' }, body: Buffer.from('<html><head><title>404 Not Found</title></head></html>') };
        case 405: return { status: 405, headers: {} };
      }
    };
  }
}

const documented = new Set(['GET /user/token', 'GET /user/dirs', 'POST /user/streamzip', 'POST /user/files']);

function makeRoutes(api: Api, services: Services): { routes: Route[]; otherwise: Handler } {
  const { users, tokens, limits } = api;
  const route = (name: string, method: Route['method'], path: string, handler: Handler): Route => (
    { name, method, url: base + path, handler: documented.has(`${method} ${path}`) ? handler : services.guard(handler) }
  );
  const routes = [
    route('token', 'GET', '/user/token', api.open((exchange, address) => signIn(exchange, users, tokens, limits, address))),
    route('admin-token', 'GET', '/token', api.open((exchange, address) => Promise.resolve(signInAdministrator(exchange, tokens, address)))),
    route('logout', 'GET', '/user/logout', api.logout()),
    route('list', 'GET', '/user/dirs', api.session(list)),
    route('list', 'HEAD', '/user/dirs', api.session(list)),
    route('mkdir', 'POST', '/user/dirs', api.session(makeFolder)),
    route('rmdir', 'DELETE', '/user/dirs', api.session(removeFolder)),
    route('get', 'GET', '/user/files', api.session(download)),
    route('head', 'HEAD', '/user/files', api.session(download)),
    route('form', 'POST', '/user/files', api.session(uploadForm)),
    route('delete', 'DELETE', '/user/files', api.session(deleteFile)),
    route('upload', 'POST', '/user/files/upload', api.session(upload)),
    route('metadata', 'PATCH', '/user/files/metadata', api.session(setMetadata)),
    route('move', 'POST', '/user/file-actions/move', api.session(move)),
    route('copy', 'POST', '/user/file-actions/copy', api.session(copy)),
    route('streamzip', 'POST', '/user/streamzip', api.session(streamZip)),
  ];
  const otherwise = api.open((exchange) => {
    const path = exchange.request.url?.split('?', 1)[0];
    const allowed = routes.filter(({ url }) => url === path).map(({ method }) => method);
    if (allowed.length === 0) throw new Refusal(404, 'Not Found');
    return Promise.resolve({ status: 405, headers: { Allow: allowed.join(', ') } });
  });
  return { routes, otherwise };
}

function makeControl(faults: Faults, traffic: Traffic, users: ReadonlyMap<string, User>, tokens: Tokens, services: Services): SftpgoControl {
  const known = (name: string): User => {
    const user = users.get(name);
    if (user === undefined) throw new Error(`no such user: ${name}`);
    return user;
  };
  return {
    ...commonControl(faults, traffic),
    forgetTokens: () => ordered(() => tokens.forgetAll()),
    changeUser: (name, change) => ordered(() => known(name).change(change)),
    refuseOthers: (status) => ordered(() => services.set(status)),
    oneTimeCode: (name) => ordered(() => newCode(known(name))),
  };
}
