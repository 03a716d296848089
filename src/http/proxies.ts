/**
 * Which proxy stands between this machine and the platform, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY
 * say it to every program. There is no standard for them: where programs differ, we do as curl does.
 */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { FsError } from '../errors.js';

export const proxySchema = z.object({
  /** `http://host:port` or `https://host:port`: how the proxy itself is spoken to. */
  origin: z.string(),
  /** What signs in at the proxy: a secret, for the proxy alone. */
  authorization: z.string().optional(),
});
export type Proxy = z.infer<typeof proxySchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The variable's value in lower case or upper case, the lower first. An empty one counts as said: no proxy. */
function variable(environment: Environment, name: string): string {
  return (environment[name.toLowerCase()] ?? environment[name.toUpperCase()] ?? '').trim();
}

/**
 * The proxy for an origin (`https://host:port`); undefined where it is reached directly, as this
 * machine always is. EINVAL, without the secret, for a proxy that cannot be used.
 */
export function proxyFor(origin: string, environment: Environment): Proxy | undefined {
  const target = new URL(origin);
  const name = target.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const text = variable(environment, name);
  if (text === '' || isLoopback(target.hostname) || isExempt(target, variable(environment, 'no_proxy'))) return undefined;
  return parseProxy(text, name.toUpperCase());
}

function parseProxy(text: string, name: string): Proxy {
  const wanted = `${name} is not the address of a proxy: http://host:port, or http://user:password@host:port with %-codes for signs such as "@" and ":"`;
  const [, scheme = 'http', rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  if (scheme.toLowerCase() !== 'http' && scheme.toLowerCase() !== 'https') {
    throw new FsError('EINVAL', `${name} names a ${scheme} proxy; there are only http and https proxies here`);
  }
  if (!URL.canParse(`${scheme}://${rest}`)) throw new FsError('EINVAL', wanted);
  const url = new URL(`${scheme}://${rest}`);
  if (url.username === '' && url.password === '') return { origin: url.origin };
  try {
    const secret = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    return { origin: url.origin, authorization: `Basic ${Buffer.from(secret).toString('base64')}` };
  } catch {
    // The thrown error would repeat what could not be decoded.
    throw new FsError('EINVAL', wanted);
  }
}

/**
 * Whether NO_PROXY names a server: `*` is all; `example.org`, `.example.org` and `*.example.org` are
 * that name and those below it; an address or a block of them (`10.0.0.0/8`) holds for servers
 * given by address; `:port` behind any of them narrows it to that port.
 */
export function isExempt(target: URL, noProxy: string): boolean {
  const host = bare(target.hostname);
  const port = target.port === '' ? (target.protocol === 'https:' ? '443' : '80') : target.port;
  return noProxy.split(/[\s,]+/).filter((entry) => entry !== '').some((entry) => {
    if (entry === '*') return true;
    const { name, port: onlyPort } = splitPort(entry);
    return (onlyPort === undefined || onlyPort === port) && matches(host, name);
  });
}

/** `[::1]:443`, `::1`, `host:443`, `host`. */
function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const [, bracketed, bracketedPort] = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) return { name: bracketed, port: bracketedPort };
  const [, name = entry, port] = /^([^:]*):(\d+)$/.exec(entry) ?? [];
  return { name, port };
}

function matches(host: string, name: string): boolean {
  const family = isIP(host);
  if (family !== 0) return coversAddress(name, host, family === 6 ? 'ipv6' : 'ipv4');
  const wanted = name.toLowerCase().replace(/^\*?\./, '').replace(/\.$/, '');
  return wanted !== '' && (host === wanted || host.endsWith(`.${wanted}`));
}

function coversAddress(entry: string, host: string, family: 'ipv4' | 'ipv6'): boolean {
  const [network = '', bits] = entry.split('/');
  if (isIP(network) !== (family === 'ipv6' ? 6 : 4)) return false;
  const longest = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity;
  if (prefix > longest) return false;
  const block = new BlockList();
  block.addSubnet(network, prefix, family);
  return block.check(host, family);
}

/** A URL's host name without brackets and without the dot at its end. */
function bare(hostname: string): string {
  return hostname.toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function isLoopback(hostname: string): boolean {
  const host = bare(hostname);
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
