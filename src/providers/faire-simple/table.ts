/**
 * faire-simple's table of routes (faire-simple's page). Its document names `/users/:uid` and the enrolment; the other
 * routes are inferred, so that a server of it may need a table of its own (`--routes`).
 */
import type { NameSource, RouteTable } from '../json-tree/table.js';

export interface FaireSimpleChoices {
  /** The field of each partner in the list that names it. */
  readonly uidField: string;
  /** The field of `/users/:uid` that tells the present status; undefined: none does. */
  readonly statusField: string | undefined;
}

export function faireSimpleTable({ uidField, statusField }: FaireSimpleChoices): RouteTable {
  const partners: NameSource = { from: 'rows', get: '/users', field: uidField };
  return {
    keyParameter: 'key',
    first: '/thematiques',
    files: [
      { path: '/partenaires.json', get: '/users' },
      { path: '/partenaires/{uid}.json', get: '/users/{uid}', names: partners, live: true },
      {
        path: '/partenaires/{uid}.statut', post: '/users/{uid}/statut', member: 'action', names: partners,
        ...(statusField === undefined ? {} : { shown: { get: '/users/{uid}', field: statusField } }),
      },
      { path: '/thematiques.json', get: '/thematiques' },
      { path: '/campagnes.json', get: '/campagnes' },
      { path: '/propositions.json', get: '/propositions' },
      { path: '/actualisation/totale.json', get: '/actualisation' },
      { path: '/actualisation/{semestre}.json', get: '/actualisation?semestre={semestre}', names: { from: 'half-years', listed: 4 } },
    ],
  };
}
