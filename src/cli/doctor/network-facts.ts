/** Goes the way to a server step by step, name, connection, TLS, so that the step that fails is known. Nothing secret is sent. */
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { breakWords } from '../../http/breaks.js';
import type { Remote } from '../../providers/remote.js';
import type { Found } from './findings.js';
import { ask } from './gathering.js';

/** Milliseconds for each step. */
const stepDeadline = 10_000;

/** What the server showed of itself. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** Why the certificate is not trusted, as OpenSSL names it; undefined where it is. */
  readonly refused: string | undefined;
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
}

export interface NetworkFacts {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Plain http to another machine, which the person has not allowed. */
  readonly forbidden: boolean;
  /** This machine's clock when it was asked, milliseconds since the epoch. */
  readonly now: number;
  readonly addresses: Found<readonly string[]>;
  /** How long the connection took, in milliseconds; undefined where there was no address to connect to. */
  readonly connection: Found<number> | undefined;
  /** Undefined where nothing was connected, or without TLS. */
  readonly tls: Found<TlsFacts> | undefined;
}

export async function readNetworkFacts(remote: Remote, insecureHttp: boolean, signal: AbortSignal): Promise<NetworkFacts> {
  const url = new URL(remote.origin);
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const addresses = await ask(stepDeadline, signal, () => resolveName(host));
  const connection = 'value' in addresses ? await ask(stepDeadline, signal, (until) => timeConnection(host, port, until)) : undefined;
  const connected = connection !== undefined && 'value' in connection;
  return {
    host, port, secure, addresses, connection,
    forbidden: remote.insecure && !insecureHttp,
    now: Date.now(),
    tls: secure && connected ? await ask(stepDeadline, signal, (until) => readTls(host, port, until)) : undefined,
  };
}

async function resolveName(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Error(breakWords(error, host), { cause: error });
  }
}

async function timeConnection(host: string, port: number, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const socket = connect({ host, port });
  await untilEvent(socket, 'connect', `${host}:${port}`, signal);
  const milliseconds = performance.now() - started;
  socket.destroy();
  return milliseconds;
}

/** Shakes hands with whatever is there, trusted or not: what is wrong with it is to be told. */
async function readTls(host: string, port: number, signal: AbortSignal): Promise<TlsFacts> {
  const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 && { servername: host }) });
  await untilEvent(socket, 'secureConnect', `${host}:${port}`, signal);
  const facts = describeTls(socket);
  socket.destroy();
  return facts;
}

function describeTls(socket: TLSSocket): TlsFacts {
  const certificate = socket.getPeerCertificate();
  const { authorizationError: error }: { authorizationError: unknown } = socket;
  // Declared an Error; in truth most often the code as a text.
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return {
    protocol: socket.getProtocol() ?? '',
    refused: socket.authorized ? undefined : code,
    subject: nameIn(certificate.subject),
    issuer: nameIn(certificate.issuer),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
  };
}

function nameIn(name: PeerCertificate['subject'] | undefined): string {
  return [name?.CN, name?.O].flat().find((part) => part !== undefined && part !== '') ?? 'nobody named';
}

/** Waits for a socket to be ready; destroys it where it does not come to that. */
function untilEvent(socket: Socket, event: 'connect' | 'secureConnect', host: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', (error) => reject(new Error(breakWords(error, host), { cause: error })));
    socket.once('close', () => reject(new Error(`${host} closed the connection`)));
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
  });
}
