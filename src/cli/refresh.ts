/** `amarre refresh`: has a running mount forget what it and the kernel believe of a path, so that a change made elsewhere shows at once. */
import { readMounts } from '../fuse/mount/mountinfo.js';
import { socketOf } from './control/address.js';
import { askRefresh, ControlError } from './control/client.js';
import type { Command } from './command.js';
import { CommandError } from './exit-status.js';
import { belowMount, knownMounts, locate, stateFolders } from './known-mounts.js';
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
  const place = await locate(String(written['path']), await readMounts());
  if (place.mount === undefined) throw new CommandError('notMounted', `${place.path} is on no mount of Amarre`);
  const { mountPoint } = place.mount;
  const known = (await knownMounts(await stateFolders(given))).find(({ record }) => record.mountpoint === mountPoint);
  if (known === undefined) {
    throw new CommandError('failed', `the mount on ${mountPoint} is another user's, or its --cache-dir is not known: ask that user, or name it`);
  }
  const { record, records, stateFolder } = known;
  if (records.life(record) === 'dead') throw new CommandError('died', `the process that served ${mountPoint} has died: amarre umount takes the mount away`);
  try {
    const { unsent } = await askRefresh(socketOf(stateFolder, record.instance), belowMount(place.path, mountPoint));
    if (unsent > 0) say(`${unsent === 1 ? '1 file' : `${unsent} files`} with unsent changes ${unsent === 1 ? 'stays as it is' : 'stay as they are'}`);
    return 0;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const why = { nobody: 'is of an earlier version, or has no socket', forbidden: "is another user's", unknown: 'is of another version', silent: `does not answer: ${error.message}` };
    throw new CommandError('failed', `the mount on ${mountPoint} (process ${record.process.pid}) ${why[error.why]}`, { cause: error });
  }
}
