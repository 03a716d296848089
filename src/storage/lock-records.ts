/**
 * Which files a mount has locked on the platform: one small file for each while it is locked, so that
 * the next start gives back what a dead mount had. A record that is lost costs a lock that stays until
 * somebody opens the file anew, or until the platform lets it go by itself.
 *
 *     <folder>/<instance>/<n>.json   where the file stands
 */
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const placeSchema = z.object({
  /** Below the remote's base. */
  path: z.string(),
  /** The platform's id of it, where it has one. */
  id: z.string().optional(),
});
export type LockedPlace = z.infer<typeof placeSchema>;

/** One lock that is noted. */
export interface LockRecord {
  readonly place: LockedPlace;
  /** It was given back. */
  forget(): Promise<void>;
}

export interface LockRecords {
  /** What mounts that are over had locked, as it was when the records were opened; not what a living mount has as well. */
  readonly leftovers: readonly LockRecord[];
  /** Notes a lock before it is asked for. */
  keep(place: LockedPlace): Promise<LockRecord>;
  /** Takes away the folder, where nothing is left in it. */
  close(): Promise<void>;
}

/** Opens the records of one mount, and finds those of others that `isDead` says are over. */
export async function openLockRecords(parts: {
  readonly folder: string;
  readonly instance: string;
  readonly isDead: (instance: string) => boolean;
}): Promise<LockRecords> {
  const { folder, instance, isDead } = parts;
  const own = join(folder, instance);
  const living = new Set<string>();
  const left: LockRecord[] = [];
  for (const other of await readdir(folder).catch(() => [])) {
    if (other === instance) continue;
    const records = await recordsIn(join(folder, other));
    if (isDead(other)) {
      left.push(...records);
      if (records.length === 0) await rmdir(join(folder, other)).catch(() => undefined);
    } else for (const { place } of records) living.add(identityOf(place));
  }
  const leftovers: LockRecord[] = [];
  for (const record of left) {
    // The account is the same: giving it back would take it from the mount that lives.
    if (living.has(identityOf(record.place))) await record.forget();
    else leftovers.push(record);
  }
  let last = 0;
  return {
    leftovers,
    async keep(place) {
      last += 1;
      const file = join(own, `${last}.json`);
      await mkdir(own, { recursive: true, mode: 0o700 });
      await writeFile(file, JSON.stringify(place), { mode: 0o600 });
      return recordOf(file, place);
    },
    async close() {
      await rmdir(own).catch(() => undefined);
    },
  };
}

async function recordsIn(folder: string): Promise<LockRecord[]> {
  const records: LockRecord[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    const place = placeSchema.safeParse(await readFile(file, 'utf8').then(parsed, () => undefined));
    if (place.success) records.push(leftRecord(folder, file, place.data));
  }
  return records;
}

function recordOf(file: string, place: LockedPlace): LockRecord {
  return {
    place,
    async forget() {
      await rm(file, { force: true });
    },
  };
}

/** The folder goes with the last one: no mount of that instance will ever write there again. */
function leftRecord(folder: string, file: string, place: LockedPlace): LockRecord {
  const record = recordOf(file, place);
  return {
    place,
    async forget() {
      await record.forget();
      await rmdir(folder).catch(() => undefined);
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function identityOf({ path, id }: LockedPlace): string {
  return id ?? path;
}
