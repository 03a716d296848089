/**
 * Where passwords, keys and codes come from: the environment, a file, a command, a prompt. Never the
 * argument list, which every user of the machine can read; and out of the environment again as soon
 * as they are read, so that no child inherits them.
 */
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { z } from 'zod';
import { CommandError } from './exit-status.js';

/** What signs in. Each is absent rather than empty. */
export const credentialsSchema = z.object({
  password: z.string().min(1).optional(),
  apiKey: z.string().min(1).optional(),
  /** A code of a second factor: it works once. */
  otp: z.string().min(1).optional(),
});
export type Credentials = z.infer<typeof credentialsSchema>;

/** The environment variables that may hold a secret. */
export const secretVariables = ['AMARRE_PASSWORD', 'AMARRE_API_KEY', 'AMARRE_OTP', 'AMARRE_KEY_PASSPHRASE'] as const;

/** What the environment gave. */
export interface GivenSecrets {
  readonly credentials: Credentials;
  /** Opens the key of a client certificate. */
  readonly keyPassphrase: string | undefined;
}

/** A password file is read no further than this, in bytes. */
const passwordFileLimit = 4096;

/** Takes the secrets out of an environment: afterwards it holds none. Empty ones count as absent. */
export function takeSecrets(environment: NodeJS.ProcessEnv): GivenSecrets {
  const [password, apiKey, otp, keyPassphrase] = secretVariables.map((name) => {
    const value = environment[name];
    Reflect.deleteProperty(environment, name);
    return value === '' ? undefined : value;
  });
  return {
    credentials: { ...(password !== undefined && { password }), ...(apiKey !== undefined && { apiKey }), ...(otp !== undefined && { otp }) },
    keyPassphrase,
  };
}

/** Where a password may come from besides the environment. */
export interface PasswordSources {
  readonly passwordFile: string | undefined;
  readonly passwordCommand: string | undefined;
  /** Asks the person, where there is one: undefined where no terminal is there to ask on. */
  readonly ask: (() => Promise<string>) | undefined;
}

/**
 * Completes what the environment gave. A file or a command named on the command line comes before
 * AMARRE_PASSWORD; the prompt comes last, and only where there is neither password nor key. Throws
 * a usage error where the file or the command gives no password. Without any source: as it was, and
 * the platform decides whether it lets one in without.
 */
export async function completeCredentials(given: Credentials, sources: PasswordSources): Promise<Credentials> {
  const { passwordFile, passwordCommand, ask } = sources;
  if (passwordFile !== undefined && passwordCommand !== undefined) {
    throw new CommandError('usage', '--password-file and --password-command: give one of the two');
  }
  if (passwordFile !== undefined) return { ...given, password: await readPasswordFile(passwordFile) };
  if (passwordCommand !== undefined) return { ...given, password: await runPasswordCommand(passwordCommand) };
  if (given.password !== undefined || given.apiKey !== undefined || ask === undefined) return given;
  const password = await ask();
  return password === '' ? given : { ...given, password };
}

/** The first line of a file that none but its owner can read. A pipe (`<(pass show drive)`) is taken as it is. */
async function readPasswordFile(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new CommandError('usage', `--password-file ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    const stat = await file.stat();
    if (stat.isFile() && (stat.mode & 0o077) !== 0) {
      throw new CommandError('usage', `--password-file ${path}: other users can read this file; run: chmod 600 '${path}'`);
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(passwordFileLimit), 0, passwordFileLimit, null);
    return firstLine(buffer.toString('utf8', 0, bytesRead), `--password-file ${path}`);
  } finally {
    await file.close();
  }
}

/** The first line that a shell command prints. Its own complaints go to the person's standard error. */
async function runPasswordCommand(command: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { maxBuffer: 65536 });
    return firstLine(stdout, '--password-command');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    // The message of execFile repeats the command and what it wrote: neither is ours to show.
    const parsed = z.object({ code: z.union([z.number(), z.string()]) }).safeParse(error);
    throw new CommandError('usage', `--password-command: the command failed (${parsed.success ? `exit status ${parsed.data.code}` : 'killed'})`);
  }
}

function firstLine(text: string, source: string): string {
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '') throw new CommandError('usage', `${source}: the first line is empty, where the password should be`);
  return line;
}

/** A prompt on the terminal that shows nothing of what is typed; undefined without a terminal. */
export function terminalPrompt(question: string): (() => Promise<string>) | undefined {
  if (!process.stdin.isTTY) return undefined;
  return async () => {
    const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: process.stdin, output: mute, terminal: true, historySize: 0 });
    // The terminal has stopped to show what is typed: asked earlier, a quick hand would be seen.
    process.stderr.write(question);
    const interrupted = new Promise<never>((_resolve, reject) => {
      lines.once('SIGINT', () => reject(new CommandError('failed', 'interrupted')));
    });
    try {
      return await Promise.race([lines.question(''), interrupted]);
    } finally {
      lines.close();
      process.stderr.write('\n');
    }
  };
}

/** The same for the passphrase of the key file at a path. */
export function terminalPassphrase(): ((path: string) => Promise<string>) | undefined {
  if (!process.stdin.isTTY) return undefined;
  return async (path) => (await terminalPrompt(`Passphrase for ${path}: `)?.()) ?? '';
}
