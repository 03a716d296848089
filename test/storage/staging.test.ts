/** Files being written, on this machine's disk: what is in them, and what is found of them later. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import type * as Promises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLog } from '../../src/observe/log.js';
import { sameBytes } from '../../src/storage/same-bytes.js';
import { openStaging, type StagedFile, type Staging, type StagingNote } from '../../src/storage/staging.js';

interface Disk {
  /** What opening a file, and writing a note, fail with; empty: they do not. */
  open: string;
  note: string;
  /** Bytes that are free, where it is not what is true. */
  free: number | undefined;
  /** The files that were opened. */
  readonly handles: FileHandle[];
}

const disk = vi.hoisted((): Disk => ({ open: '', note: '', free: undefined, handles: [] }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Promises>();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      if (disk.open !== '') throw failing(disk.open);
      const handle = await real.open(...args);
      disk.handles.push(handle);
      return handle;
    },
    writeFile: async (...args: Parameters<typeof real.writeFile>) => {
      if (disk.note !== '') throw failing(disk.note);
      await real.writeFile(...args);
    },
    statfs: async (path: string) => {
      const found = await real.statfs(path);
      if (disk.free !== undefined) found.bavail = disk.free / found.bsize;
      return found;
    },
  };
});

function failing(code: string): Error {
  return Object.assign(new Error(`${code}: made to fail`), { code });
}

/** Makes the next write to the file that was opened last fail. */
function failWrite(code: string): void {
  const handle = disk.handles.at(-1);
  if (handle === undefined) throw new Error('no file is open');
  vi.spyOn(handle, 'write').mockRejectedValueOnce(failing(code));
}

const note: StagingNote = { path: '/a/f', state: 'writing', size: 0, modified: 1000, base: 'v1', missing: [[3, 9]], reason: 'because' };

let folder: string;
let staging: Staging;
let file: StagedFile;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-staging-'));
  staging = await opened('own00001');
  file = staging.create(() => note);
});
afterEach(async () => {
  Object.assign(disk, { open: '', note: '', free: undefined });
  await rm(folder, { recursive: true });
});

const opened = async (instance: string, dead: readonly string[] = []): Promise<Staging> =>
  await openStaging({ folder, instance, isDead: (id) => dead.includes(id), log: silentLog() });

/** The start of a later mount, to which the first is dead. */
const later = async (): Promise<Staging> => await opened('next0001', ['own00001']);

async function streamed(start: number, size: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.stream(start, size)) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

const text = async (offset: number, length: number): Promise<string> => Buffer.from(await file.read(offset, length)).toString('latin1');

test('a file that was sent and is changed again: no byte is written before its note says so', async () => {
  await file.write(0, Buffer.from('sent'));
  await file.noteSent();
  const noted = async (): Promise<string> => await readFile(file.data.replace(/data$/, 'json'), 'utf8');
  expect(await noted()).toContain('"sent"');
  disk.note = 'ENOSPC';
  await expect(file.write(0, Buffer.from('more'))).rejects.toMatchObject({ errno: 'ENOSPC' });
  expect(Buffer.from(await file.read(0, 4)).toString()).toBe('sent');
  disk.note = '';
  await file.write(0, Buffer.from('more'));
  expect(await noted()).toContain('"writing"');
  expect(Buffer.from(await file.read(0, 4)).toString()).toBe('more');
});

describe('a staged file', () => {
  test('is read as it was written, zeros between and behind', async () => {
    await file.write(4, Buffer.from('abc'));
    await file.write(0, Buffer.from('x'));
    expect(await text(0, 10)).toBe('x\0\0\0abc\0\0\0');
    expect(await streamed(0, 9)).toBe('x\0\0\0abc\0\0');
    expect(await streamed(5, 7)).toBe('bc');
    expect(await streamed(9, 9)).toBe('');
  });

  test('cut and grown again it has zeros where it was cut', async () => {
    await file.write(0, Buffer.from('abcdef'));
    await file.truncate(2);
    await file.truncate(5);
    expect(await text(0, 5)).toBe('ab\0\0\0');
  });

  test('one that stays empty costs no disk', async () => {
    await file.truncate(0);
    expect(await text(0, 3)).toBe('\0\0\0');
    expect(await streamed(0, 3)).toBe('\0\0\0');
    await file.discard();
    expect(await readdir(join(folder, 'own00001'))).toEqual([]);
  });

  test('lies in a folder for this user alone, with its note beside it from the first byte', async () => {
    await file.write(0, Buffer.from('abc'));
    expect((await stat(join(folder, 'own00001'))).mode & 0o777).toBe(0o700);
    expect((await stat(file.data)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file.data.replace('.data', '.json'), 'utf8'))).toEqual(note);
    await file.discard();
    expect(await readdir(join(folder, 'own00001'))).toEqual([]);
  });

  test('after its end nothing reads zeros for bytes', async () => {
    await file.write(0, Buffer.from('abc'));
    await file.discard();
    const stale = { errno: 'ESTALE' };
    await expect(file.read(0, 3)).rejects.toMatchObject(stale);
    await expect(file.write(0, Buffer.from('x'))).rejects.toMatchObject(stale);
    await expect(file.truncate(9)).rejects.toMatchObject(stale);
    await expect(streamed(0, 3)).rejects.toMatchObject(stale);
    expect(await readdir(join(folder, 'own00001'))).toEqual([]);
  });
});

describe('a full disk', () => {
  test.each(['ENOSPC', 'EDQUOT'])('%s at the write is ENOSPC, whatever could not be written, and later writes may succeed', async (code) => {
    for (const what of ['open', 'note'] as const) {
      disk[what] = code;
      await expect(file.write(0, Buffer.from('abc'))).rejects.toMatchObject({ errno: 'ENOSPC' });
      disk[what] = '';
    }
    await file.write(0, Buffer.from('abc'));
    failWrite(code);
    await expect(file.write(3, Buffer.from('def'))).rejects.toMatchObject({ errno: 'ENOSPC' });
    await file.write(3, Buffer.from('DEF'));
    expect(await text(0, 6)).toBe('abcDEF');
    await file.discard();
    expect(await readdir(join(folder, 'own00001'))).toEqual([]);
  });

  test('another fault of the disk is EIO', async () => {
    await file.write(0, Buffer.from('abc'));
    failWrite('EIO');
    await expect(file.write(0, Buffer.from('abc'))).rejects.toMatchObject({ errno: 'EIO' });
  });

  test('room that is not there is told before it is needed', async () => {
    await staging.ensureRoom(1000);
    disk.free = 2 ** 20;
    await staging.ensureRoom(2 ** 20);
    await expect(staging.ensureRoom(2 ** 20 + 1)).rejects.toMatchObject({ errno: 'ENOSPC' });
  });

  test('a note that cannot be written leaves the data, which the next start finds', async () => {
    await file.write(0, Buffer.from('abc'));
    disk.note = 'ENOSPC';
    await expect(file.keep({ ...note, state: 'kept', size: 3 })).rejects.toMatchObject({ errno: 'ENOSPC' });
    disk.note = '';
    const [found] = (await later()).leftovers;
    expect(found?.note).toEqual(note);
    expect(await readFile(found?.data ?? '', 'utf8')).toBe('abc');
  });
});

describe('what a dead mount left', () => {
  test('kept files survive, with their notes', async () => {
    await file.write(0, Buffer.from('abcdef'));
    await file.keep({ ...note, state: 'kept', size: 4 });
    const { leftovers } = await later();
    expect(leftovers).toHaveLength(1);
    expect(leftovers[0]?.note).toEqual({ ...note, state: 'kept', size: 4 });
    expect(await readFile(leftovers[0]?.data ?? '', 'utf8')).toBe('abcd');
    await leftovers[0]?.discard();
    expect((await readdir(folder)).sort()).toEqual(['next0001', 'own00001'].filter((name) => name === 'next0001'));
  });

  test('files that were being written, as they are', async () => {
    await file.write(0, Buffer.from('abc'));
    const { leftovers } = await later();
    expect(leftovers.map((leftover) => leftover.note)).toEqual([note]);
  });

  test('not those of a mount that lives', async () => {
    await file.write(0, Buffer.from('abc'));
    expect((await opened('next0001')).leftovers).toEqual([]);
    expect(await text(0, 3)).toBe('abc');
  });

  test('data without a readable note is found, too', async () => {
    await file.write(0, Buffer.from('abc'));
    await rm(file.data.replace('.data', '.json'));
    const [found] = (await later()).leftovers;
    expect(found?.note).toMatchObject({ state: 'writing', size: 3, reason: 'the note beside it cannot be read' });
  });

  test('what is nothing is cleared away: notes without data, torn notes, data before its first byte', async () => {
    const dead = join(folder, 'own00001');
    await writeFile(join(dead, '1.json'), JSON.stringify(note));
    await writeFile(join(dead, '2.note'), '{"pa');
    await writeFile(join(dead, '3.data'), '');
    expect((await later()).leftovers).toEqual([]);
    expect(await readdir(folder)).toEqual(['next0001']);
  });

  test('what is not ours stays, and its folder', async () => {
    const dead = join(folder, 'own00001');
    await writeFile(join(dead, 'notes.txt'), 'mine');
    await mkdir(join(dead, 'sub'));
    await writeFile(join(folder, 'stray'), 'a file among the folders');
    const next = await opened('next0001', ['own00001', 'stray']);
    expect(next.leftovers).toEqual([]);
    expect((await readdir(dead)).sort()).toEqual(['notes.txt', 'sub']);
    expect(await readFile(join(folder, 'stray'), 'utf8')).toBe('a file among the folders');
  });

  test('the folder of a mount that kept nothing goes with it; of one that did it stays', async () => {
    await staging.close();
    expect(await readdir(folder)).toEqual([]);
    staging = await opened('own00001');
    file = staging.create(() => note);
    await file.keep({ ...note, state: 'kept' });
    await staging.close();
    expect((await readdir(join(folder, 'own00001'))).sort()).toEqual(['1.data', '1.json']);
  });
});

describe('the same bytes', () => {
  test.each<[string, string, number, boolean]>([
    ['abc', 'abc', 3, true],
    ['abc', 'abd', 3, false],
    ['abc', 'ab', 3, false],
    ['', '', 0, true],
    ['abcX', 'abcY', 3, true],
  ])('%j and %j, %d of them: %s', async (one, other, size, same) => {
    await writeFile(join(folder, 'one'), one);
    await writeFile(join(folder, 'other'), other);
    expect(await sameBytes(join(folder, 'one'), join(folder, 'other'), size, [])).toBe(same);
  });

  test('of large files, to the last', async () => {
    const bytes = Buffer.alloc(3_000_000, 'ab');
    await writeFile(join(folder, 'one'), bytes);
    await writeFile(join(folder, 'other'), bytes);
    expect(await sameBytes(join(folder, 'one'), join(folder, 'other'), bytes.length, [])).toBe(true);
    bytes[2_999_999] = 0;
    await writeFile(join(folder, 'other'), bytes);
    expect(await sameBytes(join(folder, 'one'), join(folder, 'other'), bytes.length, [])).toBe(false);
  });

  test.each<[string, string, boolean]>([['ab..ef', 'abXYef', true], ['ab..ef', 'abXYeg', false], ['ab..ef', 'abXYe', false]])(
    'but for what was never fetched: %j and %j: %s', async (one, other, same) => {
      await writeFile(join(folder, 'one'), one);
      await writeFile(join(folder, 'other'), other);
      expect(await sameBytes(join(folder, 'one'), join(folder, 'other'), 6, [[2, 4]])).toBe(same);
    },
  );
});
