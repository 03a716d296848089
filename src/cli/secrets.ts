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
  /** The secret of an OAuth client. */
  oauthSecret: z.string().min(1).optional(),
});
export type Credentials = z.infer<typeof credentialsSchema>;

/** The environment variables that may hold a secret. */
export const secretVariables = ['AMARRE_PASSWORD', 'AMARRE_API_KEY', 'AMARRE_OTP', 'AMARRE_OAUTH_SECRET', 'AMARRE_KEY_PASSPHRASE'] as const;

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
  const [password, apiKey, otp, oauthSecret, keyPassphrase] = secretVariables.map((name) => {
    const value = environment[name];
    Reflect.deleteProperty(environment, name);
    return value === '' ? undefined : value;
  });
  return {
    credentials: {
      ...(password !== undefined && { password }), ...(apiKey !== undefined && { apiKey }), ...(otp !== undefined && { otp }), ...(oauthSecret !== undefined && { oauthSecret }),
    },
    keyPassphrase,
  };
}

/** Where what signs in may come from besides the environment. */
export interface CredentialSources {
  readonly passwordFile: string | undefined;
  readonly passwordCommand: string | undefined;
  readonly apiKeyFile: string | undefined;
  readonly apiKeyCommand: string | undefined;
  readonly otpCommand: string | undefined;
  readonly oauthSecretFile: string | undefined;
  readonly oauthSecretCommand: string | undefined;
  /** The platform wants a password besides a key. */
  readonly wantsBoth: boolean;
  /** The person wants to be asked for a one-time code. */
  readonly askForOtp: boolean;
  /** Asks the person, where there is one: undefined where no terminal is there to ask on. */
  readonly ask: (() => Promise<string>) | undefined;
  readonly askOtp: (() => Promise<string>) | undefined;
}

/**
 * Completes what the environment gave. A file or a command named on the command line comes before the
 * variable; the prompt comes last, and only where there is no password, nor a key that stands in for it. Throws a usage
 * error where a file or a command gives nothing. Without any source: as it was, and the platform
 * decides whether it lets one in without.
 */
export async function completeCredentials(given: Credentials, sources: CredentialSources): Promise<Credentials> {
  const apiKey = await readSource('--api-key', sources.apiKeyFile, sources.apiKeyCommand) ?? given.apiKey;
  const oauthSecret = await readOAuthSecret(given, { file: sources.oauthSecretFile, command: sources.oauthSecretCommand });
  const password = await readSource('--password', sources.passwordFile, sources.passwordCommand)
    ?? given.password ?? (apiKey === undefined || sources.wantsBoth ? await asked(sources.ask) : undefined);
  // Last, since a code of a clock is good for half a minute.
  const otp = await readOtp(given, sources);
  return {
    ...(password !== undefined && { password }), ...(apiKey !== undefined && { apiKey }), ...(otp !== undefined && { otp }), ...(oauthSecret !== undefined && { oauthSecret }),
  };
}

/** The secret of an OAuth client, from where `completeCredentials` takes it. */
export async function readOAuthSecret(
  given: Credentials, { file, command }: { readonly file: string | undefined; readonly command: string | undefined },
): Promise<string | undefined> {
  return await readSource('--oauth-secret', file, command) ?? given.oauthSecret;
}

async function readSource(option: string, file: string | undefined, command: string | undefined): Promise<string | undefined> {
  if (file !== undefined && command !== undefined) throw new CommandError('usage', `${option}-file and ${option}-command: give one of the two`);
  if (file !== undefined) return readSecretFile(file, `${option}-file`);
  return command === undefined ? undefined : runSecretCommand(command, `${option}-command`);
}

async function readOtp(given: Credentials, { otpCommand, askForOtp, askOtp }: CredentialSources): Promise<string | undefined> {
  if (otpCommand !== undefined) return (await runSecretCommand(otpCommand, '--otp-command')).trim();
  if (given.otp !== undefined || !askForOtp) return given.otp;
  if (askOtp === undefined) throw new CommandError('usage', '--otp: there is no terminal to ask on; use --otp-command or AMARRE_OTP');
  return asked(askOtp);
}

/** Nothing typed is no answer. */
async function asked(ask: (() => Promise<string>) | undefined): Promise<string | undefined> {
  const answer = await ask?.();
  return answer === '' ? undefined : answer;
}

/** The first line of a file that none but its owner can read. A pipe (`<(pass show drive)`) is taken as it is. */
export async function readSecretFile(path: string, option: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new CommandError('usage', `${option} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    const stat = await file.stat();
    if (stat.isFile() && (stat.mode & 0o077) !== 0) {
      throw new CommandError('usage', `${option} ${path}: other users can read this file; run: chmod 600 '${path}'`);
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(passwordFileLimit), 0, passwordFileLimit, null);
    return firstLine(buffer.toString('utf8', 0, bytesRead), `${option} ${path}`);
  } finally {
    await file.close();
  }
}

/** The first line that a shell command prints. Its own complaints go to the person's standard error. */
async function runSecretCommand(command: string, option: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { maxBuffer: 65536 });
    return firstLine(stdout, option);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    // The message of execFile repeats the command and what it wrote: neither is ours to show.
    const parsed = z.object({ code: z.union([z.number(), z.string()]) }).safeParse(error);
    throw new CommandError('usage', `${option}: the command failed (${parsed.success ? `exit status ${parsed.data.code}` : 'killed'})`);
  }
}

function firstLine(text: string, source: string): string {
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '') throw new CommandError('usage', `${source}: the first line is empty, where the secret should be`);
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
