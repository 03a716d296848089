/** Chooses the provider for a remote. The one place that knows them all. */
import { FsError } from '../errors.js';
import type { Log } from '../observe/log.js';
import { NetexplorerProvider } from './netexplorer/provider.js';
import type { Provider } from './provider.js';
import type { Platform, Remote } from './remote.js';
import type { Credentials, ProviderSettings } from './settings.js';
import { SftpgoProvider } from './sftpgo/provider.js';

export type { Credentials, ProviderSettings } from './settings.js';

type Opener = (remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log) => Provider;

const openers: Readonly<Partial<Record<Platform, Opener>>> = {
  netexplorer: (remote, credentials, settings, log) => new NetexplorerProvider(remote, credentials, settings, log),
  sftpgo: (remote, credentials, settings, log) => new SftpgoProvider(remote, credentials, settings, log),
};

/** Makes the provider; nothing is sent before its `connect`. EINVAL for what cannot work, in one sentence. */
export function openProvider(remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log): Provider {
  if (remote.insecure && !settings.insecureHttp) {
    throw new FsError('EINVAL', `plain http to ${remote.host} would show password and files to everybody on the way: use +https, or --insecure-http`);
  }
  const open = openers[remote.platform];
  if (open === undefined) throw new FsError('EINVAL', `drives of ${remote.platform} cannot be mounted yet`);
  return open(remote, credentials, settings, log);
}
