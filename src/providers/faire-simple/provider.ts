/** faire-simple as a drive: its own table of routes, or the one that a person gave in its place. */
import type { Log } from '../../observe/log.js';
import { JsonTreeProvider } from '../json-tree/provider.js';
import { checkRouteTable, readRouteTable } from '../json-tree/table.js';
import type { Remote } from '../remote.js';
import type { Credentials, ProviderSettings } from '../settings.js';
import { faireSimpleTable } from './table.js';

/** EINVAL where the table cannot be read, or what signs in is missing. */
export function openFaireSimple(remote: Remote, credentials: Credentials, settings: ProviderSettings, log: Log): JsonTreeProvider {
  const { routes, uidField, statusField } = settings.faireSimple;
  const table = routes === undefined ? checkRouteTable(faireSimpleTable({ uidField, statusField })) : readRouteTable(routes);
  return new JsonTreeProvider('faire-simple', table, remote, credentials, settings, log);
}
