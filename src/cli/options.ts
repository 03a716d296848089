/**
 * The one place of the options: name, meaning, unit and default of each (those of the emulators stand in
 * `emulator-options.ts`). The layers below take what
 * stands here as required settings and have no defaults of their own; `--help` and the README show
 * this table, so that the three cannot differ.
 */
import type { Options } from 'yargs';
import { z } from 'zod';
import { driverChoices } from '../fuse/drivers.js';
import { appleFileWays } from '../fuse/path/apple-files.js';
import { logLevels } from '../observe/log.js';
import { linkWords, readLinkPattern } from '../providers/netexplorer/link-bodies.js';
import { CommandError } from './exit-status.js';
import { mountOptionTexts, parseMountOptions } from './mount-options.js';
import { parseDuration } from './units.js';
import { checked, duration, flag, path, positive, size, texts, units, whole, type OptionText } from './option-kinds.js';

const cacheDir = () => path().optional().register(texts, {
  kind: 'value', unit: units.folder, default: undefined,
  otherwise: '/var/lib/amarre for root, else $XDG_STATE_HOME/amarre or ~/.local/state/amarre',
  describe: 'Where files being written, and those that could not be sent, lie on this machine; not on tmpfs unless given here',
});

/** Which forms of share links there are. */
export const linkForms = ['auto', 'new', 'old'] as const;

const linkBody = (what: string) => checked(readLinkPattern, `wanted a JSON object; words in it: ${linkWords.map((word) => `{${word}}`).join(' ')}`).optional().register(texts, {
  kind: 'value', unit: 'JSON', default: undefined, otherwise: 'as most platforms want it',
  describe: `What NetExplorer is sent to make ${what}; {id}, {expires} and others stand for what is asked for`,
});
const linkAddress = (what: string, usual: string) => z.string().regex(/^(\/|https:\/\/).*\{key\}/, 'wanted a path or https address with {key} in it').register(texts, {
  kind: 'value', unit: 'path or address with {key}', default: usual, describe: `Where ${what} of NetExplorer leads`,
});

/** Options of `amarre mount`. */
export const mountSchema = z.object({
  'o': z.array(z.string()).transform(parseMountOptions).register(texts, {
    kind: 'list', unit: 'opt[,opt=value…]', default: undefined, otherwise: 'none',
    describe: `Mount options: ${Object.entries(mountOptionTexts).map(([name, text]) => `${name}: ${text}`).join('; ')}`,
  }),
  'daemon': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Go on in the background; returns when the mount answers, or with the error of the one that could not mount',
  }),
  'read-only': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Nothing can be changed through the mount',
  }),
  'driver': z.enum(driverChoices, `wanted one of ${driverChoices.join(', ')}`).register(texts, {
    kind: 'value', unit: driverChoices.join(', '), default: 'auto',
    describe: 'What speaks FUSE: auto is kernel on Linux, fuse-native on Intel Macs, fuse-napi on Apple silicon',
  }),
  'apple-files': z.enum(appleFileWays, `wanted one of ${appleFileWays.join(', ')}`).register(texts, {
    kind: 'value', unit: appleFileWays.join(', '), default: 'store',
    describe: "What becomes of macOS's ._ files and .DS_Store on the drivers fuse-native and fuse-napi: stored like every other file, refused, or kept in memory until the mount ends",
  }),
  'cache-dir': cacheDir(),
  'stall-timeout': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '30s',
    describe: 'A transfer in which no byte moved for so long is broken off, and tried again where that is safe',
  }),
  'server-timeout': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '10m',
    describe: 'How long the platform may take for the end of an upload, a copy or a move, when no bytes are due',
  }),
  'connect-timeout': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '10s',
    describe: "How long a connection may take to come about: the name's lookup, TCP, a proxy's tunnel and TLS together",
  }),
  'attr-ttl': duration().register(texts, {
    kind: 'value', unit: units.duration, default: '1s',
    describe: 'How long the kernel believes names, sizes and times without asking Amarre',
  }),
  'dir-ttl': duration().register(texts, {
    kind: 'value', unit: units.duration, default: '10s',
    describe: 'How long Amarre believes a listing without asking the platform, at least as long as it took to come; own changes show at once',
  }),
  'memory': size().refine((bytes) => bytes >= 16 * 2 ** 20, 'must be at least 16M').register(texts, {
    kind: 'value', unit: units.size, default: '256M',
    describe: 'Budget for data read, read ahead and listed, for the whole mount',
  }),
  'requests': whole(1, 64).register(texts, {
    kind: 'value', unit: units.number, default: '6', describe: 'How many requests to the platform may be out at once',
  }),
  'permissions': z.enum(['ignore', 'refuse'], 'wanted ignore or refuse').register(texts, {
    kind: 'value', unit: 'ignore, refuse', default: 'ignore',
    describe: 'What chmod and chown do, which the platform cannot keep: succeed and change nothing, or fail with EPERM',
  }),
  'lock-on-write': z.enum(['auto', 'on', 'off'], 'wanted auto, on or off').register(texts, {
    kind: 'value', unit: 'auto, on, off', default: 'auto',
    describe: 'What a program has open for writing is locked on the platform: auto where it has locks, on also refuses to open what cannot be locked',
  }),
  'insecure-http': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Allow +http to another machine: password and files go over the network unencrypted',
  }),
  'ca-file': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: "this machine's authorities alone",
    describe: "Certificates of authorities that are believed besides this machine's: a company's own (PEM or DER)",
  }),
  'client-cert': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'none',
    describe: 'The certificate that this machine shows, with those between it and its authority (PEM)',
  }),
  'client-key': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'the key in --client-cert',
    describe: 'The key of that certificate (PEM), which nobody else may be able to read; AMARRE_KEY_PASSPHRASE opens it',
  }),
  'profile': z.enum(['auto', 'geredis'], 'wanted auto or geredis').register(texts, {
    kind: 'value', unit: 'auto, geredis', default: 'auto',
    describe: 'Which services the server offers: auto finds out by what it refuses; geredis uses the four documented ones (token, list, streamzip, form) and tries no other',
  }),
  'names': z.enum(['refuse', 'encode'], 'wanted refuse or encode').register(texts, {
    kind: 'value', unit: 'refuse, encode', default: 'refuse',
    describe: 'What becomes of names that NetExplorer does not take: refused with EINVAL, or written there with signs that look alike and read back',
  }),
  'show-versions': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'NetExplorer: each folder has .versions, and the top folder .trash, found by name and not listed',
  }),
  'link-form': z.enum(linkForms, `wanted one of ${linkForms.join(', ')}`).register(texts, {
    kind: 'value', unit: linkForms.join(', '), default: 'auto',
    describe: "Which form NetExplorer's share links have: old alone takes a password and a number of downloads; auto finds out by those that are there",
  }),
  'link-body': linkBody('a share link'),
  'link-address': linkAddress('a share link', '/dl/{key}'),
  'deposit-body': linkBody('a deposit link'),
  'deposit-address': linkAddress('a deposit link', '/ul/{key}'),
  'overwrite': z.enum(['version', 'replace'], 'wanted version or replace').register(texts, {
    kind: 'value', unit: 'version, replace', default: 'version',
    describe: 'What writing over a file makes on NetExplorer: a new version, or other bytes in the place of the present one; where the account may do only one of the two, that one',
  }),
  'no-trash': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: "What is deleted is gone, and does not go to the platform's trash (NetExplorer)",
  }),
  'no-purge-folders': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Write nothing to folders whose files the platform deletes after some days (NetExplorer)',
  }),
  'password-file': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'AMARRE_PASSWORD, else a prompt',
    describe: 'The password is the first line of this file, which nobody else may be able to read (chmod 600)',
  }),
  'password-command': z.string('wanted a command').min(1, 'wanted a command').optional().register(texts, {
    kind: 'value', unit: 'shell command', default: undefined, otherwise: 'AMARRE_PASSWORD, else a prompt',
    describe: 'The password is the first line that this command prints',
  }),
  'api-key-file': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'AMARRE_API_KEY, else none',
    describe: 'An API key, in place of a password, is the first line of this file, which nobody else may be able to read',
  }),
  'api-key-command': z.string('wanted a command').min(1, 'wanted a command').optional().register(texts, {
    kind: 'value', unit: 'shell command', default: undefined, otherwise: 'AMARRE_API_KEY, else none',
    describe: 'The API key is the first line that this command prints',
  }),
  'otp': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Ask for a one-time code: the account has a second factor. A code works once, so that such a sign-in ends; an API key lasts',
  }),
  'otp-command': z.string('wanted a command').min(1, 'wanted a command').optional().register(texts, {
    kind: 'value', unit: 'shell command', default: undefined, otherwise: 'AMARRE_OTP, else none',
    describe: 'The one-time code is the first line that this command prints',
  }),
  'as': z.string('wanted an id').regex(/^[\x21-\x7e]+$/, 'wanted an id').optional().register(texts, {
    kind: 'value', unit: 'user id', default: undefined, otherwise: 'who signs in',
    describe: 'For whom all is done, where the platform lets who signs in act for others (NetExplorer)',
  }),
  'oauth-client': z.string('wanted a client id').regex(/^[\x20-\x7e]+$/, 'wanted a client id').optional().register(texts, {
    kind: 'value', unit: 'client id', default: undefined, otherwise: 'that of the sign-in kept by amarre sign-in, else none',
    describe: 'The OAuth client that signs in, in place of a password: a person who used amarre sign-in, or the client for itself, by its secret (NetExplorer)',
  }),
  'oauth-secret-file': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'AMARRE_OAUTH_SECRET, else none',
    describe: "The OAuth client's secret is the first line of this file, which nobody else may be able to read",
  }),
  'oauth-secret-command': z.string('wanted a command').min(1, 'wanted a command').optional().register(texts, {
    kind: 'value', unit: 'shell command', default: undefined, otherwise: 'AMARRE_OAUTH_SECRET, else none',
    describe: "The OAuth client's secret is the first line that this command prints",
  }),
  'offline-access': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Ask for a sign-in without an end, where the OAuth client signs in for itself (NetExplorer)',
  }),
  'pretty': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Show JSON with a member a line; without it as the platform sent it (faire-simple)',
  }),
  'document-ttl': duration().register(texts, {
    kind: 'value', unit: units.duration, default: '5m',
    describe: 'How long a feed that was read is believed without asking for it again (faire-simple)',
  }),
  'uid-field': z.string('wanted a name').min(1, 'wanted a name').register(texts, {
    kind: 'value', unit: 'name', default: 'uid', describe: 'The field of the list of partners that names each (faire-simple)',
  }),
  'status-field': z.string('wanted a name').min(1, 'wanted a name').optional().register(texts, {
    kind: 'value', unit: 'name', default: undefined, otherwise: 'none: a .statut holds what this mount has sent',
    describe: "The field of a partner's own document that tells the present status, 0 or 1 (faire-simple)",
  }),
  'routes': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: "the platform's own",
    describe: 'Which file of the drive is which request, as JSON, in place of what is documented (faire-simple)',
  }),
  'log-file': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'standard error; with --daemon amarre.log in the --cache-dir',
    describe: 'Where the log goes, JSON lines',
  }),
  'log-size': size().refine((bytes) => bytes === 0 || bytes >= 65_536, 'must be 0, or at least 64K').register(texts, {
    kind: 'value', unit: units.size, default: '10M',
    describe: 'At this size a log file begins anew, and what was in it stays beside it as .1; 0: it grows',
  }),
  'log-level': z.enum(logLevels, `wanted one of ${logLevels.join(', ')}`).register(texts, {
    kind: 'value', unit: logLevels.join(', '), default: 'warn', describe: 'The least that is logged',
  }),
});
export type MountCommandSettings = z.infer<typeof mountSchema>;

/** Options of `amarre doctor`: those of mount that decide whether it works, and its own. */
export const doctorSchema = z.object({
  ...mountSchema.pick({
    'driver': true, 'cache-dir': true, 'connect-timeout': true, 'insecure-http': true, 'ca-file': true, 'client-cert': true, 'client-key': true, 'profile': true,
    'password-file': true, 'password-command': true, 'api-key-file': true, 'api-key-command': true, 'otp': true, 'otp-command': true,
    'as': true, 'names': true, 'oauth-client': true, 'oauth-secret-file': true, 'oauth-secret-command': true, 'offline-access': true,
    'document-ttl': true, 'pretty': true, 'uid-field': true, 'status-field': true, 'routes': true,
    'overwrite': true, 'no-trash': true, 'no-purge-folders': true,
  }).shape,
  'no-write': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Make nothing on the remote: rights that only writing shows are not tried',
  }),
  'json': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Print the findings as JSON' }),
});
export type DoctorSettings = z.infer<typeof doctorSchema>;

/** Options of `amarre sign-in`. */
export const signInSchema = z.object({
  ...mountSchema.pick({ 'oauth-client': true, 'oauth-secret-file': true, 'oauth-secret-command': true }).shape,
  'offline-access': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Ask for a sign-in without an end' }),
  'read-only': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Ask for the right to read alone: for mounts with --read-only' }),
  'no-browser': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Open no browser; print the address, and take the one at which another browser ends from standard input, too',
  }),
  'no-pkce': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Sign in without PKCE, for a platform that refuses it' }),
  'redirect': checked(readRedirectAddress, 'wanted http://127.0.0.1, with the port and path that the platform knows of this client').register(texts, {
    kind: 'value', unit: 'address', default: 'http://127.0.0.1/',
    describe: 'Where the browser brings the answer: as the platform knows it of this OAuth client, with any free port unless one is named',
  }),
  'wait': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '5m', describe: 'How long the person may take in the browser',
  }),
  'forget': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Delete the sign-in that is kept, and do nothing else' }),
  ...mountSchema.pick({ 'cache-dir': true, 'connect-timeout': true, 'insecure-http': true, 'ca-file': true, 'client-cert': true, 'client-key': true }).shape,
});
export type SignInSettings = z.infer<typeof signInSchema>;

/** Plain http on this machine's own address, since only this machine sees it. */
function readRedirectAddress(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const own = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  return url.protocol === 'http:' && own && url.search === '' && url.hash === '' && url.username === '' && url.password === '' ? url : undefined;
}

/** Options of `amarre umount`. */
export const umountSchema = z.object({ 'cache-dir': cacheDir() });

/** Options of `amarre status`. */
export const statusSchema = z.object({
  'json': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'For programs: everything as JSON',
  }),
  'cache-dir': cacheDir(),
});

/** Options of `amarre refresh`. */
export const refreshSchema = z.object({ 'cache-dir': cacheDir() });

const json = () => flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'For programs: everything as JSON' });

/** Options of `amarre versions`. */
export const versionsSchema = z.object({
  'restore': whole(1, 1_000_000).optional().register(texts, {
    kind: 'value', unit: units.number, default: undefined, otherwise: 'none', describe: 'Make this version the present one again; what is the present one now stays among the versions',
  }),
  'json': json(),
  'cache-dir': cacheDir(),
});

/** Options of `amarre trash`. */
export const trashSchema = z.object({
  'restore': z.string('wanted an id').min(1, 'wanted an id').optional().register(texts, {
    kind: 'value', unit: 'id', default: undefined, otherwise: 'none', describe: 'Take the thing of this id out of the trash',
  }),
  'to': path().optional().register(texts, {
    kind: 'value', unit: units.folder, default: undefined, otherwise: 'the folder that was named', describe: 'With --restore: the folder of the mount that it is put into',
  }),
  'empty': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Destroy what you have put into the trash; what others have put there stays',
  }),
  'json': json(),
  'cache-dir': cacheDir(),
});

/** Options of `amarre link` and `amarre deposit-link`. */
export const linkSchema = z.object({
  'expires': checked(readExpiry, 'wanted a day, such as 2027-01-31, or how long from now, such as 7d').optional().register(texts, {
    kind: 'value', unit: 'day, or duration: 12h, 7d', default: undefined, otherwise: 'as the platform says', describe: 'Until when the link works; of a day: until its end, here',
  }),
  'password-file': path().optional().register(texts, {
    kind: 'value', unit: units.file, default: undefined, otherwise: 'none',
    describe: 'Who opens the link is asked for a password: the first line of this file, which nobody else may be able to read',
  }),
  'downloads': whole(1, 1_000_000).optional().register(texts, {
    kind: 'value', unit: units.number, default: undefined, otherwise: 'any number', describe: 'How often can be downloaded through the link',
  }),
  'list': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Show your links to this; on a mount point: all of them' }),
  'remove': z.string('wanted an id').min(1, 'wanted an id').optional().register(texts, {
    kind: 'value', unit: 'id', default: undefined, otherwise: 'none', describe: 'Take a link away: it works no longer',
  }),
  'json': json(),
  'cache-dir': cacheDir(),
});

/** Options of `amarre history`. */
export const historySchema = z.object({ 'json': json(), 'cache-dir': cacheDir() });

/** Options of `amarre ocr`. */
export const ocrSchema = z.object({ 'cache-dir': cacheDir() });

/** Options of `amarre demo`. */
export const demoSchema = z.object({
  check: flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Run a short round of ls, cp and rsync on the mount, say what was done, unmount; exit status 0 or 1',
  }),
});

/** A day's last moment in this machine's time zone, or so long from now; milliseconds since the epoch. */
function readExpiry(text: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year !== undefined) {
    const end = new Date(Number(year), Number(month) - 1, Number(day), 23, 59, 59);
    return end.getMonth() === Number(month) - 1 && end.getDate() === Number(day) ? end.getTime() : undefined;
  }
  const span = parseDuration(text);
  return span === undefined || span === 0 ? undefined : Date.now() + span;
}

/** Name and text of each option of a command, in the order in which they are shown. */
export function optionTexts(schema: z.ZodObject): readonly (readonly [string, OptionText])[] {
  return Object.entries(schema.shape).map(([name, option]) => {
    const text = option instanceof z.ZodType ? texts.get(option) : undefined;
    if (text === undefined) throw new Error(`option ${name} has no text`);
    return [name, text];
  });
}

/** What yargs must know of a command's options. */
export function yargsOptions(schema: z.ZodObject): Record<string, Options> {
  return Object.fromEntries(optionTexts(schema).map(([name, text]): [string, Options] => [name, {
    type: text.kind === 'flag' ? 'boolean' : text.kind === 'list' ? 'array' : 'string',
    ...(text.kind === 'list' && { string: true }),
    ...(text.kind !== 'flag' && { requiresArg: true }),
    describe: `${text.describe} (${text.unit})`,
    defaultDescription: shownDefault(text),
    ...(text.default !== undefined && { default: text.default }),
  }]));
}

/** `-o`, `--daemon`. */
export function writtenName(name: string): string {
  return `${name.length === 1 ? '-' : '--'}${name}`;
}

/** The default as `--help` and the README show it. */
export function shownDefault(text: OptionText): string {
  if (text.otherwise !== undefined) return text.otherwise;
  return typeof text.default === 'boolean' ? (text.default ? 'on' : 'off') : String(text.default);
}

/**
 * The settings of a command from what was written, defaults filled in. Throws a usage error that
 * names the first option that is wrong.
 */
export function readOptions<T extends z.ZodObject>(schema: T, written: Readonly<Record<string, unknown>>): z.infer<T> {
  const values = optionTexts(schema).map(([name, text]): [string, unknown] => {
    const given = written[name] ?? text.default;
    const all: readonly unknown[] = Array.isArray(given) ? given : given === undefined ? [] : [given];
    return [name, text.kind === 'list' ? all : all.at(-1)];
  });
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? '');
  const value = values.find(([key]) => key === name)?.[1];
  throw new CommandError('usage', `${writtenName(name)}${typeof value === 'string' ? ` ${value}` : ''}: ${issue?.message ?? 'wrong value'}`);
}
