/** The MD5 of what is to be sent: the platform tells its own of every version, so that the two can be compared. */
import { createHash } from 'node:crypto';
import { FsError, toFsError } from '../../errors.js';
import { throwIfAborted } from '../../http/waiting.js';
import type { Content } from '../provider.js';

/** In hex, as the platform writes it. Reads the content once. EINTR when aborted. */
export async function md5Of(content: Content, signal: AbortSignal): Promise<string> {
  const hash = createHash('md5');
  let size = 0;
  try {
    for await (const piece of content.open(0)) {
      throwIfAborted(signal);
      hash.update(piece);
      size += piece.length;
    }
  } catch (thrown) {
    throw toFsError(thrown);
  }
  if (size !== content.size) throw new FsError('EIO', `the file to send has ${size} bytes instead of ${content.size}`);
  return hash.digest('hex');
}
