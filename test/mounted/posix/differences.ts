/**
 * Where a drive is not a local folder: the list of native-notes/semantics.md, row by row, each with its reason, and
 * with the very outcome of each case in which it shows. What is not in here is as on a local folder.
 */
import type { Capabilities } from '../../../src/fuse/drivers.js';
import type { Outcome } from './run.js';

export interface Difference {
  readonly calls: string;
  readonly local: string;
  readonly here: string;
  readonly reason: string;
  /** By the name of the case. */
  readonly cases: Readonly<Record<string, Outcome>>;
}

const came = (results: string, ...changes: readonly string[]): Outcome => ({ results, changes });

export const differences: readonly Difference[] = [
  {
    calls: 'open and mkdir with a mode, chmod, fchmod',
    local: 'the mode is kept, and decides who may',
    here: '0644 or 0755 less the umask stays; chmod returns 0 and changes nothing, not even ctime',
    reason: 'the platform keeps no modes, and every backup or copy would fail if that were an error; `--permissions refuse` makes it one',
    cases: {
      'open: O_CREAT with the mode of a program': came('ok', 'new: new file \'\' 0644, now'),
      'open: O_CREAT with a mode that is private': came('ok', 'new: new file \'\' 0644, now'),
      'open: O_CREAT with a mode that forbids writing, and writing': came('ok, 3', 'new: new file \'abc\' 0644, now'),
      'open: a file that is private, by a user to whom it does not belong': came('ok'),
      'open: in a folder that is private, by a user to whom it does not belong': came('ok'),
      'mkdir: with a mode that is private': came('ok', '.: mtime now', '.: ctime', 'new: new folder 0755, now'),
      'unlink: in a folder that is everybody\'s and sticky, by a user to whom it does not belong': came('EACCES'),
      'unlink: in a folder that is everybody\'s, by a user to whom it does not belong': came('EACCES'),
      'chmod: to the mode that it has': came('ok'),
      'chmod: to another': came('ok'),
      'chmod: a folder': came('ok'),
      'chmod: through a link': came('ok'),
      'fchmod: to another': came('ok, ok'),
    },
  },
  {
    calls: 'chown, fchown, lchown',
    local: 'the owner is changed',
    here: 'returns 0 and changes nothing, not even ctime',
    reason: 'the platform keeps no owners; as for modes',
    cases: {
      'chown: to who has it': came('ok'),
      'chown: to nobody': came('ok'),
      'chown: to another': came('ok'),
      'lchown: a link': came('ok'),
      'fchown: to another': came('ok, ok'),
    },
  },
  {
    calls: 'open with O_CREAT',
    local: 'the times of the folder move at once',
    here: 'they move when the platform has the file: when a close sent what was written, or the last user let it go',
    reason: 'a file that is made is not sent before it has content: `cmd > file` would put an empty file in the place of the old one',
    cases: {
      'open: O_CREAT of a new file': came('ok', 'new: new file \'\' 0644, now'),
      'open: O_EXCL of a new file': came('ok', 'new: new file \'\' 0644, now'),
      'open: a name of 255 bytes': came('ok', '255 bytes of name: new file \'\' 0644, now'),
      'creat: a new file': came('ok', 'new: new file \'\' 0644, now'),
    },
  },
  {
    calls: 'write, truncate',
    local: 'the times of the folder stay',
    here: 'they move',
    reason: 'new content goes up under a hidden name and takes the place of the old in one step: for the platform a change of the folder',
    cases: {
      'anew: a file cut': came('ok', '.: mtime now', '.: ctime', 'f: file \'he\'', 'f: mtime now', 'f: ctime', 'fl: file \'he\'', 'fl: mtime now', 'fl: ctime'),
      'anew: a file written': came('ok, 1, ok', '.: mtime now', '.: ctime', 'f: file \'Hello\\n\'', 'f: mtime now', 'f: ctime', 'fl: file \'Hello\\n\'', 'fl: mtime now', 'fl: ctime'),
    },
  },
  {
    calls: 'write, truncate through a symbolic link',
    local: 'what the link leads to changes',
    here: 'the link becomes a file with the new content, and what it led to stays as it was',
    reason: 'the safe way to replace a file puts another under its name, and the platform does not say where a link leads',
    cases: {
      'truncate: through a link': came('ok', 'fl: file \'he\'', 'fl: mtime now', 'fl: ctime'),
      'anew: a file written through a link': came('ok, 1, ok', '.: mtime now', '.: ctime', 'fl: file \'Hello\\n\'', 'fl: mtime now', 'fl: ctime'),
    },
  },
  {
    calls: 'every call on a symbolic link',
    local: 'the link is told from what it leads to',
    here: 'the link is the file or folder that it leads to: `lstat` and `O_NOFOLLOW` see that, `readlink` is `EINVAL`, `rmdir` removes a link to a folder',
    reason: 'a listing of the platform does not say where a link leads',
    cases: {
      'open: O_NOFOLLOW of a link': came('ok'),
      'mkdir: through a link to a folder': came('ok, nothing', 'dl: mtime now', 'dl: ctime', 'dl/new: new folder 0755, now'),
      'rmdir: a link to a folder': came('ok', '.: mtime now', '.: ctime', 'dl: gone'),
      'rename: a link, not what it leads to': came('ok', '.: mtime now', '.: ctime', 'fl: gone', 'new: new file \'hello\\n\' 0644, old'),
      'rename: over a link': came('ok', '.: mtime now', '.: ctime', 'fl: file \'other\\n\'', 'fl: ctime', 'g: gone'),
      'readlink: a link': came('EINVAL'),
      'utimensat: through a link': came('1020304050 1020304050', 'fl: file \'hello\\n\'', 'fl: mtime 1020304050', 'fl: ctime'),
      'utimensat: a link itself': came('1020304050 1020304050', 'fl: file \'hello\\n\'', 'fl: mtime 1020304050', 'fl: ctime'),
      'lstat: a link': came('file'),
      'anew: a time set': came('1020304050 1020304050', 'f: file \'hello\\n\'', 'f: mtime 1020304050', 'f: ctime', 'fl: file \'hello\\n\'', 'fl: mtime 1020304050', 'fl: ctime'),
      'anew: a folder made through a link': came('ok', 'd: mtime now', 'd: ctime', 'd/new: new folder 0755, now', 'dl/new: new folder 0755, now'),
      'anew: a file renamed over a link': came('ok', '.: mtime now', '.: ctime', 'fl: file \'other\\n\'', 'fl: ctime', 'g: gone'),
      'anew: a link renamed': came('ok', '.: mtime now', '.: ctime', 'fl: gone', 'new: new file \'hello\\n\' 0644, old'),
      'anew: a file removed': came('ok', '.: mtime now', '.: ctime', 'f: gone', 'fl: gone'),
      'anew: a folder removed': came('ok', '.: mtime now', '.: ctime', 'd: gone', 'dl: gone'),
    },
  },
  {
    calls: 'every call on a symbolic link that leads nowhere or in a circle',
    local: '`ENOENT`, `ELOOP`, and `EEXIST` for who would make something there',
    here: '`ENOENT`; a file can be made in its place, and a folder is `EIO`',
    reason: 'such a link is not shown, since nothing can be done with it; the platform refuses the folder without a reason',
    cases: {
      'open: O_EXCL of a link that leads nowhere': came('ok', 'dangling: new file \'\' 0644, now'),
      'open: O_CREAT through a link that leads nowhere': came('ok', 'dangling: new file \'\' 0644, now'),
      'open: a link in a circle': came('ENOENT'),
      'mkdir: where a link is that leads nowhere': came('EIO'),
      'mkdir: through a link in a circle': came('ENOENT'),
      'rmdir: through a link in a circle': came('ENOENT'),
      'unlink: a link that leads nowhere': came('ENOENT'),
      'unlink: through a link in a circle': came('ENOENT'),
      'rename: through a link in a circle': came('ENOENT'),
      'link: through a link in a circle': came('ENOENT'),
      'symlink: where a link is': came('EPERM'),
      'symlink: through a link in a circle': came('ENOENT'),
      'truncate: a link in a circle': came('ENOENT'),
      'utimensat: a link in a circle': came('ENOENT'),
      'chmod: a link in a circle': came('ENOENT'),
      'chown: a link in a circle': came('ENOENT'),
      'stat: nothing, a path through a file, a circle, a link to nowhere': came('ENOENT, ENOTDIR, ENOENT, ENOENT'),
      'readdir: what is there': came('d dl e f fl full g'),
      'statfs: a link in a circle': came('ENOENT'),
    },
  },
  {
    calls: 'link, symlink, mknod of pipes, sockets and devices',
    local: 'made',
    here: '`EPERM`',
    reason: 'the platform has only files and folders',
    cases: {
      'link: a second name': came('EPERM'),
      'symlink: a new link': came('EPERM'),
      'mknod: a pipe': came('EPERM'),
      'mknod: a socket': came('EPERM'),
      'mknod: a device': came('EPERM'),
    },
  },
  {
    calls: 'renameat2 with RENAME_EXCHANGE',
    local: 'both names are exchanged in one step',
    here: '`EINVAL`',
    reason: 'the platform has no such step, and two would leave a moment with one name',
    cases: {
      'renameat2: RENAME_EXCHANGE': came('EINVAL'),
    },
  },
  {
    calls: 'open with O_TMPFILE',
    local: 'a file without a name',
    here: '`EOPNOTSUPP`',
    reason: 'the kernel does not ask FUSE in a way that could be answered without a name; programs take a named file then',
    cases: {
      'open: O_TMPFILE': came('EOPNOTSUPP'),
    },
  },
  {
    calls: 'fallocate of holes',
    local: 'made',
    here: '`EOPNOTSUPP`',
    reason: 'the platform keeps no holes; programs write zeros then',
    cases: {
      'fallocate: a hole': came('ok, EOPNOTSUPP, \'hello\\n\''),
    },
  },
  {
    calls: 'execve',
    local: 'runs, and who writes to the program gets `ETXTBSY`',
    here: '`EACCES`: `ETXTBSY` cannot arise',
    reason: 'no file is shown as a program, since the platform keeps no modes',
    cases: {
      'open: a program that runs, to write': came('EACCES, ok'),
      'truncate: a program that runs': came('EACCES, ok', 'program: file \'\'', 'program: mtime now', 'program: ctime'),
    },
  },
  {
    calls: 'read of an open file that another was renamed over',
    local: 'the old content',
    here: 'what this machine has of it, else `ESTALE`',
    reason: 'the platform has the old content no more; bytes of the new one would be a mixture',
    cases: {
      'rename: over a file that is open, which can still be read': came('ok, ok, ESTALE', '.: mtime now', '.: ctime', 'f: gone', 'g: file \'hello\\n\'', 'g: ctime'),
    },
  },
  {
    calls: 'utimensat of the modification time alone',
    local: 'the access time stays',
    here: 'where none was set since the file is in memory, the access time shown is the modification time',
    reason: 'the platform keeps no access time, and reading would be a change for it',
    cases: {
      'utimensat: the modification alone': came('1020304050 1020304050', 'f: file \'hello\\n\'', 'f: mtime 1020304050', 'f: ctime'),
      'utimensat: the modification now, the access not': came('now now', 'f: file \'hello\\n\'', 'f: mtime now', 'f: ctime'),
    },
  },
];

/** What a driver that lacks a capability does instead, as native-notes/drivers.md has it. */
export const lacking: readonly { readonly capability: keyof Capabilities; readonly cases: Readonly<Record<string, Outcome>> }[] = [
  { capability: 'fallocate', cases: { 'fallocate: longer': came('ok, EOPNOTSUPP') } },
  { capability: 'renameNoReplace', cases: { 'renameat2: RENAME_NOREPLACE to a new name': came('EINVAL') } },
  {
    capability: 'setsTimesSingly',
    cases: {
      'utimensat: the modification alone': came('old old'),
      'utimensat: the access alone': came('old old'),
      'utimensat: the modification now, the access not': came('old old'),
    },
  },
  {
    capability: 'timesBefore1970',
    cases: { 'utimensat: before 1970': came('0 0', 'f: file \'hello\\n\'', 'f: mtime 0', 'f: ctime') },
  },
  // What it cannot use when it is removed lies aside until it is closed, with its content.
  { capability: 'removesOpenFiles', cases: { 'rename: over a file that is open, which can still be read': came('ok, ok, \'other\\n\'', '.: mtime now', '.: ctime', 'f: gone', 'g: file \'hello\\n\'', 'g: ctime') } },
];
