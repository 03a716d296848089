/** Interrupts: a program that does not want to wait any longer does not have to. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useMemoryMounts } from '../../support/memory-mounts.js';
import { begin, eventually, within } from '../../support/programs.js';

const mounts = useMemoryMounts();

/** Reads with a handler for SIGINT that raises, so that the call's own errno shows. */
const patientReader = `import os, signal, sys, errno
class Enough(Exception): pass
def enough(*_): raise Enough
signal.signal(signal.SIGINT, enough)
try: os.read(os.open(sys.argv[1], os.O_RDONLY), 100); print("read")
except Enough: print("interrupted")`;

describe('Ctrl-C', () => {
  it('ends a direct read that stalls: INTERRUPT comes, and the file system hears of it', async () => {
    const mount = await mounts.mount({ files: 1, directIo: true });
    await mount.tell({ do: 'stall', member: 'read' });
    const reader = begin('python3', ['-c', patientReader, join(mount.mountpoint, 'file-00000')]);
    await eventually('the read waits', async () => (await mount.report()).calls['read'] !== undefined);
    reader.kill('SIGINT');
    expect(await within(5000, 'the reader ends', reader.result)).toMatchObject({ status: 0, stdout: 'interrupted\n' });
    expect(await mount.report()).toMatchObject({ interrupted: 1 });
  });

  it('ends a buffered cat that stalls', async () => {
    const mount = await mounts.mount({ files: 1 });
    await mount.tell({ do: 'stall', member: 'read' });
    const cat = begin('cat', [join(mount.mountpoint, 'file-00000')]);
    await eventually('the read waits', async () => (await mount.report()).calls['read'] !== undefined);
    cat.kill('SIGINT');
    expect(await within(5000, 'cat ends', cat.result)).toMatchObject({ signal: 'SIGINT' });
    await eventually('the file is released', async () => (await mount.report()).openHandles === 0);
  });

  it.each(['lookup', 'getattr', 'opendir'])('ends an ls that waits for a %s', async (member) => {
    const mount = await mounts.mount({ files: 1, ttl: 0 });
    await mount.tell({ do: 'stall', member });
    const list = begin('ls', ['-l', mount.mountpoint, join(mount.mountpoint, 'file-00000')]);
    await eventually('ls waits', async () => (await mount.report()).calls[member] !== undefined);
    await eventually('ls sleeps in the kernel', async () => /^State:\s+[SD]/m.test(await readFile(`/proc/${list.pid}/status`, 'utf8')));
    list.kill('SIGINT');
    expect(await within(5000, 'ls ends', list.result)).toMatchObject({ signal: 'SIGINT' });
  });

  it('leaves the mount as it was for others', async () => {
    const mount = await mounts.mount({ files: 50, directIo: true });
    await mount.tell({ do: 'stall', member: 'read' });
    const readers = Array.from({ length: 50 }, (_, index) => begin('cat', [join(mount.mountpoint, `file-${String(index).padStart(5, '0')}`)]));
    await eventually('all wait', async () => (await mount.report()).calls['read'] === 50);
    for (const reader of readers) reader.kill('SIGTERM');
    const results = await within(10_000, 'all end', Promise.all(readers.map((reader) => reader.result)));
    expect(new Set(results.map((result) => result.signal))).toEqual(new Set(['SIGTERM']));
    // RELEASE comes behind the end of the program: nobody waits for it.
    await eventually('all files are released', async () => (await mount.report()).openHandles === 0);
    expect(await mount.report()).toMatchObject({ interrupted: 50 });
  });
});
