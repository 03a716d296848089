/**
 * Uploads whose answer was lost: what the platform shows may be what was sent from here. Told by size, and by
 * time where the platform keeps times.
 */
import { FsError, isErrno } from '../../errors.js';
import type { Entry, Provider } from '../../providers/provider.js';
import { rounded, type Core } from '../core.js';
import type { Inode } from '../inode.js';
import type { Draft } from './draft.js';

/** Whether a file that the platform shows may be what was sent. False means that it is not. */
export function mayBeOurs(provider: Provider, entry: Entry, sent: { readonly size: number; readonly modified: number }): boolean {
  if (entry.kind !== 'file' || entry.size !== sent.size) return false;
  if (provider.traits.settableTimes === 'none' || entry.modified === undefined) return true;
  return rounded({ provider }, entry.modified) === rounded({ provider }, sent.modified);
}

/**
 * What was put at the end of a file is not sent over what others put there meanwhile: ESTALE. A young word on it
 * is believed, and an upload from here may have arrived: what was written since goes on from it.
 */
export async function mustBeUnchanged({ provider, table, settings }: Core, inode: Inode, draft: Draft, signal: AbortSignal): Promise<void> {
  if (performance.now() - inode.learnt <= settings.attrTtl) return;
  const entry = await provider.stat(table.locate(inode), signal).catch((thrown: unknown) => {
    if (isErrno(thrown, 'ENOENT')) return undefined;
    throw thrown;
  });
  if (entry === undefined || entry.version === draft.version || draft.tried.some((tried) => mayBeOurs(provider, entry, tried))) return;
  throw new FsError('ESTALE', `${inode.path} was changed by somebody else since it was appended to here`);
}
