/** Staging on a disk that fills up: the program hears of it from its write, while it can still do something. */
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { useDictated } from '../../support/dictated.js';
import { longAgo } from '../../support/prepared.js';
import { run, succeed } from '../../support/programs.js';

const harbour = useHarbour(afterAll);
const dictated = useDictated();
const MiB = 1 << 20;
let drive: Harbour;

beforeAll(async () => {
  drive = await harbour();
  await mkdir(drive.state, { mode: 0o700 });
  await succeed('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tmpfs', drive.state]);
  for (const name of ['old', 'large']) {
    await writeFile(join(drive.root, name), name === 'old' ? 'the old version' : 'x'.repeat(8 * MiB));
    await utimes(join(drive.root, name), longAgo, longAgo);
  }
  await drive.daemon();
});
afterAll(async () => {
  expect((await drive.umount()).status).toBe(0);
});

describe('staging disk full', () => {
  test('ENOSPC at the WRITE, never later: what was acknowledged before is what close sends', async () => {
    const program = dictated();
    const descriptor = await program.open(join(drive.mountpoint, 'new'), 'os.O_WRONLY|os.O_CREAT');
    let written = 0;
    let refusal = '';
    while (refusal === '' && written < 20 * MiB) {
      const outcome = await program.call('write', descriptor, 'x'.repeat(MiB)).catch((error: unknown) => error);
      if (outcome instanceof Error) refusal = outcome.message;
      else written += Number(outcome);
    }
    expect(refusal).toBe('ENOSPC');
    expect(written).toBeGreaterThan(0);
    await program.close(descriptor);
    expect((await stat(join(drive.root, 'new'))).size).toBe(written);
    // All room is there again: what was sent is kept no longer.
    await succeed('cp', ['/bin/true', join(drive.mountpoint, 'small')]);
  });

  test('a change of a file that has no room here: ENOSPC before anything is fetched, the file as it was', async () => {
    const program = dictated();
    const descriptor = await program.open(join(drive.mountpoint, 'large'), 'os.O_RDWR');
    await drive.control.resetCounts();
    expect(await program.refused('pwrite', descriptor, 'X', 0)).toBe('ENOSPC');
    await program.close(descriptor);
    // A look, where the last word on it is a while ago, fetches nothing.
    expect(Object.keys((await drive.control.state()).counts).filter((kind) => kind !== 'head')).toEqual([]);
    expect((await stat(join(drive.root, 'large'))).size).toBe(8 * MiB);
  });

  test('cp of more than fits says so, and ends with 1; what fits goes through then', async () => {
    const source = join(drive.folder, 'source');
    await writeFile(source, 'y'.repeat(12 * MiB));
    const { status, stderr } = await run('cp', [source, join(drive.mountpoint, 'copy')]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('No space left on device')]);
    await writeFile(source, 'y'.repeat(MiB));
    await succeed('cp', [source, join(drive.mountpoint, 'old')]);
    expect(await readFile(join(drive.root, 'old'), 'utf8')).toBe('y'.repeat(MiB));
  });
});
