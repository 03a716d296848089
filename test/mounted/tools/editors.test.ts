/** How editors save: by vim itself under each way of keeping a backup, and by the same system calls of others. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chosenCases, useToolsDrive } from '../../support/chosen.js';
import { shell, succeed } from '../../support/programs.js';
import { soon, text } from './files.js';

const before = 'one\ntwo\nthree\n';
const after = 'one\n2\nthree\n';

const drive = useToolsDrive({
  async prepare(root) {
    await writeFile(join(root, 'file that was there'), before);
  },
});

describe('vim', () => {
  const edit = (path: string, ...settings: string[]) => succeed('vim', [
    // It keeps no backup of what lies below /tmp unless it is told to.
    '-es', '-u', 'NONE', '-i', 'NONE', '-N', '--cmd', 'set backupskip=', ...settings.flatMap((setting) => ['--cmd', `set ${setting}`]),
    '-c', '%s/two/2/', '-c', 'wq', path,
  ], { env: { TERM: 'dumb' } });

  test.each(chosenCases<readonly [string, readonly string[]]>('vim', [
    ['nobackup nowritebackup', []],
    ['nobackup writebackup backupcopy=yes', []],
    ['nobackup writebackup backupcopy=no', []],
    ['nobackup writebackup backupcopy=auto', []],
    ['backup backupcopy=yes', ['file~']],
    ['backup backupcopy=no', ['file~']],
    ['backup backupcopy=auto backupext=.bak', ['file.bak']],
    ['nobackup writebackup fsync swapfile', []],
  ], ([name]) => name))('with %s', async (settings, left) => {
    const { mount, server } = await drive.place();
    await shell(`printf '${before.replaceAll('\n', '\\n')}' > ${mount}/file`);
    await edit(join(mount, 'file'), settings);
    expect(await text(join(server, 'file'))).toBe(after);
    await soon(async () => (await readdir(server)).sort()).toEqual(['file', ...left].sort());
    for (const name of left) expect(await text(join(server, name))).toBe(before);
    expect(await succeed('cat', [join(mount, 'file')])).toBe(after);
  });

  test('a file that was on the server before, and saved twice', async () => {
    const path = join(drive.mountpoint, 'file that was there');
    await edit(path);
    expect(await text(join(drive.root, 'file that was there'))).toBe(after);
    await succeed('vim', ['-es', '-u', 'NONE', '-i', 'NONE', '-N', '-c', '$put =\'four\'', '-c', 'w', '-c', '$put =\'five\'', '-c', 'wq', path], { env: { TERM: 'dumb' } });
    expect(await text(join(drive.root, 'file that was there'))).toBe(`${after}four\nfive\n`);
  });

  test('a new file', async () => {
    const { mount, server } = await drive.place();
    await succeed('vim', ['-es', '-u', 'NONE', '-i', 'NONE', '-N', '-c', 'call setline(1, ["a", "é"])', '-c', 'wq', join(mount, 'new')], { env: { TERM: 'dumb', LC_ALL: 'C.UTF-8' } });
    expect(await text(join(server, 'new'))).toBe('a\né\n');
  });
});

/** A program of system calls on `f`, which holds `before`; `t` is another name. */
const calls = (body: string) => `import os, shutil, sys
f, t = sys.argv[1] + "/file", sys.argv[1] + "/.file.tmp"
after = b"one\\n2\\nthree\\n"
def write(path, flags, *, sync=True):
    d = os.open(path, flags, 0o644)
    assert os.write(d, after) == len(after)
    if sync: os.fsync(d)
    os.close(d)
${body}`;

/** The lock file first, an advisory lock on the document for as long as it is open, the backup before the new one takes its place. */
const libreOffice = `import fcntl
lock = sys.argv[1] + "/.~lock.file#"
l = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
os.write(l, b",someone,host,22.11.2026 20:00,file:///home/someone/.config;")
os.fsync(l); os.close(l)
try: os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL); raise AssertionError("a second lock file")
except FileExistsError: pass
assert open(lock).read().startswith(",someone")
doc = os.open(f, os.O_RDWR)
fcntl.lockf(doc, fcntl.LOCK_EX | fcntl.LOCK_NB)
assert os.pread(doc, 100, 0) == b"one\\ntwo\\nthree\\n"
temporary = sys.argv[1] + "/lu12345abcde.tmp"
d = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
os.ftruncate(d, 0); os.write(d, after[:5]); os.lseek(d, 0, os.SEEK_SET); os.write(d, after[:2]); os.lseek(d, 2, os.SEEK_SET); os.write(d, after[2:])
os.fsync(d); os.fchmod(d, 0o644); os.close(d)
shutil.copyfile(f, f + ".bak"); shutil.copystat(f, f + ".bak")
fcntl.lockf(doc, fcntl.LOCK_UN); os.close(doc)
os.rename(temporary, f)
doc = os.open(f, os.O_RDWR)
fcntl.lockf(doc, fcntl.LOCK_EX | fcntl.LOCK_NB)
assert os.pread(doc, 100, 0) == after
os.close(doc)
os.unlink(lock)`;

describe('other editors', () => {
  test.each(chosenCases<readonly [string, string, readonly string[]]>('other editors', [
    ['write a temporary file and rename it over (gedit, VS Code with atomic saves, most libraries)',
      'write(t, os.O_WRONLY | os.O_CREAT | os.O_EXCL); os.rename(t, f)', []],
    ['the same without fsync',
      'write(t, os.O_WRONLY | os.O_CREAT | os.O_EXCL, sync=False); os.rename(t, f)', []],
    ['rename while the temporary file is still open, and close it then',
      'd = os.open(t, os.O_WRONLY | os.O_CREAT); os.write(d, after); os.rename(t, f); os.close(d)', []],
    ['truncate and write (nano, VS Code)',
      'write(f, os.O_WRONLY | os.O_TRUNC)', []],
    ['write, and then cut off what is too much',
      'd = os.open(f, os.O_RDWR); os.write(d, after); os.ftruncate(d, len(after)); os.close(d)', []],
    ['rename the old file to its backup, and write a new one (emacs)',
      'os.rename(f, f + "~"); write(f, os.O_WRONLY | os.O_CREAT | os.O_EXCL)', ['file~']],
    ['copy the old file to its backup with its times, truncate and write (emacs, backup-by-copying)',
      'shutil.copy2(f, f + "~"); write(f, os.O_WRONLY | os.O_TRUNC)', ['file~']],
    ['copy the file\'s mode to the temporary file first (kate)',
      's = os.stat(f); d = os.open(t, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600); os.fchmod(d, s.st_mode & 0o7777); os.fchown(d, s.st_uid, s.st_gid); os.write(d, after); os.fsync(d); os.close(d); os.rename(t, f)', []],
    ['look, open for reading and for writing, empty through the handle, write in pieces, and look again (VS Code in place)',
      's = os.stat(f); d = os.open(f, os.O_RDWR); os.read(d, 100); os.close(d); d = os.open(f, os.O_WRONLY); os.ftruncate(d, 0); os.pwrite(d, after[:4], 0); os.pwrite(d, after[4:], 4); os.fdatasync(d); os.close(d); e = os.stat(f); assert (e.st_ino, e.st_size) == (s.st_ino, len(after)) and e.st_mtime >= s.st_mtime; assert open(f, "rb").read() == after', []],
    ['write a temporary file beside it, close, take over its mode and owner, rename over, and look at the inode (VS Code with atomic saves)',
      't = f + ".vsctmp"; d = os.open(t, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_EXCL, 0o666); os.write(d, after); os.fdatasync(d); os.close(d); s = os.stat(f); os.chmod(t, s.st_mode & 0o7777); os.chown(t, s.st_uid, s.st_gid); os.rename(t, f); e = os.stat(f); assert e.st_size == len(after) and not os.path.exists(t)', []],
    ['lock file, temporary file, backup copy, rename over, lock file gone (LibreOffice)', libreOffice, ['file.bak']],
    ['delete, and write anew',
      'os.unlink(f); write(f, os.O_WRONLY | os.O_CREAT | os.O_EXCL)', []],
  ], ([name]) => name))('%s', async (_, body, left) => {
    const { mount, server } = await drive.place();
    await shell(`printf '${before.replaceAll('\n', '\\n')}' > ${mount}/file`);
    await succeed('python3', ['-c', calls(body), mount]);
    expect(await text(join(server, 'file'))).toBe(after);
    await soon(async () => (await readdir(server)).sort()).toEqual(['file', ...left].sort());
    for (const name of left) expect(await text(join(server, name))).toBe(before);
    expect(await succeed('cat', [join(mount, 'file')])).toBe(after);
    expect((await succeed('stat', ['-c', '%s', join(mount, 'file')])).trim()).toBe(String((await stat(join(server, 'file'))).size));
  });

  test('who had the old file open keeps reading it whole while another renames a new one over it', async () => {
    const { mount, server } = await drive.place();
    await shell(`printf '${before.replaceAll('\n', '\\n')}' > ${mount}/file`);
    const script = calls('d = os.open(f, os.O_RDONLY); a = os.read(d, 4); write(t, os.O_WRONLY | os.O_CREAT); os.rename(t, f); sys.stdout.write((a + os.read(d, 100)).decode()); sys.stdout.write(open(f).read())');
    expect(await succeed('python3', ['-c', script, mount])).toBe(before + after);
    expect((await readFile(join(server, 'file'))).toString()).toBe(after);
  });
});
