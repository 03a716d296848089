/**
 * What a person's sign-in leaves on this machine: a refresh token, one small file for each account,
 * which nobody else can read. A platform may replace such a token each time it is used, and end the
 * whole sign-in where an old one comes again: so all processes use it one after the other.
 */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FsError } from '../errors.js';
import { processIdentitySchema, processLife, systemProcesses } from './process-identity.js';

const signInSchema = z.object({
  version: z.literal(1),
  /** What it is for, as `netexplorer+https://ann@files.example.org`: for who looks into the file. */
  account: z.string(),
  clientId: z.string(),
  scopes: z.array(z.string()),
  refreshToken: z.string().min(1),
  /** The token that all mounts of the account use now; `endsAt` in milliseconds since the epoch. */
  access: z.object({ text: z.string().min(1), endsAt: z.number().optional() }).optional(),
  /** When the person signed in, ISO 8601. */
  since: z.string(),
});

/** A person's sign-in. Its refresh token is a secret. */
export type SignInRecord = Omit<z.infer<typeof signInSchema>, 'version' | 'account'>;

/** A lock older than this is nobody's, whoever left it: it is held for one request. Milliseconds. */
const longestHold = 5 * 60_000;
/** Between two looks at a lock that another holds. Milliseconds. */
const lockPause = 50;
/** Taking away what a dead process left takes moments; milliseconds. */
const longestTaking = 10_000;

export interface KeptSignIn {
  /** Where it lies. */
  readonly path: string;
  /** Undefined where there is none. EACCES where others can read it, EIO where it is damaged. */
  read(): Promise<SignInRecord | undefined>;
  /** Whole or not at all, and on the disk when it resolves. */
  write(record: SignInRecord): Promise<void>;
  /** True where there was one. */
  forget(): Promise<boolean>;
  /** Runs `work` while no other process, and no other mount of this one, does. EINTR when the signal is aborted while it waits. */
  alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** The kept sign-in of an account: one text for one account, of whatever folder of it; `host` helps a person to find it. Touches nothing yet. */
export function keptSignIn(stateFolder: string, host: string, account: string): KeptSignIn {
  const hash = createHash('sha256').update(account).digest('hex').slice(0, 16);
  const path = join(stateFolder, 'sign-ins', `${host.replaceAll(/[^A-Za-z0-9.-]/g, '_')}-${hash}.json`);
  return {
    path,
    read: () => readRecord(path),
    write: (record) => writeWhole(path, JSON.stringify({ version: 1, account, ...record }, null, 2)),
    async forget() {
      const there = await stat(path).then(() => true, () => false);
      await rm(path, { force: true });
      return there;
    },
    alone: (work, signal) => alone(`${path}.lock`, work, signal),
  };
}

async function readRecord(path: string): Promise<SignInRecord | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new FsError('EIO', `the kept sign-in ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  if (file === undefined) return undefined;
  try {
    if (((await file.stat()).mode & 0o077) !== 0) {
      throw new FsError('EACCES', `the kept sign-in ${path} can be read by other users: run chmod 600, or sign in again`);
    }
    return parseRecord(path, await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

function parseRecord(path: string, text: string): SignInRecord {
  try {
    const { clientId, scopes, refreshToken, access, since } = signInSchema.parse(JSON.parse(text));
    return { clientId, scopes, refreshToken, ...(access !== undefined && { access }), since };
  } catch {
    // What a parser says of it may repeat what is in it.
    throw new FsError('EIO', `the kept sign-in ${path} is damaged: sign in again`);
  }
}

/** Through a file beside it, both on the disk: a refresh token that is lost is a sign-in that is lost. */
async function writeWhole(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function alone<T>(lock: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 });
  const own = `${lock}.${randomUUID()}`;
  const file = await open(own, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(systemProcesses.identify(process.pid) ?? {}));
  } finally {
    await file.close();
  }
  try {
    // A link is made whole, with the name of who holds it in it, or not at all.
    while (!await link(own, lock).then(() => true, notThere('EEXIST', false))) {
      if (signal.aborted) throw new FsError('EINTR', 'interrupted', { cause: signal.reason });
      if (await isAbandoned(lock)) await takeAway(lock);
      else await new Promise((resolve) => setTimeout(resolve, lockPause));
    }
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function isAbandoned(lock: string): Promise<boolean> {
  const made = await stat(lock).then(({ mtimeMs }) => mtimeMs, notThere('ENOENT', undefined));
  if (made === undefined) return false;
  if (Date.now() - made > longestHold) return true;
  return isDead(await readFile(lock, 'utf8').catch(() => ''));
}

function isDead(holder: string): boolean {
  try {
    const parsed = processIdentitySchema.safeParse(JSON.parse(holder));
    return parsed.success && processLife(parsed.data, systemProcesses) === 'dead';
  } catch {
    return false;
  }
}

/**
 * Takes a lock away that nobody holds any more. By one of those who try at a time: between another's look and his
 * removal the lock could have become somebody's again. Who died while he took it away holds nobody up for long.
 */
async function takeAway(lock: string): Promise<void> {
  const taking = `${lock}.taking`;
  const file = await open(taking, 'wx', 0o600).catch(notThere('EEXIST', undefined));
  if (file === undefined) {
    const made = await stat(taking).then(({ mtimeMs }) => mtimeMs, notThere('ENOENT', undefined));
    if (made !== undefined && Date.now() - made > longestTaking) await rm(taking, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, lockPause));
    return;
  }
  try {
    if (await isAbandoned(lock)) await rm(lock, { force: true });
  } finally {
    await file.close();
    await rm(taking, { force: true });
  }
}

function notThere<T>(code: string, answer: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === code) return answer;
    throw error;
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
