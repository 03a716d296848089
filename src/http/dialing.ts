/**
 * How a socket to the platform comes to be: name, TCP, perhaps a proxy and its tunnel, TLS. undici's
 * ProxyAgent does the same behind a pool of its own, where our rules (one request a connection, when
 * it lay idle, who waits for what) do not reach; so a connection is dialled here and handed to
 * undici. What goes wrong is told with the step at which it did.
 */
import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { z } from 'zod';
import { FsError } from '../errors.js';
import { breakError } from './breaks.js';
import { proxySchema } from './proxies.js';
import { authorities } from './trust.js';
import { openTunnel } from './tunnel.js';
import { interrupted } from './waiting.js';

/** The way to a platform; part of what a serving process is told, so that it is a schema, too. */
export const networkSchema = z.object({
  /** Milliseconds from the name's lookup to the end of the TLS handshake. */
  connectTimeout: z.number(),
  proxy: proxySchema.optional(),
  /** Authorities that are believed besides this machine's, in PEM. */
  authorities: z.array(z.string()),
  /** What this machine shows of itself, in PEM: a secret but for the certificate. */
  clientCertificate: z.object({ certificate: z.string(), key: z.string(), passphrase: z.string().optional() }).optional(),
});
export type NetworkSettings = z.infer<typeof networkSchema>;

/** The dial that is under way: told its step in words, ended by its signal. */
export interface Dial {
  readonly signal: AbortSignal;
  readonly onStep: (step: string) => void;
}

/** An address that does not answer gives way to the server's next one after so many milliseconds. */
const nextAddressAfter = 1_000;

export class Dialer {
  /** `host:port` of the platform. */
  private readonly host: string;
  private readonly url: URL;
  private readonly proxy: URL | undefined;
  private trust: { readonly platform: SecureContext; readonly proxy: SecureContext } | undefined;
  /** The last TLS session: the next handshake is shorter by it. */
  private session: Buffer | undefined;

  constructor(origin: string, private readonly network: NetworkSettings) {
    this.url = new URL(origin);
    this.host = this.url.host;
    this.proxy = network.proxy === undefined ? undefined : new URL(network.proxy.origin);
  }

  /**
   * What every request over a connection needs besides: through a proxy plain http is asked for by
   * its whole address, and the proxy's own sign-in goes with it.
   */
  get forwarding(): { readonly prefix: string; readonly headers: Readonly<Record<string, string>> } | undefined {
    if (this.proxy === undefined || this.url.protocol === 'https:') return undefined;
    const authorization = this.network.proxy?.authorization;
    return { prefix: this.url.origin, headers: authorization === undefined ? {} : { 'proxy-authorization': authorization } };
  }

  /** A socket that speaks with the platform. FsError in words; EINTR where it was given up. */
  async dial(dial: Dial): Promise<Socket> {
    const { proxy, url } = this;
    if (proxy === undefined) {
      const socket = await this.reach(url, this.host, dial);
      return url.protocol === 'https:' ? this.secure(socket, dial) : socket;
    }
    const name = `the proxy ${proxy.host}`;
    const plain = await this.reach(proxy, name, dial);
    const socket = proxy.protocol === 'https:' ? await this.secureProxy(plain, proxy, name, dial) : plain;
    if (url.protocol !== 'https:') return socket;
    await this.tunnel(socket, name, dial);
    return this.secure(socket, dial);
  }

  /** Name and TCP. */
  private reach(to: URL, name: string, { signal, onStep }: Dial): Promise<Socket> {
    const host = to.hostname.replace(/^\[|\]$/g, '');
    onStep(isIP(host) === 0 ? `looking up the name ${host}` : `waiting for ${name} to take the connection`);
    const socket = connect({
      host, port: Number(to.port === '' ? (to.protocol === 'https:' ? 443 : 80) : to.port), lookup: sharedLookup,
      noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000,
      autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(nextAddressAfter, Math.floor(this.network.connectTimeout / 4))),
    });
    socket.once('lookup', () => {
      onStep(`waiting for ${name} to take the connection`);
    });
    return until(socket, 'connect', name, signal);
  }

  private async tunnel(socket: Socket, name: string, { signal, onStep }: Dial): Promise<void> {
    const { proxy } = this.network;
    if (proxy === undefined) return;
    onStep(`waiting for ${name} to get through`);
    const stop = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', stop, { once: true });
    const port = this.url.port === '' ? '443' : this.url.port;
    try {
      await openTunnel(socket, proxy, `${this.url.hostname}:${port}`);
    } catch (error) {
      socket.destroy();
      throw signal.aborted ? interrupted(signal) : breakError(error, name);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  private async secureProxy(socket: Socket, proxy: URL, name: string, dial: Dial): Promise<Socket> {
    dial.onStep(`waiting for the TLS handshake with ${name}`);
    const secured = connectTls({ socket, secureContext: this.contexts().proxy, rejectUnauthorized: true, ...serverName(proxy), ALPNProtocols: ['http/1.1'] });
    return until(secured, 'secureConnect', name, dial.signal);
  }

  private async secure(socket: Socket, dial: Dial): Promise<TLSSocket> {
    dial.onStep('waiting for the TLS handshake');
    const secured = connectTls({
      socket, secureContext: this.contexts().platform, session: this.session,
      // In so many words: an environment variable of Node's must not switch it off.
      rejectUnauthorized: true, ...serverName(this.url), ALPNProtocols: ['http/1.1'],
    });
    secured.on('session', (session) => {
      this.session = session;
    });
    try {
      return await until(secured, 'secureConnect', this.host, dial.signal);
    } catch (error) {
      this.session = undefined;
      throw error;
    }
  }

  /** The platform alone is shown this machine's certificate. */
  private contexts(): { readonly platform: SecureContext; readonly proxy: SecureContext } {
    if (this.trust !== undefined) return this.trust;
    const ca = authorities(process.env, this.network.authorities);
    const own = this.network.clientCertificate;
    const proxy = createSecureContext({ ca });
    const platform = own === undefined
      ? proxy
      : createSecureContext({ ca, cert: own.certificate, key: own.key, ...(own.passphrase !== undefined && { passphrase: own.passphrase }) });
    this.trust = { platform, proxy };
    return this.trust;
  }
}

/** An address has no name to send; the certificate is checked against it all the same. */
function serverName(url: URL): { readonly servername?: string; readonly host: string } {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? { servername: host, host } : { host };
}

/** Resolves when the socket is ready; whatever ends it before is told in words. */
function until<T extends Socket>(socket: T, event: 'connect' | 'secureConnect', name: string, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const clear = (): void => {
      signal.removeEventListener('abort', stop);
      socket.off('error', fail).off('close', closed).off(event, ready);
    };
    const fail = (error: unknown): void => {
      clear();
      // A socket that is being given up may say more: nobody listens.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(signal.aborted ? interrupted(signal) : breakError(error, name));
    };
    const closed = (): void => {
      fail(new FsError('EIO', `${name} closed the connection while it was being made`, { retryable: true }));
    };
    const stop = (): void => {
      fail(signal.reason);
    };
    const ready = (): void => {
      clear();
      resolve(socket);
    };
    socket.on('error', fail).on('close', closed).on(event, ready);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

/** Questions that are out. */
const asking = new Map<string, Promise<LookupAddress[]>>();

/**
 * One question for a name at a time, whoever waits. A resolver that hangs holds a thread for every
 * question, and the threads are those that serve the mount.
 */
const sharedLookup: LookupFunction = (hostname, options, done) => {
  const question = asking.get(hostname) ?? ask(hostname).finally(() => asking.delete(hostname));
  asking.set(hostname, question);
  question.then((addresses) => {
    const [first] = addresses;
    if (options.all === true) done(null, addresses);
    else done(null, first?.address ?? '', first?.family ?? 4);
  }, (error: unknown) => {
    done(error instanceof Error ? error : new Error(String(error)), []);
  });
};

function ask(hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookUp(hostname, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}
