/**
 * The control interface of an emulator in another process: the same calls as `RunningEmulator.control`, over HTTP.
 * Tests that must count requests or make them fail hold one of the two and do not care which.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ControlState, EmulatorControl } from '../../src/emulators/emulator.js';
import type { TrafficEntry } from '../../src/emulators/common/traffic.js';
import type { ArrhesControl } from '../../src/emulators/arrhes/control.js';
import type { FaireSimpleControl } from '../../src/emulators/faire-simple/control.js';
import type { NetexplorerControl } from '../../src/emulators/netexplorer/control.js';
import type { SftpgoControl } from '../../src/emulators/sftpgo/control.js';

const state = z.object({
  counts: z.record(z.string(), z.number()),
  total: z.number(),
  inFlight: z.number(),
  maxInFlight: z.number(),
  stalled: z.number(),
});

/** JSON leaves out what is undefined. */
const text = z.string().optional();
const entries = z.array(
  z.object({
    id: z.number(),
    at: z.number(),
    method: z.string(),
    route: z.string(),
    path: text,
    target: text,
    range: text,
    client: z.string(),
    user: text,
    status: z.number().optional(),
    requestBytes: z.number(),
    responseBytes: z.number(),
    durationMs: z.number().optional(),
    end: z.enum(['open', 'complete', 'broken']),
  }),
);

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

function callingAt(url: string): Call {
  return async (method, path, body) => {
    const answer = await fetch(new URL(`/_control/${path}`, url), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`control: ${method} ${path}: ${answer.status} ${said}`);
    const value: unknown = JSON.parse(said);
    return value;
  };
}

function common(call: Call): EmulatorControl {
  return {
    addRule: async (rule) => z.object({ id: z.string() }).parse(await call('POST', 'rules', rule)).id,
    removeRules: async (id) => {
      await call('DELETE', id === undefined ? 'rules' : `rules/${id}`);
    },
    state: async () => state.parse(await call('GET', 'state')),
    resetCounts: async () => {
      await call('POST', 'reset-counts', {});
    },
    log: async () => entries.parse(await call('GET', 'log')).map(whole),
  };
}

/** Controls the emulated SFTPGo at this address (`url` of its announcement). */
export function connectControl(url: string): SftpgoControl {
  const call = callingAt(url);
  return {
    ...common(call),
    forgetTokens: async () => {
      await call('POST', 'forget-tokens', {});
    },
    changeUser: async (name, change) => {
      await call('POST', `users/${encodeURIComponent(name)}`, change);
    },
    refuseOthers: async (status) => {
      await call('POST', 'refuse-others', { status });
    },
    oneTimeCode: async (name) =>
      z.object({ code: z.string() }).parse(await call('POST', `users/${encodeURIComponent(name)}/code`, {})).code,
  };
}

const rows = z.array(z.record(z.string(), z.unknown()));
const content = z.object({
  files: rows,
  folders: rows,
  objects: z.record(z.string(), z.object({ size: z.number(), type: z.string(), etag: z.string() })),
  storageUsed: z.number(),
});

/** Controls the emulated Arrhes at this address (`url` of its announcement). */
export function connectArrhesControl(url: string): ArrhesControl {
  const call = callingAt(url);
  return {
    ...common(call),
    changeOrganization: async (change) => {
      await call('POST', 'organization', change);
    },
    advance: async (ms) => {
      await call('POST', 'advance', { ms });
    },
    content: async () => content.parse(await call('GET', 'content')),
  };
}

const enrolments = z.array(z.object({ uid: z.string(), action: z.union([z.literal(0), z.literal(1)]) }));

/** Controls the emulated faire-simple at this address (`url` of its announcement). */
export function connectFaireSimpleControl(url: string): FaireSimpleControl {
  const call = callingAt(url);
  return {
    ...common(call),
    changePartner: async (uid, fields) => {
      await call('POST', `partners/${encodeURIComponent(uid)}`, fields);
    },
    enrolments: async () => enrolments.parse(await call('GET', 'enrolments')),
  };
}

const seenVersions = z.array(z.object({
  id: z.number(), size: z.number(), md5: z.string(), creation: z.number(), modification: z.number(), owner: z.string(),
}));
const seenObjects = z.record(z.string(), z.object({
  kind: z.enum(['folder', 'file']), id: z.number(), guid: text, md5: text, size: z.number().optional(), versions: z.number().optional(), lock: text,
}));
const seenBlocks = z.array(z.object({
  folder: z.number(), name: z.string(), chunk: z.number(), chunks: z.number(), bytes: z.number(), status: z.number(),
}));

const seenSignIns = z.object({
  signedIn: z.array(z.object({ login: z.string(), via: z.enum(['password', 'oauth']), scopes: z.array(z.string()) })),
  tokensGiven: z.number(),
  tokensGivenBack: z.number(),
  tokenRequests: z.number(),
});
const count = z.number().optional();
const seenLinks = z.array(z.object({
  kind: z.enum(['share', 'deposit']), id: z.number(), address: z.string(), owner: z.string(), paths: z.array(z.string()),
  expiresAt: count, password: text, maxDownloads: count, downloads: count,
}));

/** Controls the emulated NetExplorer at this address (`url` of its announcement). */
export function connectNetexplorerControl(url: string): NetexplorerControl {
  const call = callingAt(url);
  const order = async (name: string, value: unknown = {}): Promise<void> => {
    await call('POST', name, value);
  };
  return {
    ...common(call),
    surprise: (change) => order('surprise', change),
    adopt: () => order('adopt'),
    writeAs: (path, content, login) => order('write-as', { path, content, login }),
    replaceInPlace: (path, content, afterReads) => order('replace-in-place', { path, content, afterReads }),
    lockBy: (path, login, settings) => order('lock', { path, login, ...settings }),
    unlock: (path) => order('unlock', { path }),
    setQuota: (change) => order('quota', change),
    setRights: (path, rights, login) => order('rights', { path, rights, login }),
    setPurge: (path, days) => order('set-purge', { path, days }),
    purge: () => order('purge'),
    versionsOf: async (path) => seenVersions.parse(await call('POST', 'versions-of', { path })),
    objects: async () => seenObjects.parse(await call('GET', 'objects')),
    trash: async () => z.array(z.object({ id: z.number(), path: z.string(), owner: z.string() })).parse(await call('GET', 'trash')),
    emptyings: async () => z.array(z.object({ login: z.string(), all: z.boolean() })).parse(await call('GET', 'emptyings')),
    blocks: async () => seenBlocks.parse(await call('GET', 'blocks')),
    refuseSignIn: (reason, login) => order('refuse-sign-in', { reason, login }),
    endSessions: (refreshTokens = false) => order('end-sessions', { refreshTokens }),
    signIns: async () => seenSignIns.parse(await call('GET', 'sign-ins')),
    links: async () => seenLinks.parse(await call('GET', 'links')),
    describe: (path, told) => order('describe', { path, told }),
    advance: (ms) => order('advance', { ms }),
  };
}

function whole(entry: z.infer<typeof entries>[number]): TrafficEntry {
  const { path, target, range, user, status, durationMs } = entry;
  return { ...entry, path, target, range, user, status, durationMs };
}

/** Resolves when the state is as wanted; rejects after `withinMs` with what it was. */
export async function untilState(
  control: EmulatorControl,
  wanted: (state: ControlState) => boolean,
  withinMs = 10_000,
): Promise<ControlState> {
  const end = Date.now() + withinMs;
  for (;;) {
    const now = await control.state();
    if (wanted(now)) return now;
    if (Date.now() > end) throw new Error(`the emulator did not get there: ${JSON.stringify(now)}`);
    await sleep(10);
  }
}

/** Resolves when so many requests wait at a stall. */
export async function untilStalled(control: EmulatorControl, count = 1): Promise<void> {
  await untilState(control, ({ stalled }) => stalled >= count);
}
