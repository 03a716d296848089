/** What was met on the way to the server means this for a mount. Pure. */
import { failed, notTried, ok, warning, type Finding, type Trouble } from './findings.js';
import type { NetworkFacts, TlsFacts } from './network-facts.js';

/** A certificate that ends sooner than this is worth a word, in milliseconds. */
const soon = 14 * 24 * 3600 * 1000;

export function judgeNetwork(facts: NetworkFacts): readonly Finding[] {
  return [judgeTransport(facts), ...judgeProxy(facts), judgeName(facts), judgeConnection(facts), ...judgeTls(facts)];
}

/** Whether the network leads to a server that may be asked to sign somebody in. */
export function reachesServer(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'failed' && verdict !== 'not tried');
}

function judgeTransport({ secure, forbidden, host }: NetworkFacts): Finding {
  if (secure) return ok('encryption', 'by TLS');
  if (forbidden) return failed('encryption', `none: password and files would be open to everybody on the way to ${host}`, 'write the remote with +https://, or allow it with --insecure-http');
  return ok('encryption', 'none (plain http)');
}

function judgeProxy({ proxy, tls }: NetworkFacts): readonly Finding[] {
  if (proxy === undefined) return [];
  const trouble = tls !== undefined && 'trouble' in tls && isProxys(tls.trouble) ? tls.trouble : undefined;
  return [trouble === undefined
    ? ok('proxy', `${proxy}, by HTTPS_PROXY or HTTP_PROXY`)
    : failed('proxy', trouble.words, 'correct HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT where it wants a password), or name the server in NO_PROXY')];
}

/** Every failure names who it was; the proxy is named as one. */
function isProxys({ words }: Trouble): boolean {
  return words.includes('the proxy ');
}

function judgeName({ first, proxy, addresses }: NetworkFacts): Finding {
  if ('value' in addresses) return ok('DNS', `${first.replace(/:\d+$/, '')} is ${addresses.value.join(', ')}`);
  const where = proxy === undefined ? 'the remote' : 'HTTPS_PROXY';
  return failed('DNS', addresses.trouble.words, `check the name in ${where}, and that this machine has a network: getent hosts NAME`);
}

function judgeConnection({ first, proxy, connection }: NetworkFacts): Finding {
  if (connection === undefined) return notTried('TCP', 'there is no address to connect to');
  if ('value' in connection) return ok('TCP', `${first} accepts connections, in ${Math.round(connection.value)} ms`);
  const where = proxy === undefined ? 'the remote' : 'HTTPS_PROXY';
  return failed('TCP', connection.trouble.words, `check host and port in ${where}, and whether a firewall lets them through; a company's proxy is named in HTTPS_PROXY`);
}

function judgeTls({ secure, tls, now }: NetworkFacts): readonly Finding[] {
  if (!secure) return [];
  if (tls === undefined) return [notTried('TLS', 'nothing is connected')];
  if ('value' in tls) return [ok('TLS', tls.value.protocol), judgeEnd(tls.value, now)];
  const { trouble } = tls;
  if (isProxys(trouble)) return [notTried('TLS', 'the proxy does not let this through')];
  const remedy = certificateRemedies[trouble.cause ?? ''];
  if (remedy !== undefined) return [failed('certificate', trouble.words, remedy)];
  return [failed('TLS', trouble.words, 'check the port in the remote: what is there must speak TLS')];
}

function judgeEnd({ subject, issuer, validTo }: TlsFacts, now: number): Finding {
  const found = `for ${subject} by ${issuer}, until ${day(validTo)}`;
  if (validTo - now > soon) return ok('certificate', found);
  return warning('certificate', found, 'tell whoever runs the server: it must be renewed before that day');
}

const askForAuthority = 'get the certificate of the authority from whoever runs the server, and name it with --ca-file; or have it installed on this machine';
const askForRenewal = 'set this machine\'s clock if it is wrong (timedatectl set-ntp true); else tell whoever runs the server';
const showCertificate = 'give the certificate of this machine with --client-cert and --client-key';

/** By OpenSSL's names for what is wrong. */
const certificateRemedies: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: askForRenewal,
  CERT_NOT_YET_VALID: askForRenewal,
  ERR_TLS_CERT_ALTNAME_INVALID: 'write the host in the remote as the certificate names it',
  DEPTH_ZERO_SELF_SIGNED_CERT: askForAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: askForAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: askForAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: askForAuthority,
  UNABLE_TO_GET_ISSUER_CERT: askForAuthority,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: showCertificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: showCertificate,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: showCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: showCertificate,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: showCertificate,
};

function day(time: number): string {
  return Number.isNaN(time) ? 'an unknown day' : new Date(time).toISOString().slice(0, 10);
}
