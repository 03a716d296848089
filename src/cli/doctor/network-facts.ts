/** Goes the way to a server step by step, name, connection, TLS, so that the step that fails is known. No account's secret is sent. */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { breakWords } from '../../http/breaks.js';
import { Dialer, type NetworkSettings } from '../../http/dialing.js';
import type { Remote } from '../../providers/remote.js';
import type { Found } from './findings.js';
import { ask } from './gathering.js';

/** What the server showed of itself, and was believed. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly validTo: number;
}

export interface NetworkFacts {
  readonly host: string;
  readonly secure: boolean;
  /** Plain http to another machine, which the person has not allowed. */
  readonly forbidden: boolean;
  /** The proxy's address, without what signs in there. */
  readonly proxy: string | undefined;
  /** `host:port` of the first machine on the way: the server, or the proxy. */
  readonly first: string;
  /** Of the first machine. */
  readonly addresses: Found<readonly string[]>;
  /** How long the first machine took to take a connection, in milliseconds; undefined where there was no address to connect to. */
  readonly connection: Found<number> | undefined;
  /** The whole way, as a mount goes it. Undefined where nothing was connected, or without TLS. */
  readonly tls: Found<TlsFacts> | undefined;
  /** This machine's clock when it was asked, milliseconds since the epoch. */
  readonly now: number;
}

export async function readNetworkFacts(remote: Remote, network: NetworkSettings, insecureHttp: boolean, signal: AbortSignal): Promise<NetworkFacts> {
  const secure = remote.origin.startsWith('https:');
  const proxy = network.proxy?.origin;
  const { name, port } = placeOf(proxy ?? remote.origin);
  const deadline = network.connectTimeout;
  const addresses = await ask(deadline, signal, () => resolveName(name));
  const connection = 'value' in addresses ? await ask(deadline, signal, (until) => timeConnection(name, port, until)) : undefined;
  const connected = connection !== undefined && 'value' in connection;
  return {
    host: remote.host, secure, proxy, addresses, connection,
    forbidden: remote.insecure && !insecureHttp,
    first: `${name}:${port}`,
    tls: secure && connected ? await ask(deadline, signal, (until) => readTls(remote.origin, network, until)) : undefined,
    now: Date.now(),
  };
}

function placeOf(origin: string): { readonly name: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(origin);
  return { name: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

async function resolveName(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Error(breakWords(error, name), { cause: error });
  }
}

function timeConnection(host: string, port: number, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      resolve(performance.now() - started);
      socket.destroy();
    });
    socket.once('error', (error) => reject(new Error(breakWords(error, `${host}:${port}`), { cause: error })));
  });
}

async function readTls(origin: string, network: NetworkSettings, signal: AbortSignal): Promise<TlsFacts> {
  const socket = await new Dialer(origin, network).dial({ signal, onStep: () => undefined });
  try {
    if (!(socket instanceof TLSSocket)) throw new Error('there is no TLS on this connection');
    const certificate = socket.getPeerCertificate();
    return {
      protocol: socket.getProtocol() ?? '',
      subject: nameIn(certificate.subject),
      issuer: nameIn(certificate.issuer),
      validTo: Date.parse(certificate.valid_to),
    };
  } finally {
    socket.destroy();
  }
}

/** Certificates may leave their subject empty, and go by other names. */
function nameIn(name: PeerCertificate['subject'] | undefined): string {
  return [name?.CN, name?.O].flat().find((part) => part !== undefined && part !== '') ?? 'nobody named';
}
