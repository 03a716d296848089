/** A person's sign-in from its beginning in the browser to the refresh token, which mounts use later. */
import { FsError } from '../../errors.js';
import type { NetworkSettings } from '../../http/dialing.js';
import { HttpClient } from '../../http/client.js';
import type { Log } from '../../observe/log.js';
import { unobserved } from '../../observe/requests.js';
import type { Remote } from '../remote.js';
import { beginBrowserSignIn, redeemCode, TokenEndpoint, whoIs, type BrowserSignIn, type OAuthClient } from './oauth.js';
import { giveBack } from './session.js';
import { sentenceOf } from './sign-in-answers.js';

/** Milliseconds without progress: somebody waits. */
const patience = 10_000;
/** How long giving the connection back may take, in milliseconds. */
const signOutPatience = 2_000;

export interface BrowserSignInParts {
  readonly remote: Remote;
  readonly client: OAuthClient;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  /** False: for a platform that refuses it. */
  readonly pkce: boolean;
  readonly network: NetworkSettings;
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
}

/** What the browser brought back: another's answer, a refusal in the platform's words, or the code. */
export function readRedirect(parameters: URLSearchParams, state: string): { readonly code: string } | { readonly refused: string } | undefined {
  if (parameters.get('state') !== state) return undefined;
  const error = parameters.get('error');
  if (error !== null) {
    const description = parameters.get('error_description');
    const words = sentenceOf(JSON.stringify({ error, ...(description !== null && { error_description: description }) }))?.sentence;
    const hint = error === 'invalid_request' ? ' (a platform that does not take PKCE: --no-pkce; another address of this client: --redirect)' : '';
    return { refused: `${words ?? 'it gives no reason'}${hint}` };
  }
  const code = parameters.get('code') ?? '';
  return code === '' ? { refused: 'its answer has no code' } : { code };
}

export class PersonSignIn {
  readonly begun: BrowserSignIn;
  private readonly http: HttpClient;
  private readonly endpoint: TokenEndpoint;

  constructor(private readonly parts: BrowserSignInParts, private readonly log: Log) {
    const { remote, client, scopes, redirectUri, pkce, network, elapsed } = parts;
    this.http = new HttpClient({
      origin: remote.origin, network, elapsed, parallelRequests: 2, keepAlive: patience, stallTimeout: patience, serverTimeout: patience, userAgent: 'amarre', observer: unobserved,
      retry: { deadline: patience, firstDelay: 250, maxDelay: 5_000 },
    }, log);
    this.endpoint = new TokenEndpoint(this.http, client);
    this.begun = beginBrowserSignIn({ origin: remote.origin, client, scopes, redirectUri, pkce });
  }

  /** The refresh token for the code. EACCES where the platform refuses, or gives none. */
  async finish(code: string, signal: AbortSignal): Promise<string> {
    const token = await redeemCode(this.endpoint, code, this.begun, this.parts.remote.user ?? whoIs(this.parts.client), signal);
    // The connection is no longer needed, and the platform counts them.
    await giveBack(this.http, token.text, this.log, AbortSignal.timeout(signOutPatience));
    if (token.refreshToken === undefined) {
      throw new FsError('EACCES', 'the platform signed in and gave nothing that lasts beyond it (no refresh token): try --offline-access');
    }
    return token.refreshToken;
  }

  close(): Promise<void> {
    return this.http.close();
  }
}
