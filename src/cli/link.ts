/** `amarre link` and `amarre deposit-link`: addresses for people who have no account, made where the files are. */
import { findMount } from './asking.js';
import type { Command } from './command.js';
import { serviceAnswers, type LinkAnswer, type LinkKind } from './control/services.js';
import { CommandError } from './exit-status.js';
import { linkSchema, readOptions } from './options.js';
import { readSecretFile } from './secrets.js';
import { columns, print, request, showMoment } from './services.js';

const notes = 'Whoever has the address needs no account. It is printed on standard output. The platform decides who may make links.';

export const linkCommand: Command = {
  words: { path: 'A file or folder on a mount; with --remove any path on it' },
  options: linkSchema,
  notes,
  examples: [
    ['amarre link --expires 7d report.pdf', 'prints the address'],
    ['amarre link --list /mnt/files', 'all of yours, with their ids'],
    ['amarre link --remove 12 /mnt/files', 'it works no longer'],
  ],
  run: (written) => runLink('share', written),
};

export const depositLinkCommand: Command = {
  words: { path: 'A folder on a mount; with --remove any path on it' },
  options: linkSchema,
  notes,
  examples: [['amarre deposit-link --expires 2027-01-31 /mnt/files/from-clients', 'prints the address']],
  run: (written) => runLink('deposit', written),
};

async function runLink(kind: LinkKind, written: Readonly<Record<string, unknown>>): Promise<number> {
  const { expires, downloads, list, remove, json, 'password-file': passwordFile, 'cache-dir': given } = readOptions(linkSchema, written);
  const making = [expires, downloads, passwordFile].some((option) => option !== undefined);
  if ([making, list, remove !== undefined].filter(Boolean).length > 1) {
    throw new CommandError('usage', '--list and --remove go alone: the other options are for a link that is made');
  }
  const mount = await findMount(String(written['path']), given);
  if (remove !== undefined) {
    await request(mount, { ask: 'remove link', kind, id: remove }, serviceAnswers['remove link']);
    return 0;
  }
  if (list) {
    const path = mount.below === '/' ? undefined : mount.below;
    const links = await request(mount, { ask: 'links', kind, path }, serviceAnswers.links);
    await print(links, columns(links.map(row)), json);
    return 0;
  }
  const password = passwordFile === undefined ? undefined : await readSecretFile(passwordFile, '--password-file');
  const link = await request(mount, { ask: 'make link', kind, path: mount.below, expires, downloads, password }, serviceAnswers['make link']);
  await print(link, [link.address], json);
  return 0;
}

function row({ id, address, leadsTo, expires, downloads }: LinkAnswer): readonly string[] {
  return [id, expires === undefined ? 'for ever' : `until ${showMoment(expires)}`, downloads === undefined ? '' : `${downloads} downloads`, leadsTo, address];
}
