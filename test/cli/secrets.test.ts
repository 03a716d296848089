import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { completeCredentials, takeSecrets, type CredentialSources } from '../../src/cli/secrets.js';

const nowhere: CredentialSources = {
  passwordFile: undefined, passwordCommand: undefined, apiKeyFile: undefined, apiKeyCommand: undefined, otpCommand: undefined, oauthSecretFile: undefined, oauthSecretCommand: undefined, wantsBoth: false, askForOtp: false,
  ask: undefined, askOtp: undefined,
};
const neverAsk = () => Promise.reject(new Error('asked'));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amarre-secrets-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function passwordFile(content: string, mode = 0o600): Promise<string> {
  const path = join(folder, 'password');
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

describe('the environment', () => {
  test('its secrets are taken out of it', () => {
    const environment = { AMARRE_PASSWORD: 'p', AMARRE_API_KEY: 'k', AMARRE_OTP: '123456', AMARRE_KEY_PASSPHRASE: 's', PATH: '/bin' };
    expect(takeSecrets(environment)).toEqual({ credentials: { password: 'p', apiKey: 'k', otp: '123456' }, keyPassphrase: 's' });
    expect(environment).toEqual({ PATH: '/bin' });
  });

  test('an empty variable is no secret, and goes as well', () => {
    const environment = { AMARRE_PASSWORD: '' };
    expect(takeSecrets(environment)).toEqual({ credentials: {}, keyPassphrase: undefined });
    expect(environment).toEqual({});
  });
});

describe('a platform that wants key and password', () => {
  test('has the person asked for the password, though a key is there', async () => {
    const ask = (): Promise<string> => Promise.resolve('typed');
    expect(await completeCredentials({ apiKey: 'k' }, { ...nowhere, wantsBoth: true, ask })).toEqual({ apiKey: 'k', password: 'typed' });
    expect(await completeCredentials({ apiKey: 'k' }, { ...nowhere, ask: neverAsk })).toEqual({ apiKey: 'k' });
  });
});

describe('a password file', () => {
  test.each(['s3cret ü\n', 's3cret ü', 's3cret ü\r\nsecond line\n'])('its first line is the password: %j', async (content) => {
    const file = await passwordFile(content);
    const credentials = await completeCredentials({ otp: '1' }, { ...nowhere, passwordFile: file, ask: neverAsk });
    expect(credentials).toEqual({ password: 's3cret ü', otp: '1' });
  });

  test('comes before AMARRE_PASSWORD', async () => {
    const file = await passwordFile('file\n');
    expect(await completeCredentials({ password: 'environment' }, { ...nowhere, passwordFile: file })).toEqual({ password: 'file' });
  });

  test.each([0o640, 0o604, 0o644, 0o620])('that others can reach (%o) is refused, with the remedy', async (mode) => {
    const file = await passwordFile('s3cret\n', mode);
    await expect(completeCredentials({}, { ...nowhere, passwordFile: file })).rejects.toThrow(/^--password-file .*chmod 600/);
  });

  test('that is missing, or empty, is named', async () => {
    const file = await passwordFile('\nsecond\n');
    await expect(completeCredentials({}, { ...nowhere, passwordFile: `${file}x` })).rejects.toThrow(/password-file .*ENOENT/);
    await expect(completeCredentials({}, { ...nowhere, passwordFile: file })).rejects.toThrow(/first line is empty/);
  });

  test('may be a pipe', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', ['-m', '644', pipe]);
    const [credentials] = await Promise.all([completeCredentials({}, { ...nowhere, passwordFile: pipe }), writeFile(pipe, 'through a pipe\n')]);
    expect(credentials).toEqual({ password: 'through a pipe' });
  });
});

describe('a password command', () => {
  test('its first line is the password', async () => {
    const passwordCommand = `printf '%s\\n' "it's a secret" more`;
    expect(await completeCredentials({}, { ...nowhere, passwordCommand })).toEqual({ password: "it's a secret" });
  });

  test('that fails or says nothing is refused; what it printed is not repeated', async () => {
    const failing = completeCredentials({}, { ...nowhere, passwordCommand: 'echo s3cret; exit 3' });
    await expect(failing).rejects.toThrow(/^--password-command: the command failed \(exit status 3\)$/);
    await expect(completeCredentials({}, { ...nowhere, passwordCommand: 'true' })).rejects.toThrow(/first line is empty/);
  });

  test('sees no secret of the environment once they are taken', async () => {
    process.env['AMARRE_API_KEY'] = 'k3y';
    const taken = takeSecrets(process.env);
    const credentials = await completeCredentials(taken.credentials, { ...nowhere, passwordCommand: 'env | grep -c AMARRE_API_KEY; true' });
    expect(credentials).toEqual({ apiKey: 'k3y', password: '0' });
  });

  test('and a file at once: one of the two', async () => {
    const file = await passwordFile('a\n');
    await expect(completeCredentials({}, { ...nowhere, passwordFile: file, passwordCommand: 'echo b' })).rejects.toThrow(/one of the two/);
  });
});

describe('an API key', () => {
  test('comes from a file, a command or the environment, in this order, and no password is asked for', async () => {
    const file = await passwordFile('key.of.file\n');
    expect(await completeCredentials({ apiKey: 'k' }, { ...nowhere, apiKeyFile: file, ask: neverAsk })).toEqual({ apiKey: 'key.of.file' });
    expect(await completeCredentials({ apiKey: 'k' }, { ...nowhere, apiKeyCommand: 'echo key.of.command', ask: neverAsk })).toEqual({ apiKey: 'key.of.command' });
    await expect(completeCredentials({}, { ...nowhere, apiKeyFile: file, apiKeyCommand: 'echo k' })).rejects.toThrow(/^--api-key-file and --api-key-command: .*one of the two/);
    await chmod(file, 0o644);
    await expect(completeCredentials({}, { ...nowhere, apiKeyFile: file })).rejects.toThrow(/^--api-key-file .*chmod 600/);
  });
});

describe('a one-time code', () => {
  test('is asked for where the person says so, behind the password; a command comes first, then the environment', async () => {
    const order: string[] = [];
    const ask = (what: string) => () => {
      order.push(what);
      return Promise.resolve(what);
    };
    const prompts = { ...nowhere, ask: ask('typed'), askOtp: ask('123456') };
    expect(await completeCredentials({}, prompts)).toEqual({ password: 'typed' });
    expect(await completeCredentials({}, { ...prompts, askForOtp: true })).toEqual({ password: 'typed', otp: '123456' });
    expect(order).toEqual(['typed', 'typed', '123456']);
    expect(await completeCredentials({ password: 'p', otp: '1' }, { ...prompts, askForOtp: true })).toEqual({ password: 'p', otp: '1' });
    expect(await completeCredentials({ password: 'p', otp: '1' }, { ...nowhere, otpCommand: 'echo " 654321 "' })).toEqual({ password: 'p', otp: '654321' });
    await expect(completeCredentials({ password: 'p' }, { ...nowhere, askForOtp: true })).rejects.toThrow(/^--otp: there is no terminal/);
    await expect(completeCredentials({ password: 'p' }, { ...nowhere, otpCommand: 'false' })).rejects.toThrow(/^--otp-command: the command failed/);
  });
});

describe('the prompt', () => {
  test('comes last', async () => {
    expect(await completeCredentials({}, { ...nowhere, ask: () => Promise.resolve('typed') })).toEqual({ password: 'typed' });
    expect(await completeCredentials({ password: 'p' }, { ...nowhere, ask: neverAsk })).toEqual({ password: 'p' });
    expect(await completeCredentials({ apiKey: 'k' }, { ...nowhere, ask: neverAsk })).toEqual({ apiKey: 'k' });
  });

  test('nothing typed, or nobody to ask: no password', async () => {
    expect(await completeCredentials({}, { ...nowhere, ask: () => Promise.resolve('') })).toEqual({});
    expect(await completeCredentials({}, nowhere)).toEqual({});
  });
});
