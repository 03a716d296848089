/**
 * close, fsync, truncate, as shells and tools bring them about: which FLUSH, FSYNC and RELEASE comes
 * when is the kernel's doing, so each rule is shown on a mount.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { untilStalled, untilState } from '../../support/control.js';
import { can } from '../../support/driver.js';
import { useDictated } from '../../support/dictated.js';
import { usePrepared, type PreparedPlace } from '../../support/prepared.js';
import { refused, begin, eventually, shell, succeed, untilOpen, type RunningProgram } from '../../support/programs.js';

const drive = usePrepared();
const dictated = useDictated();

/** A place with the file `f` on the server. */
async function withFile(content = 'the old bytes\n'): Promise<PreparedPlace & { readonly file: string }> {
  const place = await drive.prepared({ f: content });
  return { ...place, file: place.at('f') };
}

async function uploads(): Promise<number> {
  return (await drive.control.state()).counts['upload'] ?? 0;
}

/** Bytes of each upload, in order. */
async function uploadSizes(): Promise<number[]> {
  return (await drive.control.log()).filter(({ route }) => route === 'upload').map(({ requestBytes }) => requestBytes);
}

interface Fed {
  readonly program: RunningProgram;
  /** Gives the program its whole input and waits for its end. */
  feed(text: string): Promise<void>;
}

/** A script whose program is reading `$in` when this resolves; what stands before has been done by then. */
async function waitingForInput(place: PreparedPlace, script: string): Promise<Fed> {
  const fifo = join(place.local, 'in');
  await succeed('mkfifo', [fifo]);
  // Open in both directions: that waits for nobody.
  const end = await open(fifo, 'r+');
  const program = begin('bash', ['-ec', `cd "$here"\n${script}`], { env: { in: fifo, here: place.mount } });
  await untilOpen(program, fifo).catch(async (error: unknown) => {
    await end.close();
    throw error;
  });
  return {
    program,
    async feed(text) {
      await end.write(text);
      await end.close();
      const result = await program.result;
      expect([result.status, result.stderr]).toEqual([0, '']);
    },
  };
}

describe('FLUSH is not "the" close', () => {
  test('cmd > existing: the old bytes stay until the command closes, one upload', async () => {
    const place = await withFile();
    const cat = await waitingForInput(place, 'exec cat "$in" > f');
    expect(await place.onServer('f')).toBe('the old bytes\n');
    expect(await uploads()).toBe(0);
    // Emptied for whoever looks through the mount, whole on the server.
    expect(await succeed('stat', ['-c', '%s', place.file])).toBe('0\n');
    await cat.feed('new\n');
    expect(await place.onServer('f')).toBe('new\n');
    expect(await uploadSizes()).toEqual([4]);
  });

  test('echo x > existing: one upload, never an empty one', async () => {
    const place = await withFile();
    await place.shell('echo x > f');
    expect(await place.onServer('f')).toBe('x\n');
    expect(await uploadSizes()).toEqual([2]);
  });

  test('{ echo; /bin/echo; /bin/echo; } > f: never an empty upload, and all that was written when the shell goes on', async () => {
    const place = await withFile();
    await place.shell('{ echo 1; /bin/echo 2; /bin/echo 3; } > f');
    expect(await place.onServer('f')).toBe('1\n2\n3\n');
    const sizes = await uploadSizes();
    expect(sizes.length).toBeLessThanOrEqual(3);
    expect(sizes.every((size) => size > 0)).toBe(true);
  });

  test('… | gzip > f: one upload, which is whole', async () => {
    const place = await withFile();
    await place.shell('seq 100000 | gzip > f');
    expect(await uploads()).toBe(1);
    await shell('gunzip < f | cmp - <(seq 100000)', { cwd: place.server });
  });

  test('cat < f flushes a read-only handle, and sends nothing', async () => {
    const place = await withFile();
    expect(await place.shell('cat < f; cat < f')).toBe('the old bytes\nthe old bytes\n');
    const { counts } = await drive.control.state();
    expect(Object.keys(counts).filter((route) => !['list', 'head', 'get'].includes(route))).toEqual([]);
  });

  test('cat < f while another program writes f: his half is not sent by the reader\'s FLUSH', async () => {
    const place = await withFile();
    const writer = dictated();
    const descriptor = await writer.open(place.file, 'os.O_WRONLY|os.O_TRUNC');
    await writer.call('write', descriptor, 'half');
    await place.shell('cat < f');
    expect(await place.onServer('f')).toBe('the old bytes\n');
    await writer.call('write', descriptor, ' and half');
    await writer.close(descriptor);
    expect(await place.onServer('f')).toBe('half and half');
  });

  test('vim and dd conv=notrunc flush first: no upload of what was there before', async () => {
    const place = await withFile();
    await place.shell('printf NEW | dd of=f bs=1 seek=4 conv=notrunc status=none');
    expect(await place.onServer('f')).toBe('the NEW bytes\n');
    expect(await uploads()).toBe(1);
    await succeed('vim', ['-u', 'NONE', '-n', '-es', '-c', 'set nobackup nowritebackup', '-c', 's/NEW/newest/', '-c', 'wq', place.file]);
    expect(await place.onServer('f')).toBe('the newest bytes\n');
    expect(await uploads()).toBe(2);
  });

  test('touch of a new file sends it once, when it has its time', async () => {
    const place = await withFile();
    await succeed('touch', ['-d', '2020-02-02 02:02:02 UTC', place.at('new')]);
    const { size, mtime } = await stat(join(place.server, 'new'));
    expect([size, mtime.toISOString()]).toEqual([0, '2020-02-02T02:02:02.000Z']);
    expect(await uploads()).toBe(1);
  });
});

describe('FLUSH and FSYNC of a clean inode', () => {
  test('make no request', async () => {
    const place = await withFile();
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_RDWR');
    expect(await program.read(descriptor, 100)).toBe('the old bytes\n');
    await drive.control.resetCounts();
    await program.call('fsync', descriptor);
    await program.call('close', await program.call('dup', descriptor));
    await program.close(descriptor);
    expect((await drive.control.state()).total).toBe(0);
  });
});

describe('one upload an inode at a time', () => {
  test('a close meanwhile waits, and sends again only where there is something newer', async () => {
    const place = await withFile();
    const [one, two] = [dictated(), dictated()];
    const first = await one.open(place.file, 'os.O_WRONLY|os.O_TRUNC');
    const second = await two.open(place.file, 'os.O_WRONLY');
    await one.call('pwrite', first, 'aaaa', 0);
    await drive.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 0 } });
    const closing = one.close(first);
    await untilStalled(drive.control);
    const writing = two.call('pwrite', second, 'bb', 0);
    expect((await drive.control.state()).counts['upload']).toBe(1);
    expect(await place.onServer('f')).toBe('the old bytes\n');
    await drive.control.removeRules();
    await Promise.all([closing, writing]);
    await two.close(second);
    expect(await place.onServer('f')).toBe('bbaa');
    expect(await uploads()).toBe(2);
    const moves = (await drive.control.log()).filter(({ route }) => route === 'upload' || route === 'move').map(({ route }) => route);
    expect(moves).toEqual(['upload', 'move', 'upload', 'move']);
  });
});

describe('a failed FLUSH keeps the data', () => {
  test('the next FSYNC tries again, and what it says is so', async () => {
    const place = await withFile();
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_WRONLY|os.O_TRUNC');
    await program.call('write', descriptor, 'kept');
    await drive.control.addRule({ route: 'upload', action: { kind: 'answer', status: 507, body: { error: 'no', message: 'no space' } } });
    expect(await program.refused('fsync', descriptor)).toBe('ENOSPC');
    expect(await place.onServer('f')).toBe('the old bytes\n');
    await program.call('fsync', descriptor);
    expect(await place.onServer('f')).toBe('kept');
    await drive.control.resetCounts();
    await program.close(descriptor);
    expect(await uploads()).toBe(0);
  });

  test('so does the close of another descriptor after a close that failed', async () => {
    const place = await withFile();
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_WRONLY|os.O_TRUNC');
    const other = await program.call('dup', descriptor);
    await program.call('write', descriptor, 'kept');
    await drive.control.addRule({ route: 'upload', action: { kind: 'answer', status: 507, body: { error: 'no', message: 'no space' } } });
    expect(await program.refused('close', descriptor)).toBe('ENOSPC');
    expect(await place.onServer('f')).toBe('the old bytes\n');
    await program.call('close', other);
    expect(await place.onServer('f')).toBe('kept');
  });

  test('an error at RELEASE is kept on the inode and returned by the next OPEN', async () => {
    const place = await withFile();
    await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'answer', status: 507, body: { error: 'no', message: 'no space' } } });
    // Nothing is written: no close sends it, and the shell cannot be told.
    await place.shell(': > f');
    await untilState(drive.control, ({ counts, inFlight }) => (counts['upload'] ?? 0) > 0 && inFlight === 0);
    const program = dictated();
    await eventually('the failure is told', async () => (await program.refused('open', place.file, 'os.O_RDONLY')) === 'ENOSPC');
    // Once: from then on there is what the server has.
    expect(await succeed('cat', [place.file])).toBe('the old bytes\n');
    expect(await place.onServer('f')).toBe('the old bytes\n');
  });
});

describe('what is sent at RELEASE', () => {
  test(': > f, of a file that was there and of a new one', async () => {
    const place = await withFile();
    await place.shell(': > f; : > new');
    await eventually('both are empty on the server', async () => {
      const sizes = await Promise.all(['f', 'new'].map((name) => stat(join(place.server, name)).then(({ size }) => size, () => -1)));
      return sizes.every((size) => size === 0);
    });
    expect(await uploads()).toBe(2);
  });

  test('pages written through mmap after the last close', async () => {
    const place = await withFile('a'.repeat(10_000));
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_RDWR');
    await program.call('map', descriptor, 10_000);
    await program.close(descriptor);
    await program.call('map_write', 4999, 'XYZ');
    await program.call('unmap');
    await eventually('the server has them', async () => (await place.onServer('f')).slice(4998, 5003) === 'aXYZa');
    expect((await place.onServer('f')).length).toBe(10_000);
  });

  test('msync is the way to know: behind it the server has the pages', async () => {
    const place = await withFile('a'.repeat(10_000));
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_RDWR');
    await program.call('map', descriptor, 10_000);
    await program.call('map_write', 0, 'first');
    await program.call('msync');
    expect((await place.onServer('f')).slice(0, 6)).toBe('firsta');
    await program.close(descriptor);
    // Closed, and mapped still: the pages go out with a handle that is closed already.
    await program.call('map_write', 0, 'other');
    await program.call('msync');
    expect((await place.onServer('f')).slice(0, 6)).toBe('othera');
    await program.call('unmap');
  });

  test('fsync sends a file that was only created', async () => {
    const place = await withFile();
    const program = dictated();
    const descriptor = await program.open(place.at('new'), 'os.O_WRONLY|os.O_CREAT|os.O_EXCL');
    expect(await readdir(place.server)).toEqual(['f']);
    await program.call('fsync', descriptor);
    expect((await readdir(place.server)).sort()).toEqual(['f', 'new']);
    await program.close(descriptor);
  });
});

describe('truncate(2) by path has no close', () => {
  test('it is sent before the reply: shorter, longer, to nothing', async () => {
    const place = await withFile('0123456789');
    const program = dictated();
    await program.call('truncate', place.file, 4);
    expect(await place.onServer('f')).toBe('0123');
    await program.call('truncate', place.file, 6);
    expect(await place.onServer('f')).toBe('0123\0\0');
    await program.call('truncate', place.file, 0);
    expect(await place.onServer('f')).toBe('');
    expect(await succeed('cat', [place.file])).toBe('');
  });

  test('refused, it leaves the file as it was, for the mount too', async () => {
    const place = await withFile('0123456789');
    const program = dictated();
    await drive.control.addRule({ route: 'upload', action: { kind: 'answer', status: 507, body: { error: 'no', message: 'no space' } } });
    expect(await program.refused('truncate', place.file, 4)).toBe('ENOSPC');
    expect(await place.onServer('f')).toBe('0123456789');
    expect(await succeed('cat', [place.file])).toBe('0123456789');
    expect((await program.stat(place.file)).size).toBe(10);
  });

  test('while somebody has the file open for writing, it goes out with his close', async () => {
    const place = await withFile('0123456789');
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_WRONLY');
    await program.call('truncate', place.file, 4);
    await program.call('pwrite', descriptor, 'AB', 2);
    await program.close(descriptor);
    expect(await place.onServer('f')).toBe('01AB');
    expect(await uploads()).toBe(1);
  });

  test('a file truncated to nothing is not fetched at all, one that is overwritten neither', async () => {
    const place = await withFile('x'.repeat(3_000_000));
    const program = dictated();
    await place.put('g', 'x'.repeat(3_000_000));
    await program.call('truncate', place.file, 0);
    await place.shell('echo new > g');
    expect((await drive.control.state()).counts['get']).toBeUndefined();
    expect([await place.onServer('f'), await place.onServer('g')]).toEqual(['', 'new\n']);
  });
});

describe('FALLOCATE', () => {
  test('mode 0 extends the size; other modes are EOPNOTSUPP and do not stop the kernel asking', async () => {
    const place = await withFile('abc');
    if (!can.fallocate) {
      expect(await refused('fallocate', ['-l', '10', place.file])).toContain('not supported');
      expect(await place.onServer('f')).toBe('abc');
      return;
    }
    await succeed('fallocate', ['-l', '10', place.file]);
    expect(await place.onServer('f')).toBe('abc\0\0\0\0\0\0\0');
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_RDWR');
    // Keeping the size; punching a hole, which goes with it; zeros.
    for (const mode of [1, 3, 16]) expect(await program.refused('fallocate', descriptor, mode, 0, 20)).toBe('EOPNOTSUPP');
    await program.close(descriptor);
    await succeed('fallocate', ['-l', '12', place.file]);
    expect((await stat(join(place.server, 'f'))).size).toBe(12);
  });
});

describe('FSYNCDIR', () => {
  test('succeeds', async () => {
    const place = await withFile();
    const program = dictated();
    const descriptor = await program.open(place.mount, 'os.O_RDONLY|os.O_DIRECTORY');
    await program.call('fsync', descriptor);
    await program.close(descriptor);
  });
});

describe('times', () => {
  test('a later WRITE replaces a time that was set; a FLUSH does not', async () => {
    const place = await withFile();
    const program = dictated();
    const descriptor = await program.open(place.file, 'os.O_WRONLY|os.O_TRUNC');
    await program.call('write', descriptor, 'one');
    await program.call('utime', descriptor, 1_000_000_000_000);
    await program.call('close', await program.call('dup', descriptor));
    expect((await stat(join(place.server, 'f'))).mtimeMs).toBe(1_000_000_000_000);
    await program.call('write', descriptor, 'two');
    await program.close(descriptor);
    expect((await stat(join(place.server, 'f'))).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
    expect(await place.onServer('f')).toBe('onetwo');
  });

  test('are shown rounded from the first moment, and are the same when they come from the server', async () => {
    const place = await withFile();
    const program = dictated();
    await place.shell('echo x > g; touch -d "2021-01-01 01:01:01.987654321 UTC" g');
    const shown = (await program.stat(place.at('g'))).mtime;
    expect(shown).toBe(Date.UTC(2021, 0, 1, 1, 1, 1));
    const descriptor = await program.open(place.at('h'), 'os.O_WRONLY|os.O_CREAT');
    await program.call('write', descriptor, 'x');
    const { mtime } = await program.stat(place.at('h'));
    expect(mtime % 1000).toBe(0);
    await program.close(descriptor);
    expect((await program.stat(place.at('h'))).mtime).toBe(mtime);
    expect(Math.floor((await stat(join(place.server, 'h'))).mtimeMs / 1000) * 1000).toBe(mtime);
  });
});
