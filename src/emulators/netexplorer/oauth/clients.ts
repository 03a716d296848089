/** Applications that are registered with the platform, and how they prove themselves (RFC 6749, 2; RFC 8252, 7.3). */
import { OAuthRefusal } from './refusal.js';

export type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials';

/** An application that is registered. */
export interface ClientSeed {
  readonly id: string;
  /** Left out: a program on a person's machine, which can keep none. */
  readonly secret?: string | undefined;
  /**
   * Where codes may be sent. A loopback address stands for any port, and without a path for any path. Default: the
   * loopback addresses.
   */
  readonly redirects?: readonly string[] | undefined;
  /** Default: code and refresh; with a secret, client credentials too. */
  readonly grants?: readonly GrantType[] | undefined;
  /** Who the application is by client credentials: a user's login. Default: the first user. */
  readonly user?: string | undefined;
}

export type Client = ReturnType<typeof clientOf>;

const loopback = ['http://127.0.0.1/', 'http://[::1]/', 'http://localhost/'];

export function clientOf({ id, secret, redirects, grants, user }: ClientSeed) {
  const personal: readonly GrantType[] = ['authorization_code', 'refresh_token'];
  const usual: readonly GrantType[] = secret === undefined ? personal : [...personal, 'client_credentials'];
  return { id, secret, redirects: redirects ?? loopback, grants: grants ?? usual, user } as const;
}

/** Whether codes may be sent there: to what was registered, letter by letter; on this machine to any port. */
export function redirectAllowed(registered: readonly string[], asked: string): boolean {
  if (registered.includes(asked)) return true;
  const url = parsed(asked);
  return url !== undefined && registered.some((text) => {
    const known = parsed(text);
    if (known === undefined || known.protocol !== 'http:' || url.protocol !== 'http:') return false;
    if (!isLoopback(known.hostname) || known.hostname !== url.hostname) return false;
    return known.pathname === '/' || (known.pathname === url.pathname && known.search === url.search);
  });
}

function isLoopback(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost';
}

/** An address to send somebody to: whole, without fragment and without a user in it. */
function parsed(text: string): URL | undefined {
  try {
    const url = new URL(text);
    return url.hash === '' && url.username === '' ? url : undefined;
  } catch {
    return undefined;
  }
}

/** Where the platform looks for the client's secret. */
export type ClientProof = 'any' | 'basic' | 'body';

/** The client of a token request, or the refusal: known, and with its secret where it has one. */
export function provenClient(
  clients: ReadonlyMap<string, Client>,
  proof: ClientProof,
  authorization: string | undefined,
  form: ReadonlyMap<string, string>,
): Client {
  const basic = basicOf(authorization);
  const inBody = form.get('client_secret');
  if (basic !== undefined && inBody !== undefined) throw new OAuthRefusal('invalid_request', 'two ways of authentication in one request');
  if (basic !== undefined && form.has('client_id') && form.get('client_id') !== basic.id) throw new OAuthRefusal('invalid_request', 'two clients in one request');
  const client = clients.get(basic?.id ?? form.get('client_id') ?? '');
  const secret = proof === 'body' ? inBody : (basic?.secret ?? (proof === 'any' ? inBody : undefined));
  if (client === undefined || (client.secret !== undefined && client.secret !== secret)) {
    throw new OAuthRefusal('invalid_client', 'unknown client, or not its secret', basic === undefined ? 400 : 401);
  }
  return client;
}

/** Id and secret are form-encoded before they are joined (RFC 6749, 2.3.1). */
function basicOf(authorization: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^Basic (.+)$/iu.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 2).map((part) => new URLSearchParams(`v=${part}`).get('v') ?? '');
  return { id, secret };
}
