/** OAuth's routes, at the platform's root and not below `/api` (NetExplorer's page: signing in). */
import type { Answer } from '../../common/delivery.js';
import { openRoute, type OpenCall, type PlatformRoute } from '../call.js';
import { json } from '../errors.js';
import { OAuthRefusal } from './refusal.js';
import type { Filled } from './authorize.js';

const bodyLimit = 64 * 1024;

export const oauthRoutes: readonly PlatformRoute[] = [
  openRoute('authorize', 'GET', '/oauth2/authorize', (call) => show(call)),
  openRoute('authorize-form', 'POST', '/oauth2/authorize', fillIn),
  openRoute('token', 'POST', '/oauth2/token', token),
];

async function fillIn(call: OpenCall): Promise<Answer> {
  const form = new URLSearchParams(await bodyText(call));
  return show(call, { user: form.get('user') ?? '', password: form.get('password') ?? '' });
}

function show({ world, exchange }: OpenCall, filled?: Filled): Answer {
  const [, query = ''] = (exchange.request.url ?? '').split('?', 2);
  const shown = world.oauth.authorize(query, filled);
  if (shown.kind === 'redirect') return { status: 302, headers: { Location: shown.location, 'Cache-Control': 'no-store' } };
  return { status: shown.status, headers: { 'Content-Type': 'text/html; charset=UTF-8' }, body: Buffer.from(shown.html) };
}

/** Neither a token nor a refusal may be kept by anybody on the way (RFC 6749, 5.1). */
const unkept = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const;

async function token(call: OpenCall): Promise<Answer> {
  const { headers } = call.exchange.request;
  try {
    const body = await bodyText(call);
    if (!/^application\/x-www-form-urlencoded\b/iu.test(headers['content-type'] ?? '')) throw new OAuthRefusal('invalid_request', 'not a form');
    return withHeaders(json(200, call.world.oauth.token(body, headers.authorization)), unkept);
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    return withHeaders(json(error.status, error.said), { ...unkept, ...(error.status === 401 ? { 'WWW-Authenticate': 'Basic realm="NetExplorer"' } : {}) });
  }
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

async function bodyText({ exchange }: OpenCall): Promise<string> {
  return (await exchange.body.whole(bodyLimit)).toString('utf8');
}
