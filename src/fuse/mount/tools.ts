/** Runs the system's small programs: never through a shell, always with an end. */
import { spawn, type StdioOptions } from 'node:child_process';
import { errorCode } from '../system-error.js';

export interface ToolResult {
  /** 0 where all went well; undefined where it was killed, by its deadline or by somebody. */
  readonly status: number | undefined;
  /** What it said on standard error, in English, on one line. */
  readonly said: string;
}

export interface ToolOptions {
  /** A descriptor that the program finds as 3. */
  readonly descriptor?: number;
  /** Besides this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until it is killed. */
  readonly deadline: number;
}

/** Undefined where there is no such program. */
export function runTool(command: string, parameters: readonly string[], options: ToolOptions): Promise<ToolResult | undefined> {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe'];
  if (options.descriptor !== undefined) stdio.push(options.descriptor);
  return new Promise((resolve) => {
    const child = spawn(command, parameters, {
      stdio,
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      timeout: options.deadline,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('error', (error) => {
      if (errorCode(error) === 'ENOENT') resolve(undefined);
      else resolve({ status: undefined, said: error.message });
    });
    child.on('close', (status) => {
      resolve({ status: status ?? undefined, said: said.trim().replace(/\s*\n\s*/g, '; ') });
    });
  });
}
