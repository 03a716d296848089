/** `-o`, the list of mount options that mount(8) made a habit: `-o allow_other,uid=1000 -o ro`. */
import { CommandError } from './exit-status.js';

/** What `-o` said; what it left out is undefined. */
export interface MountOptions {
  /** Other users of this machine may use the mount; the permission bits still hold for them. */
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** Owner shown. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Bits taken out of the modes shown. */
  readonly umask: number | undefined;
  /** The source shown in the mount table. */
  readonly fsname: string | undefined;
}

/** The names that `-o` knows, with what each does: for `--help` and the README. */
export const mountOptionTexts = {
  allow_other: 'other users of this machine may use the mount, as far as the modes let them',
  ro: 'nothing can be changed through the mount (as --read-only)',
  'uid=N': 'owner of what is shown, a number (default: who mounts)',
  'gid=N': 'group of what is shown, a number (default: of who mounts)',
  'umask=NNN': 'permission bits taken away from 666 and 777, octal (default: 022)',
  'fsname=NAME': 'source shown in the mount table (default: the remote without its user)',
} as const;

/** As most systems set it for programs. */
export const defaultUmask = 0o022;

const none: MountOptions = {
  allowOther: false, readOnly: false, uid: undefined, gid: undefined, umask: undefined, fsname: undefined,
};

/** Reads every `-o` of a command line; the last of two for the same thing counts. Throws a usage error naming the option. */
export function parseMountOptions(lists: readonly string[]): MountOptions {
  return lists
    .flatMap((list) => list.split(','))
    .filter((option) => option !== '')
    .reduce((options, option) => ({ ...options, ...parseOne(option) }), none);
}

function parseOne(option: string): Partial<MountOptions> {
  const equals = option.indexOf('=');
  const name = equals < 0 ? option : option.slice(0, equals);
  const value = equals < 0 ? undefined : option.slice(equals + 1);
  switch (name) {
    case 'allow_other': return without(option, value, { allowOther: true });
    case 'ro': return without(option, value, { readOnly: true });
    case 'uid': return { uid: id(option, value) };
    case 'gid': return { gid: id(option, value) };
    case 'umask': return { umask: umask(option, value) };
    case 'fsname': return { fsname: fsname(option, value) };
    default: {
      const known = Object.keys(mountOptionTexts).join(', ');
      throw new CommandError('usage', `-o ${option}: no such mount option; there are ${known}`);
    }
  }
}

function without(option: string, value: string | undefined, meaning: Partial<MountOptions>): Partial<MountOptions> {
  if (value !== undefined) throw new CommandError('usage', `-o ${option}: this mount option takes no value`);
  return meaning;
}

function id(option: string, value = ''): number {
  // 2^32 - 1 is "no id" to the kernel.
  if (!/^\d+$/.test(value) || Number(value) >= 2 ** 32 - 1) {
    throw new CommandError('usage', `-o ${option}: wanted a number, such as the one that \`id\` prints`);
  }
  return Number(value);
}

function umask(option: string, value = ''): number {
  if (!/^0?[0-7]{1,3}$/.test(value)) throw new CommandError('usage', `-o ${option}: wanted an octal number, such as umask=022`);
  return Number.parseInt(value, 8);
}

function fsname(option: string, value = ''): string {
  // The kernel's option string and the mount table are split at these.
  if (!/^[\x21-\x7e]+$/.test(value) || value.includes('\\')) {
    throw new CommandError('usage', `-o ${option}: wanted a name without spaces, commas and backslashes`);
  }
  return value;
}
