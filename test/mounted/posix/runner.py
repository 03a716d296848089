"""Makes system calls that Node has no way to make, in the order that a table says, and tells what came of them.

Standard input is JSON: `base`, the folder to work in; `made`, the same folder by the way on which it is filled
(the server's disk, where `base` is a mount); `outside`, a folder on another file system; `user`, whom a case
runs as that wants an ordinary user; `cases`, each with a `name`, `setup` and `steps`. Standard output is a JSON
object: for each case the results of its steps, and what changed in its folder.
"""
import ctypes
import errno
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
OLD = 1_000_000_000  # What everything is dated before the steps begin: in seconds since the epoch.
AT_FDCWD = -100
NAMES = {errno.EOPNOTSUPP: 'EOPNOTSUPP'}  # Of several names of one number, ours.
UTIME = {'now': (1 << 30) - 1, 'omit': (1 << 30) - 2}
OWN_FLAGS = {'O_TMPFILE': 0o20200000, 'O_PATH': 0o10000000, 'O_NOATIME': 0o1000000}


class Timespec(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def timespec(when):
    """`now`, `omit`, seconds, or [seconds, nanoseconds]."""
    if isinstance(when, str):
        return Timespec(0, UTIME[when])
    return Timespec(*when) if isinstance(when, list) else Timespec(when, 0)


def times_of(access, modified):
    return (Timespec * 2)(timespec(access), timespec(modified))


def shown_time(seconds):
    if seconds == OLD:
        return 'old'
    return 'now' if abs(seconds - time.time()) < 120 else str(int(seconds))


def kind(mode):
    names = {stat.S_IFDIR: 'folder', stat.S_IFLNK: 'link', stat.S_IFREG: 'file', stat.S_IFIFO: 'pipe', stat.S_IFSOCK: 'socket'}
    return names.get(stat.S_IFMT(mode), 'device')


class Run:
    """One case: its open files, and where paths lead to."""

    def __init__(self, folder, outside):
        self.folder = folder
        self.outside = outside
        self.files = []

    def at(self, path):
        """`long:N` is a name of N bytes, `deep` a path that is longer than any may be."""
        if not isinstance(path, str) or path == '' or path.startswith('/'):
            return path
        if path.startswith('outside/'):
            return os.path.join(self.outside, path[len('outside/'):])
        parts = ['n' * int(part[5:]) if part.startswith('long:') else part for part in path.split('/')]
        text = 'd/' * 2100 if path == 'deep' else '/'.join(parts)
        return os.path.join(self.folder, text)

    def fd(self, number):
        return self.files[number] if 0 <= number < len(self.files) else 987654

    def flags(self, names):
        value = 0
        for name in names:
            value |= OWN_FLAGS.get(name) or getattr(os, name)
        return value

    def step(self, name, *given):
        try:
            value = getattr(self, 'do_' + name)(*given)
            return 'ok' if value is None else str(value)
        except OSError as error:
            return NAMES.get(error.errno) or errno.errorcode.get(error.errno, str(error.errno))

    def end(self):
        for fd in self.files:
            try:
                os.close(fd)
            except OSError:
                pass

    # Files.

    def do_open(self, path, flags, mode=0o644):
        self.files.append(os.open(self.at(path), self.flags(flags), mode))

    def do_openat(self, number, path, flags):
        self.files.append(os.open(path, self.flags(flags), dir_fd=self.fd(number)))

    def do_close(self, number):
        os.close(self.fd(number))

    def do_read(self, number, count):
        return repr(os.read(self.fd(number), count).decode())

    def do_pread(self, number, count, offset):
        return repr(os.pread(self.fd(number), count, offset).decode())

    def do_write(self, number, text):
        return os.write(self.fd(number), text.encode())

    def do_pwrite(self, number, text, offset):
        return os.pwrite(self.fd(number), text.encode(), offset)

    def do_lseek(self, number, offset, whence):
        return os.lseek(self.fd(number), offset, getattr(os, whence))

    def do_fsync(self, number):
        os.fsync(self.fd(number))

    def do_fstat(self, number):
        found = os.fstat(self.fd(number))
        return f'{kind(found.st_mode)} {found.st_size} bytes'

    def do_truncate(self, path, size):
        os.truncate(self.at(path), size)

    def do_ftruncate(self, number, size):
        os.ftruncate(self.fd(number), size)

    def do_limit(self, size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def do_fallocate(self, number, mode, offset, length):
        checked(libc.fallocate(self.fd(number), mode, ctypes.c_long(offset), ctypes.c_long(length)))

    def do_program(self, path):
        shutil.copy(shutil.which('sleep'), self.at(path))

    def do_execute(self, path):
        """Starts a program, and leaves it running until the case is over."""
        child = subprocess.Popen([self.at(path), '30'], stdin=subprocess.DEVNULL)
        self.children = getattr(self, 'children', []) + [child]

    def do_end_programs(self):
        for child in getattr(self, 'children', []):
            child.kill()
            child.wait()

    # Names.

    def do_mkdir(self, path, mode=0o755):
        os.mkdir(self.at(path), mode)

    def do_rmdir(self, path):
        os.rmdir(self.at(path))

    def do_unlink(self, path):
        os.unlink(self.at(path))

    def do_rename(self, source, target):
        os.rename(self.at(source), self.at(target))

    def do_renameat2(self, source, target, flags):
        checked(libc.renameat2(AT_FDCWD, os.fsencode(self.at(source)), AT_FDCWD, os.fsencode(self.at(target)), flags))

    def do_link(self, source, target, follow=False):
        os.link(self.at(source), self.at(target), follow_symlinks=follow)

    def do_symlink(self, text, path):
        os.symlink(text, self.at(path))

    def do_readlink(self, path):
        return os.readlink(self.at(path))

    def do_mknod(self, path, what):
        types = {'file': stat.S_IFREG, 'pipe': stat.S_IFIFO, 'socket': stat.S_IFSOCK, 'device': stat.S_IFCHR}
        os.mknod(self.at(path), types[what] | 0o644, os.makedev(1, 3))

    def do_list(self, path):
        return ' '.join(sorted(os.listdir(self.at(path)))) or 'nothing'

    def do_stat(self, path):
        found = os.stat(self.at(path))
        return f'{kind(found.st_mode)} {found.st_size} bytes' if stat.S_ISREG(found.st_mode) else kind(found.st_mode)

    def do_lstat(self, path):
        return kind(os.lstat(self.at(path)).st_mode)

    def do_access(self, path, mode):
        checked(libc.faccessat(AT_FDCWD, os.fsencode(self.at(path)), mode, 0x200))

    # Attributes.

    def do_chmod(self, path, mode):
        os.chmod(self.at(path), mode)

    def do_fchmod(self, number, mode):
        os.fchmod(self.fd(number), mode)

    def do_chown(self, path, uid, gid):
        os.chown(self.at(path), uid, gid)

    def do_lchown(self, path, uid, gid):
        os.lchown(self.at(path), uid, gid)

    def do_fchown(self, number, uid, gid):
        os.fchown(self.fd(number), uid, gid)

    def do_utimensat(self, path, access, modified, nofollow=False):
        checked(libc.utimensat(AT_FDCWD, os.fsencode(self.at(path)), times_of(access, modified), 0x100 if nofollow else 0))
        found = os.lstat(self.at(path)) if nofollow else os.stat(self.at(path))
        return f'{shown_time(found.st_atime)} {shown_time(found.st_mtime)}'

    def do_futimens(self, number, access, modified):
        checked(libc.futimens(self.fd(number), times_of(access, modified)))
        found = os.fstat(self.fd(number))
        return f'{shown_time(found.st_atime)} {shown_time(found.st_mtime)}'

    def do_statfs(self, path):
        return shown_statfs(os.statvfs(self.at(path)))

    def do_fstatfs(self, number):
        return shown_statfs(os.fstatvfs(self.fd(number)))


def shown_statfs(found):
    sensible = found.f_bavail <= found.f_bfree <= found.f_blocks and found.f_bsize > 0
    return f'names of {found.f_namemax} bytes, {"room as it should be" if sensible else "room that cannot be"}'


def fill(folder):
    """What every case begins with."""
    for name in ['d', 'e', 'full']:
        os.mkdir(os.path.join(folder, name))
    for name, text in [('f', 'hello\n'), ('g', 'other\n'), ('full/x', 'x\n')]:
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text)
    for name, text in [('fl', 'f'), ('dl', 'd'), ('dangling', 'nowhere'), ('loop', 'loop')]:
        os.symlink(text, os.path.join(folder, name))


def date(folder):
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files + folders:
            os.utime(os.path.join(parent, name), (OLD, OLD), follow_symlinks=False)
    os.utime(folder, (OLD, OLD))


def look(folder):
    """Everything in a folder that a call may change."""
    found = {'.': os.lstat(folder)}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, folder)] = os.lstat(path)
    return found


def content(path, found):
    if not stat.S_ISREG(found.st_mode):
        return kind(found.st_mode)
    if found.st_size > 100:
        return f'file of {found.st_size} bytes'
    with open(path, 'rb') as file:
        return 'file ' + repr(file.read().decode())


def compare(folder, before, after):
    changes = []
    for name in sorted(set(before) | set(after)):
        path = os.path.join(folder, name)
        shown = name if len(name) < 100 else f'{len(name)} bytes of name'
        old, new = before.get(name), after.get(name)
        if new is None:
            changes.append(f'{shown}: gone')
        elif old is None:
            changes.append(f'{shown}: new {content(path, new)} {stat.S_IMODE(new.st_mode):04o}, {shown_time(new.st_mtime)}')
        else:
            if stat.S_ISREG(new.st_mode) and (old.st_size, old.st_mtime_ns, old.st_ctime_ns) != (new.st_size, new.st_mtime_ns, new.st_ctime_ns):
                changes.append(f'{shown}: {content(path, new)}')
            if old.st_mtime_ns != new.st_mtime_ns:
                changes.append(f'{shown}: mtime {shown_time(new.st_mtime)}')
            if old.st_ctime_ns != new.st_ctime_ns:
                changes.append(f'{shown}: ctime')
            if old.st_mode != new.st_mode:
                changes.append(f'{shown}: mode {stat.S_IMODE(new.st_mode):04o}')
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                changes.append(f'{shown}: owner {new.st_uid}:{new.st_gid}')
    return changes


def become(user):
    """Of a thread and not of the process, as far as the kernel is concerned: this is a process of its own."""
    os.setgroups([])
    os.setegid(user)
    os.seteuid(user)


def perform(case, folder, outside, user):
    """In a process of its own: limits and identity end with it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.umask(0o022)
        run = Run(folder, outside)
        before = look(folder)
        if case.get('user'):
            become(user)
        results = [run.step(*step) for step in case['steps']]
        if case.get('user'):
            os.seteuid(0)
            os.setegid(0)
        # What a case leaves open is open still: what comes of its end is not awaited by anybody.
        outcome = {'results': results, 'changes': compare(folder, before, look(folder))}
        run.do_end_programs()
        run.end()
        with os.fdopen(writer, 'w') as pipe:
            json.dump(outcome, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else {'results': ['the process died'], 'changes': []}


def prepare(given):
    for number, case in enumerate(given['cases']):
        folder = os.path.join(given['made'], str(number))
        os.mkdir(folder)
        fill(folder)
        run = Run(folder, given['outside'])
        for step in case['setup']:
            result = run.step(*step)
            if result != 'ok':
                raise RuntimeError(f'{case["name"]}: {step}: {result}')
        date(folder)


def main():
    given = json.load(sys.stdin)
    if given['prepare']:
        prepare(given)
        print('{}')
        return
    outcomes = {}
    for number, case in enumerate(given['cases']):
        outcomes[case['name']] = perform(case, os.path.join(given['base'], str(number)), given['outside'], given['user'])
    json.dump(outcomes, sys.stdout)


main()
