/** Rows as the contract has them. */
import type { Entry } from '../provider.js';
import { modifiedOf } from './rows.js';
import type { Node } from './tree.js';
import type { Versions } from './versions.js';

/** `observed`: when this was so, by the platform's clock. */
export function entryOf({ row, name }: Node, versions: Versions, observed: number): Entry {
  const common = { name, id: row.id, modified: modifiedOf(row), observed };
  if (row.kind === 'folder') return { ...common, kind: 'folder', size: undefined, version: '' };
  const { size, version } = versions.shown(row);
  return { ...common, kind: 'file', size, version };
}
