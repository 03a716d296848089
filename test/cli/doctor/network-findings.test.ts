/** What is met on the way to a server means this for a mount. */
import { describe, expect, test } from 'vitest';
import { wouldMount } from '../../../src/cli/doctor/findings.js';
import type { NetworkFacts, TlsFacts } from '../../../src/cli/doctor/network-facts.js';
import { judgeNetwork, reachesServer } from '../../../src/cli/doctor/network-findings.js';
import { like } from '../../support/like.js';

const now = Date.UTC(2030, 5, 15);
const day = 24 * 3600 * 1000;
const tls: TlsFacts = { protocol: 'TLSv1.3', refused: undefined, subject: 'files.example.org', issuer: 'An Authority', validFrom: now - 30 * day, validTo: now + 60 * day };
const reached: NetworkFacts = {
  host: 'files.example.org', port: 443, secure: true, forbidden: false, now, addresses: { value: ['192.0.2.1'] }, connection: { value: 12.3 }, tls: { value: tls },
};
const trouble = (words: string) => ({ trouble: { code: '', words } });

test('nothing is wrong with a server that is there and trusted', () => {
  const findings = judgeNetwork(reached);
  expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([['encryption', 'ok'], ['DNS', 'ok'], ['TCP', 'ok'], ['TLS', 'ok'], ['certificate', 'ok']]);
  expect(reachesServer(findings)).toBe(true);
});

describe('nobody is asked to sign in, and a mount would not work, where', () => {
  test.each<[string, Partial<NetworkFacts>, string, RegExp, RegExp]>([
    ['the name is not known', { addresses: trouble('files.example.org is not known by that name (DNS) (ENOTFOUND)'), connection: undefined, tls: undefined }, 'DNS', /not known/, /name in the remote/],
    ['nobody listens', { connection: trouble('files.example.org:443 refuses connections (ECONNREFUSED)'), tls: undefined }, 'TCP', /refuses/, /firewall/],
    ['what listens speaks no TLS', { tls: trouble('files.example.org:443 does not speak TLS at this port') }, 'TLS', /does not speak TLS/, /port in the remote/],
    ['passwords would be open to all', { secure: false, forbidden: true, tls: undefined }, 'encryption', /open to everybody/, /--insecure-http/],
    ['the certificate has expired', { tls: { value: { ...tls, refused: 'CERT_HAS_EXPIRED', validTo: now - day } } }, 'certificate', /expired on 2030-06-14/, /whoever runs the server/],
    ['the certificate is not valid yet', { tls: { value: { ...tls, refused: 'CERT_NOT_YET_VALID', validFrom: now + day } } }, 'certificate', /valid from 2030-06-16/, /clock/],
    ['the certificate is for another', { tls: { value: { ...tls, subject: 'other.example.org', refused: 'ERR_TLS_CERT_ALTNAME_INVALID' } } }, 'certificate', /other\.example\.org, which is not files/, /host in the remote/],
    ['nobody vouches for the certificate', { tls: { value: { ...tls, refused: 'DEPTH_ZERO_SELF_SIGNED_CERT' } } }, 'certificate', /An Authority.*DEPTH_ZERO/, /FILE/],
    ['the authority is a company\'s own', { tls: { value: { ...tls, refused: 'SELF_SIGNED_CERT_IN_CHAIN' } } }, 'certificate', /does not trust/, /FILE/],
    ['the certificate is wrong in another way', { tls: { value: { ...tls, refused: 'CERT_REVOKED' } } }, 'certificate', /CERT_REVOKED/, /whoever runs/],
  ])('%s', (_, facts, check, found, remedy) => {
    const findings = judgeNetwork({ ...reached, ...facts });
    expect(findings.find((finding) => finding.check === check)).toEqual({ check, verdict: 'failed', found: like(found), remedy: like(remedy) });
    expect(reachesServer(findings)).toBe(false);
    expect(wouldMount(findings)).toBe(false);
  });
});

test('what stands behind a failure is not tried, and said so', () => {
  const verdicts = judgeNetwork({ ...reached, addresses: trouble('not known'), connection: undefined, tls: undefined }).map(({ check, verdict }) => [check, verdict]);
  expect(verdicts).toEqual([['encryption', 'ok'], ['DNS', 'failed'], ['TCP', 'not tried'], ['TLS', 'not tried']]);
});

test('a certificate that ends soon is a warning', () => {
  const findings = judgeNetwork({ ...reached, tls: { value: { ...tls, validTo: now + 3 * day } } });
  expect(findings.at(-1)).toMatchObject({ check: 'certificate', verdict: 'warning', found: like('until 2030-06-18') });
  expect(reachesServer(findings)).toBe(true);
});

test('plain http that is allowed is told', () => {
  const findings = judgeNetwork({ ...reached, secure: false, tls: undefined });
  expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([['encryption', 'ok'], ['DNS', 'ok'], ['TCP', 'ok']]);
});
