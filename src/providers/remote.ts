/**
 * The remote as a person writes it: a URL that says platform, server, user and folder, and never a
 * secret, since argument lists are open to every user of the machine.
 */
import { FsError } from '../errors.js';

/** Platforms that there is a provider for. */
export const platforms = ['sftpgo'] as const;
export type Platform = (typeof platforms)[number];

export interface Remote {
  readonly platform: Platform;
  /** `https://host:port` or `http://host:port`, the port only where it is not the usual one. */
  readonly origin: string;
  readonly host: string;
  readonly user: string | undefined;
  /** The folder on the platform that is the root of the drive: starts with `/`, no `/` at its end unless it is the root. */
  readonly base: string;
  /** Plain http to another machine: allowed only where the person said so. */
  readonly insecure: boolean;
  /** The remote in one form however it was written: two mounts of the same thing have the same. */
  readonly identity: string;
  /** The remote for everybody's eyes. */
  readonly withoutUser: string;
}

const form = 'sftpgo+https://user@host[:port][/folder]';

function refuse(why: string): FsError {
  return new FsError('EINVAL', `${why} (a remote is written ${form})`);
}

/** Reads a remote. EINVAL with one sentence for whatever is wrong with it; a secret in it is not repeated. */
export function parseRemote(text: string): Remote {
  const [, platformName = '', transport = '', rest = ''] = /^([a-z-]+)\+(https?):\/\/(.*)$/s.exec(text) ?? [];
  const platform = platforms.find((name) => name === platformName);
  if (transport === '') throw refuse('this is not a remote: it does not begin with a platform and +https://');
  if (platform === undefined) throw refuse(`there is no platform "${platformName}"; there are: ${platforms.join(', ')}`);
  if (/[\p{Cc}\\]/u.test(rest)) throw refuse('a remote has no backslash, line end or other control character');
  if (/[?#]/.test(rest)) throw refuse('a remote has no "?" and no "#"; in names write them %3F and %23');
  if (!URL.canParse(`${transport}://${rest}`)) throw refuse('the server\'s name or port cannot be read');
  const url = new URL(`${transport}://${rest}`);
  if (url.password !== '' || /^[^/]*:[^/]*@/.test(rest)) {
    throw refuse('a password does not belong in the remote, where every user of this machine could read it: use AMARRE_PASSWORD');
  }
  const user = url.username === '' ? undefined : decode(url.username, 'user');
  if (user?.includes(':') === true) throw refuse('a user\'s name has no ":"');
  const base = parseBase(rest);
  const identity = `${platform}+${url.origin.replace('://', `://${user === undefined ? '' : `${encodeURIComponent(user)}@`}`)}${encodePath(base)}`;
  return {
    platform,
    origin: url.origin,
    host: url.hostname,
    user,
    base,
    insecure: transport === 'http' && !isLoopback(url.hostname),
    identity,
    withoutUser: `${platform}+${url.origin}${base === '/' ? '' : encodePath(base)}`,
  };
}

/** The folder, from the text itself: URL would quietly take `..` away. */
function parseBase(rest: string): string {
  const slash = rest.indexOf('/');
  const names = slash === -1 ? [] : rest.slice(slash).split('/').filter((name) => name !== '').map((name) => decode(name, 'folder'));
  for (const name of names) {
    if (name === '.' || name === '..') throw refuse('the folder has no "." or ".." in it');
    if (/[/\\\0]/.test(name)) throw refuse('the folder has a name with a slash, a backslash or NUL in it');
  }
  return `/${names.join('/')}`;
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new FsError('EINVAL', `the ${what} has a "%" that is not followed by a code; write %25 for the sign itself`, { cause: error });
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
