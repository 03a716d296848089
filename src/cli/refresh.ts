/** `amarre refresh`: has a running mount forget what it and the kernel believe of a path, so that a change made elsewhere shows at once. */
import { asked, findMount } from './asking.js';
import type { Command } from './command.js';
import { askRefresh } from './control/client.js';
import { readOptions, refreshSchema } from './options.js';
import { say } from './terminal.js';

export const refreshCommand: Command = {
  words: { path: 'A file or folder on a mount; it need not be there any more' },
  options: refreshSchema,
  notes: 'What is written and not sent yet is never forgotten, and a program that has a file open goes on in the version that it began with.',
  examples: [['amarre refresh /mnt/files/reports', 'ls shows what the platform has now']],
  run: runRefresh,
};

async function runRefresh(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { 'cache-dir': given } = readOptions(refreshSchema, written);
  const mount = await findMount(String(written['path']), given);
  const { unsent } = await asked(mount, askRefresh(mount.socket, mount.below));
  if (unsent > 0) say(`${unsent === 1 ? '1 file' : `${unsent} files`} with unsent changes ${unsent === 1 ? 'stays as it is' : 'stay as they are'}`);
  return 0;
}
