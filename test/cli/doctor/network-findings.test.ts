/** What is met on the way to a server means this for a mount. */
import { describe, expect, test } from 'vitest';
import { wouldMount } from '../../../src/cli/doctor/findings.js';
import type { NetworkFacts, TlsFacts } from '../../../src/cli/doctor/network-facts.js';
import { judgeNetwork, reachesServer } from '../../../src/cli/doctor/network-findings.js';
import { like } from '../../support/like.js';

const now = Date.UTC(2030, 5, 15);
const day = 24 * 3600 * 1000;
const tls: TlsFacts = { protocol: 'TLSv1.3', subject: 'files.example.org', issuer: 'An Authority', validTo: now + 60 * day };
const reached: NetworkFacts = {
  host: 'files.example.org', secure: true, forbidden: false, proxy: undefined, first: 'files.example.org:443',
  addresses: { value: ['192.0.2.1'] }, connection: { value: 12.3 }, tls: { value: tls }, now,
};
const trouble = (words: string, cause?: string) => ({ trouble: { code: '', cause, words } });
const summary = (facts: NetworkFacts) => judgeNetwork(facts).map(({ check, verdict }) => [check, verdict]);

test('nothing is wrong with a server that is there and trusted', () => {
  const findings = judgeNetwork(reached);
  expect(summary(reached)).toEqual([['encryption', 'ok'], ['DNS', 'ok'], ['TCP', 'ok'], ['TLS', 'ok'], ['certificate', 'ok']]);
  expect(reachesServer(findings)).toBe(true);
});

const proxied: Partial<NetworkFacts> = { proxy: 'http://proxy.example.org:3128', first: 'proxy.example.org:3128' };

describe('nobody is asked to sign in, and a mount would not work, where', () => {
  test.each<[string, Partial<NetworkFacts>, string, RegExp, RegExp]>([
    ['the name is not known', { addresses: trouble('files.example.org is not known by that name (DNS) (ENOTFOUND)'), connection: undefined, tls: undefined }, 'DNS', /not known/, /name in the remote/],
    ['the proxy\'s name is not known', { ...proxied, addresses: trouble('proxy.example.org is not known by that name'), connection: undefined, tls: undefined }, 'DNS', /not known/, /name in HTTPS_PROXY/],
    ['nobody listens', { connection: trouble('files.example.org:443 refuses connections (ECONNREFUSED)'), tls: undefined }, 'TCP', /refuses/, /firewall.*HTTPS_PROXY/],
    ['what listens speaks no TLS', { tls: trouble('files.example.org:443 does not speak TLS at this port', 'ERR_SSL_WRONG_VERSION_NUMBER') }, 'TLS', /does not speak TLS/, /port in the remote/],
    ['passwords would be open to all', { secure: false, forbidden: true, tls: undefined }, 'encryption', /open to everybody/, /--insecure-http/],
    ['the proxy wants a password', { ...proxied, tls: trouble('the proxy proxy.example.org:3128 wants a password (407)') }, 'proxy', /wants a password/, /USER:PASSWORD@HOST/],
    ['the certificate has expired', { tls: trouble('it has expired', 'CERT_HAS_EXPIRED') }, 'certificate', /expired/, /clock.*whoever runs the server/],
    ['the certificate is not valid yet', { tls: trouble('it is not valid yet', 'CERT_NOT_YET_VALID') }, 'certificate', /not valid yet/, /clock/],
    ['the certificate is for another', { tls: trouble('it is for another name: DNS:other', 'ERR_TLS_CERT_ALTNAME_INVALID') }, 'certificate', /other/, /host in the remote/],
    ['nobody vouches for the certificate', { tls: trouble('it signed itself', 'DEPTH_ZERO_SELF_SIGNED_CERT') }, 'certificate', /signed itself/, /--ca-file/],
    ['the authority is a company\'s own', { tls: trouble('not trusted', 'SELF_SIGNED_CERT_IN_CHAIN') }, 'certificate', /not trusted/, /--ca-file/],
    ['the server wants to see a certificate', { tls: trouble('wants to see one', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED') }, 'certificate', /wants to see/, /--client-cert/],
  ])('%s', (_, more, check, found, remedy) => {
    const findings = judgeNetwork({ ...reached, ...more });
    expect(findings.find((finding) => finding.check === check)).toEqual({ check, verdict: 'failed', found: like(found), remedy: like(remedy) });
    expect(reachesServer(findings)).toBe(false);
    expect(wouldMount(findings)).toBe(false);
  });
});

test('what stands behind a failure is not tried, and said so', () => {
  expect(summary({ ...reached, addresses: trouble('not known'), connection: undefined, tls: undefined }))
    .toEqual([['encryption', 'ok'], ['DNS', 'failed'], ['TCP', 'not tried'], ['TLS', 'not tried']]);
  expect(summary({ ...reached, ...proxied, tls: trouble('the proxy x does not let this through') }))
    .toEqual([['encryption', 'ok'], ['proxy', 'failed'], ['DNS', 'ok'], ['TCP', 'ok'], ['TLS', 'not tried']]);
});

test('a proxy that works is told', () => {
  expect(judgeNetwork({ ...reached, ...proxied }).find(({ check }) => check === 'proxy')).toMatchObject({ verdict: 'ok', found: like('http://proxy.example.org:3128') });
});

test('a certificate that ends soon is a warning', () => {
  const findings = judgeNetwork({ ...reached, tls: { value: { ...tls, validTo: now + 3 * day } } });
  expect(findings.at(-1)).toMatchObject({ check: 'certificate', verdict: 'warning', found: like('until 2030-06-18') });
  expect(reachesServer(findings)).toBe(true);
});

test('plain http that is allowed is told', () => {
  expect(summary({ ...reached, secure: false, tls: undefined })).toEqual([['encryption', 'ok'], ['DNS', 'ok'], ['TCP', 'ok']]);
});
