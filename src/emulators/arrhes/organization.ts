/** The organization of the key, for what is left of its storage, and its years (Arrhes' page: routes). */
import type { Call } from './call.js';
import { shownYear } from './rows.js';

export function readOrganization({ world }: Call): Promise<unknown> {
  const { storageLimit, storageUsed } = world.database;
  const { idOrganization: id } = world.choices;
  return Promise.resolve({ id, name: 'Cabinet des Essarts', storageLimit, storageCurrentUsage: storageUsed });
}

export function listYears({ world }: Call): Promise<unknown> {
  const { choices, years, user } = world;
  return Promise.resolve(years.map((year) => shownYear(year, choices.idOrganization, user, choices)));
}
