/** `amarre sign-in`: signs a person in with a browser, and keeps what mounts need to sign in by themselves later. */
import { createInterface } from 'node:readline';
import { elapsed } from '../http/elapsed.js';
import { silentLog } from '../observe/log.js';
import { PersonSignIn, readRedirect } from '../providers/netexplorer/browser-sign-in.js';
import { scopesFor } from '../providers/netexplorer/oauth.js';
import { requireSafeWay } from '../providers/open.js';
import { parseRemote, type Remote } from '../providers/remote.js';
import type { KeptSignIn } from '../storage/kept-sign-ins.js';
import { toFsError } from '../errors.js';
import type { Command } from './command.js';
import { CommandError, connectError, exitStatuses } from './exit-status.js';
import { untilInterrupted } from './interrupted.js';
import { checkRemote } from './mount.js';
import { keptSignInOf } from './netexplorer-access.js';
import { readNetwork } from './network.js';
import { readOptions, signInSchema, type SignInSettings } from './options.js';
import { readOAuthSecret, takeSecrets, terminalPassphrase } from './secrets.js';
import { openBrowser } from './sign-in/browser.js';
import { openRedirect, type Redirect } from './sign-in/redirect.js';
import { openStateFolder } from './state-folder.js';
import { say } from './terminal.js';

export const signInCommand: Command = {
  words: { remote: 'As for mount, without its folder: netexplorer+https://user@platform[:port]' },
  options: signInSchema,
  notes: 'A browser is opened where there is one; its answer comes back to this machine\'s own address. What is kept (a refresh token, in the --cache-dir, for its owner alone) signs in'
    + ' the mounts of this account until the platform or --forget ends it. The OAuth client\'s secret, where it has one, comes from --oauth-secret-file, --oauth-secret-command or AMARRE_OAUTH_SECRET, here and when mounting.',
  examples: [
    ['amarre sign-in --oauth-client amarre netexplorer+https://ann@files.example.org', 'once; then "amarre mount" needs no password'],
    ['amarre sign-in --forget netexplorer+https://ann@files.example.org', 'deletes what is kept'],
  ],
  run: runSignIn,
};

async function runSignIn(written: Readonly<Record<string, unknown>>): Promise<number> {
  const given = takeSecrets(process.env);
  const settings = readOptions(signInSchema, written);
  const remote = parseRemote(checkRemote(String(written['remote'])));
  if (remote.platform !== 'netexplorer') throw new CommandError('usage', `${remote.platform} is not signed in to with a browser, only netexplorer`);
  const kept = keptSignInOf(await openStateFolder(settings['cache-dir']), remote);
  const { signal, forget } = untilInterrupted();
  try {
    if (settings.forget) return await forgetSignIn(kept, remote, signal);
    const clientId = settings['oauth-client'] ?? (await kept.read().catch(() => undefined))?.clientId;
    if (clientId === undefined) throw new CommandError('usage', '--oauth-client: name the OAuth client that the platform knows Amarre by');
    const secret = await readOAuthSecret(given.credentials, { file: settings['oauth-secret-file'], command: settings['oauth-secret-command'] });
    await signIn({ remote, kept, settings, client: { id: clientId, secret }, keyPassphrase: given.keyPassphrase }, signal);
  } catch (error) {
    if (signal.aborted) throw new CommandError('failed', 'interrupted', { cause: error });
    throw error;
  } finally {
    forget();
  }
  say(`signed in; mounts of ${remote.account} sign in by themselves from now on (kept in ${kept.path})`);
  return exitStatuses.ok.status;
}

async function forgetSignIn(kept: KeptSignIn, remote: Remote, signal: AbortSignal): Promise<number> {
  const there = await kept.alone(() => kept.forget(), signal);
  say(there ? `the sign-in of ${remote.account} is deleted here; the platform may still list it among its connected applications` : `no sign-in of ${remote.account} is kept here`);
  return exitStatuses.ok.status;
}

interface Parts {
  readonly remote: Remote;
  readonly kept: KeptSignIn;
  readonly settings: SignInSettings;
  readonly client: { readonly id: string; readonly secret: string | undefined };
  readonly keyPassphrase: string | undefined;
}

async function signIn({ remote, kept, settings, client, keyPassphrase }: Parts, interrupted: AbortSignal): Promise<void> {
  try {
    requireSafeWay(remote, settings['insecure-http']);
  } catch (error) {
    throw new CommandError('usage', toFsError(error).message, { cause: error });
  }
  const network = await readNetwork(settings, { origin: remote.origin, environment: process.env, passphrase: keyPassphrase, ask: terminalPassphrase() });
  const scopes = scopesFor({ readOnly: settings['read-only'], offline: settings['offline-access'] });
  const redirect = await openRedirect(settings.redirect);
  const person = new PersonSignIn({ remote, client, scopes, redirectUri: redirect.uri, pkce: !settings['no-pkce'], network, elapsed }, silentLog());
  try {
    const code = await codeFromBrowser(redirect, person, settings, interrupted);
    const refreshToken = await person.finish(code, interrupted).catch((error: unknown) => {
      throw connectError(error);
    });
    await kept.alone(() => kept.write({ clientId: client.id, scopes: [...scopes], refreshToken, since: new Date().toISOString() }), interrupted);
  } finally {
    await person.close();
    await redirect.close();
  }
}

/** Shows the person where to go, and waits for what the browser brings. */
async function codeFromBrowser(redirect: Redirect, { begun }: PersonSignIn, settings: SignInSettings, interrupted: AbortSignal): Promise<string> {
  const deadline = AbortSignal.timeout(settings.wait);
  const over = AbortSignal.any([interrupted, deadline]);
  const pasted = settings['no-browser'] ? createInterface({ input: process.stdin }) : undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      const end = (): void => reject(new CommandError('failed', 'nobody has signed in in the time that there was (--wait)'));
      over.addEventListener('abort', end, { once: true });
      if (over.aborted) end();
      const take = (parameters: URLSearchParams): boolean => {
        const brought = readRedirect(parameters, begun.state);
        if (brought === undefined) return false;
        if ('code' in brought) resolve(brought.code);
        else reject(new CommandError('signIn', `the platform refused the sign-in: ${brought.refused}`));
        return true;
      };
      redirect.onAnswer(take);
      pasted?.on('line', (line) => {
        const address = line.trim();
        if (address !== '' && !(URL.canParse(address) && take(new URL(address).searchParams))) say('this is not the address at which this sign-in ends');
      });
      showAddress(begun.address, settings);
    });
  } finally {
    pasted?.close();
    if (pasted !== undefined) process.stdin.destroy();
  }
}

/** On standard output and on a line of its own, so that it can be copied and piped. */
function showAddress(address: string, settings: SignInSettings): void {
  const opened = !settings['no-browser'] && openBrowser(address);
  say(opened ? 'your browser opens; if it does not, go to this address:' : 'sign in at this address:');
  process.stdout.write(`${address}\n`);
  if (settings['no-browser']) say('with a browser on another machine: paste the address at which it ends here, though it shows no page');
}
