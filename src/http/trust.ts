/**
 * Whose certificates are believed. A company that looks into its people's traffic, or signs its own
 * servers' certificates, installs its authority in the system's store, which Node by itself does not
 * read. So the store is read here, what Node was told to add is added, and the person's own file too:
 * each adds to what is believed, none takes away.
 */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** Where systems keep the authorities that they trust, as one file: Debian, Fedora, SUSE, Alpine and macOS. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const;

/**
 * The authorities that are believed, in PEM: the system's (SSL_CERT_FILE where it is set, as for
 * OpenSSL; the list that Node brings where the system has none), those of NODE_EXTRA_CA_CERTS, and `more`.
 */
export function authorities(environment: Readonly<Record<string, string | undefined>>, more: readonly string[]): string[] {
  const { SSL_CERT_FILE: named, NODE_EXTRA_CA_CERTS: extra } = environment;
  const system = [named ?? '', ...bundles].map(readCertificates).find((text) => text !== undefined);
  const added = readCertificates(extra ?? '');
  return [...(system === undefined ? rootCertificates : [system]), ...(added === undefined ? [] : [added]), ...more];
}

function readCertificates(path: string): string | undefined {
  if (path === '') return undefined;
  try {
    const text = readFileSync(path, 'latin1');
    return text.includes('-----BEGIN CERTIFICATE-----') ? text : undefined;
  } catch {
    // Not this system's place, or not for us to read: the next one.
    return undefined;
  }
}
