/** How editors save: by vim itself under each way of keeping a backup, and by the same system calls of others. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useDrive } from '../../support/drive.js';
import { shell, succeed } from '../../support/programs.js';
import { soon, text } from './files.js';

const before = 'one\ntwo\nthree\n';
const after = 'one\n2\nthree\n';

const drive = useDrive({
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

  test.each([
    ['nobackup nowritebackup', []],
    ['nobackup writebackup backupcopy=yes', []],
    ['nobackup writebackup backupcopy=no', []],
    ['nobackup writebackup backupcopy=auto', []],
    ['backup backupcopy=yes', ['file~']],
    ['backup backupcopy=no', ['file~']],
    ['backup backupcopy=auto backupext=.bak', ['file.bak']],
    ['nobackup writebackup fsync swapfile', []],
  ])('with %s', async (settings, left) => {
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

describe('other editors', () => {
  test.each([
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
    ['delete, and write anew',
      'os.unlink(f); write(f, os.O_WRONLY | os.O_CREAT | os.O_EXCL)', []],
  ])('%s', async (_, body, left) => {
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
