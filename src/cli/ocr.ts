/** `amarre ocr`: has the platform read a scanned document, and waits until the text is there. */
import { join } from 'node:path';
import { findMount } from './asking.js';
import type { Command } from './command.js';
import { serviceAnswers } from './control/services.js';
import { ocrSchema, readOptions } from './options.js';
import { print, request } from './services.js';
import { showName } from './terminal.js';

export const ocrCommand: Command = {
  words: { file: 'An image or a PDF on a mount' },
  options: ocrSchema,
  notes: 'Recognition uses up pages that the platform counts. Ctrl-C ends the wait, and not what the platform has begun.',
  examples: [['amarre ocr invoice.pdf', 'prints the path of the text']],
  run: runOcr,
};

async function runOcr(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { 'cache-dir': given } = readOptions(ocrSchema, written);
  const mount = await findMount(String(written['file']), given);
  const path = await request(mount, { ask: 'recognize', path: mount.below }, serviceAnswers.recognize);
  const text = join(mount.mountpoint, path);
  await print(text, [showName(text)], false);
  return 0;
}
