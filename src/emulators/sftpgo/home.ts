/**
 * A user's home: names as they come in a request, made into paths on disk that cannot leave the folder served.
 */
import { realpathSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { codeOf, denied } from './errors.js';

/** A path of a request, cleaned: absolute, without `..`, and a `\` is a slash (SFTPGo's page: encoding). */
export function cleanPath(path: string): string {
  const clean = posix.normalize(`/${path.replaceAll('\\', '/')}`);
  return clean === '/' ? clean : clean.replace(/\/+$/u, '');
}

export class Home {
  /** The folder on disk, with no symbolic link in its path. */
  readonly root: string;

  constructor(folder: string) {
    this.root = realpathSync(folder);
  }

  /**
   * The path on disk of a cleaned path, links not resolved. Throws where a link on the way, or at its end, leads out
   * of the home. What does not exist is judged by the nearest folder that does.
   */
  async resolve(path: string): Promise<string> {
    const place = join(this.root, path);
    for (let at = place; ; at = dirname(at)) {
      try {
        const real = await realpath(at);
        if (real !== this.root && !real.startsWith(`${this.root}/`)) throw denied();
        return place;
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || at === this.root) throw error;
      }
    }
  }
}

/** What stands at a path of the disk, a link itself and not its target; undefined where nothing does. */
export async function statLink(place: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(place, { bigint: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
