/** `/oauth2/authorize`: a person consents, and a code goes to the client's address (RFC 6749, 4.1.1). */
import { refusalBody, wrongPassword, type Admission } from '../signing-in/admission.js';
import { newSecret } from '../signing-in/connections.js';
import { parseScopes } from '../signing-in/scopes.js';
import type { User, Users } from '../users.js';
import { redirectAllowed, type Client } from './clients.js';
import type { Grants } from './grants.js';
import { challengeFault, type Pkce } from './pkce.js';
import { OAuthRefusal, parametersOf } from './refusal.js';

/** `form`: a page asks for user and password; else the answer is given at once, for the first user. */
export type Consent = 'form' | 'grant' | 'deny';

export interface AuthorizeSettings {
  readonly clients: ReadonlyMap<string, Client>;
  readonly users: Users;
  readonly admission: Admission;
  readonly grants: Grants;
  readonly pkce: Pkce;
  readonly consent: Consent;
}

/** What the browser gets: a page, or another address to go to. */
export type Shown =
  | { readonly kind: 'page'; readonly status: number; readonly html: string }
  | { readonly kind: 'redirect'; readonly location: string };

/** What was filled in. */
export interface Filled {
  readonly user: string;
  readonly password: string;
}

/** An authorization request of which it is known where to answer. */
interface Asked {
  readonly client: Client;
  /** As it was sent; undefined: the one that is registered. */
  readonly redirect: string | undefined;
  readonly sendTo: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Answers GET (nothing filled in), and POST of the form. */
export function authorize(settings: AuthorizeSettings, query: string, filled?: Filled): Shown {
  let asked: Asked;
  try {
    asked = askedFor(settings.clients, query);
  } catch (error) {
    // Who cannot be trusted is not sent anywhere.
    if (error instanceof OAuthRefusal) return page(400, `<p>${escaped(error.message)}</p>`);
    throw error;
  }
  try {
    return consented(settings, asked, filled);
  } catch (error) {
    if (error instanceof OAuthRefusal) return redirect(asked, error.said);
    throw error;
  }
}

function askedFor(clients: ReadonlyMap<string, Client>, query: string): Asked {
  const parameters = parametersOf(query);
  const client = clients.get(parameters.get('client_id') ?? '');
  if (client === undefined) throw new OAuthRefusal('invalid_request', 'Application inconnue');
  const asked = parameters.get('redirect_uri');
  const [only, ...others] = client.redirects;
  const sendTo = asked ?? (others.length === 0 ? only : undefined);
  if (sendTo === undefined || !redirectAllowed(client.redirects, sendTo)) throw new OAuthRefusal('invalid_request', 'Adresse de retour non autorisée');
  return { client, redirect: asked, sendTo, parameters };
}

function consented(settings: AuthorizeSettings, asked: Asked, filled: Filled | undefined): Shown {
  const { client, parameters } = asked;
  if (!client.grants.includes('authorization_code')) throw new OAuthRefusal('unauthorized_client', 'not for this client');
  if (parameters.get('response_type') !== 'code') {
    throw new OAuthRefusal(parameters.has('response_type') ? 'unsupported_response_type' : 'invalid_request', 'response_type must be code');
  }
  const challenge = parameters.get('code_challenge');
  const fault = challengeFault(settings.pkce, challenge, parameters.get('code_challenge_method'));
  if (fault !== undefined) throw new OAuthRefusal('invalid_request', fault);
  const scopes = parseScopes(parameters.get('scope') ?? 'all');
  if (scopes === undefined) throw new OAuthRefusal('invalid_scope', 'unknown scope');
  const user = whoConsents(settings, filled);
  if (user === undefined) return signInPage(client, scopes, filled === undefined ? undefined : wrongPassword);
  const reason = settings.admission.refusalOf(user);
  if (reason !== undefined) {
    const { error } = refusalBody(reason);
    if (filled !== undefined) return signInPage(client, scopes, error);
    throw new OAuthRefusal('access_denied', error);
  }
  const grant = { seat: newSecret(), client: client.id, user, scopes };
  return redirect(asked, { code: settings.grants.newCode(grant, asked.redirect, challenge) });
}

/** Undefined: nobody has yet. */
function whoConsents({ users, admission, consent }: AuthorizeSettings, filled: Filled | undefined): User | undefined {
  if (filled !== undefined) return admission.withPassword(filled.user, filled.password);
  if (consent === 'deny') throw new OAuthRefusal('access_denied', 'Accès refusé par l’utilisateur');
  return consent === 'grant' ? users.all()[0] : undefined;
}

/** The answer joins the query that the address may have; `state` goes back as it came. */
function redirect({ sendTo, parameters }: Asked, answer: Readonly<Record<string, string>>): Shown {
  const url = new URL(sendTo);
  const state = parameters.get('state');
  for (const [name, value] of Object.entries({ ...answer, ...(state === undefined ? {} : { state }) })) url.searchParams.set(name, value);
  return { kind: 'redirect', location: url.href };
}

function signInPage(client: Client, scopes: readonly string[], complaint: string | undefined): Shown {
  const lines = [
    `<p>${escaped(client.id)} demande l’accès : ${escaped(scopes.join(', '))}</p>`,
    ...(complaint === undefined ? [] : [`<p role="alert">${escaped(complaint)}</p>`]),
    '<form method="post"><input name="user" autofocus><input name="password" type="password"><button>Autoriser</button></form>',
  ];
  return page(complaint === undefined ? 200 : 403, lines.join('\n'));
}

function page(status: number, content: string): Shown {
  return { kind: 'page', status, html: `<!doctype html>\n<html lang="fr"><meta charset="utf-8"><title>NetExplorer</title>\n${content}\n</html>\n` };
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/gu, (sign) => `&#${sign.charCodeAt(0)};`);
}
