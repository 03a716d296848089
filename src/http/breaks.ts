/**
 * What a broken connection means, in words and for the retry policy. undici and Node tell causes by
 * codes; the sentences here are for the person who reads the log.
 */
import { z } from 'zod';
import { FsError } from '../errors.js';
import { plainWords } from './answer-words.js';

/** A request that got no answer. */
export interface Broken {
  readonly error: FsError;
  /** False where the server cannot have seen the request: it may be sent again whatever it does. */
  readonly maybeCarriedOut: boolean;
  /** The connection had carried requests before, and broke before this one's answer began. */
  readonly staleConnection: boolean;
  /** The connection had carried requests before, and this one got no answer over it, for whatever reason. */
  readonly idleConnection: boolean;
  /** True where sending it again cannot help: a certificate, not a network. */
  readonly lasting: boolean;
}

const unknownAuthority = '; --ca-file names a company\'s own authority';

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
  CERT_NOT_YET_VALID: 'shows a certificate that is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: `shows a certificate that it signed itself${unknownAuthority}`,
  SELF_SIGNED_CERT_IN_CHAIN: `shows a certificate from an authority that this machine does not trust${unknownAuthority}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `shows a certificate whose authority is not known here${unknownAuthority}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `shows a certificate whose authority is not known here${unknownAuthority}`,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'wants to see a certificate of this machine: --client-cert and --client-key',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'does not accept the certificate of this machine (--client-cert): it does not know its authority',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'does not accept the certificate of this machine (--client-cert), or wants one',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'does not accept the certificate of this machine (--client-cert): it has expired',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'does not agree on how to speak TLS; it may want a certificate of this machine (--client-cert)',
};

/** What hangs on the clock of this machine names it: a wrong one is the likelier reason. */
const clockCodes: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

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
  if (known !== undefined) {
    const clock = clockCodes.has(code) ? ` by the clock of this machine, which says ${new Date().toISOString().slice(0, 16)}Z: is it right?` : '';
    const names = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? namesOf(error) : '';
    return `${host} ${known}${clock}${names}${code.startsWith('UND_ERR') ? '' : ` (${code})`}`;
  }
  if (code.startsWith('HPE_')) return `${host} does not answer as an HTTP server would (${code})`;
  const message = error instanceof Error ? error.message : String(error);
  return `the connection to ${host} failed: ${message}${code === '' || message.includes(code) ? '' : ` (${code})`}`;
}

const certified = z.object({ cert: z.object({ subjectaltname: z.string() }) });

/** The names that a refused certificate is for. */
function namesOf(error: unknown): string {
  const parsed = certified.safeParse(error);
  return parsed.success ? `: ${plainWords(parsed.data.cert.subjectaltname)}` : '';
}

/** True for a failure that stays until somebody changes something. */
export function isLastingBreak(error: unknown): boolean {
  if (error instanceof FsError) return !error.retryable;
  return /^(UND_ERR_INVALID_ARG|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/.test(codeOf(error));
}

/** EIO for a connection that broke, EIO for one that stood still. */
export function breakError(error: unknown, host: string): FsError {
  if (error instanceof FsError) return error;
  return new FsError('EIO', breakWords(error, host), { cause: error, retryable: !isLastingBreak(error) });
}

/** EIO: no connection within `limit` milliseconds; `step` is what was waited for last. */
export function slowConnectError(host: string, step: string, limit: number): FsError {
  return new FsError('EIO', `no connection to ${host} within ${Math.round(limit / 100) / 10} s: still ${step}`, { retryable: true });
}

/** EIO: nothing moved for `limit` milliseconds. */
export function stallError(host: string, doing: string, limit: number): FsError {
  return new FsError('EIO', `${host}: nothing moved for ${Math.round(limit / 100) / 10} s while ${doing}`, { retryable: true });
}
