/** Certificates for tests of TLS, issued in the test: an authority of one's own, and what it signs, valid or not. */
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension, cryptoProvider, KeyUsageFlags, KeyUsagesExtension, SubjectAlternativeNameExtension, X509CertificateGenerator, type X509Certificate,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 3600 * 1000;

/** A certificate and its key, in PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** Names and addresses that it is for. */
  readonly names: readonly string[];
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
}

export interface Authority {
  /** Its own certificate, in PEM. */
  readonly cert: string;
  issue(options: IssueOptions): Promise<Issued>;
}

/** An authority that nobody knows. */
export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const own = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`, keys, signingAlgorithm: algorithm, notBefore: new Date(Date.now() - 10 * day), notAfter: new Date(Date.now() + 10 * day),
    extensions: [new BasicConstraintsExtension(true, undefined, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
  });
  return {
    cert: own.toString('pem'),
    async issue({ names, from = -1, to = 1 }) {
      const keysOfIt = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate: X509Certificate = await X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? ''}`, issuer: own.subject, publicKey: keysOfIt.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm,
        notBefore: new Date(Date.now() + from * day), notAfter: new Date(Date.now() + to * day),
        extensions: [new SubjectAlternativeNameExtension(names.map((one) => ({ type: isIP(one) === 0 ? 'dns' : 'ip', value: one })))],
      });
      const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keysOfIt.privateKey));
      return {
        cert: certificate.toString('pem'),
        key: createPrivateKey({ key, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString(),
      };
    },
  };
}
