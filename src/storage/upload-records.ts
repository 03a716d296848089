/**
 * What must be known of an upload in pieces to go on with it behind the end of the process that began
 * it: one small file for each, while it is under way. A record that is lost costs the repetition of
 * an upload, and never more: whoever goes on with one checks the whole in the end.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A platform that keeps the pieces of an upload for longer than this is not counted on. Milliseconds. */
const recordLife = 14 * 24 * 3600 * 1000;

export interface UploadRecords {
  /** What was kept of the upload to a place, or undefined. */
  find(place: string): Promise<string | undefined>;
  keep(place: string, record: string): Promise<void>;
  forget(place: string): Promise<void>;
}

/** Opens the records in a folder, made where it is missing, and takes old ones away. `now` in milliseconds since the epoch. */
export async function openUploadRecords(folder: string, now: number): Promise<UploadRecords> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const written = await stat(path).then(({ mtimeMs }) => mtimeMs, () => now);
    if (now - written > recordLife) await rm(path, { force: true });
  }
  const fileOf = (place: string): string => join(folder, createHash('sha256').update(place).digest('hex').slice(0, 32));
  return {
    async find(place) {
      return await readFile(fileOf(place), 'utf8').catch(() => undefined);
    },
    async keep(place, record) {
      const temporary = join(folder, `${randomUUID()}.new`);
      await writeFile(temporary, record, { mode: 0o600 });
      await rename(temporary, fileOf(place));
    },
    forget: (place) => rm(fileOf(place), { force: true }),
  };
}
