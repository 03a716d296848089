/** `amarre trash`: what was deleted and can be had back, without leaving the shell. */
import { join } from 'node:path';
import { findMount } from './asking.js';
import type { Command } from './command.js';
import { serviceAnswers, type TrashedAnswer } from './control/services.js';
import { CommandError } from './exit-status.js';
import { readOptions, trashSchema } from './options.js';
import { columns, print, request, showMoment } from './services.js';
import { say, showName } from './terminal.js';
import { showSize } from './units.js';

export const trashCommand: Command = {
  words: { path: 'A mount, or a folder on it' },
  options: trashSchema,
  notes: 'A thing in the trash has an id of its own, which is the first column.',
  examples: [
    ['amarre trash /mnt/files', 'what was deleted, when and by whom'],
    ['amarre trash --restore 4711 /mnt/files/reports', 'puts it into that folder'],
  ],
  run: runTrash,
};

async function runTrash(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { restore, to, empty, json, 'cache-dir': given } = readOptions(trashSchema, written);
  if (restore !== undefined && empty) throw new CommandError('usage', '--restore and --empty: give one of the two');
  if (to !== undefined && restore === undefined) throw new CommandError('usage', '--to goes with --restore');
  const mount = await findMount(String(written['path']), given);
  if (restore !== undefined) {
    const target = to === undefined ? mount : await findMount(to, given);
    if (target.mountpoint !== mount.mountpoint) throw new CommandError('usage', `--to: ${showName(to ?? '')} is not on the mount ${mount.mountpoint}`);
    const path = await request(mount, { ask: 'restore from trash', id: restore, folder: target.below }, serviceAnswers['restore from trash']);
    say(`it is ${showName(join(mount.mountpoint, path))} now`);
    return 0;
  }
  if (empty) {
    const count = await request(mount, { ask: 'empty trash' }, serviceAnswers['empty trash']);
    say(count === 1 ? '1 thing is destroyed' : `${count} things are destroyed`);
    return 0;
  }
  const things = await request(mount, { ask: 'trash' }, serviceAnswers.trash);
  await print(things, columns(things.map(row)), json);
  return 0;
}

function row({ id, name, kind, deleted, size, owner }: TrashedAnswer): readonly string[] {
  return [id, showMoment(deleted), size === undefined ? '' : showSize(size), owner ?? '', `${name}${kind === 'folder' ? '/' : ''}`];
}
