/** `POST /oauth2/token`: codes, refresh tokens and a client's own secret for access tokens (RFC 6749, 4.1.3, 4.4, 6). */
import { noSlotLeft, refusalBody, type Admission } from '../signing-in/admission.js';
import { newSecret, type Connections } from '../signing-in/connections.js';
import { parseScopes } from '../signing-in/scopes.js';
import type { Users } from '../users.js';
import { provenClient, type Client, type ClientProof } from './clients.js';
import type { Grant, Grants } from './grants.js';
import { proves, type Pkce } from './pkce.js';
import { OAuthRefusal, parametersOf } from './refusal.js';

export interface TokenSettings {
  readonly clients: ReadonlyMap<string, Client>;
  readonly clientProof: ClientProof;
  readonly users: Users;
  readonly admission: Admission;
  readonly connections: Connections;
  readonly grants: Grants;
  readonly pkce: Pkce;
  /** Milliseconds. */
  readonly accessLifeMs: number;
  /** What `expires_in` says, in seconds; undefined: it is left out. */
  readonly expiresIn: number | undefined;
  /** Who gets a refresh token with an access token. */
  readonly givesRefreshTokens: 'always' | 'offline' | 'never';
}

export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in?: number;
  readonly refresh_token?: string;
  readonly scope: string;
}

type Form = ReadonlyMap<string, string>;

/** The answer to a token request, or an OAuthRefusal. */
export function giveToken(settings: TokenSettings, body: string, authorization: string | undefined): TokenAnswer {
  const form = parametersOf(body);
  const grantType = wanted(form, 'grant_type');
  const client = provenClient(settings.clients, settings.clientProof, authorization, form);
  const give = ways.get(grantType);
  if (give === undefined) throw new OAuthRefusal('unsupported_grant_type', grantType);
  if (!client.grants.some((known) => known === grantType)) throw new OAuthRefusal('unauthorized_client', `${grantType} is not for this client`);
  return give(settings, client, form);
}

const ways: ReadonlyMap<string, (settings: TokenSettings, client: Client, form: Form) => TokenAnswer> = new Map([
  ['authorization_code', forCode],
  ['refresh_token', forRefreshToken],
  ['client_credentials', forClient],
]);

function forCode(settings: TokenSettings, client: Client, form: Form): TokenAnswer {
  const { grants, pkce, givesRefreshTokens } = settings;
  const verifier = form.get('code_verifier');
  if (pkce === 'unknown' && verifier !== undefined) throw new OAuthRefusal('invalid_request', 'unknown parameter code_verifier');
  const code = grants.code(wanted(form, 'code'), client.id);
  const { grant, challenge } = code;
  if (form.get('redirect_uri') !== code.redirect) throw new OAuthRefusal('invalid_grant', 'not the redirect_uri that was asked for');
  if (challenge === undefined ? verifier !== undefined : !proves(verifier ?? '', challenge)) {
    throw new OAuthRefusal('invalid_grant', 'code_verifier does not match');
  }
  const access = accessFor(settings, grant, grant.scopes);
  grants.spend(code);
  const refreshes = client.grants.includes('refresh_token') && (givesRefreshTokens === 'always' || (givesRefreshTokens === 'offline' && grant.scopes.includes('offline')));
  return { ...access, ...(refreshes ? { refresh_token: grants.newRefreshToken(grant) } : {}) };
}

function forRefreshToken(settings: TokenSettings, client: Client, form: Form): TokenAnswer {
  const { grants } = settings;
  const token = grants.refreshToken(wanted(form, 'refresh_token'), client.id);
  const { grant } = token;
  const scopes = scopesOf(form) ?? grant.scopes;
  if (!scopes.every((scope) => grant.scopes.includes(scope))) throw new OAuthRefusal('invalid_scope', 'more than was granted');
  const access = accessFor(settings, grant, scopes);
  const next = grants.rotated(token);
  return { ...access, ...(next === undefined ? {} : { refresh_token: next }) };
}

function forClient(settings: TokenSettings, client: Client, form: Form): TokenAnswer {
  const { users } = settings;
  const user = client.user === undefined ? users.all()[0] : users.byLogin(client.user);
  if (client.secret === undefined || user === undefined) throw new OAuthRefusal('unauthorized_client', 'not for a client without a secret');
  const scopes = scopesOf(form) ?? ['all'];
  return accessFor(settings, { seat: newSecret(), client: client.id, user, scopes }, scopes);
}

/** An access token, where user and connections allow one more. */
function accessFor({ admission, connections, accessLifeMs, expiresIn }: TokenSettings, { user, seat }: Grant, scopes: readonly string[]): TokenAnswer {
  const reason = admission.refusalOf(user);
  if (reason !== undefined) throw new OAuthRefusal('invalid_grant', refusalBody(reason).error);
  // RFC 6749 has no name for it here; the one it has for authorizing says that the same request may succeed later.
  if (connections.full && !connections.has(seat)) throw new OAuthRefusal('temporarily_unavailable', noSlotLeft, 503);
  return {
    access_token: connections.openFor(user, new Set(scopes), seat, accessLifeMs),
    token_type: 'Bearer',
    ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
    scope: scopes.join(' '),
  };
}

function scopesOf(form: Form): readonly string[] | undefined {
  const text = form.get('scope');
  if (text === undefined) return undefined;
  const scopes = parseScopes(text);
  if (scopes === undefined) throw new OAuthRefusal('invalid_scope', 'unknown scope');
  return scopes;
}

function wanted(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw new OAuthRefusal('invalid_request', `${name} is missing`);
  return value;
}
