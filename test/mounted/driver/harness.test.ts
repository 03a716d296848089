/** The harness of mounted tests itself: what hangs is taken away, and no suite waits for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile } from 'node:fs/promises';
import { afterAll, expect, it, vi } from 'vitest';
import { useMemoryMounts } from '../../support/memory-mounts.js';
import { mountsIn } from '../../support/mount-list.js';
import { ProcessGroup } from '../../support/process-group.js';
import { begin, eventually, within, type RunningProgram } from '../../support/programs.js';

const mounts = useMemoryMounts();
const left: { folder: string; group: ProcessGroup; program: RunningProgram }[] = [];

afterAll(async () => {
  expect(left).toHaveLength(2);
  for (const { folder, group, program } of left) {
    expect(await mountsIn(folder)).toEqual([]);
    await expect(access(folder)).rejects.toThrow('ENOENT');
    expect(group.lives()).toBe(false);
    // It waited for an answer that never came, and got an error instead.
    expect((await within(5000, 'the program ends', program.result)).status).not.toBe(0);
  }
});

it('takes away a mount whose daemon stands still while a program waits for it', async () => {
  const mount = await mounts.mount({ ttl: 0 });
  mount.child.kill('SIGSTOP');
  const program = begin('ls', ['-l', mount.mountpoint]);
  // Not before it has begun: a program that starts after the mount is gone finds an empty folder.
  await eventually('ls waits for the mount', () => standsStill(program.pid, 'ls'));
  left.push({ folder: mount.folder, group: mount.group, program });
});

it('takes away a mount of which a program waits for bytes that never come', async () => {
  const mount = await mounts.mount({ files: 1, directIo: true });
  await mount.tell({ do: 'stall', member: 'read' });
  const program = begin('cat', ['file-00000'], { cwd: mount.mountpoint });
  await eventually('the read waits', async () => (await mount.report()).calls['read'] !== undefined);
  left.push({ folder: mount.folder, group: mount.group, program });
});

it('sends no signal to what has ended: its number may be another program\'s by then', async () => {
  const child = spawn('true', [], { detached: true });
  const group = new ProcessGroup(child);
  await once(child, 'close');
  const kill = vi.spyOn(process, 'kill');
  group.kill();
  expect(kill).not.toHaveBeenCalled();
  expect(group.lives()).toBe(false);
  kill.mockRestore();
});

/** Whether the program runs and is in the same system call, with the same arguments, for a while. */
async function standsStill(pid: number, command: string): Promise<boolean> {
  const look = async (): Promise<string> => `${await readFile(`/proc/${pid}/comm`, 'utf8')} ${await readFile(`/proc/${pid}/syscall`, 'utf8')}`;
  const before = await look();
  await new Promise((resolve) => setTimeout(resolve, 200));
  return before.startsWith(`${command}\n`) && !before.includes('running') && before === (await look());
}
