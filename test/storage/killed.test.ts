import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { silentLog } from '../../src/observe/log.js';
import { openStaging } from '../../src/storage/staging.js';

test('kill -9: what was kept and what was being written is found by the next mount, byte for byte', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amarre-killed-'));
  const program = fileURLToPath(new URL('../support/staging-program.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { leftovers } = await openStaging({ folder, instance: 'next0000001', isDead: (id) => id === 'killed00001', log: silentLog() });
    const found = await Promise.all(leftovers.map(async ({ note, data }) => [note.path, note.state, await readFile(data, 'latin1')] as const));
    const large = 'k'.repeat(3_000_000);
    const lengths = found.map(([path, state, content]) => [path, state, content.length]).sort();
    expect(lengths).toEqual([['/kept', 'kept', 3_000_000], ['/written', 'writing', 3_000_003]]);
    expect(new Map(found.map(([path, , content]) => [path, content]))).toEqual(new Map([['/kept', large], ['/written', `${large}end`]]));
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
