/**
 * Where the running mounts of this machine keep their records: `amarre umount` must find a mount
 * whose --cache-dir it was not told. The processes themselves say so in their arguments, whatever
 * session they were started from and whatever became of it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { servingProgram } from './program.js';

/** State folders of the mounts that are served now, as far as this user can see them. */
export async function stateFoldersInUse(procFolder = '/proc'): Promise<readonly string[]> {
  const names = await readdir(procFolder).catch(() => []);
  const lines = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((pid) =>
    readFile(`${procFolder}/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.map(stateFolderOf).filter((folder) => folder !== undefined);
}

/** The state folder in a serving process's command line: program, remote, mount point, state folder. */
export function stateFolderOf(commandLine: string): string | undefined {
  const words = commandLine.split('\0');
  const program = words.indexOf(servingProgram);
  return program < 0 ? undefined : words[program + 3];
}
