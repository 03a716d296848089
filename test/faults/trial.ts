/**
 * One operation, tried once on a drive of its own while something goes wrong, and then again when all
 * is well: what it said, and what everybody sees on the server after each.
 */
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Provider } from '../../src/providers/provider.js';
import { isHiddenName } from '../../src/providers/hidden-names.js';
import { errnoOf, longAgo, mountOn } from '../filesystem/harness.js';
import { listAll } from '../providers/subject.js';
import type { Operation, Tree } from './operations.js';

/**
 * What was asked is believed for as long as the longest trial takes, in milliseconds: which requests an operation makes is counted in
 * one run and met in others, and must not depend on how busy the machine is.
 */
const steady = { attrTtl: 60_000, dirTtl: 60_000 };

/** Where a trial takes place. */
export interface Ground {
  /** The folder of the server's disk that is the root of the drive. */
  readonly root: string;
  /** A provider for the mount of that name; `isDead` is what it holds of the others. */
  open(instance: string, isDead: boolean): Provider;
}

export interface Outcome {
  /** What the operation ended with while something went wrong; `none`: it succeeded. */
  readonly errno: string;
  /** What everybody saw on the server then. */
  readonly shown: Tree;
  /** The same when it was repeated with all well. */
  readonly again: { readonly errno: string; readonly shown: Tree };
  /** Files that the mount could not send, by its own word at the end. */
  readonly unsent: readonly string[];
  /** Hidden files that were there when the next mount had cleaned up. */
  readonly hidden: readonly string[];
}

/** Runs the operation with `trouble`, which resolves to what ends it. */
export async function trial(ground: Ground, operation: Operation, trouble: () => Promise<() => Promise<void>>): Promise<Outcome> {
  await lay(ground.root, operation.before);
  const provider = ground.open('trial0000001', false);
  await provider.connect(new AbortController().signal);
  const m = await mountOn(provider, { forgetful: true, settings: steady });
  try {
    const over = await trouble();
    const errno = await errnoOf(operation.run(m));
    await over();
    const shown = await look(ground.root, operation);
    const again = { errno: await errnoOf(operation.run(m)), shown: await look(ground.root, operation) };
    const unsent = (await m.shutdown()).map(({ path, reason }) => `${path}: ${reason}`);
    return { errno, shown, again, unsent, hidden: await cleaned(ground) };
  } finally {
    await m.end();
    await provider.close();
  }
}

/** What is hidden on the server once a later mount has looked at it. */
async function cleaned(ground: Ground): Promise<string[]> {
  if ((await hiddenIn(ground.root)).length === 0) return [];
  const next = ground.open('trial0000002', true);
  for (const folder of await foldersIn(ground.root)) await listAll(next, folder);
  await next.close();
  return await hiddenIn(ground.root);
}

async function hiddenIn(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).filter((path) => isHiddenName(path.slice(path.lastIndexOf('/') + 1)));
}

async function foldersIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return ['/', ...entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name).slice(root.length))];
}

/** Puts a tree on the server's disk. What names no time is long ago. */
async function lay(root: string, tree: Tree): Promise<void> {
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  for (const [path, text] of Object.entries(tree)) {
    const place = join(root, path);
    const [, content = text, time = String(longAgo)] = /^(.*?) ?@(\d+)$/s.exec(text) ?? [];
    if (path.endsWith('/')) await mkdir(place, { recursive: true });
    else {
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, content);
    }
    await utimes(place, Number(time) / 1000, Number(time) / 1000);
  }
}

/** A minute by the clock of this machine, where a time is asked whether it is now. */
const aMoment = 60_000;

/** What everybody sees on the server's disk, in the words of the operation's trees. */
async function look(root: string, { timed = false }: Operation): Promise<Tree> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const shown = entries.filter((entry) => !isHiddenName(entry.name)).map(async (entry): Promise<[string, string]> => {
    const place = join(entry.parentPath, entry.name);
    const path = place.slice(root.length + 1);
    const content = entry.isDirectory() ? '' : await readFile(place, 'utf8');
    if (!timed) return [entry.isDirectory() ? `${path}/` : path, content];
    const { mtimeMs } = await stat(place);
    const time = Math.abs(Date.now() - mtimeMs) < aMoment ? 'now' : String(Math.round(mtimeMs));
    return [entry.isDirectory() ? `${path}/` : path, `${content}${content === '' ? '' : ' '}@${time}`];
  });
  return Object.fromEntries((await Promise.all(shown)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What is wrong with an outcome, a sentence each; none for what a program and its user may rely on. */
export function wrongs(operation: Operation, outcome: Outcome, errnos: readonly string[]): string[] {
  const { errno, shown, again, unsent, hidden } = outcome;
  const { before, after, between = [] } = operation;
  const found: string[] = [];
  const is = (tree: Tree, one: Tree): boolean => JSON.stringify(Object.entries(tree).sort()) === JSON.stringify(Object.entries(one).sort());
  const text = (tree: Tree): string => JSON.stringify(tree).slice(0, 400);
  if (errno === 'none' && !is(shown, after)) found.push(`it succeeded, and the server has ${text(shown)}`);
  if (![before, ...between, after].some((tree) => is(shown, tree))) found.push(`it ended with ${errno}, and the server has ${text(shown)}`);
  if (errno !== 'none' && !errnos.includes(errno)) found.push(`it ended with ${errno}`);
  if (again.errno !== 'none' && (again.errno !== operation.again || !is(shown, after))) found.push(`repeated, after ${errno} and ${text(shown)}, it ended with ${again.errno}`);
  if (!is(again.shown, after)) found.push(`repeated, after ${errno} (then ${again.errno}), the server has ${text(again.shown)}`);
  // A program that finds its work done after all does not repeat it: then the next mount finds out that what is kept has arrived.
  if (unsent.length > 0 && !is(shown, after)) found.push(`after ${errno} and ${again.errno} not sent: ${unsent.join('; ')}`);
  if (hidden.length > 0) found.push(`hidden files stayed: ${hidden.join(', ')}`);
  return found;
}
