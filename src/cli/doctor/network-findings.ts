/** What was met on the way to the server means this for a mount. Pure. */
import { failed, notTried, ok, warning, type Finding } from './findings.js';
import type { NetworkFacts, TlsFacts } from './network-facts.js';

/** A certificate that ends sooner than this is worth a word, in milliseconds. */
const soon = 14 * 24 * 3600 * 1000;

export function judgeNetwork(facts: NetworkFacts): readonly Finding[] {
  return [judgeTransport(facts), judgeName(facts), judgeConnection(facts), ...judgeTls(facts)];
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

function judgeName({ host, addresses }: NetworkFacts): Finding {
  if ('value' in addresses) return ok('DNS', `${host} is ${addresses.value.join(', ')}`);
  return failed('DNS', addresses.trouble.words, 'check the name in the remote, and that this machine has a network: getent hosts NAME');
}

function judgeConnection({ host, port, connection }: NetworkFacts): Finding {
  if (connection === undefined) return notTried('TCP', 'there is no address to connect to');
  if ('value' in connection) return ok('TCP', `${host}:${port} accepts connections, in ${Math.round(connection.value)} ms`);
  return failed('TCP', connection.trouble.words, 'check host and port in the remote, and whether a firewall lets them through');
}

function judgeTls(facts: NetworkFacts): readonly Finding[] {
  const { secure, tls, now } = facts;
  if (!secure) return [];
  if (tls === undefined) return [notTried('TLS', 'nothing is connected')];
  if ('trouble' in tls) return [failed('TLS', tls.trouble.words, 'check the port in the remote: what is there does not speak TLS as it should')];
  const { value } = tls;
  return [ok('TLS', value.protocol), value.refused === undefined ? judgeEnd(value, now) : refuseCertificate(value, facts)];
}

function judgeEnd({ subject, issuer, validTo }: TlsFacts, now: number): Finding {
  const found = `for ${subject} by ${issuer}, until ${day(validTo)}`;
  if (validTo - now > soon) return ok('certificate', found);
  return warning('certificate', found, 'tell whoever runs the server: it must be renewed before that day');
}

/** OpenSSL's names for what is wrong, and what helps. */
const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_GET_ISSUER_CERT',
]);

function refuseCertificate({ subject, issuer, validFrom, validTo, refused = '' }: TlsFacts, { host }: NetworkFacts): Finding {
  if (refused === 'CERT_HAS_EXPIRED') return failed('certificate', `for ${subject}, expired on ${day(validTo)}`, 'tell whoever runs the server; and look whether this machine\'s clock is right');
  if (refused === 'CERT_NOT_YET_VALID') return failed('certificate', `for ${subject}, valid from ${day(validFrom)} on`, 'set this machine\'s clock: timedatectl set-ntp true');
  if (refused === 'ERR_TLS_CERT_ALTNAME_INVALID') return failed('certificate', `for ${subject}, which is not ${host}`, 'write the host in the remote as the certificate names it');
  if (untrusted.has(refused)) return failed('certificate', `for ${subject} by ${issuer}, whom this machine does not trust (${refused})`, trustRemedy);
  return failed('certificate', `for ${subject} by ${issuer}: ${refused}`, 'tell whoever runs the server');
}

const trustRemedy = 'get the certificate of the authority from whoever runs the server, and name it in NODE_EXTRA_CA_CERTS=FILE';

function day(time: number): string {
  return Number.isNaN(time) ? 'an unknown day' : new Date(time).toISOString().slice(0, 10);
}
