/** What leads to a remote besides its address: the way through the network and what signs in, as the options and the environment say, or the person when asked. */
import type { NetworkSettings } from '../http/dialing.js';
import { parseRemote } from '../providers/remote.js';
import { chooseNetexplorerAccess, type NetexplorerPlan, type WantedOfNetexplorer } from './netexplorer-access.js';
import { readNetwork } from './network.js';
import type { MountCommandSettings } from './options.js';
import { completeCredentials, terminalPassphrase, terminalPrompt, type Credentials, type GivenSecrets } from './secrets.js';

type Wanted = Pick<MountCommandSettings, 'connect-timeout' | 'ca-file' | 'client-cert' | 'client-key' | 'password-file' | 'password-command' | 'api-key-file' | 'api-key-command' | 'otp' | 'otp-command' | 'oauth-secret-file' | 'oauth-secret-command'>
  & WantedOfNetexplorer;

export interface Access {
  readonly network: NetworkSettings;
  readonly credentials: Credentials;
  readonly netexplorer: NetexplorerPlan;
}

/** Reads and asks. A usage error names the option or variable that is wrong, and never what is secret in it. */
export async function readAccess(
  remote: string, given: GivenSecrets, wanted: Wanted, { stateFolder, readOnly }: { readonly stateFolder: string; readonly readOnly: boolean },
): Promise<Access> {
  const parsed = parseRemote(remote);
  const { origin, keyAndPassword } = parsed;
  const hasPassword = wanted['password-file'] !== undefined || wanted['password-command'] !== undefined || given.credentials.password !== undefined;
  const netexplorer = await chooseNetexplorerAccess(parsed, wanted, { stateFolder, hasPassword, readOnly });
  const network = await readNetwork(wanted, {
    origin,
    environment: process.env,
    passphrase: given.keyPassphrase,
    ask: terminalPassphrase(),
  });
  const credentials = await completeCredentials(given.credentials, {
    passwordFile: wanted['password-file'],
    passwordCommand: wanted['password-command'],
    apiKeyFile: wanted['api-key-file'],
    apiKeyCommand: wanted['api-key-command'],
    otpCommand: wanted['otp-command'],
    wantsBoth: keyAndPassword,
    askForOtp: wanted.otp,
    oauthSecretFile: wanted['oauth-secret-file'],
    oauthSecretCommand: wanted['oauth-secret-command'],
    // Who signs in by OAuth has none.
    ask: netexplorer.oauth !== undefined ? undefined : terminalPrompt(`Password for ${remote}: `),
    askOtp: terminalPrompt(`One-time code for ${remote}: `),
  });
  return { network, credentials, netexplorer };
}
