/**
 * Which processes keep a mount busy, so that a person who cannot unmount knows whom to ask. Only
 * links and tables of /proc are read, never the mount itself: its own server looks here.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process, and what it has on the mount. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
  readonly what: 'working directory' | 'open file' | 'program' | 'mapped file';
}

/** Not more than this many are named. */
const enough = 5;

/** Processes with something open below `mountpoint`, at most five. Those of other users show only to root. */
export async function findHolders(mountpoint: string, procFolder = '/proc'): Promise<readonly Holder[]> {
  const pids = (await readdir(procFolder)).filter((name) => /^\d+$/.test(name)).map(Number);
  const holders: Holder[] = [];
  for (const pid of pids) {
    const what = pid === process.pid ? undefined : await hold(`${procFolder}/${pid}`, mountpoint);
    if (what === undefined) continue;
    const name = await readFile(`${procFolder}/${pid}/comm`, 'utf8').catch(() => '?');
    holders.push({ pid, name: name.trim(), what });
    if (holders.length === enough) break;
  }
  return holders;
}

/** `held by bash (123, working directory), vim (456, open file)`; empty where nobody was found. */
export function showHolders(holders: readonly Holder[]): string {
  if (holders.length === 0) return '';
  return `held by ${holders.map(({ pid, name, what }) => `${name} (${pid}, ${what})`).join(', ')}`;
}

async function hold(process: string, mountpoint: string): Promise<Holder['what'] | undefined> {
  const below = (path: string) => path === mountpoint || path.startsWith(`${mountpoint}/`);
  const leadsBelow = (link: string) => readlink(link).then(below, () => false);
  if (await leadsBelow(`${process}/cwd`) || await leadsBelow(`${process}/root`)) return 'working directory';
  if (await leadsBelow(`${process}/exe`)) return 'program';
  for (const descriptor of await readdir(`${process}/fd`).catch(() => [])) {
    if (await leadsBelow(`${process}/fd/${descriptor}`)) return 'open file';
  }
  const maps = await readFile(`${process}/maps`, 'utf8').catch(() => '');
  return maps.split('\n').some((line) => below(line.slice(line.indexOf('/')))) ? 'mapped file' : undefined;
}
