/** A file of 5 GiB: sizes and offsets past 32 bits, in and out. Sparse, so that it costs time and not a disk. */
import { open, rm, stat, statfs, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { useToolsDrive } from '../../support/chosen.js';
import { succeed } from '../../support/programs.js';

const size = 5 * 2 ** 30;
/** Where something is written: about the borders of 31 and 32 bits, and at both ends. */
const marks: readonly (readonly [number, string])[] = [
  [0, 'the first bytes'], [2 ** 31 - 5, 'over 2^31'], [2 ** 32 - 5, 'over 2^32'], [2 ** 32 + 12_345, 'past 32 bits'], [size - 14, 'the last bytes'],
];

const drive = useToolsDrive();
afterEach(async () => { await rm(join(drive.root, 'place-1'), { recursive: true }); });

async function readAt(path: string, offset: number, length: number): Promise<string> {
  const file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  await file.close();
  return buffer.toString('latin1', 0, bytesRead);
}

test('5 GiB by cp: whole on the server, and read back at offsets past 32 bits', async () => {
  const { mount, server, local } = await drive.place();
  const { bavail, bsize } = await statfs(local);
  // What is staged is sparse; what the server writes is not.
  if (bavail * bsize < 1.2 * size) throw new Error(`this test needs ${Math.ceil((1.2 * size) / 2 ** 30)} GiB free below ${local}`);

  const source = await open(join(local, 'large'), 'w');
  await source.truncate(size);
  for (const [offset, text] of marks) await source.write(text, offset, 'latin1');
  await source.close();

  await succeed('cp', [join(local, 'large'), mount], { deadline: 100_000 });
  expect((await stat(join(server, 'large'))).size).toBe(size);
  expect((await succeed('stat', ['-c', '%s', join(mount, 'large')])).trim()).toBe(String(size));
  for (const [offset, text] of marks) {
    expect(await readAt(join(server, 'large'), offset, text.length)).toBe(text);
    expect(await succeed('dd', [`if=${join(mount, 'large')}`, 'bs=1', `skip=${offset}`, `count=${text.length}`, 'status=none'])).toBe(text);
  }
  // The tail, and a stretch over the border of 32 bits, byte by byte.
  for (const [offset, length] of [[size - 3_000_001, 3_000_001], [2 ** 32 - 1_000_003, 2_000_005]] as const) {
    await succeed('cmp', ['-i', String(offset), '-n', String(length), join(local, 'large'), join(mount, 'large')]);
    await succeed('cmp', ['-i', String(offset), '-n', String(length), join(local, 'large'), join(server, 'large')]);
  }
  await truncate(join(local, 'large'), 0);
}, 150_000);
