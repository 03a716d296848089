/** `amarre status`: which mounts there are, what of theirs is not safe yet, what went wrong, how they fare. */
import { z } from 'zod';
import { readMounts } from '../fuse/mount/mountinfo.js';
import type { Command } from './command.js';
import { CommandError } from './exit-status.js';
import { knownMounts, locate, stateFolders } from './known-mounts.js';
import { readOptions, statusSchema } from './options.js';
import { reportStatus, statusOf } from './status-report.js';
import { renderStatus } from './status-view.js';

export const statusCommand: Command = {
  words: { mountpoint: 'A mount, or a path on it; without it all mounts of this user' },
  options: statusSchema,
  notes: 'Exit status 0 where all is well, 6 where files are kept that could not be sent, 7 where the process of a mount died.',
  examples: [
    ['amarre status', 'all mounts, and files that earlier ones left'],
    ['amarre status --json /mnt/files', 'for programs: sizes in bytes, durations in milliseconds'],
  ],
  run: runStatus,
};

/** Lines of each list that a person is shown; `--json` has more. */
const shownLines = 20;

async function runStatus(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { 'cache-dir': given, json } = readOptions(statusSchema, written);
  const mounts = await readMounts();
  const wanted = z.string().optional().parse(written['mountpoint']);
  const folders = await stateFolders(given);
  const known = await knownMounts(folders);
  const only = wanted === undefined ? undefined : await mountpointOf(wanted, mounts);
  const report = await reportStatus({ known, folders, mounts, only, knownOnly: given !== undefined });
  if (only !== undefined && report.mounts.length + report.mute.length + report.kept.length === 0) {
    throw new CommandError('notMounted', `${only}: Amarre has no mount there`);
  }
  const color = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  const text = json ? JSON.stringify({ version: 1, ...report }, null, 2) : renderStatus(report, { color, lines: shownLines }).join('\n');
  await new Promise<void>((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
  return statusOf(report);
}

/** The mount that a path lies on; where it lies on none of ours, the path: a mount that is over may have been there. */
async function mountpointOf(path: string, mounts: Awaited<ReturnType<typeof readMounts>>): Promise<string> {
  const place = await locate(path, mounts);
  return place.mount?.mountPoint ?? place.path;
}
