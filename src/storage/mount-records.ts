/**
 * One small file for each mount of this user, in the state folder. It tells `amarre umount` whom to
 * ask and what came of it, and the next mount which temporary files on the platform were left by a
 * mount of this machine that no longer lives.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { processIdentitySchema, processLife, systemProcesses, type ProcessTable } from './process-identity.js';

/** A file that could not be sent, as a person is told of it. */
export const unsentRecordSchema = z.object({
  /** Below the mount point. */
  path: z.string(),
  /** Bytes. */
  size: z.number(),
  /** Where its content lies on this machine. */
  kept: z.string(),
  reason: z.string(),
});

export const outcomeSchema = z.object({
  /** Exit status, as in the command's table. */
  status: z.int(),
  unsent: z.array(unsentRecordSchema),
  /** What else the person who unmounts should be told, a sentence each. */
  notes: z.array(z.string()),
});
/** What came of a mount that ended in order. */
export type Outcome = z.infer<typeof outcomeSchema>;

const recordSchema = z.object({
  instance: z.string().regex(/^[a-z0-9]{12}$/),
  process: processIdentitySchema,
  mountpoint: z.string(),
  /** As it was given: no secret is ever part of a remote. */
  remote: z.string(),
  /** ISO 8601. */
  started: z.string(),
  phase: z.enum(['mounting', 'mounted', 'ending', 'ended']),
  /** While ending: how many files have yet to be sent. */
  waiting: z.int().nonnegative(),
  outcome: outcomeSchema.optional(),
  /** When it had ended or was first seen dead, ISO 8601. */
  over: z.string().optional(),
});
export type MountRecord = z.infer<typeof recordSchema>;

/** Records of mounts that are over are kept at least as long as a foreign leftover (7 days), and a day more. */
export const recordLife = 8 * 24 * 3600 * 1000;
/** And never more of them than this. */
export const recordLimit = 500;

/** Twelve letters and digits that no other mount has. */
export function newInstance(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 12 }, () => letters.charAt(randomInt(letters.length))).join('');
}

/** The record of the mount that this process serves; it is the only one who writes it while it lives. */
export interface OwnRecord {
  readonly instance: string;
  /** Writes what has changed. Writes happen one after the other, each whole. */
  update(change: Partial<Pick<MountRecord, 'phase' | 'waiting' | 'outcome'>>): Promise<void>;
}

export interface MountRecords {
  /** Makes the record of a mount that this process is about to serve. */
  create(facts: { readonly instance: string; readonly mountpoint: string; readonly remote: string }): Promise<OwnRecord>;
  /** All that can be read, newest first. */
  all(): Promise<readonly MountRecord[]>;
  life(record: MountRecord): 'alive' | 'dead' | 'unknown';
  /** True only for a mount of this machine that is certainly over. An id that nobody knows is not dead. */
  isDead(instance: string): boolean;
  /** Forgets what is over and old, but for the `needed` instances. `now` in milliseconds since the epoch. */
  prune(now: number, needed: ReadonlySet<string>): Promise<void>;
}

/** Opens the records of a state folder, making the place where they lie. */
export async function openMountRecords(parts: {
  readonly folder: string;
  readonly processes?: ProcessTable;
}): Promise<MountRecords> {
  const folder = join(parts.folder, 'mounts');
  const processes = parts.processes ?? systemProcesses;
  await mkdir(folder, { recursive: true, mode: 0o700 });

  const life = (record: MountRecord) => (record.phase === 'ended' ? 'dead' : processLife(record.process, processes));
  const all = async () => {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    const records = names.map((name) => readRecord(join(folder, name))).filter((record) => record !== undefined);
    return records.sort((a, b) => b.started.localeCompare(a.started));
  };

  return {
    create: (facts) => createRecord(folder, facts, processes),
    all,
    life,
    isDead(instance) {
      if (!/^[a-z0-9]+$/.test(instance)) return false;
      const record = readRecord(fileOf(folder, instance));
      return record?.instance === instance && life(record) === 'dead';
    },
    async prune(now, needed) {
      const records = (await all()).filter((record) => !needed.has(record.instance));
      for (const { record, step } of planPruning(records, life, now)) {
        if (step === 'forget') await rm(fileOf(folder, record.instance), { force: true });
        else await writeRecord(folder, { ...record, over: new Date(now).toISOString() });
      }
    },
  };
}

/** One record, and what becomes of it. */
export interface PruningStep {
  readonly record: MountRecord;
  readonly step: 'stamp' | 'forget';
}

/**
 * What pruning does with each record, none where it stays as it is: a mount first seen dead is
 * stamped, and what is over is forgotten once it is older than `recordLife` or beyond `recordLimit`.
 */
export function planPruning(
  records: readonly MountRecord[], life: (record: MountRecord) => 'alive' | 'dead' | 'unknown', now: number,
): readonly PruningStep[] {
  const over = records.filter((record) => life(record) === 'dead');
  const newestFirst = over.toSorted((a, b) => (b.over ?? '9').localeCompare(a.over ?? '9'));
  return newestFirst.flatMap((record, index): PruningStep[] => {
    if (index >= recordLimit) return [{ record, step: 'forget' }];
    if (record.over === undefined) return [{ record, step: 'stamp' }];
    return now - Date.parse(record.over) > recordLife ? [{ record, step: 'forget' }] : [];
  });
}

async function createRecord(
  folder: string, facts: { readonly instance: string; readonly mountpoint: string; readonly remote: string },
  processes: ProcessTable,
): Promise<OwnRecord> {
  const self = processes.identify(process.pid);
  let record: MountRecord = {
    ...facts,
    process: self ?? { pid: process.pid, start: '', boot: '', namespace: '', host: '' },
    started: new Date().toISOString(),
    phase: 'mounting',
    waiting: 0,
  };
  await writeRecord(folder, record);
  let last = Promise.resolve();
  return {
    instance: facts.instance,
    update(change) {
      record = { ...record, ...change, ...(change.phase === 'ended' && { over: new Date().toISOString() }) };
      const state = record;
      // One that failed (a full disk) is its caller's to hear of; it does not keep the next from being written.
      last = last.catch(() => undefined).then(() => writeRecord(folder, state));
      return last;
    },
  };
}

function fileOf(folder: string, instance: string): string {
  return join(folder, `${instance}.json`);
}

/** Whole or not at all: a reader never meets half a record. */
async function writeRecord(folder: string, record: MountRecord): Promise<void> {
  const temporary = join(folder, `${record.instance}.new`);
  await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, fileOf(folder, record.instance));
}

function readRecord(path: string): MountRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Gone meanwhile, or not ours: it says nothing about any mount.
    return undefined;
  }
}
