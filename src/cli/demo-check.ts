/**
 * The short round of `amarre demo --check`. The tools work on the mount in processes of their own,
 * since this process serves the emulator behind it; what they did is compared on the server's disk.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

export interface DemoCheckParts {
  readonly mountpoint: string;
  /** The folder that the emulator serves. */
  readonly root: string;
  /** A folder that is not there yet, for this check alone. */
  readonly scratch: string;
  readonly print: (line: string) => void;
}

/** Milliseconds for one tool. */
const deadline = 60_000;

class CheckFailure extends Error {}

/** Does the round, printing what it does; true if all was as it must be. */
export async function runDemoCheck(parts: DemoCheckParts): Promise<boolean> {
  const { mountpoint, root, scratch, print } = parts;
  try {
    await mkdir(scratch);
    await checkListing(mountpoint, root, print);
    await checkCopyOut(mountpoint, root, scratch, print);
    await checkCopyIn(mountpoint, root, scratch, print);
    await checkRsync(mountpoint, root, scratch, print);
    print('All as it must be.');
    return true;
  } catch (error) {
    if (!(error instanceof CheckFailure)) throw error;
    print(`FAILED: ${error.message}`);
    return false;
  }
}

async function checkListing(mountpoint: string, root: string, print: (line: string) => void): Promise<void> {
  const listed = (await run('ls', ['-A', '--quoting-style=literal', mountpoint], print)).split('\n').filter((name) => name !== '');
  same(listed.toSorted(), (await readdir(root)).toSorted(), 'the names listed are not those on the server');
  await run('ls', ['-lR', mountpoint], print);
  print(`  ${listed.length} names, the same as on the server`);
}

async function checkCopyOut(mountpoint: string, root: string, scratch: string, print: (line: string) => void): Promise<void> {
  await run('cp', ['-rp', `${mountpoint}/.`, join(scratch, 'out')], print);
  await run('diff', ['-r', root, join(scratch, 'out')], print);
  print('  every file the same, byte by byte');
}

async function checkCopyIn(mountpoint: string, root: string, scratch: string, print: (line: string) => void): Promise<void> {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251));
  await writeFile(join(scratch, 'in.bin'), content);
  await run('cp', [join(scratch, 'in.bin'), join(mountpoint, 'copied in.bin')], print);
  if (!content.equals(await readFile(join(root, 'copied in.bin')))) throw new CheckFailure('the file on the server is not the one that was copied');
  print('  when cp returned, the server had every byte');
  await run('mv', [join(mountpoint, 'copied in.bin'), join(mountpoint, 'moved.bin')], print);
  await run('rm', [join(mountpoint, 'moved.bin')], print);
  if ((await readdir(root)).some((name) => /copied in|moved/.test(name))) throw new CheckFailure('the file is on the server still');
  print('  and after rm it is gone there');
}

async function checkRsync(mountpoint: string, root: string, scratch: string, print: (line: string) => void): Promise<void> {
  const source = join(scratch, 'tree');
  await mkdir(join(source, 'folder'), { recursive: true });
  for (let index = 0; index < 20; index += 1) {
    const path = join(source, index % 2 === 0 ? '.' : 'folder', `file ${index}.txt`);
    await writeFile(path, `${index}\n`.repeat(index * 100));
    await utimes(path, 1_700_000_000 + index, 1_600_000_000 + index * 1000);
  }
  const copy = ['-a', '--itemize-changes', `${source}/`, join(mountpoint, 'rsync')];
  await run('rsync', copy, print);
  await run('diff', ['-r', source, join(root, 'rsync')], print);
  const second = await run('rsync', copy, print);
  if (second.trim() !== '') throw new CheckFailure(`the second rsync found something to do: ${second.trim().replaceAll('\n', ', ')}`);
  print('  20 files sent; the second run sent none');
  await run('rm', ['-r', join(mountpoint, 'rsync')], print);
}

/** Runs a tool, says so, and takes what it printed. */
async function run(command: string, words: readonly string[], print: (line: string) => void): Promise<string> {
  print(`$ ${[command, ...words].map((word) => (/[^\w./=-]/.test(word) ? `'${word}'` : word)).join(' ')}`);
  try {
    const { stdout } = await promisify(execFile)(command, [...words], { timeout: deadline, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    throw new CheckFailure(explain(command, error), { cause: error });
  }
}

const failureSchema = z.object({ code: z.union([z.number(), z.string(), z.null()]), stderr: z.string().default(''), stdout: z.string().default('') });

function explain(command: string, error: unknown): string {
  const failure = failureSchema.safeParse(error);
  if (!failure.success) return `${command}: ${String(error)}`;
  const { code, stderr, stdout } = failure.data;
  if (code === 'ENOENT') return `there is no ${command} on this machine; install it with your system's packages (Debian: apt-get install ${command})`;
  if (code === null) return `${command} did not end within ${deadline / 1000} s`;
  return `${command} ended with ${code}: ${`${stderr} ${stdout}`.trim().replaceAll('\n', ' ').slice(0, 500)}`;
}

function same(found: readonly string[], wanted: readonly string[], complaint: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new CheckFailure(`${complaint}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  }
}
