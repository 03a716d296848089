/** What is mounted, from the kernel's list alone. */
import { readFile } from 'node:fs/promises';

export interface ListedMount {
  readonly source: string;
  /** As the list has it: blanks are \\040. */
  readonly mountpoint: string;
  readonly type: string;
  readonly options: string;
}

/** Lines of /proc/self/mounts whose mount point lies in or is `path`. Touches no mount. */
export async function mountsIn(path: string): Promise<ListedMount[]> {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return lines
    .map((line) => line.split(' '))
    .map(([source = '', mountpoint = '', type = '', options = '']) => ({ source, mountpoint, type, options }))
    .filter(({ mountpoint }) => mountpoint === path || mountpoint.startsWith(`${path}/`));
}
