/** `amarre versions`: the versions that the platform keeps of a file, without leaving the shell. */
import { findMount } from './asking.js';
import type { Command } from './command.js';
import { serviceAnswers, type VersionAnswer } from './control/services.js';
import { readOptions, versionsSchema } from './options.js';
import { columns, print, request, showMoment } from './services.js';
import { say } from './terminal.js';
import { showSize } from './units.js';

export const versionsCommand: Command = {
  words: { file: 'A file on a mount' },
  options: versionsSchema,
  notes: 'Versions are numbered from 1, the oldest. The one with the star is what programs read.',
  examples: [
    ['amarre versions report.ods', 'which there are, when they were made and by whom'],
    ['amarre versions --restore 3 report.ods', 'the third becomes the present one'],
  ],
  run: runVersions,
};

async function runVersions(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { restore, json, 'cache-dir': given } = readOptions(versionsSchema, written);
  const mount = await findMount(String(written['file']), given);
  if (restore !== undefined) {
    await request(mount, { ask: 'restore version', path: mount.below, number: restore }, serviceAnswers['restore version']);
    say(`version ${restore} is the present one again`);
    return 0;
  }
  const versions = await request(mount, { ask: 'versions', path: mount.below }, serviceAnswers.versions);
  await print(versions, columns(versions.map(row)), json);
  return 0;
}

function row({ number, created, size, author, current }: VersionAnswer): readonly string[] {
  return [current ? '*' : ' ', String(number), showMoment(created), size === undefined ? '' : showSize(size), author ?? ''];
}
