/** Which names the platform takes, and what it makes of one that exists (NetExplorer's page: what surprises). */
import { posix } from 'node:path';
import type { Call } from './call.js';
import { Refusal } from './errors.js';
import { child, type FolderNode, type Node } from './tree.js';

const longest = 200;

/** Throws 422 for a name that the platform does not take. */
export function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.length > longest || /[\\/:*?"<>|\0]|^[ \t]|[ \t]$/u.test(name)) {
    throw new Refusal(422, 'Le nom contient des caractères interdits ou est trop long');
  }
}

/**
 * The name under which something comes to stand in a folder: the one asked for, or `name (1)` where a surprise wants
 * that. Throws the refusal of a name that exists. `itself` may have the name already.
 */
export function nameFor({ world }: Call, folder: FolderNode, name: string, itself?: Node): string {
  checkName(name);
  const there = child(folder, name);
  if (there === undefined || there === itself) return name;
  const { nameExists } = world.switches.now;
  if (nameExists !== 'renamed') throw nameExistsRefusal(Number(nameExists));
  const { name: stem, ext } = posix.parse(name);
  for (let number = 1; ; number += 1) {
    const other = `${stem} (${number})${ext}`;
    const taken = child(folder, other);
    if (taken === undefined || taken === itself) return other;
  }
}

function nameExistsRefusal(status: number): Refusal {
  return new Refusal(status, 'Un élément du même nom existe déjà dans ce dossier');
}
