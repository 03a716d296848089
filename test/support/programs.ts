/**
 * Runs programs for mounted tests: in a process group of their own, always with a deadline, and never
 * synchronously, since the program may wait for a mount that needs somebody else to run.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readlink } from 'node:fs/promises';
import { ProcessGroup } from './process-group.js';

export interface ProgramResult {
  /** The exit status; undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Goes to its standard input. */
  readonly input?: string;
  /** Milliseconds until its whole group is killed and the run fails. Default 20,000. */
  readonly deadline?: number;
}

const usualDeadline = 20_000;

/** Runs a program to its end, whatever its status. Fails where there is no such program or its deadline passes. */
export async function run(command: string, parameters: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  return begin(command, parameters, options).result;
}

/** Runs a program that must succeed; answers what it printed. Fails with its words where it does not. */
export async function succeed(command: string, parameters: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const result = await run(command, parameters, options);
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} ${parameters.join(' ')}: ${result.signal ?? `status ${result.status ?? ''}`}\n${result.stderr}${result.stdout}`);
}

/** Runs a program that must fail; answers what it said on standard error. Fails where it succeeds. */
export async function refused(command: string, parameters: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const result = await run(command, parameters, options);
  if (result.status !== 0 && result.signal === undefined) return result.stderr;
  throw new Error(`${command} ${parameters.join(' ')}: ended with ${result.signal ?? 'success'}\n${result.stdout}`);
}

/** A shell script that must succeed, in bash with `set -e -o pipefail`. */
export async function shell(script: string, options: ProgramOptions = {}): Promise<string> {
  return succeed('bash', ['-e', '-o', 'pipefail', '-c', script], options);
}

/** A program that is still running. */
export interface RunningProgram {
  readonly pid: number;
  readonly result: Promise<ProgramResult>;
  /** Sends a signal to it alone. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program. Its deadline counts from here. */
export function begin(command: string, parameters: readonly string[], options: ProgramOptions = {}): RunningProgram {
  const child = spawn(command, parameters, {
    cwd: options.cwd ?? '/',
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...options.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A program may end before it has read all of its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const result = collect(child, command, parameters, options.deadline ?? usualDeadline);
  result.catch(() => undefined);
  return { pid: child.pid ?? -1, result, kill: (signal) => void child.kill(signal) };
}

function collect(child: ChildProcess, command: string, parameters: readonly string[], deadline: number): Promise<ProgramResult> {
  const group = new ProcessGroup(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      group.kill();
      reject(new Error(`${command} ${parameters.join(' ')}: did not end within ${deadline} ms\n${stderr}${stdout}`));
    }, deadline);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status: status ?? undefined, signal: signal ?? undefined, stdout, stderr });
    });
  });
}

/** Waits until `holds` answers true. Fails with `what` after so many milliseconds. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, deadline = 10_000): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${deadline} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until a program has a file open. */
export async function untilOpen(program: RunningProgram, path: string): Promise<void> {
  const folder = `/proc/${program.pid}/fd`;
  await eventually(`the program has ${path} open`, async () => {
    const names = await readdir(folder).catch(() => []);
    const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
    return links.includes(path);
  });
}

/** The promise's value, or a failure with `what` after so many milliseconds. */
export async function within<Value>(deadline: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadline} ms`)), deadline);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
