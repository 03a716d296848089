"""Random operations on one file of the mount and on one of this machine, which must stay the same.

The idea is fsx's: what a hundred hand-written cases miss, twenty thousand random ones find. Every
close is a promise, too: when it returned, the server's own copy is compared.

    random_operations.py <file on the mount> <the same on the server> <local file> <seed> <operations> <reopenings>
"""
import mmap
import os
import random
import sys
import time

mounted, server, local, seed, operations, reopenings = sys.argv[1:4] + [int(word) for word in sys.argv[4:7]]
rng = random.Random(seed)
LARGEST = 300_000
history = []


class Pair:
    """Both files, open or not; each operation is done to both."""

    def __init__(self):
        self.flags = os.O_RDWR | os.O_CREAT
        self.open(self.flags)

    def open(self, flags):
        self.append = bool(flags & os.O_APPEND)
        self.changed = not flags & (os.O_CREAT | os.O_TRUNC)
        self.ours = os.open(mounted, flags, 0o644)
        self.theirs = os.open(local, flags, 0o644)

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)

    def size(self):
        return os.fstat(self.theirs).st_size


def same(what, ours, theirs):
    if ours == theirs:
        return
    detail = ''
    if isinstance(ours, bytes):
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        detail = f' first differs at {at} of {len(ours)} and {len(theirs)}: {ours[at:at + 16]!r} instead of {theirs[at:at + 16]!r}'
    else:
        detail = f' {ours!r} instead of {theirs!r}'
    print(f'{what}:{detail}\nseed {seed}; the last operations:', *history[-40:], sep='\n  ')
    sys.exit(1)


def sent(what):
    """The server has it. A file only made or emptied since it was opened is sent behind close(), which tells nothing."""
    deadline = time.monotonic() + 10
    while not pair.changed and time.monotonic() < deadline:
        if os.path.exists(server) and whole(server) == whole(local):
            break
        time.sleep(0.005)
    same(what, whole(server), whole(local))


def whole(path):
    with open(path, 'rb') as file:
        return file.read()


def piece():
    return rng.randbytes(rng.choice((1, 7, 100, 4096, 5000, 20_000)))


def place():
    size = pair.size()
    kind = rng.random()
    if kind < 0.1:
        return size
    if kind < 0.2:
        return rng.randrange(LARGEST)
    at = rng.randrange(size + 1)
    return at if kind < 0.6 else at // 4096 * 4096


def read():
    at, length = place(), rng.choice((1, 100, 4096, 9999, 131_072))
    same(f'read({at}, {length})', os.pread(pair.ours, length, at), os.pread(pair.theirs, length, at))
    return f'read {at} {length}'


def write():
    if pair.append:
        return append()
    data, at = piece(), place()
    at = min(at, LARGEST - len(data))
    for fd in (pair.ours, pair.theirs):
        assert os.pwrite(fd, data, at) == len(data)
    pair.changed = True
    return f'write {at} {len(data)}'


def append():
    data = piece()
    if pair.size() + len(data) > LARGEST:
        return truncate()
    for fd in (pair.ours, pair.theirs):
        os.lseek(fd, 0, os.SEEK_END)
        assert os.write(fd, data) == len(data)
    pair.changed = True
    return f'append {len(data)}'


def truncate():
    size = rng.choice((0, rng.randrange(LARGEST), pair.size() // 2, min(LARGEST, pair.size() + rng.randrange(10_000))))
    for fd in (pair.ours, pair.theirs):
        os.ftruncate(fd, size)
    pair.changed = True
    return f'truncate {size}'


def map_read():
    size = pair.size()
    if size == 0:
        return 'map read of nothing'
    at = rng.randrange(size)
    with mmap.mmap(pair.ours, size, prot=mmap.PROT_READ) as ours:
        same(f'map read({at})', ours[at:at + 5000], os.pread(pair.theirs, 5000, at))
    return f'map read {at}'


def map_write():
    size = pair.size()
    if size == 0:
        return 'map write of nothing'
    data, at = piece(), rng.randrange(size)
    data = data[:size - at]
    with mmap.mmap(pair.ours, size) as ours:
        ours[at:at + len(data)] = data
        flushed = rng.random() < 0.3
        if flushed:
            ours.flush()
    overwrite(local, data, at)
    pair.changed = True
    return f'map write {at} {len(data)}{" flushed" if flushed else ""}'


def overwrite(path, data, at):
    # pwrite on a descriptor with O_APPEND appends; a map does not.
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, data, at)
    os.close(fd)


def stat():
    same('size', os.fstat(pair.ours).st_size, pair.size())
    same('size by path', os.stat(mounted).st_size, pair.size())
    return 'stat'


def second_reader():
    at = place()
    fd = os.open(mounted, os.O_RDONLY)
    same(f'read by another({at})', os.pread(fd, 8192, at), os.pread(pair.theirs, 8192, at))
    os.close(fd)
    return f'read by another {at}'


def fsync():
    os.fsync(pair.ours)
    pair.changed = True
    same('the server after fsync', whole(server), whole(local))
    return 'fsync'


def drop_pages():
    os.posix_fadvise(pair.ours, 0, 0, os.POSIX_FADV_DONTNEED)
    return 'drop pages'


def copy_range():
    size = pair.size()
    if size == 0 or pair.append:
        return 'copy of nothing'
    start, end, length = rng.randrange(size), rng.randrange(LARGEST), rng.choice((1, 4096, 30_000))
    data = os.pread(pair.theirs, length, start)[:LARGEST - end]
    os.pwrite(pair.ours, os.pread(pair.ours, length, start)[:LARGEST - end], end)
    os.pwrite(pair.theirs, data, end)
    pair.changed = True
    return f'copy {start} {end} {len(data)}'


def reopen():
    pair.close()
    sent('the server after close')
    said = ''
    kind = rng.random()
    if kind < 0.1:
        size = rng.randrange(LARGEST)
        os.truncate(mounted, size)
        os.truncate(local, size)
        same('the server after truncate by path', whole(server), whole(local))
        said = f', truncate by path {size}'
    elif kind < 0.2:
        for path in (mounted, local):
            os.rename(path, path + '.other')
            os.rename(path + '.other', path)
        said = ', rename there and back'
    elif kind < 0.25:
        with open(mounted + '.new', 'wb') as new:
            new.write(whole(local))
        os.rename(mounted + '.new', mounted)
        said = ', replaced by a copy of itself'
    flags = os.O_RDWR | rng.choice((0, 0, 0, 0, os.O_APPEND))
    if rng.random() < 0.05:
        flags |= os.O_TRUNC
    pair.open(flags)
    return f'close{said}, open {flags:o}'


weighted = (
    [read] * 28 + [write] * 28 + [append] * 6 + [truncate] * 5 + [map_read] * 4 + [map_write] * 3
    + [stat] * 8 + [second_reader] * 4 + [drop_pages] * 3 + [copy_range] * 5
)
pair = Pair()
reopen_at = set(rng.sample(range(operations), reopenings))
fsync_at = set(rng.sample(range(operations), reopenings // 5))
for number in range(operations):
    work = reopen if number in reopen_at else fsync if number in fsync_at else rng.choice(weighted)
    history.append(f'{number}: {work.__name__} (begun)')
    try:
        history[-1] = f'{number}: {work()}'
    except OSError as error:
        same(f'{work.__name__} ends', str(error), 'well')
pair.close()
sent('the server at the end')
same('the mount at the end', whole(mounted), whole(local))
print(f'{operations} operations, {reopenings} reopenings')
