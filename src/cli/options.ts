/**
 * The one place of the options: name, meaning, unit and default of each. The layers below take what
 * stands here as required settings and have no defaults of their own; `--help` and the README show
 * this table, so that the three cannot differ.
 */
import { resolve } from 'node:path';
import type { Options } from 'yargs';
import { z } from 'zod';
import { driverChoices } from '../fuse/drivers.js';
import { appleFileWays } from '../fuse/path/apple-files.js';
import { logLevels } from '../observe/log.js';
import { CommandError } from './exit-status.js';
import { mountOptionTexts, parseMountOptions } from './mount-options.js';
import { parseDuration, parseSize } from './units.js';

/** How an option is shown to people. */
export interface OptionText {
  readonly describe: string;
  /** What is to be written behind it, with the units that it takes. */
  readonly unit: string;
  /** As a person would write it; undefined where there is none to write. */
  readonly default: string | boolean | undefined;
  /** What happens without it, where `default` does not say so. */
  readonly otherwise?: string;
  /** How often: a `list` may be given several times, of another value the last one counts. */
  readonly kind: 'flag' | 'value' | 'list';
}

const texts = z.registry<OptionText>();

const units = {
  duration: 'duration: 500ms, 30s, 10m, 2h',
  size: 'size in bytes: 512K, 256M, 2G',
  number: 'number',
  folder: 'folder',
  file: 'file',
  flag: 'on or off',
} as const;

const duration = () => checked(parseDuration, 'wanted a duration with its unit, such as 500ms, 30s or 10m');
const size = () => checked(parseSize, 'wanted a size such as 65536, 512K, 256M or 2G');
const whole = (from: number, to: number) => checked((text) => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}, `wanted a whole number from ${from} to ${to}`);
const flag = () => z.boolean();
const path = () => checked((text) => (text === '' ? undefined : resolve(text)), 'wanted a path');

/** A text that `read` makes something of, or refuses with `complaint` by answering undefined. */
function checked<T>(read: (text: string) => T | undefined, complaint: string) {
  return z.string(complaint).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: complaint, input: text });
    return z.NEVER;
  });
}

const positive = <T extends z.ZodType<number>>(schema: T) =>
  schema.refine((value) => value > 0, 'must be more than 0');

const cacheDir = () => path().optional().register(texts, {
  kind: 'value', unit: units.folder, default: undefined,
  otherwise: '/var/lib/amarre for root, else $XDG_STATE_HOME/amarre or ~/.local/state/amarre',
  describe: 'Where files being written, and those that could not be sent, lie on this machine; not on tmpfs unless given here',
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
    describe: "What becomes of macOS's ._ files and .DS_Store on the drivers fuse-native and fuse-napi: stored as any file, refused, or kept in memory until the mount ends",
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
  }).shape,
  'no-write': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Make nothing on the remote: rights that only writing shows are not tried',
  }),
  'json': flag().register(texts, { kind: 'flag', unit: units.flag, default: false, describe: 'Print the findings as JSON' }),
});
export type DoctorSettings = z.infer<typeof doctorSchema>;

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

/** Options of `amarre demo`. */
export const demoSchema = z.object({
  check: flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'Run a short round of ls, cp and rsync on the mount, say what was done, unmount; exit status 0 or 1',
  }),
});

/** A duration, or a bare number of milliseconds. */
const latency = () => checked(
  (text) => (/^\d+$/.test(text) ? Number(text) : parseDuration(text)), 'wanted milliseconds, or a duration such as 50ms or 1s',
);

/** `20/1s`, or `20/1s/40` with a burst. */
function parseRate(text: string): { average: number; periodMs: number; burst: number } | undefined {
  const [, average = '', period = '', burst = average] = /^([1-9]\d*)\/([^/]+)(?:\/([1-9]\d*))?$/.exec(text) ?? [];
  const periodMs = parseDuration(period);
  return periodMs === undefined || periodMs === 0 ? undefined : { average: Number(average), periodMs, burst: Number(burst) };
}

/** `a,b`; nothing between the commas is no name. */
function names(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}

/** `/folder=a,b`. */
function parseFolderRights(text: string): [string, string[]] | undefined {
  const [, folder = '', rights = ''] = /^(\/.*)=([^=]*)$/s.exec(text) ?? [];
  return folder === '' ? undefined : [folder, names(rights)];
}

function refusalStatus(text: '403' | '404' | '405'): 403 | 404 | 405 {
  return text === '403' ? 403 : text === '404' ? 404 : 405;
}

/** Options of `amarre emulate` for every platform. */
const emulatorSchema = z.object({
  'port': whole(0, 65_535).register(texts, {
    kind: 'value', unit: units.number, default: '0', describe: 'TCP port on 127.0.0.1; 0 takes a free one',
  }),
  'latency': latency().register(texts, {
    kind: 'value', unit: 'milliseconds, or a duration: 50ms, 1s', default: '0', describe: 'Wait before each answer',
  }),
});

/** Options of `amarre emulate sftpgo` alone. */
const sftpgoEmulatorSchema = z.object({
  'root': path().optional().register(texts, {
    kind: 'value', unit: units.folder, default: undefined, otherwise: 'sample files, removed at the end',
    describe: 'The folder that is served',
  }),
  'upload-mode': z.enum(['0', '1', '2'], 'wanted 0, 1 or 2').transform(uploadMode).register(texts, {
    kind: 'value', unit: '0, 1, 2', default: '0',
    describe: "SFTPGo's upload_mode: in place, atomic, atomic but a broken upload is kept",
  }),
  'quota': size().register(texts, {
    kind: 'value', unit: units.size, default: '0', describe: "The user's quota; 0 is none",
  }),
  'max-sessions': whole(0, 10_000).register(texts, {
    kind: 'value', unit: units.number, default: '0', describe: 'Requests that the user may have in progress; 0 is no limit',
  }),
  'max-per-host': whole(0, 10_000).register(texts, {
    kind: 'value', unit: units.number, default: '20', describe: 'Requests in progress from one address; 0 is no limit',
  }),
  'token-lifetime': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '20m', describe: 'How long a token is valid',
  }),
  'defender': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Bad passwords are answered late and ban an address in the end',
  }),
  'rate-limit': checked(parseRate, 'wanted requests per time, such as 20/1s, or 20/1s/40 with a burst').optional().register(texts, {
    kind: 'value', unit: 'requests/duration[/burst]: 20/1s', default: undefined, otherwise: 'no limit',
    describe: 'Requests beyond this rate are answered 429',
  }),
  'rights': z.string('wanted rights').transform(names).optional().register(texts, {
    kind: 'value', unit: 'right[,right…]', default: undefined, otherwise: 'all',
    describe: "The user's rights: list, download, upload, overwrite, delete, rename, create_dirs, chtimes, copy",
  }),
  'folder-rights': z.array(checked(parseFolderRights, 'wanted a folder and its rights, such as /in=upload,list')).register(texts, {
    kind: 'list', unit: '/folder=right[,right…]', default: undefined, otherwise: 'as --rights',
    describe: 'Other rights in a folder and below it; none: /folder=',
  }),
  'second-factor': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false,
    describe: 'The user needs a code to sign in: POST /_control/users/u/code gives one',
  }),
  'refuse-others': z.enum(['403', '404', '405'], 'wanted 403, 404 or 405').transform(refusalStatus).optional().register(texts, {
    kind: 'value', unit: '403, 404, 405', default: undefined, otherwise: 'all are offered',
    describe: 'Refuse every service but the four that GEREDIS documents, with this status',
  }),
});

/** Options of `amarre emulate arrhes` alone. */
const arrhesEmulatorSchema = z.object({
  'url-life': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '60s', describe: 'How long a URL for an upload or a deletion is valid',
  }),
  'download-url-life': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '1h', describe: 'How long a URL for a download is valid',
  }),
  'max-file': size().register(texts, {
    kind: 'value', unit: units.size, default: '50000000', describe: 'The largest document',
  }),
  'storage-limit': size().register(texts, {
    kind: 'value', unit: units.size, default: '1G', describe: "The organization's storage",
  }),
  'ocr-pages': whole(0, 1_000_000).register(texts, {
    kind: 'value', unit: units.number, default: '100', describe: 'Pages whose text can still be recognized',
  }),
  'ocr-delay': latency().register(texts, {
    kind: 'value', unit: 'milliseconds, or a duration: 50ms, 1s', default: '0', describe: 'How long a recognition takes',
  }),
  'awkward': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Adds doubles, circles and names that no folder can hold',
  }),
  'shuffle': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Lists come in another order each time',
  }),
  'with-year': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'Rows tell their year, as in older versions',
  }),
  'closed-year': flag().register(texts, {
    kind: 'flag', unit: units.flag, default: false, describe: 'The year that is announced is closed',
  }),
  'offsets': checked(parseOffsets, 'wanted minutes, such as 60, or 0,-120,330').register(texts, {
    kind: 'value', unit: 'minutes[,minutes…]', default: '0', describe: 'Offsets in which times are written; several take turns',
  }),
});

/** The options of each platform's emulator. */
export const emulatorSchemas = {
  sftpgo: emulatorSchema.extend(sftpgoEmulatorSchema.shape),
  arrhes: emulatorSchema.extend(arrhesEmulatorSchema.shape),
} as const;

/** Options of `amarre emulate`, those of all platforms. */
export const emulateSchema = emulatorSchema.extend({ ...sftpgoEmulatorSchema.shape, ...arrhesEmulatorSchema.shape });

function parseOffsets(text: string): readonly number[] | undefined {
  const minutes = text.split(',').map(Number);
  return text !== '' && minutes.every((one) => Number.isInteger(one) && Math.abs(one) < 16 * 60) ? minutes : undefined;
}

function uploadMode(text: '0' | '1' | '2'): 0 | 1 | 2 {
  return text === '0' ? 0 : text === '1' ? 1 : 2;
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
