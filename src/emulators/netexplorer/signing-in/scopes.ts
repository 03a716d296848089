/** What a token may do: the scopes of OAuth, and what a route needs of them (NetExplorer's page: signing in). */

/** The names before `.read` and `.readwrite`. */
export type Area = (typeof areas)[number];

const areas = ['files', 'folders', 'trashes', 'account', 'sharelinks'] as const;

/** What a route needs to be allowed: the scope's name, and whether it changes something. */
export interface Need {
  readonly area: Area;
  readonly writes: boolean;
}

export type Scopes = ReadonlySet<string>;

/** `offline` opens no route: it makes last what was granted. */
const known: readonly string[] = ['all', 'offline', ...areas.flatMap((area) => [`${area}.read`, `${area}.readwrite`])];

/** The scopes that a request names, in their order; undefined where the platform does not know one. */
export function parseScopes(text: string): readonly string[] | undefined {
  const named = [...new Set(text.split(' ').filter((name) => name !== ''))];
  return named.every((name) => known.includes(name)) ? named : undefined;
}

export function allows(scopes: Scopes, { area, writes }: Need): boolean {
  return scopes.has('all') || scopes.has(`${area}.readwrite`) || (!writes && scopes.has(`${area}.read`));
}
