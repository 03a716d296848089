/** Chooses the provider for a remote. The one place that knows them all. */
import { FsError } from '../errors.js';
import type { Log } from '../observe/log.js';
import { ArrhesProvider } from './arrhes/provider.js';
import { openFaireSimple } from './faire-simple/provider.js';
import { NetexplorerProvider } from './netexplorer/provider.js';
import { NetexplorerWithVersions } from './netexplorer/shown-versions.js';
import type { Provider } from './provider.js';
import type { Platform, Remote } from './remote.js';
import type { Credentials, ProviderSettings } from './settings.js';
import { SftpgoProvider } from './sftpgo/provider.js';

export type { Credentials, ProviderSettings } from './settings.js';

type Opener = (remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log) => Provider;

const openers: Readonly<Partial<Record<Platform, Opener>>> = {
  arrhes: (remote, credentials, settings, log) => new ArrhesProvider(remote, credentials, settings, log),
  netexplorer: (remote, credentials, settings, log) =>
    new (settings.netexplorer.showVersions ? NetexplorerWithVersions : NetexplorerProvider)(remote, credentials, settings, log),
  sftpgo: (remote, credentials, settings, log) => new SftpgoProvider(remote, credentials, settings, log),
  'faire-simple': openFaireSimple,
};

/** Plain http to another machine is the person's own wish, or refused with EINVAL. */
export function requireSafeWay(remote: Remote, insecureHttp: boolean): void {
  if (!remote.insecure || insecureHttp) return;
  throw new FsError('EINVAL', `plain http to ${remote.host} would show password and files to everybody on the way: use +https, or --insecure-http`);
}

/** Makes the provider; nothing is sent before its `connect`. EINVAL for what cannot work, in one sentence. */
export function openProvider(remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log): Provider {
  requireSafeWay(remote, settings.insecureHttp);
  const open = openers[remote.platform];
  if (open === undefined) throw new FsError('EINVAL', `drives of ${remote.platform} cannot be mounted yet`);
  return open(remote, credentials, settings, log);
}
