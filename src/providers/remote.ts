/**
 * The remote as a person writes it: a URL that says platform, server, user and folder, and never a
 * secret, since argument lists are open to every user of the machine.
 */
import { FsError } from '../errors.js';
import { refusePlace } from './arrhes/remote-place.js';

/** What a remote of one platform looks like. */
interface RemoteForm {
  /** As a person is shown it. */
  readonly form: string;
  /** `no`: nothing that signs in there belongs to a name. */
  readonly user: 'optional' | 'needed' | 'no';
  /** A key does not stand in for the password: both are wanted. */
  readonly keyAndPassword?: true;
  /** What is wrong with the folder, by the decoded names on the way to it, in words that go on after "the remote"; undefined where nothing is. */
  readonly refuseFolder?: (names: readonly string[]) => string | undefined;
}

/** Platforms, and how their remotes are written. */
export const remoteForms = {
  'sftpgo': { form: 'sftpgo+https://user@host[:port][/folder]', user: 'optional' },
  'arrhes': { form: 'arrhes+https://host[:port][/prefix]/organizations/<id>/years/<id>', user: 'no', refuseFolder: refusePlace },
  'netexplorer': { form: 'netexplorer+https://user@platform[:port][/folder]', user: 'optional' },
  'faire-simple': { form: 'faire-simple+https://user@host[:port]/api', user: 'needed', keyAndPassword: true },
} as const satisfies Readonly<Record<string, RemoteForm>>;

export type Platform = keyof typeof remoteForms;

function isPlatform(name: string): name is Platform {
  return Object.hasOwn(remoteForms, name);
}

export interface Remote {
  readonly platform: Platform;
  /** `https://host:port` or `http://host:port`, the port only where it is not the usual one. */
  readonly origin: string;
  readonly host: string;
  readonly user: string | undefined;
  /** A key does not stand in for the password: both are wanted. */
  readonly keyAndPassword: boolean;
  /** The folder on the platform that is the root of the drive: starts with `/`, no `/` at its end unless it is the root. */
  readonly base: string;
  /** Plain http to another machine: allowed only where the person said so. */
  readonly insecure: boolean;
  /** The remote in one form however it was written: two mounts of the same thing have the same. */
  readonly identity: string;
  /** Who signs in where: the identity without the folder. */
  readonly account: string;
  /** The remote for everybody's eyes. */
  readonly withoutUser: string;
}

/** A complaint, with the form that would be right: the platform's, or all where no platform is named. */
function refuse(why: string, platform?: Platform): FsError {
  const forms = platform === undefined ? Object.values(remoteForms).map(({ form }) => form).join(' or ') : remoteForms[platform].form;
  return new FsError('EINVAL', `${why} (a remote is written ${forms})`);
}

/** Reads a remote. EINVAL with one sentence for whatever is wrong with it; a secret in it is not repeated. */
export function parseRemote(text: string): Remote {
  const [, platform = '', transport = '', rest = ''] = /^([a-z-]+)\+(https?):\/\/(.*)$/s.exec(text) ?? [];
  if (transport === '') throw refuse('this is not a remote: it does not begin with a platform and +https://');
  if (!isPlatform(platform)) throw refuse(`there is no platform "${platform}"; there are: ${Object.keys(remoteForms).join(', ')}`);
  const form: RemoteForm = remoteForms[platform];
  if (/[\p{Cc}\\]/u.test(rest)) throw refuse('a remote has no backslash, line end or other control character', platform);
  if (/[?#]/.test(rest)) throw refuse('a remote has no "?" and no "#"; in names write them %3F and %23', platform);
  if (!URL.canParse(`${transport}://${rest}`)) throw refuse('the server\'s name or port cannot be read', platform);
  const url = new URL(`${transport}://${rest}`);
  if (url.password !== '' || /^[^/]*:[^/]*@/.test(rest)) {
    throw refuse('a password does not belong in the remote, where every user of this machine could read it: use AMARRE_PASSWORD', platform);
  }
  const user = url.username === '' ? undefined : decode(url.username, 'user');
  if (user?.includes(':') === true) throw refuse('a user\'s name has no ":"', platform);
  if (user === undefined && form.user === 'needed') throw refuse('the remote names no user', platform);
  if (user !== undefined && form.user === 'no') throw refuse('the remote names a user, whom this platform would not know', platform);
  const names = folderNames(rest, platform);
  const wrong = form.refuseFolder?.(names);
  if (wrong !== undefined) throw refuse(`the remote ${wrong}`, platform);
  const base = `/${names.join('/')}`;
  const account = `${platform}+${url.origin.replace('://', `://${user === undefined ? '' : `${encodeURIComponent(user)}@`}`)}`;
  return {
    platform,
    origin: url.origin,
    host: url.hostname,
    user,
    keyAndPassword: form.keyAndPassword === true,
    base,
    insecure: transport === 'http' && !isLoopback(url.hostname),
    identity: `${account}${encodePath(base)}`,
    account,
    withoutUser: `${platform}+${url.origin}${base === '/' ? '' : encodePath(base)}`,
  };
}

/** The names on the way to the folder, from the text itself: URL would quietly take `..` away. */
function folderNames(rest: string, platform: Platform): readonly string[] {
  const slash = rest.indexOf('/');
  const names = slash === -1 ? [] : rest.slice(slash).split('/').filter((name) => name !== '').map((name) => decode(name, 'folder'));
  for (const name of names) {
    if (name === '.' || name === '..') throw refuse('the folder has no "." or ".." in it', platform);
    if (/[/\\\0]/.test(name)) throw refuse('the folder has a name with a slash, a backslash or NUL in it', platform);
  }
  return names;
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

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
