/** A server of which a test dictates how it signs in, and that notes what it was asked: the rest of the platform is not in it. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpClient, type HttpRequest } from '../../../src/http/client.js';
import type { Log } from '../../../src/observe/log.js';
import { silentLog } from '../../../src/observe/log.js';
import { bodyOf, startServer } from '../../support/http-server.js';
import { testSettings } from '../subject.js';

export interface SeenRequest {
  readonly route: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An answer in place of a token. */
export interface Dictated {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SignInServer {
  readonly origin: string;
  readonly seen: readonly SeenRequest[];
  /** How often a route was asked for, such as `POST /api/auth`. */
  count(route: string): number;
  /** Tokens that are good; a test takes some away. */
  readonly living: Set<string>;
  /** What a sign-in is answered with; undefined: a token. */
  dictate(answer: ((request: SeenRequest) => Dictated | undefined) | undefined): void;
  /** Tokens are given and never good. */
  stillborn: boolean;
  /** Who gets a token loses the one before. */
  supersedes: boolean;
  /** Milliseconds that an answer to a sign-in takes. */
  latency: number;
  /** More of OAuth's token answers: `expires_in`, `refresh_token`. */
  oauth: (request: URLSearchParams) => Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function startSignInServer(): Promise<SignInServer> {
  const seen: SeenRequest[] = [];
  const living = new Set<string>();
  let dictated: ((request: SeenRequest) => Dictated | undefined) | undefined;
  let issued = 0;
  const issue = (): string => {
    const token = `token-${String(issued += 1)}`;
    if (self.supersedes) living.clear();
    if (!self.stillborn) living.add(token);
    return token;
  };
  const server = await startServer(async (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const note: SeenRequest = { route: `${request.method ?? ''} ${path}`, headers: request.headers, body: (await bodyOf(request)).toString('utf8') };
    seen.push(note);
    const answer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (note.route === 'POST /api/auth' || note.route === 'POST /oauth2/token') {
      await sleep(self.latency, undefined, { ref: false });
      const refusal = dictated?.(note);
      if (refusal !== undefined) answer(refusal.status, refusal.body, refusal.headers);
      else if (note.route === 'POST /api/auth') answer(200, { token: issue() });
      else answer(200, { access_token: issue(), token_type: 'bearer', ...self.oauth(new URLSearchParams(note.body)) });
    } else if (!living.has(token)) {
      answer(401, { error: 'Votre session a expiré' });
    } else if (note.route === 'DELETE /api/auth') {
      living.delete(token);
      answer(204, '');
    } else {
      answer(200, { path });
    }
  });
  const self: SignInServer = {
    origin: server.origin,
    seen,
    count: (route) => seen.filter((one) => one.route === route).length,
    living,
    dictate: (answer) => {
      dictated = answer;
    },
    stillborn: false,
    supersedes: false,
    latency: 0,
    oauth: () => ({}),
    close: () => server.close(),
  };
  return self;
}

/** A client of it. `elapsed`: the clock that tokens and pauses go by. */
export function clientOf(server: SignInServer, elapsed: () => number, log: Log = silentLog()): HttpClient {
  const { network, observer, parallelRequests, stallTimeout, serverTimeout } = testSettings;
  return new HttpClient({
    origin: server.origin, network, observer, parallelRequests, stallTimeout, serverTimeout, elapsed, keepAlive: 5_000, userAgent: 'amarre-test',
    retry: { deadline: 2_000, firstDelay: 5, maxDelay: 20 },
  }, log);
}

/** Any request that needs a token. */
export const anything: HttpRequest = { method: 'GET', path: '/api/folders', route: 'GET /folders', headers: {}, lane: 'call', answerWithin: 'stall' };
