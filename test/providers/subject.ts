/** What the conformance suite is run on, and the small tools that tests of providers share. */
import { setMaxListeners } from 'node:events';
import { elapsed } from '../../src/http/elapsed.js';
import { unobserved } from '../../src/observe/requests.js';
import { noUploadRecords, type ProviderSettings } from '../../src/providers/settings.js';
import type { Content, Entry, Provider, ReadRequest } from '../../src/providers/provider.js';

/** The platform seen from behind: what a person could do and see there without the provider. */
export interface Backstage {
  put(path: string, content: Uint8Array, modified: number): Promise<void>;
  putFolder(path: string): Promise<void>;
  /** For a platform that has to be told of what is done to it: many changes, and it is told once. */
  together?(work: (each: Backstage) => Promise<void>): Promise<void>;
  remove(path: string): Promise<void>;
  /** Bytes of a file; undefined where there is none. */
  get(path: string): Promise<Buffer | undefined>;
  /** All paths, sorted, folders with `/` behind, temporary things too. */
  tree(): Promise<readonly string[]>;
}

export interface Subject {
  readonly provider: Provider;
  readonly backstage: Backstage;
  /** The platform gives files times of its own, whatever comes with them. */
  readonly ownTimes?: true;
  close(): Promise<void>;
}

/** A time that every platform can keep, in milliseconds. */
export const someTime = 1_700_000_000_000;
/** For `expect.poll`: temporary things are cleared away beside the work. */
export const soon = { timeout: 5_000 };
export const never = new AbortController().signal;
setMaxListeners(0, never);

/** Settings for any provider on an emulator. Nothing is remembered of uploads. */
export const testSettings: ProviderSettings = {
  observer: unobserved,
  parallelRequests: 6,
  stallTimeout: 3_000,
  serverTimeout: 6_000,
  listTtl: 0,
  insecureHttp: false,
  network: { connectTimeout: 3_000, authorities: [] },
  elapsed,
  profile: 'auto',
  netexplorer: {
    names: 'refuse', overwrite: 'version', trash: true, purgeFolders: 'warn', showVersions: false,
    links: { form: 'auto', shareBody: undefined, depositBody: undefined, shareAddress: '/dl/{key}', depositAddress: '/ul/{key}' },
  },
  documents: { memory: 32 * 2 ** 20, ttl: 60_000, pretty: false },
  faireSimple: { uidField: 'uid' },
  instances: { own: 'testinstance', isDead: () => false },
  uploads: noUploadRecords,
};

/** Bytes that differ at every place. */
export function bytesOf(length: number, seed = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8) + seed) % 256));
}

/** Content for a write, in pieces of odd sizes. */
export function contentOf(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    async *open(start) {
      await Promise.resolve();
      for (let at = start; at < bytes.length; at += 60_001) yield bytes.subarray(at, at + 60_001);
    },
  };
}

export async function listAll(provider: Provider, path: string, signal = never): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const batch of provider.list({ path }, signal)) entries.push(...batch);
  return entries;
}

export async function readAll(provider: Provider, path: string, request: Partial<ReadRequest> = {}): Promise<{ bytes: Buffer; entry: Entry }> {
  const { entry, body } = await provider.read({ path }, { start: 0, end: 2 ** 40, version: undefined, ...request }, never);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return { bytes: Buffer.concat(pieces), entry };
}
