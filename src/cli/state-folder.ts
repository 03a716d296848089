/**
 * The folder on this machine's disk where Amarre keeps what must not be lost: files being written,
 * those that could not be sent, mount records. It is state, not cache: anyone may empty
 * ~/.cache, and a full copy of somebody's work may lie here.
 */
import { accessSync, constants } from 'node:fs';
import { mkdir, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { CommandError } from './exit-status.js';

const rootsFolder = '/var/lib/amarre';

/**
 * Where it lies unless --cache-dir says otherwise: root's in the place for services' state, which is
 * there before anyone logs in; a user's by the XDG rules, which ask to ignore a relative path. Who is root
 * in a user namespace alone (`unshare -Ur`) has no right to that place, and is a user here.
 */
export function defaultStateFolder(uid: number, environment: NodeJS.ProcessEnv, mayWrite = canWrite): string {
  if (uid === 0 && (mayWrite(rootsFolder) || mayWrite(dirname(rootsFolder)))) return rootsFolder;
  const base = environment['XDG_STATE_HOME'];
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.local', 'state'), 'amarre');
}

function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Linux's magic numbers of file systems that a power cut empties: tmpfs, ramfs. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** A folder that is there, as far as it decides whether it can hold state. */
export interface StateFolderFacts {
  readonly folder: string;
  /** The person named it: then it may lie in memory. */
  readonly named: boolean;
  readonly mode: number;
  readonly owner: number;
  /** Who asks. */
  readonly uid: number;
  readonly inMemory: boolean;
  /** Bytes that this user may still write there. */
  readonly free: number;
}

/** Where the state folder is to be. */
export function stateFolderPath(given: string | undefined): string {
  return given ?? defaultStateFolder(ownUid(), process.env);
}

export async function readStateFolderFacts(folder: string, named: boolean): Promise<StateFolderFacts> {
  const { mode, uid: owner } = await stat(folder);
  const { type, bavail, bsize } = await statfs(folder);
  return { folder, named, mode, owner, uid: ownUid(), inMemory: inMemory.has(type), free: bavail * bsize };
}

/** Why the folder is not taken, and what to do; undefined where it is. */
export function refuseStateFolder(facts: StateFolderFacts): { readonly why: string; readonly remedy: string } | undefined {
  const { folder, named, mode, owner, uid } = facts;
  if (owner !== uid) return { why: 'belongs to another user', remedy: 'name a folder of your own with --cache-dir' };
  if ((mode & 0o077) !== 0) return { why: 'other users can look into this folder', remedy: `run: chmod 700 '${folder}'` };
  if (named || !facts.inMemory) return undefined;
  return { why: 'lies in memory, where a power cut loses files not yet sent', remedy: 'name a folder on a disk with --cache-dir' };
}

/**
 * The folder, made with mode 0700 where it is missing. Refuses one that others may write to or that
 * is another user's; and the default one where it lies in memory.
 */
export async function openStateFolder(given: string | undefined): Promise<string> {
  const folder = stateFolderPath(given);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const refused = refuseStateFolder(await readStateFolderFacts(folder, given !== undefined));
    if (refused !== undefined) throw new CommandError('usage', `${folder}: ${refused.why}; ${refused.remedy}`);
    return folder;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError('usage', `no state folder: ${reason}; name a folder with --cache-dir`, { cause: error });
  }
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}
