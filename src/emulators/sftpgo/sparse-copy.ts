/**
 * Copies a file on the emulator's disk without taking more room or time than it has to: a test of 5 GiB
 * serves a file that is all holes, and a copy that filled them would cost it a disk.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const runProgram = promisify(execFile);

/** Copies the content, over what is there. Holes stay holes, where the system's own `cp` keeps them. */
export async function copyContent(from: string, to: string): Promise<void> {
  const { size, blocks } = await stat(from);
  // Node has no way to ask where the holes are.
  if (blocks * 512 < size) await runProgram('cp', ['--', from, to]);
  else await copyFile(from, to, constants.COPYFILE_FICLONE);
}
