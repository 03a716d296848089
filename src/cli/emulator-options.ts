/**
 * The options of `amarre emulate`: those of every emulator, and those that one platform alone has. The same table as
 * `options.ts`, for a server that serves tests instead of a mount.
 */
import { z } from 'zod';
import { signInRefusals } from '../emulators/netexplorer/signing-in/admission.js';
import { surpriseChange, surprisesSchema, type SurpriseChange } from '../emulators/netexplorer/surprises.js';
import { checked, duration, flag, path, positive, size, texts, units, whole } from './option-kinds.js';
import { parseDuration } from './units.js';

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

/** Options of the emulators that keep their files on this machine's disk. */
const diskEmulatorSchema = z.object({
  'root': path().optional().register(texts, {
    kind: 'value', unit: units.folder, default: undefined, otherwise: 'sample files, removed at the end',
    describe: 'The folder that is served',
  }),
  'quota': size().register(texts, {
    kind: 'value', unit: units.size, default: '0', describe: "The user's quota; 0 is none",
  }),
});

/** Options of `amarre emulate sftpgo` alone. */
const sftpgoEmulatorSchema = z.object({
  'upload-mode': z.enum(['0', '1', '2'], 'wanted 0, 1 or 2').transform(uploadMode).register(texts, {
    kind: 'value', unit: '0, 1, 2', default: '0',
    describe: "SFTPGo's upload_mode: in place, atomic, atomic but a broken upload is kept",
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

/** Options of `amarre emulate faire-simple` alone. */
const faireSimpleEmulatorSchema = z.object({
  'feed-size': size().register(texts, {
    kind: 'value', unit: units.size, default: '4M', describe: 'About how large the list of all partners is',
  }),
  'status-field': z.string('wanted a name').optional().register(texts, {
    kind: 'value', unit: 'name', default: undefined, otherwise: 'none', describe: "The field of a partner's account that tells its status",
  }),
});

/** Options of `amarre emulate netexplorer` alone. */
const netexplorerEmulatorSchema = z.object({
  'surprise': z.array(checked(parseSurprise, 'wanted a switch and how it is to stand, such as nameExists=renamed')).register(texts, {
    kind: 'list', unit: 'switch=value', default: undefined, otherwise: 'a platform that behaves',
    describe: `Behaves as some NetExplorers do: ${Object.keys(surprisesSchema.shape).join(', ')}`,
  }),
  'session-idle': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '30m', describe: 'A sign-in that is not used for so long ends',
  }),
  'session-limit': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '12h', describe: 'A sign-in ends at this age',
  }),
  'slots': whole(0, 10_000).register(texts, {
    kind: 'value', unit: units.number, default: '0', describe: 'Connections at one time; 0 is no limit',
  }),
  'refuse-sign-in': z.enum(signInRefusals, `wanted ${signInRefusals.join(', ')}`).optional().register(texts, {
    kind: 'value', unit: signInRefusals.join(', '), default: undefined, otherwise: 'nobody is refused', describe: 'Why nobody may sign in',
  }),
  'consent': z.enum(['form', 'grant', 'deny'], 'wanted form, grant or deny').register(texts, {
    kind: 'value', unit: 'form, grant, deny', default: 'form',
    describe: 'What a person answers to OAuth: a page asks, or at once; clients: amarre-person, and amarre-server with the secret s',
  }),
  'pkce': z.enum(['required', 'taken', 'unknown'], 'wanted required, taken or unknown').register(texts, {
    kind: 'value', unit: 'required, taken, unknown', default: 'taken', describe: 'Whether OAuth takes PKCE; unknown refuses its parameters',
  }),
  'access-life': positive(duration()).register(texts, {
    kind: 'value', unit: units.duration, default: '1h', describe: "How long OAuth's access tokens are valid",
  }),
  'link-form': z.enum(['new', 'old'], 'wanted new or old').register(texts, {
    kind: 'value', unit: 'new, old', default: 'new', describe: 'Share links with roots, or with files, a password and a number of downloads',
  }),
});

/** The options of each platform's emulator. */
export const emulatorSchemas = {
  sftpgo: emulatorSchema.extend({ ...diskEmulatorSchema.shape, ...sftpgoEmulatorSchema.shape }),
  arrhes: emulatorSchema.extend(arrhesEmulatorSchema.shape),
  'faire-simple': emulatorSchema.extend(faireSimpleEmulatorSchema.shape),
  netexplorer: emulatorSchema.extend({ ...diskEmulatorSchema.shape, ...netexplorerEmulatorSchema.shape }),
} as const;

/** Options of `amarre emulate`, those of all platforms. */
export const emulateSchema = emulatorSchema.extend({
  ...diskEmulatorSchema.shape, ...sftpgoEmulatorSchema.shape, ...arrhesEmulatorSchema.shape, ...faireSimpleEmulatorSchema.shape,
  ...netexplorerEmulatorSchema.shape,
});

function parseOffsets(text: string): readonly number[] | undefined {
  const minutes = text.split(',').map(Number);
  return text !== '' && minutes.every((one) => Number.isInteger(one) && Math.abs(one) < 16 * 60) ? minutes : undefined;
}

/** `nameExists=renamed`, `hiddenMs=500`, `features={"trash":false}`. */
function parseSurprise(text: string): SurpriseChange | undefined {
  const [, name = '', written = ''] = /^(\w+)=(.*)$/su.exec(text) ?? [];
  const values = [written, parseJson(written)].filter((value) => value !== undefined);
  return values.map((value) => surpriseChange.safeParse({ [name]: value })).find(({ success }) => success)?.data;
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function uploadMode(text: '0' | '1' | '2'): 0 | 1 | 2 {
  return text === '0' ? 0 : text === '1' ? 1 : 2;
}
