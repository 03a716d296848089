/**
 * What a broken connection means, in words and for the retry policy. undici and Node tell causes by
 * codes; the sentences here are for the person who reads the log.
 */
import { FsError } from '../errors.js';

/** A request that got no answer. */
export interface Broken {
  readonly error: FsError;
  /** False where the server cannot have seen the request: it may be sent again whatever it does. */
  readonly maybeCarriedOut: boolean;
  /** The connection had carried requests before, and broke before this one's answer began. */
  readonly staleConnection: boolean;
  /** True where sending it again cannot help: a certificate, not a network. */
  readonly lasting: boolean;
}

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'broke the connection',
  EPIPE: 'broke the connection',
  UND_ERR_SOCKET: 'closed the connection',
  ENOTFOUND: 'is not known by that name (DNS)',
  EAI_AGAIN: 'cannot be looked up now (DNS)',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached: there is no network',
  ETIMEDOUT: 'does not answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'sent another number of bytes than it had announced',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS at this port: is it an http:// address?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a certificate for another name',
  CERT_HAS_EXPIRED: 'shows a certificate that has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'shows a certificate that it signed itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'shows a certificate from an authority that this machine does not trust',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'shows a certificate whose authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'shows a certificate whose authority is not known here',
};

/** The code of an error from undici or Node, looked for in its cause and, for several addresses, in the first. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}

/** One sentence for a broken connection to `host`. */
export function breakWords(error: unknown, host: string): string {
  const code = codeOf(error);
  const known = sentences[code];
  if (known !== undefined) return `${host} ${known}${code.startsWith('UND_ERR') ? '' : ` (${code})`}`;
  if (code.startsWith('HPE_')) return `${host} does not answer as an HTTP server would (${code})`;
  const message = error instanceof Error ? error.message : String(error);
  return `the connection to ${host} failed: ${message}${code === '' || message.includes(code) ? '' : ` (${code})`}`;
}

/** True for a failure that stays until somebody changes something. */
export function isLastingBreak(error: unknown): boolean {
  return /^(UND_ERR_INVALID_ARG|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/.test(codeOf(error));
}

/** EIO for a connection that broke, EIO for one that stood still. */
export function breakError(error: unknown, host: string): FsError {
  if (error instanceof FsError) return error;
  return new FsError('EIO', breakWords(error, host), { cause: error, retryable: !isLastingBreak(error) });
}

/** EIO: nothing moved for `limit` milliseconds. */
export function stallError(host: string, doing: string, limit: number): FsError {
  return new FsError('EIO', `${host}: nothing moved for ${Math.round(limit / 100) / 10} s while ${doing}`, { retryable: true });
}
