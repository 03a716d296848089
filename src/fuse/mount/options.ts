/** What is asked of a mount, and the forms in which the programs that mount want to be told. */
import { maxRequest } from '../protocol/init.js';

export interface MountOptions {
  readonly mountpoint: string;
  /** What /proc/mounts and df show as the source. Holds no user name and no secret. */
  readonly fsname: string;
  /** Users other than `uid` may use the mount, as far as modes and owners let them. */
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /**
   * Whose mount it is: without `allowOther` nobody else, not even root, may use it. Where an ordinary
   * user mounts it is that user's, whatever stands here.
   */
  readonly uid: number;
  readonly gid: number;
}

/** The part of the type behind `fuse.`. */
export const mountSubtype = 'amarre';
/** The type that /proc/mounts shows for our mounts. */
export const mountType = `fuse.${mountSubtype}`;

// The kernel compares modes and owners: with allow_other and without it, everybody would read everything.
const always = ['default_permissions', `max_read=${maxRequest}`];

/** The options in mount(8)'s form. */
export function mountData(options: MountOptions): string {
  return [
    'fd=3',
    'rootmode=40000',
    `user_id=${options.uid}`,
    `group_id=${options.gid}`,
    ...always,
    'nosuid',
    'nodev',
    ...wished(options),
  ].join(',');
}

/** The options in fusermount3's form; nosuid and nodev it adds by itself, and whose mount it is. */
export function helperData(options: MountOptions): string {
  // It splits at commas, unless they are behind a backslash.
  const fsname = options.fsname.replace(/[\\,]/g, '\\$&');
  return [`fsname=${fsname}`, `subtype=${mountSubtype}`, ...always, ...wished(options)].join(',');
}

function wished(options: MountOptions): string[] {
  return [...(options.allowOther ? ['allow_other'] : []), ...(options.readOnly ? ['ro'] : [])];
}
