/**
 * fsx's idea on the mount: random operations on one file, compared with a local one. The seed is
 * printed; `AMARRE_TEST_SEED` plays a run again.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { chosen, useToolsDrive } from '../../support/chosen.js';
import { run } from '../../support/programs.js';

const drive = useToolsDrive();
const program = fileURLToPath(new URL('random_operations.py', import.meta.url));

const [operations, reopenings] = [20_000 / chosen.slowness, 500 / chosen.slowness];

test(`${operations} reads, writes, truncations and maps, with ${reopenings} reopenings: the file is what a local one is, and the server has it at every close`, async () => {
  const seed = process.env['AMARRE_TEST_SEED'] ?? String(Math.floor(Math.random() * 2 ** 32));
  console.log(`random operations: seed ${seed}`);
  const { mount, server, local } = await drive.place();
  const { status, stdout, stderr } = await run('python3', [
    program, join(mount, 'file'), join(server, 'file'), join(local, 'file'), seed, String(operations), String(reopenings),
  ], { deadline: 100_000 });
  expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: `${operations} operations, ${reopenings} reopenings\n` });
}, 110_000);
