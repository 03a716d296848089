/**
 * The way to the platform as the person and his surroundings describe it: proxy variables, a
 * company's authorities, a client certificate. All of it is read and checked before anything is
 * mounted, since a bad file should be told in a line, and not as a failed TLS handshake.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { NetworkSettings } from '../http/dialing.js';
import { proxyFor, type Proxy } from '../http/proxies.js';
import { CommandError } from './exit-status.js';
import type { MountCommandSettings } from './options.js';

/** A file of certificates is read no further than this, in bytes: a whole system's bundle is 0.3 MB. */
const fileLimit = 4 * 2 ** 20;

export interface NetworkSources {
  /** `https://host:port` of the platform. */
  readonly origin: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** AMARRE_KEY_PASSPHRASE. */
  readonly passphrase: string | undefined;
  /** Asks the person for the passphrase of the key file at a path; undefined where there is no terminal. */
  readonly ask: ((path: string) => Promise<string>) | undefined;
}

type Wanted = Pick<MountCommandSettings, 'connect-timeout' | 'ca-file' | 'client-cert' | 'client-key'>;

/** Reads all of it. A usage error names the option or variable, and never what is secret in it. */
export async function readNetwork(wanted: Wanted, sources: NetworkSources): Promise<NetworkSettings> {
  const proxy = readProxy(sources);
  const caFile = wanted['ca-file'];
  const clientCertificate = await readClientCertificate(wanted, sources);
  return {
    connectTimeout: wanted['connect-timeout'],
    authorities: caFile === undefined ? [] : await readCertificates('--ca-file', caFile),
    ...(proxy !== undefined && { proxy }),
    ...(clientCertificate !== undefined && { clientCertificate }),
  };
}

function readProxy({ origin, environment }: NetworkSources): Proxy | undefined {
  try {
    return proxyFor(origin, environment);
  } catch (error) {
    throw new CommandError('usage', error instanceof Error ? error.message : String(error));
  }
}

/** Certificates in PEM, however the file holds them: many in PEM, or one in DER. */
async function readCertificates(option: string, path: string): Promise<string[]> {
  const { bytes } = await readSmallFile(option, path);
  const pem = bytes.toString('latin1').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    return pem.length > 0 ? pem.map((one) => new X509Certificate(one).toString()) : [new X509Certificate(bytes).toString()];
  } catch {
    throw new CommandError('usage', `${option} ${path}: there is no certificate in it that can be read (wanted PEM or DER; of a .p12: openssl pkcs12 -in FILE -out FILE.pem)`);
  }
}

async function readClientCertificate(wanted: Wanted, sources: NetworkSources): Promise<NetworkSettings['clientCertificate']> {
  const certificateFile = wanted['client-cert'];
  if (certificateFile === undefined) {
    if (wanted['client-key'] !== undefined) throw new CommandError('usage', '--client-key: give the certificate that it belongs to, too (--client-cert)');
    return undefined;
  }
  const chain = await readCertificates('--client-cert', certificateFile);
  const [first = ''] = chain;
  const keyFile = wanted['client-key'] ?? certificateFile;
  const { key, passphrase } = await readKey(keyFile, wanted['client-key'] === undefined ? '--client-cert' : '--client-key', sources);
  if (!new X509Certificate(first).checkPrivateKey(createPrivateKey({ key, passphrase: passphrase ?? '' }))) {
    throw new CommandError('usage', `--client-cert ${certificateFile}: the key in ${keyFile} belongs to another certificate`);
  }
  return { certificate: chain.join('\n'), key, ...(passphrase !== undefined && { passphrase }) };
}

/** A key that none but its owner can read, as ssh asks for it, with the passphrase that opens it. */
async function readKey(path: string, option: string, sources: NetworkSources): Promise<{ readonly key: string; readonly passphrase: string | undefined }> {
  const { bytes, exposed } = await readSmallFile(option, path);
  const [key] = bytes.toString('latin1').match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/) ?? [];
  if (key === undefined) throw new CommandError('usage', `${option} ${path}: there is no private key in it (wanted PEM)`);
  if (exposed) throw new CommandError('usage', `${option} ${path}: other users can read this key; run: chmod 600 '${path}'`);
  if (opens(key, undefined)) return { key, passphrase: undefined };
  if (!/ENCRYPTED/.test(key)) throw new CommandError('usage', `${option} ${path}: the private key cannot be read`);
  const passphrase = sources.passphrase ?? await sources.ask?.(path);
  if (passphrase === undefined) throw new CommandError('usage', `${option} ${path}: the key wants a passphrase: AMARRE_KEY_PASSPHRASE`);
  if (!opens(key, passphrase)) throw new CommandError('usage', `${option} ${path}: the passphrase does not open this key`);
  return { key, passphrase };
}

function opens(key: string, passphrase: string | undefined): boolean {
  try {
    createPrivateKey({ key, passphrase: passphrase ?? '' });
    return true;
  } catch {
    return false;
  }
}

async function readSmallFile(option: string, path: string): Promise<{ readonly bytes: Buffer; readonly exposed: boolean }> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new CommandError('usage', `${option} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new CommandError('usage', `${option} ${path}: this is not a file`);
    if (stat.size > fileLimit) throw new CommandError('usage', `${option} ${path}: too large for certificates (${stat.size} bytes)`);
    return { bytes: await file.readFile(), exposed: (stat.mode & 0o077) !== 0 };
  } finally {
    await file.close();
  }
}
