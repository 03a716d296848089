/** `amarre history`: what happened to a file, as its platform tells it. */
import { findMount } from './asking.js';
import type { Command } from './command.js';
import { serviceAnswers } from './control/services.js';
import { historySchema, readOptions } from './options.js';
import { columns, print, request, showMoment } from './services.js';

export const historyCommand: Command = {
  words: { file: 'A file on a mount' },
  options: historySchema,
  examples: [['amarre history contract.pdf', 'who did what and when, the newest first']],
  run: runHistory,
};

async function runHistory(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { json, 'cache-dir': given } = readOptions(historySchema, written);
  const mount = await findMount(String(written['file']), given);
  const events = await request(mount, { ask: 'history', path: mount.below }, serviceAnswers.history);
  await print(events, columns(events.map(({ time, event, who }) => [showMoment(time), who ?? '', event])), json);
  return 0;
}
