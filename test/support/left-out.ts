/**
 * What of the tools' tests is not run on a platform other than SFTPGo, and why: all of it in this one table. A test, or a
 * group of them, goes by its title; of a test with cases those named are run. The runs themselves are told by
 * `AMARRE_TEST_PLATFORM`.
 */
import { z } from 'zod';

export type PlatformName = 'sftpgo' | 'netexplorer';

interface LeftOut {
  /** Files of `test/mounted/tools`, without `.test.ts`. */
  readonly files: Readonly<Record<string, string>>;
  readonly tests: Readonly<Record<string, string>>;
  /** By the title of the group or test: the cases that are run, and why the others are not. */
  readonly cases: Readonly<Record<string, { readonly run: readonly string[]; readonly why: string }>>;
}

const sameHere = 'the way to the platform is that of the cases that are run';

export const leftOut: Readonly<Record<PlatformName, LeftOut>> = {
  sftpgo: { files: {}, tests: {}, cases: {} },
  netexplorer: {
    files: {
      'server-copies': 'the platform copies no files itself',
      'large': '320 blocks one after the other, each hashed twice, take minutes; offsets past 32 bits are the concern of this side, and blocks have tests of the provider',
    },
    tests: {
      '-r of a folder with a link to a folder in it leaves what the link leads to as it is: EPERM': 'the platform has no links',
      'the replacement character, under which the platform lists what it cannot reach: EINVAL': 'a name like others there',
      'who writes into it: what he wrote is what they read, at once': 'no request is made before the end',
      'append to one file: every line is there once': 'what this side does with one file',
      'read and write the same files at once': 'what this side does with one file',
      'read a file each': sameHere,
    },
    cases: {
      'into the drive': { run: ['0', '4097', '1048577'], why: sameHere },
      'out of the drive': { run: ['0', '4097', '1048577'], why: sameHere },
      'a backup of the drive': { run: ['restic', 'rsync -a'], why: 'the others read in the same way, restic by change time and inode number, rsync by size and time' },
      'vim': { run: ['nobackup nowritebackup', 'backup backupcopy=yes', 'backup backupcopy=no'], why: sameHere },
      'other editors': {
        run: [
          'write a temporary file and rename it over (gedit, VS Code with atomic saves, most libraries)',
          'rename while the temporary file is still open, and close it then',
          'rename the old file to its backup, and write a new one (emacs)',
          'look, open for reading and for writing, empty through the handle, write in pieces, and look again (VS Code in place)',
          'lock file, temporary file, backup copy, rename over, lock file gone (LibreOffice)',
          'delete, and write anew',
        ],
        why: sameHere,
      },
      'names': {
        run: ['accents, NFC', 'accents, NFD', 'other scripts', 'emoji', '255 bytes', 'a leading dash', 'a leading dot', 'dots', '%', '#', '&', 'what a browser would normalise'],
        why: 'the platform takes none of the others (EINVAL; kept with --names encode), or writes them in the same way',
      },
      'sqlite': { run: ['delete', 'wal'], why: 'persist differs in what this side does' },
    },
  },
};

export const platformName = z.enum(['sftpgo', 'netexplorer']).parse(process.env['AMARRE_TEST_PLATFORM'] ?? 'sftpgo');
