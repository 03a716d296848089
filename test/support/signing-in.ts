/** `amarre sign-in` in a process of its own, of which a test is the browser. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { amarre } from './cli.js';
import { within } from './programs.js';

export interface SigningIn {
  readonly child: ChildProcess;
  /** The address that was printed for the browser. */
  readonly address: Promise<URL>;
  readonly ended: Promise<{ readonly status: number | null; readonly stderr: string; readonly stdout: string }>;
}

/** Starts it. `folder` is its home: no browser of this machine, and nothing else of its surroundings, is seen. */
export function beginSignIn(words: readonly string[], folder: string, env: NodeJS.ProcessEnv = {}): SigningIn {
  const [command, ...parameters] = amarre('sign-in', ...words);
  const child = spawn(command, parameters, { env: { PATH: process.env['PATH'], HOME: folder, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString('utf8');
  });
  const address = within(20_000, 'an address', new Promise<URL>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      stdout += `${line}\n`;
      resolve(new URL(line));
    });
    child.on('close', () => reject(new Error(`it ended without an address: ${stderr}`)));
  }));
  // Not every test goes on with it.
  address.catch(() => undefined);
  const ended = new Promise<{ status: number | null; stderr: string; stdout: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, stderr, stdout }));
  });
  const over = within(30_000, 'amarre sign-in ends', ended);
  over.catch(() => undefined);
  return { child, address, ended: over };
}
