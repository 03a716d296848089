/**
 * Who keeps a mount busy, told for the person who wants it gone. Looks at links in /proc by readlink
 * alone, which asks the kernel and never the mount.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { mountsBelow, readMounts } from './mountinfo.js';

/** Names told at most; a busy mount may have hundreds. */
const toldAtMost = 5;

/** Words such as `bash (4711, working directory)`; empty where /proc does not tell. */
export async function describeHolders(mountPoint: string): Promise<string> {
  const processes = (await listed('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(processes.map((pid) => describeHolder(pid, mountPoint)));
  const below = mountsBelow(await readMounts(), mountPoint).map((mount) => `a mount on ${mount.mountPoint}`);
  const words = [...found.filter((holder) => holder !== undefined), ...below];
  const more = words.length - toldAtMost;
  return [...words.slice(0, toldAtMost), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

async function describeHolder(pid: string, mountPoint: string): Promise<string | undefined> {
  const base = `/proc/${pid}`;
  const isInside = async (link: string): Promise<boolean> => {
    const target = await readlink(link).catch(() => '');
    return target === mountPoint || target.startsWith(`${mountPoint}/`);
  };
  const name = async (): Promise<string> => (await readFile(`${base}/comm`, 'utf8').catch(() => 'a process')).trim();
  if (await isInside(`${base}/cwd`)) return `${await name()} (${pid}, working directory)`;
  if (await isInside(`${base}/root`)) return `${await name()} (${pid}, root folder)`;
  if (await isInside(`${base}/exe`)) return `${await name()} (${pid}, its program)`;
  for (const descriptor of await listed(`${base}/fd`)) {
    if (await isInside(`${base}/fd/${descriptor}`)) return `${await name()} (${pid}, open file)`;
  }
  return undefined;
}

async function listed(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
