/** Whether the platform has by now what was kept on this machine because it could not be sent. */
import { open } from 'node:fs/promises';
import type { Entry, Provider } from '../../providers/provider.js';
import type { KeptFile } from '../../storage/staging.js';

/** Reads the file at the kept one's path, of the version of `there`, and compares it byte for byte. */
export async function holdsKept(provider: Provider, there: Entry, { note, data }: KeptFile, signal: AbortSignal): Promise<boolean> {
  if (there.kind !== 'file' || there.size !== note.size || note.missing.length > 0) return false;
  if (note.size === 0) return true;
  const { body } = await provider.read({ path: note.path, id: there.id }, { start: 0, end: note.size, version: there.version }, signal);
  const file = await open(data);
  try {
    let at = 0;
    for await (const bytes of body) {
      const own = Buffer.alloc(bytes.length);
      const { bytesRead } = await file.read(own, 0, bytes.length, at);
      if (bytesRead < bytes.length || !own.equals(bytes)) return false;
      at += bytes.length;
    }
    return at === note.size;
  } finally {
    await file.close();
  }
}
