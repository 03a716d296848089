/** The options of platforms that give documents and no files, as the layers below take them. */
import { readFile } from 'node:fs/promises';
import { CommandError } from './exit-status.js';
import type { MountCommandSettings } from './options.js';
import type { Plan } from './serving/plan.js';

type Wanted = Pick<MountCommandSettings, 'pretty' | 'document-ttl' | 'uid-field' | 'status-field' | 'routes'>;

/** Reads the table of routes where one is named: whether it makes sense is the platform's to say. */
export async function readDocumentSettings(wanted: Wanted): Promise<Pick<Plan, 'documents' | 'faireSimple'>> {
  const { routes: file } = wanted;
  const routes = file === undefined ? undefined : await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError('usage', `--routes ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  return {
    documents: { ttl: wanted['document-ttl'], pretty: wanted.pretty },
    faireSimple: { routes, uidField: wanted['uid-field'], statusField: wanted['status-field'] },
  };
}
