/**
 * What is mounted where, from the kernel's own list: the one source that answers without touching a
 * mount, which may be dead or served by this very process.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const runProgram = promisify(execFile);

/** One line of /proc/self/mountinfo, as far as it matters here. */
export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** `major:minor`, as in /sys/class/bdi. */
  readonly device: string;
  readonly mountPoint: string;
  /** `ext4`, `fuse.amarre` … */
  readonly type: string;
  readonly source: string;
}

/** Reads the list. Lines that cannot be understood are left out. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const mount = parseLine(line);
    return mount === undefined ? [] : [mount];
  });
}

function parseLine(line: string): Mount | undefined {
  const fields = line.split(' ');
  // Optional fields of any number stand between the options and a lone dash.
  const dash = fields.indexOf('-', 6);
  const [id, parent, device, , mountPoint] = fields;
  const type = fields[dash + 1];
  const source = fields[dash + 2];
  if (dash < 0 || device === undefined || mountPoint === undefined || type === undefined) return undefined;
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    mountPoint: unescape(mountPoint),
    type: unescape(type),
    source: unescape(source ?? ''),
  };
}

/** Blank, tab, newline and backslash stand as a backslash and three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** The mount that a path shows when it is a mount point: the last one made there. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts.findLast((mount) => mount.mountPoint === path);
}

/** Mounts inside another: they keep it busy. */
export function mountsBelow(mounts: readonly Mount[], path: string): Mount[] {
  return mounts.filter((mount) => mount.mountPoint.startsWith(`${path}/`));
}

/**
 * The lines of macOS's mount(8): `source on /folder (macfuse, nodev, …)`. There is no number of a device: source and
 * folder stand for it.
 */
export function parseMacMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line, index) => {
    const [, source, mountPoint, type] = /^(.*?) on (\/.*) \(([^,)]+)[^()]*\)$/.exec(line) ?? [];
    if (source === undefined || mountPoint === undefined || type === undefined) return [];
    return [{ id: index, parent: 0, device: `${source} on ${mountPoint}`, mountPoint, type, source }];
  });
}

export async function readMounts(): Promise<Mount[]> {
  if (process.platform === 'darwin') return parseMacMounts((await runProgram('/sbin/mount', [])).stdout);
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
}
